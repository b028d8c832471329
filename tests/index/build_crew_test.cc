#include "engine/index/build_crew.h"

#include <gtest/gtest.h>

#include <atomic>
#include <new>
#include <numeric>
#include <vector>

namespace ordinate {
namespace {

std::vector<uint32_t> Numbers(uint32_t count) {
  std::vector<uint32_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 0u);
  return numbers;
}

TEST(BuildCrew, GivesEachNodeToOneWorker) {
  for (const uint32_t count : {0u, 1u, 256u, 257u, 5000u}) {
    for (const size_t workers : {1, 3}) {
      const CallContext context;
      std::vector<std::atomic<int>> given(count);
      BuildCrew crew(context, nullptr, count);
      const auto status = crew.Run(Numbers(count), workers, [&](size_t worker, auto nodes) {
        EXPECT_LT(worker, workers);
        for (const uint32_t node : nodes) ++given[node];
      });
      EXPECT_TRUE(status.ok()) << status;
      for (const auto& times : given) EXPECT_EQ(times, 1);
    }
  }
}

TEST(BuildCrew, OneWorkerTakesTheNodesInOrder) {
  const CallContext context;
  std::vector<uint32_t> taken;
  BuildCrew crew(context, nullptr, 1000);
  ASSERT_TRUE(
      crew.Run(Numbers(1000), 1,
               [&](size_t, auto nodes) { taken.insert(taken.end(), nodes.begin(), nodes.end()); })
          .ok());
  EXPECT_EQ(taken, Numbers(1000));
}

TEST(BuildCrew, StopsWhenTheCallIsCancelled) {
  CallContext context;
  std::atomic<uint32_t> done{0};
  BuildCrew crew(context, nullptr, 100'000);
  const auto status = crew.Run(Numbers(100'000), 2, [&](size_t, auto nodes) {
    done += static_cast<uint32_t>(nodes.size());
    if (done >= 1000) context.Cancel();
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_LE(done, 3000u);
}

TEST(BuildCrew, WhatAWorkerThrowsReachesTheCaller) {
  for (const uint32_t culprit : {0u, 1000u, 9'999u}) {
    const CallContext context;
    BuildCrew crew(context, nullptr, 10'000);
    const auto run = [&] {
      return crew.Run(Numbers(10'000), 2, [&](size_t, auto nodes) {
        for (const uint32_t node : nodes) {
          if (node == culprit) throw std::bad_alloc();
        }
      });
    };
    EXPECT_THROW((void)run(), std::bad_alloc);
  }
}

TEST(BuildCrew, ReportsOverSeveralRuns) {
  const CallContext context;
  std::vector<uint32_t> reports;
  const BuildProgress progress = [&](uint32_t done, uint32_t total) {
    EXPECT_EQ(total, 900u);
    reports.push_back(done);
  };
  BuildCrew crew(context, progress, 900);
  const auto nothing = [](size_t, std::span<const uint32_t>) {};
  ASSERT_TRUE(crew.RunAndReport(Numbers(300), 1, nothing).ok());
  ASSERT_TRUE(crew.Run(Numbers(500), 1, nothing).ok());
  ASSERT_TRUE(crew.RunAndReport(Numbers(600), 1, nothing).ok());
  EXPECT_EQ(reports, (std::vector<uint32_t>{256, 300, 556, 812, 900}));
}

}  // namespace
}  // namespace ordinate
