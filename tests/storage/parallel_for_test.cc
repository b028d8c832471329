#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <new>
#include <stdexcept>
#include <thread>

#include "gtest/gtest.h"
#include "storage/base/executor.h"
#include "storage/base/thread_priority.h"

namespace ordinate {
namespace {

TEST(ParallelFor, CallsTheBodyOnceForEach) {
  Executor executor(3);
  std::vector<std::atomic<int>> calls(1'000);
  executor.ParallelFor(calls.size(), [&](size_t i) { ++calls[i]; });
  for (const auto& count : calls) EXPECT_EQ(count, 1);
}

// Memory may run out on any thread: the caller hears of it, once no call is left at work.
TEST(ParallelFor, AnExceptionReachesTheCaller) {
  Executor executor(3);
  for (const size_t thrower : {size_t{0}, size_t{99}}) {
    std::atomic<size_t> returned{0};
    EXPECT_THROW(executor.ParallelFor(100,
                                      [&](size_t i) {
                                        if (i == thrower) throw std::bad_alloc();
                                        ++returned;
                                      }),
                 std::bad_alloc);
    EXPECT_EQ(returned, 99u);
  }
  EXPECT_THROW(executor.ParallelFor(8, [](size_t) { throw std::runtime_error("all"); }),
               std::runtime_error);
}

TEST(ParallelFor, WorksWithinItself) {
  Executor executor(2);
  std::atomic<int> calls{0};
  executor.ParallelFor(4, [&](size_t) { executor.ParallelFor(4, [&](size_t) { ++calls; }); });
  EXPECT_EQ(calls, 16);
}

TEST(GiveWay, IsOfTheCallingThreadAloneAndNeverRaises) {
  constexpr int kLowest = 19;
  const auto nice = [] { return getpriority(PRIO_PROCESS, static_cast<id_t>(gettid())); };
  const int before = nice();
  int of_thread = 0, of_worker = 0, of_child = 0, at_last = 0;
  std::thread([&] {
    GiveWay(kWriterNice);
    of_thread = nice();
    std::thread([&] { of_child = nice(); }).join();
    GiveWay(kLowest);
    at_last = nice();
  }).join();
  {
    Executor background(1, kBackgroundNice);
    background.Submit([&] { of_worker = nice(); });
  }
  EXPECT_EQ(of_thread, std::min(kLowest, before + kWriterNice));
  EXPECT_EQ(of_child, of_thread);
  EXPECT_EQ(at_last, kLowest);
  EXPECT_EQ(of_worker, std::min(kLowest, before + kBackgroundNice));
  EXPECT_EQ(nice(), before);
}

// What sched_setattr(2) says of an ordinary thread.
struct Attributes {
  uint32_t size = 0;
  uint32_t policy = 0;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0, deadline = 0, period = 0;
};

TEST(AskForTurns, ChangesTheTurnAloneWhereTheSystemHasThem) {
  if (Attributes any; syscall(SYS_sched_getattr, 0, &any, sizeof(any), 0) != 0) {
    GTEST_SKIP() << "sched_getattr is refused here";
  }
  const auto read = [] {
    Attributes attributes;
    EXPECT_EQ(syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0), 0);
    return attributes;
  };
  const Attributes before = read();
  Attributes of_thread, of_child;
  std::thread([&] {
    GiveWay(1);
    AskForTurns(kBackgroundTurn);
    of_thread = read();
    std::thread([&] { of_child = read(); }).join();
  }).join();
  EXPECT_EQ(of_thread.policy, before.policy);
  EXPECT_EQ(of_thread.nice, std::min(19, before.nice + 1));
  const uint64_t asked = std::chrono::nanoseconds(kBackgroundTurn).count();
  if (before.runtime != 0) {  // Linux 6.12 tells what every thread has
    EXPECT_EQ(of_thread.runtime, asked);
    EXPECT_EQ(of_child.runtime, asked);
  }
  EXPECT_EQ(read().runtime, before.runtime);
}

}  // namespace
}  // namespace ordinate
