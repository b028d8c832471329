#include "storage/files/mapping_guard.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <utility>

#include "storage/base/mutex.h"

namespace ordinate {

// Ranges are never freed, only used again, so that the handler may follow the list at any time.
struct GuardedRange {
  // Set before `begin` says that the range is in use, and changed after `begin` says that it is
  // not.
  std::atomic<uintptr_t> begin{0};  // 0: not in use
  std::atomic<uintptr_t> end{0};
  std::atomic<bool> lost{false};

  GuardedRange* next = nullptr;       // of all; constant once in the list
  GuardedRange* next_free = nullptr;  // of those not in use; guarded by the mutex
};

namespace {

// All that the handler touches may be touched in the middle of anything else.
static_assert(std::atomic<uintptr_t>::is_always_lock_free);
static_assert(std::atomic<bool>::is_always_lock_free);
static_assert(std::atomic<GuardedRange*>::is_always_lock_free);

constinit std::atomic<GuardedRange*> all_ranges{nullptr};
Mutex mutex;  // of those who add and remove ranges; never the handler's
GuardedRange* free_ranges ORDINATE_GUARDED_BY(mutex) = nullptr;

// The action there was before ours. Constant once ours is installed.
struct sigaction previous;

// The range of `address`, which the calling thread is reading. Only that range is sure to stay in
// use meanwhile: a thread that reads a mapping keeps it. The others come and go, so that begin and
// end may be of two of them, one after the other, which the second look at begin finds out. An end
// is set while begin is 0, and a range is removed before its addresses can be mapped again.
GuardedRange* FindRange(uintptr_t address) {
  GuardedRange* range = all_ranges.load(std::memory_order_acquire);
  for (; range != nullptr; range = range->next) {
    const uintptr_t begin = range->begin.load(std::memory_order_acquire);
    if (begin == 0 || address < begin) continue;
    if (address >= range->end.load(std::memory_order_acquire)) continue;
    if (range->begin.load(std::memory_order_relaxed) == begin) return range;
  }
  return nullptr;
}

// All of the range at once: page by page, each would ask a dying disk anew, a file of some GiB
// would come to more mappings than a process may have, and what is read of the file would not fit
// together. The range is marked first: who reads a zero finds the mark.
bool PutZeros(uintptr_t address) {
  GuardedRange* const range = FindRange(address);
  if (range == nullptr) return false;
  range->lost.store(true, std::memory_order_release);
  const uintptr_t begin = range->begin.load(std::memory_order_relaxed);
  const uintptr_t end = range->end.load(std::memory_order_relaxed);
  // The system call itself: the function of a sanitizer's runtime is not for a signal handler.
  return syscall(SYS_mmap, begin, end - begin, PROT_READ,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) != -1;
}

// Whether the calling thread raised the signal itself, by reading a page.
bool IsOfRead(const siginfo_t& info) { return info.si_code > 0 && info.si_code != BUS_MCEERR_AO; }

void PassOn(int signal, siginfo_t* info, void* context) {
  if ((previous.sa_flags & SA_SIGINFO) != 0) return previous.sa_sigaction(signal, info, context);
  if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    return previous.sa_handler(signal);
  }
  if (previous.sa_handler == SIG_IGN && !IsOfRead(*info)) return;
  struct sigaction end = {};
  end.sa_handler = SIG_DFL;
  sigaction(signal, &end, nullptr);
  // What was read is read once more, now to the end of the process. A signal that was sent is not.
  if (!IsOfRead(*info)) raise(signal);
}

void OnBusError(int signal, siginfo_t* info, void* context) {
  const int error = errno;
  if (!IsOfRead(*info) || !PutZeros(reinterpret_cast<uintptr_t>(info->si_addr))) {
    PassOn(signal, info, context);
  }
  errno = error;
}

bool InstallHandler() {
  sigaction(SIGBUS, nullptr, &previous);  // first, so that our handler finds it whole
  struct sigaction action = {};
  action.sa_sigaction = &OnBusError;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  return sigaction(SIGBUS, &action, nullptr) == 0;
}

GuardedRange* TakeRange() {
  MutexLock lock(mutex);
  if (free_ranges != nullptr) return std::exchange(free_ranges, free_ranges->next_free);
  auto* const range = new GuardedRange;
  range->next = all_ranges.load(std::memory_order_relaxed);
  all_ranges.store(range, std::memory_order_release);
  return range;
}

void ReturnRange(GuardedRange* range) {
  if (range == nullptr) return;
  MutexLock lock(mutex);
  range->begin.store(0, std::memory_order_release);
  range->next_free = std::exchange(free_ranges, range);
}

}  // namespace

MappingGuard::MappingGuard(const char* data, uint64_t size) {
  [[maybe_unused]] static const bool installed = InstallHandler();
  range_ = TakeRange();
  const auto begin = reinterpret_cast<uintptr_t>(data);
  range_->lost.store(false, std::memory_order_relaxed);
  range_->end.store(begin + size, std::memory_order_release);
  range_->begin.store(begin, std::memory_order_release);
}

MappingGuard::MappingGuard(MappingGuard&& other) noexcept
    : range_(std::exchange(other.range_, nullptr)) {}

MappingGuard& MappingGuard::operator=(MappingGuard&& other) noexcept {
  if (this != &other) ReturnRange(std::exchange(range_, std::exchange(other.range_, nullptr)));
  return *this;
}

MappingGuard::~MappingGuard() { ReturnRange(range_); }

bool MappingGuard::lost() const {
  return range_ != nullptr && range_->lost.load(std::memory_order_acquire);
}

}  // namespace ordinate
