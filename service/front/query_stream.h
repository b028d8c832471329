#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "service/front/front.h"

namespace ordinate {

/// Every matching row of a question, page by page, each exactly once, all from one snapshot
/// (contract 3.3). Memory is bounded whatever the table's size: each shard ranks so many rows at a
/// time, and columns are read page by page. One thread at a time.
class QueryStream {
 public:
  ~QueryStream();
  QueryStream(const QueryStream&) = delete;
  QueryStream& operator=(const QueryStream&) = delete;

  struct Page {
    std::vector<RankedRow> ranked;
    std::vector<Row> rows;  // parallel
    bool last = false;      // no page follows
  };

  const TableDef& table() const;
  /// Positions of the columns returned.
  const std::vector<uint32_t>& columns() const;
  const Plan& plan() const;
  /// Known after the first page.
  const SeqByShard& visible_seq() const { return visible_seq_; }
  uint64_t rows_sent() const { return rows_sent_; }
  /// Rows sent so far after one that comes later in the order of 2.2. Always 0 when STRICT.
  uint64_t rows_late() const { return rows_late_; }

  /// What each shard has done so far; with QueryRequest::analyze, each segment.
  const std::vector<ShardQueryStats>& shard_stats() const { return shard_stats_; }
  /// The most nodes preselected of a segment at once; 0: every row was scored.
  uint64_t w_used() const { return w_used_; }

  absl::StatusOr<Page> Next(const CallContext& context);

 private:
  friend class Front;
  struct Cursor;  // one shard's ranked rows
  QueryStream(Front& front, std::unique_ptr<Front::BoundQuery> bound, StreamOrder order);

  absl::StatusOr<Page> MakePage(const CallContext& context);
  /// W for so many rows, and whether searching for them costs less than a scan.
  uint64_t WFor(uint64_t rows) const;
  bool PaysByIndex(uint64_t rows) const;
  /// The shard's next plan.k rows, or fewer where their keys take too much memory.
  absl::StatusOr<ShardQueryResult> RankOn(size_t shard, ShardQuery& query,
                                          const CallContext& context);
  static void AddSpent(const ShardQueryStats& more, ShardQueryStats& all);
  void AddSpent(const Front::Ranking& ranking);
  /// Ranks a shard's next rows once those it ranked before are used up.
  absl::Status Refill(size_t shard, const CallContext& context);
  absl::Status RefillAll(const CallContext& context);
  /// Adds rows to the page: from what was ranked at once (WITHIN_K, or by the index), or from a
  /// scan in the order of 2.2.
  void TakeFound(Front::Ranking& page);
  absl::Status TakeByIndex(const CallContext& context, Front::Ranking& page);
  absl::Status TakeScanned(const CallContext& context, Front::Ranking& page);
  void Take(RankedRow row, uint32_t shard, Front::Ranking& page);
  absl::Status RankWithinK(const CallContext& context);
  absl::Status FillPage(const CallContext& context, Front::Ranking& page);
  void CountLate(const Front::Ranking& page);

  Front& front_;
  const std::unique_ptr<Front::BoundQuery> bound_;
  const RowOrder order_;
  const uint64_t page_rows_;
  uint64_t to_skip_;                          // of OFFSET
  std::vector<Cursor> cursors_;               // by shard
  std::vector<ShardQueryStats> shard_stats_;  // by shard
  SeqByShard visible_seq_;
  uint64_t rows_sent_ = 0;
  uint64_t rows_late_ = 0;
  std::optional<RankedRow> latest_;  // of the rows sent, the one that comes last in the order

  std::unique_ptr<Front::Ranking> found_;  // ranked at once, and how many of them are taken
  size_t found_next_ = 0;
  bool begun_ = false;                 // a page was asked for
  std::optional<absl::Status> ended_;  // OK after the last page
  // RELAXED: the index goes on until it has given so many rows, which are remembered.
  bool by_index_ = false;
  double w_per_row_ = 0;  // the plan's
  uint64_t w_used_ = 0;
  absl::flat_hash_set<RowId> taken_by_index_;
};

}  // namespace ordinate
