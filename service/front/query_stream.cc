#include "service/front/query_stream.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/query/rank_sink.h"
#include "service/front/bound_query.h"
#include "service/front/gather.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"

namespace ordinate {
namespace {

// Ranked ahead of the reader, over all shards: so many rows, but no more than so many bytes by what
// the rows before took; at first, when that is not known, few.
constexpr uint64_t kRankedAhead = 98'304;
constexpr uint64_t kRankedBytes = 12 << 20;
constexpr uint64_t kFirstRows = 4'096;
// Rows that a RELAXED stream takes from the index before it scans.
constexpr uint64_t kMostByIndex = 16'384;
// By which the rows ranked at once are divided when they take too much.
constexpr uint64_t kFewerRows = 8;

}  // namespace

struct QueryStream::Cursor {
  std::vector<RankedRow> rows;
  size_t next = 0;
  bool exhausted = false;
  std::optional<RankedRow> last;  // ranked: the next refill comes after it
  uint64_t visible_seq = 0;
  uint64_t row_bytes = 0;  // of the widest row ranked last
  ShardQueryStats spent;   // by the last refill

  // How many rows to rank next, of one shard of `shards`.
  uint64_t NextRows(uint64_t shards, uint64_t page_rows) const {
    if (row_bytes == 0) return std::max(kFirstRows / shards, page_rows);
    return std::clamp(kRankedBytes / row_bytes / shards, uint64_t{1}, kRankedAhead / shards);
  }
  bool Empty() const { return next == rows.size(); }
};

absl::StatusOr<std::unique_ptr<QueryStream>> Front::OpenStream(const QueryRequest& request,
                                                               StreamOrder order,
                                                               const CallContext& context) {
  if (request.group_by.has_value()) {
    return InField(absl::InvalidArgumentError("groups are counted by limit; a stream has none"),
                   "group_by");
  }
  QueryRequest whole = request;
  whole.paged = false;
  whole.page_token.clear();
  const int64_t started = options_.clock == nullptr ? 0 : options_.clock->MonotonicNanos();
  absl::StatusOr<BoundQuery> opened = Bind(std::move(whole), /*hold=*/true, context);
  if (!opened.ok() && options_.observer != nullptr) {
    options_.observer->OnQuery(request, opened.status(), 0);
  }
  ASSIGN_OR_RETURN(BoundQuery bound, std::move(opened));
  bound.query.analyze = request.analyze;
  bound.asked = request;
  bound.asked.limit = 0;
  bound.started_nanos = started;
  return std::unique_ptr<QueryStream>(
      new QueryStream(*this, std::make_unique<BoundQuery>(std::move(bound)), order));
}

QueryStream::QueryStream(Front& front, std::unique_ptr<Front::BoundQuery> bound, StreamOrder order)
    : front_(front),
      bound_(std::move(bound)),
      order_(SelectionOrder(bound_->query.plan, bound_->query.order_by)),
      page_rows_(bound_->limit),
      to_skip_(bound_->offset),
      cursors_(front.shards_.size()),
      shard_stats_(front.shards_.size()) {
  Plan& plan = bound_->query.plan;
  const bool by_index = order == StreamOrder::kRelaxed && plan.path == Path::kAnn;
  if (!by_index) {
    plan = WithoutLimit(plan);
  } else if (plan.ties.form != TieForm::kWithinK) {
    w_per_row_ = static_cast<double>(plan.w) / static_cast<double>(plan.k);
    by_index_ = PaysByIndex(page_rows_);
    if (!by_index_) plan = FallBack(plan, Reason::kWNearRowCount);
  }
}

uint64_t QueryStream::WFor(uint64_t rows) const {
  return static_cast<uint64_t>(std::ceil(w_per_row_ * static_cast<double>(rows)));
}

bool QueryStream::PaysByIndex(uint64_t rows) const {
  return rows <= kMostByIndex && WFor(rows) < bound_->index_rows() / 2;
}

QueryStream::~QueryStream() {
  front_.Release(bound_->snapshot_ids);
  const Front::Options& options = front_.options_;
  if (options.observer == nullptr || !begun_) return;  // one that was explained alone is no answer
  absl::StatusOr<QueryResult> result =
      QueryResult{.plan = plan(), .columns = columns(), .visible_seq = visible_seq_};
  if (!ended_.has_value()) {
    result = absl::CancelledError("the reader left before the last row");
  } else if (!ended_->ok()) {
    result = *ended_;
  }
  const int64_t now = options.clock == nullptr ? 0 : options.clock->MonotonicNanos();
  options.observer->OnQuery(bound_->asked, result, now - bound_->started_nanos);
}

const TableDef& QueryStream::table() const { return bound_->table; }
const std::vector<uint32_t>& QueryStream::columns() const { return bound_->query.columns; }
const Plan& QueryStream::plan() const { return bound_->query.plan; }

absl::StatusOr<ShardQueryResult> QueryStream::RankOn(size_t shard, ShardQuery& query,
                                                     const CallContext& context) {
  while (true) {
    auto answers = GatherEach<ShardQueryResult>(
        1, Spread::kInline, nullptr, [&](size_t, ShardClient::Done<ShardQueryResult> done) {
          front_.shards_[shard]->Query(bound_->table, query, context, std::move(done));
        });
    const bool too_wide = absl::IsResourceExhausted(answers[0].status());
    if (!too_wide || query.max_key_bytes == 0) return std::move(answers[0]);
    // Sort keys are wider than was thought: fewer rows; one alone as wide as any answer.
    query.plan.k = std::max<uint64_t>(1, query.plan.k / kFewerRows);
    if (query.plan.k == 1) query.max_key_bytes = 0;
  }
}

absl::Status QueryStream::Refill(size_t shard, const CallContext& context) {
  Cursor& cursor = cursors_[shard];
  if (!cursor.Empty() || cursor.exhausted) return absl::OkStatus();
  ShardQuery query = bound_->query;
  query.columns.clear();
  query.plan = WithoutLimit(query.plan);
  query.after = cursor.last;
  query.snapshot_id = bound_->snapshot_ids[shard];
  query.plan.k = cursor.NextRows(cursors_.size(), page_rows_);
  query.max_key_bytes = kRankedBytes / cursors_.size();
  ASSIGN_OR_RETURN(ShardQueryResult answer, RankOn(shard, query, context));
  cursor.rows = std::move(answer.ranked);
  cursor.next = 0;
  cursor.exhausted = cursor.rows.size() < query.plan.k;
  cursor.visible_seq = answer.visible_seq;
  cursor.spent = std::move(answer.stats);
  if (!cursor.rows.empty()) cursor.last = cursor.rows.back();
  for (const RankedRow& row : cursor.rows) {
    cursor.row_bytes = std::max(cursor.row_bytes, sizeof(RankedRow) + KeyBytes(row));
  }
  return absl::OkStatus();
}

absl::Status QueryStream::RefillAll(const CallContext& context) {
  std::vector<absl::Status> statuses(cursors_.size());
  const auto refill = [&](size_t shard) { statuses[shard] = Refill(shard, context); };
  if (front_.options_.executor != nullptr) {
    front_.options_.executor->ParallelFor(cursors_.size(), refill);
  } else {
    for (size_t shard = 0; shard < cursors_.size(); ++shard) refill(shard);
  }
  for (const absl::Status& status : statuses) RETURN_IF_ERROR(status);
  for (uint32_t shard = 0; shard < cursors_.size(); ++shard) {
    visible_seq_[shard] = cursors_[shard].visible_seq;
    AddSpent(std::exchange(cursors_[shard].spent, {}), shard_stats_[shard]);
  }
  return absl::OkStatus();
}

void QueryStream::AddSpent(const ShardQueryStats& more, ShardQueryStats& all) {
  all.nodes_visited += more.nodes_visited;
  all.distances += more.distances;
  all.candidates += more.candidates;
  all.rescored += more.rescored;
  all.tail_rows += more.tail_rows;
  all.rank_nanos += more.rank_nanos;
  all.fetch_nanos += more.fetch_nanos;
  for (const SegmentStats& one : more.segments) {
    const auto same = std::find_if(all.segments.begin(), all.segments.end(), [&](const auto& had) {
      return had.segment == one.segment && had.path == one.path;
    });
    if (same == all.segments.end()) {
      all.segments.push_back(one);
      continue;
    }
    same->nodes_visited += one.nodes_visited;
    same->distances += one.distances;
    same->candidates += one.candidates;
    same->rescored += one.rescored;
    same->nanos += one.nanos;
  }
}

void QueryStream::AddSpent(const Front::Ranking& ranking) {
  for (size_t shard = 0; shard < ranking.shard_stats.size(); ++shard) {
    AddSpent(ranking.shard_stats[shard], shard_stats_[shard]);
  }
}

void QueryStream::Take(RankedRow row, uint32_t shard, Front::Ranking& page) {
  if (to_skip_ > 0) {
    --to_skip_;
    return;
  }
  page.rows.push_back(std::move(row));
  page.shards.push_back(shard);
}

absl::Status QueryStream::TakeScanned(const CallContext& context, Front::Ranking& page) {
  while (page.rows.size() < page_rows_) {
    const bool dry = std::any_of(cursors_.begin(), cursors_.end(), [](const Cursor& cursor) {
      return cursor.Empty() && !cursor.exhausted;
    });
    if (dry) RETURN_IF_ERROR(RefillAll(context));
    Cursor* best = nullptr;
    for (Cursor& cursor : cursors_) {
      if (cursor.Empty()) continue;
      if (best == nullptr || order_(cursor.rows[cursor.next], best->rows[best->next])) {
        best = &cursor;
      }
    }
    if (best == nullptr) return absl::OkStatus();
    RankedRow& row = best->rows[best->next++];
    if (taken_by_index_.contains(row.id)) continue;
    Take(std::move(row), static_cast<uint32_t>(best - cursors_.data()), page);
  }
  return absl::OkStatus();
}

void QueryStream::TakeFound(Front::Ranking& page) {
  while (found_ != nullptr && found_next_ < found_->rows.size() && page.rows.size() < page_rows_) {
    const size_t i = found_next_++;
    if (by_index_ && !taken_by_index_.insert(found_->rows[i].id).second) continue;
    Take(std::move(found_->rows[i]), found_->shards[i], page);
  }
}

absl::Status QueryStream::TakeByIndex(const CallContext& context, Front::Ranking& page) {
  while (by_index_) {
    TakeFound(page);
    if (page.rows.size() == page_rows_) return absl::OkStatus();
    // Twice as many as so far: all searches together cost no more than twice the last one.
    const uint64_t taken = taken_by_index_.size();
    ShardQuery query = bound_->query;
    query.columns.clear();
    query.plan.k = taken == 0 ? page_rows_ : 2 * taken;
    query.plan.w = WFor(query.plan.k);
    query.plan.ef_search =
        static_cast<uint32_t>(std::max<uint64_t>(bound_->query.plan.ef_search, query.plan.w));
    by_index_ = PaysByIndex(query.plan.k);
    if (!by_index_) return absl::OkStatus();
    ASSIGN_OR_RETURN(Front::Ranking ranking, front_.Rank(*bound_, query, query.plan.k, context));
    by_index_ = ranking.rows.size() > taken;
    w_used_ = std::max({w_used_, query.plan.w, ranking.w_used});
    AddSpent(ranking);
    visible_seq_ = ranking.visible_seq;
    found_ = std::make_unique<Front::Ranking>(std::move(ranking));
    found_next_ = 0;
  }
  return absl::OkStatus();
}

absl::Status QueryStream::RankWithinK(const CallContext& context) {
  ShardQuery query = bound_->query;
  query.columns.clear();
  ASSIGN_OR_RETURN(Front::Ranking ranking, front_.RankToTheEnd(*bound_, query, context));
  bound_->query.plan = query.plan;
  w_used_ = std::max(query.plan.w, ranking.w_used);
  AddSpent(ranking);
  visible_seq_ = ranking.visible_seq;
  Front::BoundQuery all = *bound_;
  all.offset = 0;
  all.limit = ranking.rows.size();
  Front::Cut(all, ranking);
  found_ = std::make_unique<Front::Ranking>(std::move(ranking));
  return absl::OkStatus();
}

absl::Status QueryStream::FillPage(const CallContext& context, Front::Ranking& page) {
  if (bound_->query.plan.ties.form == TieForm::kWithinK) {
    if (found_ == nullptr) RETURN_IF_ERROR(RankWithinK(context));
    TakeFound(page);
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(TakeByIndex(context, page));
  return TakeScanned(context, page);
}

void QueryStream::CountLate(const Front::Ranking& page) {
  if (bound_->query.plan.ties.form == TieForm::kWithinK) return;
  for (const RankedRow& row : page.rows) {
    if (latest_.has_value() && order_(row, *latest_)) {
      ++rows_late_;
    } else {
      latest_ = row;
    }
  }
}

absl::StatusOr<QueryStream::Page> QueryStream::Next(const CallContext& context) {
  begun_ = true;
  absl::StatusOr<Page> page = MakePage(context);
  if (!page.ok() || page->last) ended_ = page.status();
  return page;
}

absl::StatusOr<QueryStream::Page> QueryStream::MakePage(const CallContext& context) {
  Front::Ranking ranking;
  absl::Status status = FillPage(context, ranking);
  if (absl::IsAborted(status) && rows_sent_ == 0 && CanDoWithoutIndex(bound_->query.plan)) {
    // The index does not answer any more; nothing was sent, so the rows can answer instead.
    bound_->query.plan = FallBack(bound_->query.plan, Reason::kIndexNotReady);
    by_index_ = false;
    taken_by_index_.clear();
    to_skip_ = bound_->offset;
    for (Cursor& cursor : cursors_) cursor = Cursor();
    ranking = Front::Ranking();
    status = FillPage(context, ranking);
  }
  RETURN_IF_ERROR(status);
  CountLate(ranking);
  rows_sent_ += ranking.rows.size();
  RETURN_IF_ERROR(front_.FetchCells(*bound_, bound_->snapshot_ids, ranking, context));
  Page page;
  page.last = ranking.rows.size() < page_rows_;
  page.ranked = std::move(ranking.rows);
  page.rows = std::move(ranking.cells);
  return page;
}

}  // namespace ordinate
