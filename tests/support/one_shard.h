#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/index/graph_builder.h"
#include "engine/shard/shard.h"
#include "gtest/gtest.h"
#include "storage/base/text.h"
#include "tests/support/temp_dir.h"

namespace ordinate {

/// One shard by itself, with one table: `id` INT64 (key), `v` VECTOR of any dim, `data` BYTES,
/// `tag` INT64 (attribute). Writes reach it past the front's checks, and a test decides when builds
/// run.
class OneShard {
 public:
  static constexpr uint32_t kTable = 1;

  /// `min_seal_rows`: by default, no tail is sealed.
  explicit OneShard(uint64_t min_seal_rows = 1'000'000) {
    table_.id = kTable;
    table_.name = "items";
    table_.columns = {{1, "id", ColumnRole::kKey, DataType::kInt64, false, 0},
                      {2, "v", ColumnRole::kVector, DataType::kVector, true, 0},
                      {3, "data", ColumnRole::kPayload, DataType::kBytes, true, 0},
                      {4, "tag", ColumnRole::kAttribute, DataType::kInt64, true, 0}};
    table_.key = {0};
    definitions_.tables[table_.name] = table_;
    definitions_.next_table_id = kTable + 1;
    Open(min_seal_rows);
  }
  ~OneShard() { Close(); }

  void Open(uint64_t min_seal_rows = 1'000'000) {
    if (const absl::Status opened = TryOpen(min_seal_rows); !opened.ok()) {
      ADD_FAILURE() << opened;
      std::abort();
    }
  }
  absl::Status TryOpen(uint64_t min_seal_rows = 1'000'000) {
    ShardOptions options;
    options.directory = dir_.Sub("shard");
    options.rows_mode = StoreMode::kCreate;
    options.clock = &clock_;
    options.query_executor = &query_executor_;
    options.build_executor = &build_executor_;
    if (separate_merges_) options.merge_executor = &merge_executor_;
    if (separate_seals_) options.seal_executor = &seal_executor_;
    options.min_seal_rows = min_seal_rows;
    if (max_queued_rows_ > 0) options.max_queued_rows = max_queued_rows_;
    if (max_queued_bytes_ > 0) options.max_queued_bytes = max_queued_bytes_;
    options.disk_reserve_bytes = disk_reserve_bytes_;
    options.disk_bookings = disk_bookings_;
    options.verify_at_start = verify_at_start_;
    options.graph_builder = graph_builder_.get();
    options.at = at_;
    options.warn = [this](const std::string& sentence) {
      MutexLock lock(mutex_);
      warnings_.push_back(sentence);
    };
    auto opened = Shard::Open(options, definitions_);
    if (opened.ok()) shard_ = *std::move(opened);
    return opened.status();
  }
  void Close() {
    LetApplierRun();
    LetBuildsRun();
    shard_.reset();
  }
  /// Begins to close, while builds are held, and goes on when they run.
  std::thread CloseBeside() {
    return std::thread([shard = std::move(shard_)]() mutable { shard.reset(); });
  }

  /// From the next Open on.
  void LimitQueue(uint64_t rows, uint64_t bytes) {
    max_queued_rows_ = rows;
    max_queued_bytes_ = bytes;
  }
  void ReserveDisk(uint64_t bytes) { disk_reserve_bytes_ = bytes; }
  void ShareDisk(DiskBookings& bookings) { disk_bookings_ = &bookings; }
  void VerifyAtStart() { verify_at_start_ = true; }
  void SeparateMerges() { separate_merges_ = true; }
  void SeparateSeals() { separate_seals_ = true; }
  /// ShardOptions::at, and below, graph_builder, from the next Open on.
  void SetAt(std::function<void(std::string_view)> at) { at_ = std::move(at); }

  void UseGraphBuilder(std::unique_ptr<GraphBuilder> builder) {
    graph_builder_ = std::move(builder);
  }

  /// Moves the shard's clock on, for good.
  void AddMicros(int64_t micros) { clock_.added += micros; }
  /// The applier has looked at the clock.
  void Turn() {
    for (int i = 0; i < 2; ++i) EXPECT_EQ(shard_->DropIndex(0), absl::OkStatus());
  }

  Shard& shard() { return *shard_; }
  const TableDef& table() const { return table_; }
  std::string shard_dir() const { return dir_.Sub("shard"); }
  std::string rows_dir() const { return dir_.Sub("shard/rows"); }
  std::string index_dir(uint32_t index_id) const {
    return dir_.Sub(Concat("shard/index/", index_id));
  }

  /// A FLAT L2 index of dim 2 on `v`.
  static IndexDef Flat(uint32_t id, FreshnessMode mode = FreshnessMode::kImmediate) {
    IndexDef index;
    index.id = id;
    index.name = Concat("idx", id);
    index.table_id = kTable;
    index.column_id = 2;
    index.engine = Engine::kFlat;
    index.dim = 2;
    index.mode = mode;
    return index;
  }
  void CreateIndex(const IndexDef& index) {
    Define(index);
    EXPECT_EQ(shard_->CreateIndex(table_, index), absl::OkStatus());
  }
  void DropIndex(uint32_t id) {
    Undefine(id);
    EXPECT_EQ(shard_->DropIndex(id), absl::OkStatus());
  }
  /// What the catalog says at the next Open.
  void Define(const IndexDef& index) { definitions_.indexes[index.name] = index; }
  void Undefine(uint32_t id) { definitions_.indexes.erase(Concat("idx", id)); }

  /// Rows [first, last) with vector (id, 0), as one request.
  static std::vector<RowWrite> Rows(int64_t first, int64_t last) {
    std::vector<RowWrite> rows;
    for (int64_t id = first; id < last; ++id) {
      rows.push_back(OneRow(id, {static_cast<float>(id), 0}));
    }
    return rows;
  }
  static RowWrite OneRow(int64_t id, Vector vector, Value tag = {}) {
    RowWrite row;
    row.preferred_id = static_cast<RowId>(id);
    // Long enough to be kept apart from the rows, in a blob file.
    row.cells = {id, std::move(vector), std::string(400, 'd'), std::move(tag)};
    return row;
  }
  static RowWrite DeleteOf(RowId id) {
    RowWrite row;
    row.kind = Mutation::Kind::kDelete;
    row.preferred_id = id;
    return row;
  }
  absl::StatusOr<ShardWriteResult> TryWrite(std::vector<RowWrite> rows) {
    return TryWrite(ShardWrite{.rows = std::move(rows)});
  }
  absl::StatusOr<ShardWriteResult> TryWrite(ShardWrite write) {
    const CallContext context;
    const auto done = std::make_shared<std::promise<absl::StatusOr<ShardWriteResult>>>();
    shard_->Write(table_, std::move(write), context,
                  [done](auto result) { done->set_value(std::move(result)); });
    return done->get_future().get();
  }
  void Write(std::vector<RowWrite> rows) {
    const auto result = TryWrite(std::move(rows));
    EXPECT_TRUE(result.ok()) << result.status();
  }
  /// The same, without waiting for the answer.
  std::future<absl::Status> Send(std::vector<RowWrite> rows) {
    const auto done = std::make_shared<std::promise<absl::Status>>();
    shard_->Write(table_, {.rows = std::move(rows)}, endless_,
                  [done](const auto& result) { done->set_value(result.status()); });
    return done->get_future();
  }

  /// Writes the rows, and holds the applier in the answer, until LetApplierRun: they are
  /// acknowledged, and nothing after that is done.
  void HoldApplier(std::vector<RowWrite> rows) {
    held_applier_.emplace();
    const auto acknowledged = std::make_shared<std::promise<absl::Status>>();
    shard_->Write(
        table_, {.rows = std::move(rows)}, endless_,
        [acknowledged, released = held_applier_->get_future().share()](const auto& result) {
          acknowledged->set_value(result.status());
          released.wait();
        });
    EXPECT_EQ(acknowledged->get_future().get(), absl::OkStatus());
  }
  void LetApplierRun() {
    if (held_applier_.has_value()) held_applier_->set_value();
    held_applier_.reset();
  }

  /// Every row by its distance to (0, 0), read from the index (0: from the rows).
  absl::StatusOr<ShardQueryResult> Query(uint32_t index_id, std::vector<uint32_t> columns = {},
                                         LagPolicy policy = LagPolicy::kSkipTail) {
    ShardQuery query = Question(index_id, std::move(columns));
    query.plan.lag_policy = policy;
    return Ask(query);
  }
  absl::StatusOr<ShardQueryResult> Ask(const ShardQuery& query) {
    const CallContext context;
    const auto done = std::make_shared<std::promise<absl::StatusOr<ShardQueryResult>>>();
    shard_->Query(table_, query, context,
                  [done](auto result) { done->set_value(std::move(result)); });
    return done->get_future().get();
  }
  /// What Query asks.
  static ShardQuery Question(uint32_t index_id, std::vector<uint32_t> columns = {}) {
    ShardQuery query;
    query.table_id = kTable;
    query.column_position = 1;
    query.plan.index_id = index_id;
    query.plan.k = 1'000;
    query.plan.lag_policy = LagPolicy::kSkipTail;
    query.vector = {0, 0};
    query.columns = std::move(columns);
    return query;
  }
  /// The same question `count` times, in one call.
  std::vector<absl::StatusOr<ShardQueryResult>> QueryTogether(
      uint32_t index_id, size_t count, LagPolicy policy = LagPolicy::kSkipTail) {
    std::vector<ShardQuery> queries(count, Question(index_id, {}));
    for (ShardQuery& query : queries) query.plan.lag_policy = policy;
    const CallContext context;
    std::vector<absl::StatusOr<ShardQueryResult>> results;
    shard_->QueryTogether(table_, queries, context, [&](auto together) {
      EXPECT_TRUE(together.ok()) << together.status();
      if (together.ok()) results = *std::move(together);
    });
    return results;
  }
  /// What Await says, once it does. `context` outlives that.
  std::future<absl::StatusOr<uint64_t>> Await(const ShardAwait& await, const CallContext& context) {
    const auto done = std::make_shared<std::promise<absl::StatusOr<uint64_t>>>();
    shard_->Await(await, context, [done](auto result) { done->set_value(std::move(result)); });
    return done->get_future();
  }
  size_t CountAnswers(uint32_t index_id) {
    const auto result = Query(index_id);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? result->ranked.size() : 0;
  }

  /// Builds wait, from here on, until LetBuildsRun.
  void HoldBuilds() {
    held_.emplace();
    build_executor_.Submit([released = held_->get_future().share()] { released.wait(); });
  }
  void LetBuildsRun() {
    for (auto* const held : {&held_, &held_merges_}) {
      if (held->has_value()) (*held)->set_value();
      held->reset();
    }
    for (std::promise<void>& held : held_seals_) held.set_value();
    held_seals_.clear();
  }
  /// Builds alone: what waits in executors of its own goes on waiting.
  void LetBuildsRunAlone() {
    held_->set_value();
    held_.reset();
  }
  /// The same of seals alone, and what lets one of them run. After SeparateSeals.
  void HoldSeals() {
    held_seals_.emplace_back();
    seal_executor_.Submit(
        [released = held_seals_.back().get_future().share()] { released.wait(); });
  }
  void LetASealRun() {
    HoldSeals();
    held_seals_.front().set_value();
    held_seals_.pop_front();
  }
  /// The same of merges alone, which are not waited for by Settle. After SeparateMerges.
  void HoldMerges() {
    held_merges_.emplace();
    merge_executor_.Submit([released = held_merges_->get_future().share()] { released.wait(); });
  }

  ShardIndexStatus Status(uint32_t index_id) {
    const auto status = shard_->GetIndexStatus(index_id);
    EXPECT_TRUE(status.ok()) << status.status();
    return status.ok() ? *status : ShardIndexStatus();
  }
  /// The status once no build runs and none follows. REQUIRES: builds are not held.
  ShardIndexStatus Settle(uint32_t index_id) { return Settle(index_id, build_executor_); }
  /// The same of seals alone. After SeparateSeals.
  ShardIndexStatus SettleSeals(uint32_t index_id) { return Settle(index_id, seal_executor_); }

  std::vector<std::string> warnings() {
    MutexLock lock(mutex_);
    return warnings_;
  }

 private:
  ShardIndexStatus Settle(uint32_t index_id, Executor& executor) {
    std::optional<std::pair<uint64_t, size_t>> before;
    while (true) {
      // What was queued is built, then switched to, by when the next one is queued.
      const auto built = std::make_shared<std::promise<void>>();
      executor.Submit([built] { built->set_value(); });
      built->get_future().wait();
      EXPECT_EQ(shard_->DropIndex(0), absl::OkStatus());
      ShardIndexStatus status = Status(index_id);
      const std::pair now(status.generation, warnings().size());
      if (before == now) return status;
      before = now;
    }
  }

  struct ShiftedClock final : Clock {
    int64_t NowMicros() const override { return SystemClock().NowMicros() + added; }
    int64_t MonotonicNanos() const override {
      return SystemClock().MonotonicNanos() + 1'000 * added;
    }
    std::atomic<int64_t> added{0};
  };

  std::function<void(std::string_view)> at_;
  TempDir dir_;
  const CallContext endless_;
  uint64_t max_queued_rows_ = 0;  // 0, here and below: as by default
  uint64_t max_queued_bytes_ = 0;
  uint64_t disk_reserve_bytes_ = 0;
  DiskBookings* disk_bookings_ = nullptr;
  bool verify_at_start_ = false;
  bool separate_merges_ = false;
  bool separate_seals_ = false;
  ShiftedClock clock_;
  TableDef table_;
  DefinitionSet definitions_;
  std::unique_ptr<GraphBuilder> graph_builder_ =
      MakeGraphBuilder().value_or(nullptr);  // null without HNSW
  Executor query_executor_{1};
  Executor build_executor_{1};
  Executor merge_executor_{1};
  Executor seal_executor_{1};
  std::optional<std::promise<void>> held_applier_;
  std::optional<std::promise<void>> held_;
  std::optional<std::promise<void>> held_merges_;
  std::deque<std::promise<void>> held_seals_;
  Mutex mutex_;
  std::vector<std::string> warnings_ ORDINATE_GUARDED_BY(mutex_);
  std::unique_ptr<Shard> shard_;
};

}  // namespace ordinate
