#pragma once

#include <memory>
#include <optional>
#include <string>

#include "tests/bench/freshness/query_load.h"
#include "tests/bench/freshness/row_writer.h"
#include "tests/bench/freshness/server_watch.h"

namespace ordinate::bench {

/// What a phase offers: queries, and rows written meanwhile.
struct PhasePlan {
  std::string name;
  double queries_per_second = 0;
  std::optional<WriteKind> kind;  // nothing is written
  double rows_per_second = 0;
  double seconds = 0;
};

struct PhaseResult {
  PhasePlan plan;
  LoadResult queries;
  WriteResult writes;
  Extent most;
  double least_recall = 1;

  /// Of the same phase, another time.
  void Add(const PhaseResult& more);
};

/// Where phases happen.
struct Stage {
  std::shared_ptr<grpc::Channel> channel;
  std::string data_dir;
  std::string index;
  QueryLoad* load = nullptr;
  RowWriter* writer = nullptr;
};

/// Runs it in slices. Between two, queries and writes pause (seals and merges do not) while recall
/// is measured against exact answers of the same moment.
PhaseResult RunPhase(const PhasePlan& plan, const Stage& stage);

}  // namespace ordinate::bench
