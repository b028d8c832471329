#include "service/cli/text_table.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "storage/base/text.h"

namespace ordinate::cli {
namespace {

constexpr size_t kMinTextWidth = 8;
constexpr std::string_view kGap = "  ";

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

/// Cuts the widest text columns until the sum fits `width`, or none can be cut further.
void Fit(const TextTable& table, size_t width, std::vector<size_t>* widths) {
  size_t total = kGap.size() * (widths->size() - 1);
  for (const size_t w : *widths) total += w;
  while (total > width) {
    size_t widest = widths->size();
    for (size_t i = 0; i < widths->size(); ++i) {
      if (table.columns[i].right || (*widths)[i] <= kMinTextWidth) continue;
      if (widest == widths->size() || (*widths)[i] > (*widths)[widest]) widest = i;
    }
    if (widest == widths->size()) return;
    --(*widths)[widest];
    --total;
  }
}

void AppendLine(const std::vector<std::string>& cells, const TextTable& table,
                const std::vector<size_t>& widths, std::string* out) {
  std::string line;
  for (size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) line += kGap;
    const std::string text = Truncated(cells[i], widths[i]);
    const std::string padding(widths[i] - TextWidth(text), ' ');
    line += table.columns[i].right ? padding + text : text + padding;
  }
  while (line.ends_with(' ')) line.pop_back();
  *out += Concat(line, "\n");
}

}  // namespace

std::string RenderTable(const TextTable& table, size_t width) {
  if (table.columns.empty()) return "";
  std::vector<std::vector<std::string>> lines(1);
  for (const TextTable::Column& column : table.columns) lines[0].push_back(column.title);
  for (const auto& row : table.rows) {
    auto& line = lines.emplace_back();
    for (const std::string& cell : row) line.push_back(Printable(cell));
  }
  std::vector<size_t> widths(table.columns.size(), 1);
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], TextWidth(line[i]));
  }
  if (width > 0) Fit(table, width, &widths);
  std::string out;
  for (const auto& line : lines) AppendLine(line, table, widths, &out);
  return out;
}

std::string RenderFacts(const std::vector<std::pair<std::string, std::string>>& facts) {
  size_t widest = 0;
  for (const auto& [name, value] : facts) widest = std::max(widest, TextWidth(name));
  std::string out;
  for (const auto& [name, value] : facts) {
    out += Concat(name, std::string(widest - TextWidth(name), ' '), kGap, Printable(value), "\n");
  }
  return out;
}

size_t TextWidth(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !IsContinuation(c); }));
}

std::string Truncated(std::string_view text, size_t width) {
  if (TextWidth(text) <= width) return std::string(text);
  size_t end = 0;
  for (size_t kept = 0; end < text.size(); ++end) {
    if (IsContinuation(text[end])) continue;
    if (++kept == width) break;
  }
  return Concat(text.substr(0, end), "…");
}

std::string Printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      absl::StrAppendFormat(&out, "\\x%02x", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out;
}

size_t TerminalWidth() {
  if (isatty(STDOUT_FILENO) == 0) return 0;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

std::string Grouped(uint64_t number) {
  std::string digits = Concat(number);
  for (size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, ",");
  return digits;
}

std::string Bytes(uint64_t bytes) {
  if (bytes < 1024) return Concat(bytes, " B");
  double value = static_cast<double>(bytes);
  const char* unit = "B";
  for (const char* next : {"KiB", "MiB", "GiB", "TiB"}) {
    if (value < 1024) break;
    value /= 1024;
    unit = next;
  }
  return absl::StrFormat("%.1f %s", value, unit);
}

}  // namespace ordinate::cli
