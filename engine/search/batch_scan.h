#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "absl/status/status.h"
#include "engine/search/exact_score.h"
#include "storage/base/context.h"
#include "storage/base/executor.h"
#include "storage/vdata/segment_file.h"

namespace ordinate {

/// Where one query's nodes of a batch scan go.
class ScanTarget {
 public:
  virtual ~ScanTarget() = default;

  /// Whether the answer could have a row of the node, its score aside. Several threads at a time.
  virtual bool Accepts(uint32_t node) const = 0;
  /// A score from which on, itself included, no node is of use; nullopt: there is none (yet). Not
  /// while Offer runs, and so with Offer.
  virtual std::optional<double> FirstBeyond() const = 0;
  /// An accepted node and its exact score. One thread at a time; each node once; in no order.
  virtual void Offer(uint32_t node, double score) = 0;
};

/// One query of a batch scan. Borrowed for the call.
struct ScanQuery {
  const ExactScorer* scorer = nullptr;  // of the segment's metric and dim
  size_t k = 0;                         // >= 1
  ScanTarget* target = nullptr;
  uint64_t rescored = 0;  // out: nodes scored exactly
};

/// Scans a segment once for many queries: each target is offered every node it accepts that is, by
/// exact score, among the k best of those or ties with the last of them, and is not beyond what its
/// target gives up; and other nodes besides. All rows are estimated in f32 (QueryTiles), and those
/// alone are scored exactly that the estimate does not prove to be worse than k others.
///
/// Blocks of rows go over `executor`, which may be null. `file`, when not null, is the file the
/// segment is mapped from, and its vector blocks are verified before they are read (DATA_LOSS).
/// `context` is checked every hundred rows. REQUIRES: QueryTiles::Fits each query.
absl::Status ScanForMany(const SegmentView& segment, const SegmentFile* file,
                         std::span<ScanQuery> queries, Executor* executor,
                         const CallContext& context);

}  // namespace ordinate
