#include "storage/base/thread_priority.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace ordinate {
namespace {

/// What sched_setattr(2) takes. The C library has no name for it yet, and the kernel's header
/// cannot stand beside the library's.
struct SchedulingAttributes {
  uint32_t size = sizeof(SchedulingAttributes);
  uint32_t policy = 0;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0;  // nanoseconds; of ordinary threads: the turn
  uint64_t deadline = 0;
  uint64_t period = 0;
};

}  // namespace

void GiveWay(int by) {
  // Lower is always allowed.
  [[maybe_unused]] const int now = nice(by);
}

void AskForTurns(std::chrono::microseconds turn) {
  SchedulingAttributes attributes;
  if (syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0) != 0) return;
  attributes.runtime = static_cast<uint64_t>(std::chrono::nanoseconds(turn).count());
  syscall(SYS_sched_setattr, 0, &attributes, 0);
}

}  // namespace ordinate
