#include "service/cli/interrupts.h"

#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <thread>

namespace ordinate::cli {
namespace {

// What a signal handler may touch.
std::atomic<int> interrupt_pipe{-1};
WatchesInput* watching = nullptr;

void WriteToPipe(int) {
  const int saved = errno;
  const char byte = 'i';
  const ssize_t written = write(interrupt_pipe.load(), &byte, 1);
  static_cast<void>(written);  // a full pipe has been told already
  errno = saved;
}

// Without SA_RESTART, a write to stdout that waits would fail, and its text be lost. Where its
// reader may have stopped for good, as behind a pipe, the second Ctrl-C ends the process.
struct sigaction Install(void (*handler)(int)) {
  struct sigaction action {};
  struct sigaction before {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  if (isatty(STDOUT_FILENO) == 0) action.sa_flags |= SA_RESETHAND;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &before);
  return before;
}

struct sigaction before_reads;

}  // namespace

struct OnInterrupt::State {
  std::function<void()> cancel;
  int ends[2] = {-1, -1};  // of the pipe; 'i': interrupted, 'e': no more
  struct sigaction before {};
  std::thread thread;
};

OnInterrupt::OnInterrupt(std::function<void()> cancel) : state_(new State) {
  state_->cancel = std::move(cancel);
  if (pipe(state_->ends) != 0) return;  // Ctrl-C ends the process, as ever
  state_->thread = std::thread([state = state_] {
    char byte = 0;
    while (true) {
      const ssize_t got = read(state->ends[0], &byte, 1);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0 || byte == 'e') return;
      state->cancel();
    }
  });
  interrupt_pipe = state_->ends[1];
  state_->before = Install(&WriteToPipe);
}

OnInterrupt::~OnInterrupt() {
  if (state_->thread.joinable()) {
    sigaction(SIGINT, &state_->before, nullptr);
    const char byte = 'e';
    while (write(state_->ends[1], &byte, 1) < 0 && errno == EINTR) {
    }
    state_->thread.join();
    close(state_->ends[0]);
    close(state_->ends[1]);
  }
  delete state_;
}

// The signal may come to any thread, so that no blocking read tells of it.
WatchesInput::WatchesInput() {
  watching = this;
  if (pipe(ends_) != 0) return;  // Ctrl-C ends the process, as ever
  interrupt_pipe = ends_[1];
  before_reads = Install(&WriteToPipe);
}

WatchesInput::~WatchesInput() {
  watching = nullptr;
  if (ends_[0] < 0) return;
  sigaction(SIGINT, &before_reads, nullptr);
  close(ends_[0]);
  close(ends_[1]);
}

bool WatchesInput::AwaitInput() {
  pollfd polled[2] = {{STDIN_FILENO, POLLIN, 0}, {watching->ends_[0], POLLIN, 0}};
  while (poll(polled, 2, -1) < 0 && errno == EINTR) {
  }
  watching->interrupted_ |= (polled[1].revents & POLLIN) != 0;
  return !watching->interrupted_;
}

}  // namespace ordinate::cli
