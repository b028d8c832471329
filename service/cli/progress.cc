#include "service/cli/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "service/cli/text_table.h"
#include "storage/base/text.h"

namespace ordinate::cli {
namespace {

constexpr int kBarWidth = 24;

std::string Bar(double fraction) {
  const int filled = static_cast<int>(fraction * kBarWidth);
  std::string bar(static_cast<size_t>(filled), '=');
  if (filled < kBarWidth) bar += '>';
  bar.resize(kBarWidth, ' ');
  return Concat("[", bar, "]  ");
}

size_t ErrorTerminalWidth() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

}  // namespace

std::string ProgressLine(const ProgressState& state, bool bar) {
  std::string line = Concat(state.what, "  ");
  const double fraction = std::min(state.fraction, 1.0);
  if (fraction >= 0) {
    if (bar) line += Bar(fraction);
    absl::StrAppendFormat(&line, "%3d%%  ", static_cast<int>(fraction * 100));
  }
  line += Concat(Grouped(state.done), " ", state.unit);
  if (state.seconds > 0 && state.done > 0) {
    const auto rate = static_cast<uint64_t>(static_cast<double>(state.done) / state.seconds);
    line += Concat("  ", Grouped(rate), " ", state.unit, "/s");
  }
  if (fraction > 0 && fraction < 1) {
    line += Concat("  ", DurationText(state.seconds * (1 - fraction) / fraction), " left");
  }
  return line;
}

std::string DurationText(double seconds) {
  if (seconds < 1) return absl::StrFormat("%d ms", static_cast<int>(seconds * 1000));
  const auto whole = static_cast<int64_t>(std::llround(std::min(seconds, 1e9)));
  if (whole < 60) return absl::StrFormat("%d s", whole);
  if (whole < 3600) return absl::StrFormat("%d min %02d s", whole / 60, whole % 60);
  return absl::StrFormat("%d h %02d min", whole / 3600, whole % 3600 / 60);
}

Progress::Progress(std::string what, std::string unit)
    : terminal_(isatty(STDERR_FILENO) != 0),
      start_(std::chrono::steady_clock::now()),
      shown_(start_) {
  state_.what = std::move(what);
  state_.unit = std::move(unit);
}

Progress::~Progress() { Clear(); }

double Progress::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

void Progress::Clear() {
  if (drawn_) std::fputs("\r\033[K", stderr);
  drawn_ = false;
}

void Progress::Update(uint64_t done, double fraction) {
  const auto now = std::chrono::steady_clock::now();
  const std::chrono::nanoseconds interval =
      terminal_ ? std::chrono::nanoseconds(kRedrawInterval) : kPlainInterval;
  if (now - shown_ < interval) return;
  shown_ = now;
  state_.done = done;
  state_.fraction = fraction;
  state_.seconds = seconds();
  std::string line = ProgressLine(state_, terminal_);
  if (terminal_) {
    line = Concat("\r", Truncated(line, ErrorTerminalWidth() - 1), "\033[K");
    drawn_ = true;
  } else {
    line += "\n";
  }
  std::fputs(line.c_str(), stderr);
  std::fflush(stderr);
}

void Progress::Say(const std::string& text) {
  Clear();
  std::fprintf(stderr, "%s\n", text.c_str());
  std::fflush(stderr);
}

}  // namespace ordinate::cli
