#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/bench/engine/contender.h"
#include "tests/bench/engine/curve.h"

namespace ordinate::bench {

/// What the machine's memory can do, measured on one thread over a buffer beyond every cache.
struct MemoryFloor {
  double stream_gb_per_second = 0;    // sequential read
  double dependent_load_nanos = 0;    // random 64-byte line, each address from the one before
  double independent_load_nanos = 0;  // random 64-byte line, addresses known ahead
  uint64_t buffer_bytes = 0;
  bool huge_pages = false;  // asked for and given

  /// The least time one distance over `bytes` at a random place can take: one load whose address is
  /// known ahead, then the rest of the vector at the speed of a stream.
  double NanosPerDistance(double bytes) const {
    return independent_load_nanos + (bytes > 64 ? (bytes - 64) / stream_gb_per_second : 0);
  }
};

struct Machine {
  std::string cpu, kernel, compiler, huge_pages;
  uint32_t cores = 0;
  uint64_t memory_bytes = 0;
  uint64_t l3_bytes = 0;
};

/// One value of ef.
struct GraphPoint {
  uint32_t ef = 0;
  double recall = 0;
  double distances_per_query = 0;
  std::vector<double> round_qps;
  double qps = 0;  // their median

  double nanos_per_distance() const {
    return distances_per_query == 0 || qps == 0 ? 0 : 1e9 / qps / distances_per_query;
  }
};

struct ScanPoint {
  uint32_t threads = 1;  // of the batch
  std::vector<double> round_single_seconds, round_batch_seconds;
  double single_gb_per_second = 0;  // one query
  double batch_qps = 0;             // kScanBatch queries at once
  double recall = 0;
};
inline constexpr uint32_t kScanBatch = 64;

/// A graph served by a process whose memory is limited to a share of its file, and by one whose
/// memory is not.
struct LimitedPoint {
  double share = 0;  // 0: not measured
  uint32_t ef = 0;
  double free_qps = 0;
  double limited_qps = 0;
};

struct ContenderResult {
  std::string name, version;
  bool is_graph = true;
  double build_seconds = 0;
  uint32_t build_threads = 0;
  bool from_cache = false;
  uint64_t file_bytes = 0;
  int64_t anonymous_bytes = 0;  // resident, after every query was searched
  int64_t mapped_bytes = 0;     // resident pages of files, likewise
  double open_millis = 0;
  double first_answer_millis = 0;  // from the start of opening
  uint32_t bytes_per_distance = 0;
  std::vector<GraphPoint> points;  // graphs
  ScanPoint scan;                  // the others
  LimitedPoint limited;            // ours, when asked for

  std::vector<CurvePoint> Curve() const {
    std::vector<CurvePoint> curve;
    for (const GraphPoint& point : points) curve.push_back({point.recall, point.qps});
    return curve;
  }
};

struct DataSetResult {
  std::string name, origin, metric, clock;
  uint32_t rows = 0, queries = 0, dim = 0, k = 0;
  BuildParams build;
  uint32_t rescore = 0;
  uint32_t rounds = 0;
  std::vector<ContenderResult> contenders;

  const ContenderResult* Find(const std::string& contender) const {
    for (const ContenderResult& result : contenders) {
      if (result.name == contender) return &result;
    }
    return nullptr;
  }
};

struct BenchResult {
  Machine machine;
  MemoryFloor floor;
  std::vector<DataSetResult> sets;
};

/// The recalls at which contenders are compared, and the one they are compared to.
inline constexpr double kComparedRecalls[] = {0.90, 0.95, 0.99};
inline constexpr char kYardstick[] = "hnswlib";

/// A contender's queries per second over the yardstick's at a recall. None when either never
/// reaches it. `above` as in QpsAtRecall, of either.
inline std::optional<QpsAtRecall> RatioToYardstick(const DataSetResult& set,
                                                   const ContenderResult& contender,
                                                   double recall) {
  const ContenderResult* yardstick = set.Find(kYardstick);
  if (yardstick == nullptr) return std::nullopt;
  const auto mine = InterpolateQps(contender.Curve(), recall);
  const auto theirs = InterpolateQps(yardstick->Curve(), recall);
  if (!mine.has_value() || !theirs.has_value()) return std::nullopt;
  return QpsAtRecall{mine->qps / theirs->qps, mine->above || theirs->above};
}

}  // namespace ordinate::bench
