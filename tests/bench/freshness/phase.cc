#include "tests/bench/freshness/phase.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace ordinate::bench {
namespace {

constexpr double kSliceSeconds = 5;  // at least
constexpr double kMostSlices = 40;
constexpr uint32_t kRecallQuestions = 100;

}  // namespace

void PhaseResult::Add(const PhaseResult& more) {
  queries.Add(more.queries);
  writes.Add(more.writes);
  most.Add(more.most);
  least_recall = std::min(least_recall, more.least_recall);
}

PhaseResult RunPhase(const PhasePlan& plan, const Stage& stage) {
  PhaseResult result{plan, {}, {}, {}, 1};
  ServerWatch watch(stage.channel, stage.index, stage.data_dir);
  const auto slices = std::max(
      1, static_cast<int>(plan.seconds / std::max(kSliceSeconds, plan.seconds / kMostSlices)));
  for (int slice = 0; slice < slices; ++slice) {
    const double seconds = plan.seconds / slices;
    std::thread writes([&] {
      if (!plan.kind.has_value()) return;
      stage.writer->Run(*plan.kind, plan.rows_per_second, seconds, result.writes);
    });
    result.queries.Add(
        stage.load->Open(plan.queries_per_second, seconds, static_cast<uint64_t>(slice) + 1));
    writes.join();
    result.least_recall = std::min(
        result.least_recall, stage.load->Recall(kRecallQuestions, static_cast<uint64_t>(slice)));
  }
  result.most = watch.Stop();
  return result;
}

}  // namespace ordinate::bench
