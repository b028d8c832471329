#include "tests/bench/engine/measure.h"

#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <thread>

#include "absl/strings/str_cat.h"
#include "storage/base/status_macros.h"
#include "tests/bench/engine/ground_truth.h"
#include "tests/bench/engine/machine.h"
#include "tests/bench/engine/memory_limit.h"

namespace ordinate::bench {
namespace {

constexpr double kEnoughRecall = 0.999;  // larger ef are left out from here on
constexpr uint32_t kSlices = 5;          // of the queries; round r times slice r % kSlices
constexpr double kLimitedRecall = 0.95;  // least, of what is served with limited memory
constexpr double kServeSeconds = 30;     // with and without the limit
constexpr uint32_t kSingleScans = 4;     // queries of a round that are scanned for one by one

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class SetMeasurer {
 public:
  SetMeasurer(const DataSet& set, const std::vector<std::unique_ptr<Contender>>& contenders,
              const MeasureOptions& options)
      : set_(set), contenders_(contenders), options_(options) {
    result_.name = set.name;
    result_.origin = set.origin;
    result_.metric = MetricName(set.metric);
    result_.rows = set.rows();
    result_.queries = set.query_count();
    result_.dim = set.dim;
    result_.k = options.k;
    result_.build = options.build;
    result_.rescore = options.rescore;
    result_.rounds = options.rounds;
    result_.clock = options.clock == ClockKind::kWall ? "wall" : "cpu";
    answers_.resize(size_t{set.query_count()} * options.k);
  }

  absl::StatusOr<DataSetResult> Run(Cache& cache) {
    ASSIGN_OR_RETURN(truth_, cache.Truth(set_, options_.k, options_.build.threads));
    for (const auto& contender : contenders_) {
      ASSIGN_OR_RETURN(const auto built, cache.Index(*contender, set_, options_.build));
      RETURN_IF_ERROR(OpenAndCalibrate(*contender, built));
      paths_.push_back(built.path);
    }
    for (uint32_t round = 0; round < options_.rounds; ++round) RETURN_IF_ERROR(Round(round));
    for (const auto& contender : contenders_) contender->Close();
    if (options_.memory_share > 0) RETURN_IF_ERROR(MeasureLimited());
    Summarize();
    return std::move(result_);
  }

 private:
  SearchParams At(uint32_t ef) const { return {options_.k, ef, options_.rescore}; }

  std::span<const float> Queries(uint32_t first, uint32_t last) const {
    return std::span(set_.queries)
        .subspan(size_t{first} * set_.dim, size_t{last - first} * set_.dim);
  }

  // On a thread of its own, so that what a contender keeps per thread is counted as its memory.
  absl::Status OpenAndCalibrate(Contender& contender, const Cache::BuiltIndex& built) {
    ContenderResult& result = result_.contenders.emplace_back();
    result.name = contender.name();
    result.version = contender.version();
    result.is_graph = contender.is_graph();
    result.build_seconds = built.seconds;
    result.build_threads = built.threads;
    result.from_cache = built.from_cache;
    result.file_bytes = std::filesystem::file_size(built.path);
    result.bytes_per_distance = contender.BytesPerDistance(set_);
    absl::Status status;
    std::thread thread([&] { status = OpenAndCalibrateHere(contender, built.path, result); });
    thread.join();
    return status;
  }

  absl::Status OpenAndCalibrateHere(Contender& contender, const std::string& path,
                                    ContenderResult& result) {
    WarmPageCache(path);
    malloc_trim(0);
    const ResidentMemory before = ReadResidentMemory();
    const auto start = Clock::now();
    RETURN_IF_ERROR(contender.Open(set_, path));
    result.open_millis = 1e3 * SecondsSince(start);
    RETURN_IF_ERROR(contender.Search(Queries(0, 1), At(options_.efs.front()),
                                     std::span(answers_).first(options_.k)));
    result.first_answer_millis = 1e3 * SecondsSince(start);
    RETURN_IF_ERROR(contender.is_graph() ? CalibrateGraph(contender, result)
                                         : CalibrateScan(contender, result));
    malloc_trim(0);
    const ResidentMemory after = ReadResidentMemory();
    result.anonymous_bytes = after.anonymous - before.anonymous;
    result.mapped_bytes = after.file - before.file;
    return absl::OkStatus();
  }

  absl::Status CalibrateGraph(Contender& contender, ContenderResult& result) {
    for (const uint32_t ef : options_.efs) {
      GraphPoint point{.ef = ef};
      RETURN_IF_ERROR(contender.Search(set_.queries, At(ef), answers_));
      point.recall = Recall(set_, truth_, options_.k, 0, answers_);
      ASSIGN_OR_RETURN(const uint64_t distances, contender.CountDistances(set_.queries, At(ef)));
      point.distances_per_query = static_cast<double>(distances) / set_.query_count();
      result.points.push_back(std::move(point));
      if (result.points.back().recall > kEnoughRecall) break;
    }
    return absl::OkStatus();
  }

  absl::Status CalibrateScan(Contender& contender, ContenderResult& result) {
    const uint32_t count = std::min(kScanBatch, set_.query_count());
    const auto answers = std::span(answers_).first(size_t{count} * options_.k);
    RETURN_IF_ERROR(contender.Search(Queries(0, count), At(0), answers));
    result.scan.recall = Recall(set_, truth_, options_.k, 0, answers);
    return absl::OkStatus();
  }

  struct Slice {
    uint32_t first = 0;
    uint32_t last = 0;
  };
  Slice SliceOf(uint32_t round) const {
    const uint32_t slices = std::min(kSlices, set_.query_count());
    return {round % slices * set_.query_count() / slices,
            (round % slices + 1) * set_.query_count() / slices};
  }

  absl::Status Round(uint32_t round) {
    const auto [first, last] = SliceOf(round);
    const Slice others = SliceOf(round + 1);
    for (size_t at = 0; at < options_.efs.size(); ++at) {
      for (size_t i = 0; i < contenders_.size(); ++i) {
        // Another one begins each time.
        const size_t turn = (i + round + at) % contenders_.size();
        ContenderResult& result = result_.contenders[turn];
        if (at >= result.points.size()) continue;
        GraphPoint& point = result.points[at];
        // The caches are then as if it alone were served; the contender before has emptied them.
        RETURN_IF_ERROR(Time(*contenders_[turn], others.first, others.last, At(point.ef)).status());
        ASSIGN_OR_RETURN(const double seconds, Time(*contenders_[turn], first, last, At(point.ef)));
        point.round_qps.push_back((last - first) / seconds);
      }
    }
    for (size_t i = 0; i < contenders_.size(); ++i) {
      const size_t turn = (i + round) % contenders_.size();
      if (contenders_[turn]->is_graph()) continue;
      RETURN_IF_ERROR(
          ScanRound(*contenders_[turn], first, others.first, result_.contenders[turn].scan));
    }
    return absl::OkStatus();
  }

  // Of the queries from `first` on, after one that is not timed.
  absl::Status ScanRound(Contender& contender, uint32_t first, uint32_t other, ScanPoint& scan) {
    RETURN_IF_ERROR(Time(contender, other, other + 1, At(0)).status());
    const uint32_t singles = std::min(first + kSingleScans, set_.query_count());
    double seconds = 0;
    for (uint32_t query = first; query < singles; ++query) {
      ASSIGN_OR_RETURN(const double took, Time(contender, query, query + 1, At(0)));
      seconds += took;
    }
    scan.round_single_seconds.push_back(seconds / (singles - first));
    SearchParams batch = At(0);
    batch.threads = scan.threads = options_.scan_threads;
    const uint32_t batch_end = std::min(first + kScanBatch, set_.query_count());
    ASSIGN_OR_RETURN(const double took, Time(contender, first, batch_end, batch));
    scan.round_batch_seconds.push_back(took / (batch_end - first));
    return absl::OkStatus();
  }

  absl::Status MeasureLimited() {
    for (size_t i = 0; i < contenders_.size(); ++i) {
      ContenderResult& result = result_.contenders[i];
      if (!contenders_[i]->is_graph() || !contenders_[i]->is_mapped()) continue;
      const auto point = std::ranges::find_if(
          result.points, [](const GraphPoint& p) { return p.recall >= kLimitedRecall; });
      LimitedPoint& limited = result.limited;
      limited.share = options_.memory_share;
      limited.ef = point == result.points.end() ? options_.efs.back() : point->ef;
      const auto serve = [&] { return Serve(*contenders_[i], paths_[i], limited.ef); };
      const auto limit =
          static_cast<uint64_t>(limited.share * static_cast<double>(result.file_bytes));
      DropPageCache(paths_[i]);
      ASSIGN_OR_RETURN(limited.free_qps, RunWithMemoryLimit(0, serve));
      DropPageCache(paths_[i]);
      ASSIGN_OR_RETURN(limited.limited_qps, RunWithMemoryLimit(limit, serve));
    }
    return absl::OkStatus();
  }

  // Queries per second of a process that serves this index alone: of the second half of the time,
  // when it is warm. Time waited for the disk counts.
  absl::StatusOr<double> Serve(Contender& contender, const std::string& path, uint32_t ef) {
    RETURN_IF_ERROR(contender.Open(set_, path));
    const auto answer = std::span(answers_).first(options_.k);
    const auto start = Clock::now();
    double warm_seconds = 0;  // when counting began
    uint64_t counted = 0;
    for (uint32_t query = 0;; query = (query + 1) % set_.query_count()) {
      RETURN_IF_ERROR(contender.Search(Queries(query, query + 1), At(ef), answer));
      const double seconds = SecondsSince(start);
      if (warm_seconds == 0) {
        if (seconds >= kServeSeconds / 2) warm_seconds = seconds;
        continue;
      }
      ++counted;
      if (seconds >= kServeSeconds) {
        return static_cast<double>(counted) / (seconds - warm_seconds);
      }
    }
  }

  absl::StatusOr<double> Time(Contender& contender, uint32_t first, uint32_t last,
                              const SearchParams& params) {
    const auto answers = std::span(answers_).first(size_t{last - first} * options_.k);
    const double start = Now();
    RETURN_IF_ERROR(contender.Search(Queries(first, last), params, answers));
    return Now() - start;
  }

  double Now() const {
    timespec now{};
    clock_gettime(options_.clock == ClockKind::kWall ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID,
                  &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
  }

  void Summarize() {
    const double bytes = double{sizeof(float)} * set_.rows() * set_.dim;
    for (ContenderResult& result : result_.contenders) {
      for (GraphPoint& point : result.points) point.qps = Median(point.round_qps);
      if (result.is_graph || result.scan.round_single_seconds.empty()) continue;
      result.scan.single_gb_per_second = bytes / Median(result.scan.round_single_seconds) / 1e9;
      result.scan.batch_qps = 1 / Median(result.scan.round_batch_seconds);
    }
  }

  const DataSet& set_;
  const std::vector<std::unique_ptr<Contender>>& contenders_;
  const MeasureOptions& options_;
  GroundTruth truth_;
  std::vector<uint32_t> answers_;
  std::vector<std::string> paths_;  // of the contenders' files
  DataSetResult result_;
};

}  // namespace

absl::StatusOr<DataSetResult> Measure(const DataSet& set,
                                      const std::vector<std::unique_ptr<Contender>>& contenders,
                                      const MeasureOptions& options, Cache& cache) {
  return SetMeasurer(set, contenders, options).Run(cache);
}

}  // namespace ordinate::bench
