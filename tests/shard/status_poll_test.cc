// contract 6.3 in every sample: one thread asks for the status of indexes, again and again, while
// another one writes, and creates, rebuilds and alters them.
#include <array>
#include <atomic>
#include <future>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/one_shard.h"

namespace ordinate {
namespace {

constexpr uint64_t kSeed = 63;
constexpr int kSteps = 100;
constexpr int kStepsPerChange = 4;
constexpr int kCreated = 40;  // at that step
constexpr int kBuilt = 50;

constexpr FreshnessMode kModes[] = {FreshnessMode::kImmediate, FreshnessMode::kBatched,
                                    FreshnessMode::kAsync, FreshnessMode::kRebuildOnly};
#ifdef ORDINATE_WITH_HNSW
constexpr Engine kEngines[] = {Engine::kFlat, Engine::kHnsw};
#else
constexpr Engine kEngines[] = {Engine::kFlat};
#endif
constexpr size_t kFirstIndexes = std::size(kModes) * std::size(kEngines);
constexpr size_t kIndexes = kFirstIndexes + 1;  // the last one is created in the course

constexpr RowId kKeys = 500;
constexpr uint64_t kMinSealRows = 100;
constexpr uint64_t kMaxLagRows = 12;
constexpr int64_t kIntervalMicros = 2'000;

/// An index, as the writing thread leaves it.
struct Watched {
  IndexDef definition;
  std::atomic<uint64_t> changes{0};  // begun and ended: odd while one is made
  std::atomic<FreshnessMode> mode{FreshnessMode::kImmediate};
};

/// What the polling thread has found of it.
struct Seen {
  bool exists = false;
  uint64_t visible_seq = 0;
  uint64_t changes = 0;  // when `progress` was
  double progress = 0;
};

class StatusPoll : public ::testing::Test {
 protected:
  StatusPoll() {
    one_.Close();
    one_.SeparateSeals();
    one_.SeparateMerges();
    one_.SetAt([this](std::string_view step) { At(step); });
    one_.Open(kMinSealRows);
    for (size_t i = 0; i < kIndexes; ++i) {
      IndexDef& index = watched_[i].definition;
      index = OneShard::Flat(static_cast<uint32_t>(i + 1), kModes[i % std::size(kModes)]);
      index.engine = kEngines[i / std::size(kModes) % std::size(kEngines)];
      index.m = 4;
      index.ef_build = 20;
      index.dim_policy = DimPolicy::kSkip;
      index.batch_rows = 20;
      index.batch_interval_micros = kIntervalMicros;
      index.max_lag_rows = kMaxLagRows;
      watched_[i].mode = index.mode;
      if (i < kFirstIndexes) one_.CreateIndex(index);
    }
    for (size_t i = 0; i < kFirstIndexes; ++i) one_.Settle(static_cast<uint32_t>(i + 1));
  }

  // The polling thread.

  void Poll() {
    while (!written_ && !HasFailure()) {
      for (size_t i = 0; i < kIndexes; ++i) Sample(i);
      ++rounds_;
      rounds_.notify_all();
    }
    polls_ = false;
    ++rounds_;
    rounds_.notify_all();
  }
  void Sample(size_t i) {
    const Watched& index = watched_[i];
    Seen& seen = seen_[i];
    const uint64_t changes = index.changes;
    const FreshnessMode mode = index.mode;
    const auto status = one_.shard().GetIndexStatus(static_cast<uint32_t>(i + 1));
    const bool unchanged = changes % 2 == 0 && index.changes == changes;
    if (absl::IsNotFound(status.status()) && !seen.exists && changes < 2) return;
    ASSERT_TRUE(status.ok()) << status.status();
    SCOPED_TRACE(testing::Message() << "index " << i + 1 << ", " << FreshnessModeName(mode) << " "
                                    << IndexStateName(status->state));
    seen.exists = true;
    EXPECT_EQ(status->rows_total, status->rows_indexed + status->rows_pending + status->rows_null +
                                      status->rows_invalid)
        << status->rows_indexed << " indexed, " << status->rows_pending << " pending, "
        << status->rows_null << " NULL, " << status->rows_invalid << " invalid";
    EXPECT_GE(status->visible_seq, seen.visible_seq);
    seen.visible_seq = status->visible_seq;
    if (!unchanged) return;  // its mode, and which build it tells of, is not known
    CheckPromise(mode, *status);
    if (changes == seen.changes) {
      EXPECT_GE(status->build_progress, seen.progress);
    }
    seen.changes = changes;
    seen.progress = status->build_progress;
    ++samples_;
    at_work_ += status->build_progress < 1;
    half_way_ += status->build_progress > 0 && status->build_progress < 0.999;
    if (status->rows_pending > 0) ++pending_[mode];
    if (status->state == IndexState::kStale) ++stale_;
  }
  static void CheckPromise(FreshnessMode mode, const ShardIndexStatus& status) {
    const bool built = status.generation > 0;
    EXPECT_EQ(status.state == IndexState::kBuilding, !built);
    EXPECT_NE(status.state, IndexState::kFailed) << status.reason;
    if (status.state == IndexState::kStale) {
      EXPECT_EQ(mode, FreshnessMode::kBatched) << status.reason;
    }
    if (status.state != IndexState::kReady) return;
    switch (mode) {
      case FreshnessMode::kImmediate:
        EXPECT_EQ(status.rows_pending, 0u);
        break;
      case FreshnessMode::kBatched:
        EXPECT_LE(status.lag_micros, kIntervalMicros);
        break;
      case FreshnessMode::kAsync:
        EXPECT_LE(status.lag_rows, kMaxLagRows);
        break;
      case FreshnessMode::kRebuildOnly:
        EXPECT_TRUE(built);
        break;
    }
  }
  /// Until every index was sampled once more.
  void AwaitRound() const {
    uint64_t now = rounds_;
    for (const uint64_t end = now + 2; polls_ && now < end; now = rounds_) rounds_.wait(now);
  }

  /// The applier: so that the steps of jobs, and two of three publications, are all sampled.
  void At(std::string_view step) {
    builds_ += step == "build made";
    seals_ += step == "seal made";
    merges_ += step == "merge made";
    if (step == "before publish") return;
    if (step != "after publish" || ++publications_ % 3 != 0) AwaitRound();
  }

  // The writing thread.

  RowWrite RandomRow(RowId id) {
    const int64_t tag = ++tags_;
    RowWrite row = OneShard::OneRow(static_cast<int64_t>(id), {static_cast<float>(tag), 0}, tag);
    const uint64_t what = random_() % 10;
    if (what < 2) return OneShard::DeleteOf(id);
    if (what < 4) {  // an update of the tag
      row.partial = true;
      row.columns = {3};
    } else if (what == 4) {
      row.cells[1] = Value();
    } else if (what == 5) {
      row.cells[1] = Vector{1, 2, 3};
    }
    return row;
  }
  void Apply(const std::vector<RowWrite>& rows) {
    for (const RowWrite& row : rows) {
      if (row.kind == Mutation::Kind::kDelete) {
        vectors_.erase(row.preferred_id);
      } else if (!row.partial) {
        vectors_[row.preferred_id] = row.cells[1];
      }
    }
  }
  /// Some requests at once. ASYNC indexes refuse what is too much.
  void WriteSome() {
    std::vector<std::pair<std::vector<RowWrite>, std::future<absl::Status>>> requests;
    for (size_t count = 1 + random_() % 4; requests.size() < count;) {
      std::set<RowId> ids;
      for (size_t size = 1 + random_() % 15; ids.size() < size;) ids.insert(random_() % kKeys);
      std::vector<RowWrite> rows;
      rows.reserve(ids.size());
      for (const RowId id : ids) rows.push_back(RandomRow(id));
      auto answer = one_.Send(rows);
      requests.emplace_back(std::move(rows), std::move(answer));
    }
    for (auto& [rows, answer] : requests) {
      const absl::Status status = answer.get();
      EXPECT_TRUE(status.ok() || absl::IsResourceExhausted(status)) << status;
      if (status.ok()) Apply(rows);
    }
  }
  /// ABORTED: a build runs.
  template <typename Change>
  bool Make(Watched& index, const Change& change) {
    ++index.changes;
    const absl::Status status = change();
    EXPECT_TRUE(status.ok() || absl::IsAborted(status)) << status;
    if (status.ok()) index.mode = index.definition.mode;
    ++index.changes;
    return status.ok();
  }
  void Create(Watched& index) {
    Make(index, [&] { return one_.shard().CreateIndex(one_.table(), index.definition); });
  }
  void Rebuild(Watched& index) {
    Make(index, [&] { return one_.shard().RebuildIndex(index.definition.id); });
  }
  void Alter(Watched& index, FreshnessMode mode) {
    const IndexDef before = index.definition;
    index.definition.mode = mode;
    if (!Make(index, [&] { return one_.shard().AlterIndex(one_.table(), index.definition); })) {
      index.definition = before;
    }
  }
  void ChangeOne(bool created) {
    const bool last = created && random_() % 2 == 0;
    Watched& index = watched_[last ? kFirstIndexes : random_() % kFirstIndexes];
    if (random_() % 3 > 0) {
      Rebuild(index);
    } else {
      Alter(index, kModes[random_() % std::size(kModes)]);
    }
  }

  /// Once everything is shown.
  void ExpectCountsOfRows(Watched& index) {
    const uint32_t id = index.definition.id;
    one_.Settle(id);
    if (index.definition.mode == FreshnessMode::kRebuildOnly) Rebuild(index);
    one_.AddMicros(kIntervalMicros);
    one_.Turn();
    const ShardIndexStatus status = one_.Settle(id);
    SCOPED_TRACE(testing::Message() << "index " << id);
    uint64_t nulls = 0, invalid = 0;
    for (const auto& [row, cell] : vectors_) {
      const auto* vector = std::get_if<Vector>(&cell);
      nulls += vector == nullptr;
      invalid += vector != nullptr && vector->size() != 2;
    }
    EXPECT_EQ(status.state, IndexState::kReady);
    EXPECT_EQ(status.rows_total, vectors_.size());
    EXPECT_EQ(status.rows_pending, 0u);
    EXPECT_EQ(status.rows_null, nulls);
    EXPECT_EQ(status.rows_invalid, invalid);
    EXPECT_EQ(status.build_progress, 1);
  }

  // Read by At, on the applier.
  std::atomic<uint64_t> rounds_{0};
  std::atomic<bool> polls_{false};
  std::atomic<uint64_t> builds_{0}, seals_{0}, merges_{0};
  uint64_t publications_ = 0;

  std::array<Watched, kIndexes> watched_;
  std::atomic<bool> written_{false};

  std::array<Seen, kIndexes> seen_;
  uint64_t samples_ = 0, at_work_ = 0, half_way_ = 0, stale_ = 0;
  std::map<FreshnessMode, uint64_t> pending_;

  std::mt19937_64 random_{kSeed};
  std::map<RowId, Value> vectors_;
  int64_t tags_ = 0;

  OneShard one_;
};

TEST_F(StatusPoll, EverySampleBalancesAndNothingGoesBack) {
  SCOPED_TRACE(testing::Message() << "seed " << kSeed);
  polls_ = true;
  std::thread poller([this] { Poll(); });
  for (int step = 0; step < kSteps && !HasFailure(); ++step) {
    if (step == kCreated) {
      one_.HoldBuilds();
      Create(watched_.back());
    }
    if (step == kBuilt) one_.LetBuildsRun();
    WriteSome();
    if (step % kStepsPerChange == 0) ChangeOne(/*created=*/step > kCreated);
    AwaitRound();
  }
  written_ = true;
  poller.join();
  one_.LetBuildsRun();
  if (HasFailure()) return;
  for (Watched& index : watched_) ExpectCountsOfRows(index);
  EXPECT_TRUE(one_.warnings().empty());

  EXPECT_GT(builds_, 0u);
  EXPECT_GT(seals_, 0u);
  EXPECT_GT(merges_, 0u);
  EXPECT_GT(at_work_, 0u);
  for (const FreshnessMode mode : kModes) {
    EXPECT_GT(pending_[mode], 0u) << FreshnessModeName(mode);
  }
  std::cout << "seed " << kSeed << ": " << samples_ << " samples, " << at_work_
            << " of an index that is built, " << half_way_ << " of them half way, " << stale_
            << " STALE; " << builds_ << " builds, " << seals_ << " seals, " << merges_
            << " merges\n";
}

}  // namespace
}  // namespace ordinate
