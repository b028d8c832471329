#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace ordinate::cli {

/// How far a long command is.
struct ProgressState {
  std::string what;      // "load packages"
  std::string unit;      // "rows"
  uint64_t done = 0;     // units
  double fraction = -1;  // 0 to 1; negative: not known
  double seconds = 0;    // since the start
};

/// One line: "load packages  [=====>    ]  52%  31,200 rows  10,400 rows/s  3 s left"; without a
/// bar and time left when the fraction is not known, without a bar when `bar` is false.
std::string ProgressLine(const ProgressState& state, bool bar);

/// "850 ms", "42 s", "3 min 05 s", "2 h 07 min".
std::string DurationText(double seconds);

/// Shows progress on stderr: a line that redraws itself on a terminal, else a plain line every
/// kPlainInterval. One thread.
class Progress {
 public:
  static constexpr std::chrono::milliseconds kRedrawInterval{100};
  static constexpr std::chrono::seconds kPlainInterval{5};

  Progress(std::string what, std::string unit);
  /// Clears a line that redraws itself.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Update(uint64_t done, double fraction);
  /// Prints `text` as a line of its own, after clearing the bar.
  void Say(const std::string& text);
  double seconds() const;

 private:
  void Clear();

  const bool terminal_;
  const std::chrono::steady_clock::time_point start_;
  ProgressState state_;
  std::chrono::steady_clock::time_point shown_;
  bool drawn_ = false;
};

}  // namespace ordinate::cli
