#pragma once

#include <functional>

namespace ordinate::cli {

/// While one of these lives, Ctrl-C calls `cancel`, on a thread of its own, instead of ending the
/// process. One at a time.
class OnInterrupt {
 public:
  explicit OnInterrupt(std::function<void()> cancel);
  ~OnInterrupt();
  OnInterrupt(const OnInterrupt&) = delete;
  OnInterrupt& operator=(const OnInterrupt&) = delete;

 private:
  struct State;
  State* const state_;
};

/// While one of these lives, Ctrl-C ends a blocking read with EINTR. One at a time.
class InterruptsReads {
 public:
  InterruptsReads();
  ~InterruptsReads();
  InterruptsReads(const InterruptsReads&) = delete;
  InterruptsReads& operator=(const InterruptsReads&) = delete;

  /// Whether Ctrl-C was pressed since this was made.
  static bool WasInterrupted();
};

}  // namespace ordinate::cli
