#pragma once

#include <functional>

namespace ordinate::cli {

/// While one of these lives, Ctrl-C calls `cancel`, on a thread of its own, instead of ending the
/// process; the second, unless stdout is a terminal, does end it. One at a time.
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

/// While one of these lives, Ctrl-C is what AwaitInput() tells of. One at a time.
class WatchesInput {
 public:
  WatchesInput();
  ~WatchesInput();
  WatchesInput(const WatchesInput&) = delete;
  WatchesInput& operator=(const WatchesInput&) = delete;

  /// Waits until stdin has input or has ended; false: Ctrl-C was pressed.
  static bool AwaitInput();
  /// Whether AwaitInput() told of Ctrl-C.
  bool interrupted() const { return interrupted_; }

 private:
  bool interrupted_ = false;
  int ends_[2] = {-1, -1};  // of a pipe, which has a byte once Ctrl-C was pressed
};

}  // namespace ordinate::cli
