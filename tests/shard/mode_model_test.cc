// Random requests, mode changes, rebuilds and restarts against a model of what each mode shows
// (contract 5.2, 5.3, 6.3, 9).
#include <cstdlib>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <tuple>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/one_shard.h"

namespace ordinate {
namespace {

// A sanitizer takes several times as long for each.
#ifdef ORDINATE_SANITIZER
constexpr uint64_t kRows = 5'000;
#else
constexpr uint64_t kRows = 25'000;
#endif


constexpr uint64_t kMinSealRows = 20;
constexpr uint64_t kBatchRows = 17;
constexpr int64_t kIntervalMicros = 3'600'000'000;
constexpr RowId kKeys = 80;  // few, so that an answer of a graph is whole
constexpr uint64_t kRowsPerRestart = 1'700;

/// Rows by their score; nullopt: one without a vector. Each write has a score of its own.
using Content = std::map<RowId, std::optional<float>>;

/// What an index shows. Of a build that runs under REBUILD_ONLY it is not known when it switches.
class Model {
 public:
  explicit Model(FreshnessMode mode) : mode_(mode) {}

  FreshnessMode mode() const { return mode_; }
  bool building() const { return built_.has_value(); }
  /// Whether it may answer with these rows, and say that so many are pending: before the switch of
  /// a build, if one runs, or after it.
  bool Allows(const Content& found, uint64_t pending, bool switched) const {
    if (switched) return building() && found == Scored(*built_) && pending == since_built_.size();
    return found == Scored(shown_) && pending == waiting_.size();
  }
  Content Expected() const { return Scored(shown_); }
  /// What an answer has that scans what the index has not applied.
  Content Newest() const { return Scored(newest_); }

  void Apply(const std::vector<RowWrite>& request) {
    for (const RowWrite& row : request) {
      const RowId id = row.preferred_id;
      if (row.kind == Mutation::Kind::kDelete) {
        newest_.erase(id);
        shown_.erase(id);
        waiting_.erase(id);
        since_built_.erase(id);
        if (built_.has_value()) built_->erase(id);
        continue;
      }
      const auto* vector = std::get_if<Vector>(&row.cells[1]);
      newest_[id] = vector == nullptr ? std::nullopt : std::optional<float>((*vector)[0]);
      waiting_.insert(id);
      since_built_.insert(id);
    }
    const bool shows = mode_ == FreshnessMode::kImmediate || mode_ == FreshnessMode::kAsync ||
                       (mode_ == FreshnessMode::kBatched && waiting_.size() >= kBatchRows);
    if (shows) Show();
  }
  void IntervalIsOver() {
    if (mode_ == FreshnessMode::kBatched) Show();
  }
  void Restart() {
    if (mode_ != FreshnessMode::kRebuildOnly) Show();
  }
  void Alter(FreshnessMode mode) {
    Show();  // by the one or the other of two modes
    mode_ = mode;
  }
  void BeginBuild() {
    if (mode_ != FreshnessMode::kRebuildOnly) return Show();
    built_ = newest_;
    since_built_.clear();
  }
  /// `switched`: whether the build's content is what is shown from now on.
  void EndBuild(bool switched) {
    if (!built_.has_value()) return;
    if (switched) {
      shown_ = *std::move(built_);
      waiting_ = since_built_;
    }
    built_.reset();
  }

 private:
  /// What an answer has of it.
  static Content Scored(const Content& content) {
    Content scored;
    for (const auto& [id, score] : content) {
      if (score.has_value()) scored.emplace(id, score);
    }
    return scored;
  }
  void Show() {
    shown_ = newest_;
    waiting_.clear();
  }

  FreshnessMode mode_;
  Content newest_;
  Content shown_;
  std::set<RowId> waiting_;  // newest versions that are not shown
  std::optional<Content> built_;
  std::set<RowId> since_built_;
};

class ModeModel : public ::testing::TestWithParam<std::tuple<FreshnessMode, Engine>> {
 protected:
  ModeModel() {
    index_.mode = std::get<0>(GetParam());
    index_.engine = std::get<1>(GetParam());
    index_.batch_rows = kBatchRows;
    index_.batch_interval_micros = kIntervalMicros;
    index_.max_lag_rows = 30;
    one_.CreateIndex(index_);
    one_.Settle(1);
  }

  RowWrite RandomRow(RowId id) {
    RowWrite row = OneShard::OneRow(static_cast<int64_t>(id), {static_cast<float>(++revision_), 0});
    if (random_() % 10 == 0) row.cells[1] = Value();
    if (random_() % 10 < 3) {
      row.kind = Mutation::Kind::kDelete;
      row.cells.clear();
    }
    return row;
  }
  std::vector<RowWrite> RandomRequest() {
    std::set<RowId> ids;
    for (size_t count = 1 + random_() % 20; ids.size() < count;) ids.insert(random_() % kKeys);
    std::vector<RowWrite> rows;
    for (const RowId id : ids) rows.push_back(RandomRow(id));
    rows_written_ += rows.size();
    return rows;
  }

  /// Some requests, the next sent before the one before is answered.
  void WriteSome() {
    const CallContext context;
    std::vector<std::vector<RowWrite>> requests;
    for (size_t count = random_() % 3 == 0 ? 2 + random_() % 4 : 1; requests.size() < count;) {
      requests.push_back(RandomRequest());
    }
    std::vector<std::future<absl::Status>> answers;
    for (const std::vector<RowWrite>& rows : requests) {
      const auto done = std::make_shared<std::promise<absl::Status>>();
      answers.push_back(done->get_future());
      one_.shard().Write(one_.table(), {.rows = rows}, context,
                         [done](auto result) { done->set_value(result.status()); });
    }
    for (size_t i = 0; i < requests.size(); ++i) {
      const absl::Status status = answers[i].get();
      if (status.ok()) {
        model_.Apply(requests[i]);
        continue;
      }
      ++refused_;
      EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
      EXPECT_EQ(model_.mode(), FreshnessMode::kAsync);
    }
  }

  void Settle() {
    one_.Settle(1);
    model_.EndBuild(true);
  }
  void Rebuild() {
    Settle();
    ASSERT_EQ(one_.shard().RebuildIndex(1), absl::OkStatus());
    model_.BeginBuild();
  }
  /// To another mode and, the next time, back.
  void Alter() {
    Settle();
    const FreshnessMode home = std::get<0>(GetParam());
    FreshnessMode mode = home;
    while (index_.mode == home && mode == home)
      mode = static_cast<FreshnessMode>(1 + random_() % 4);
    index_.mode = mode;
    one_.Define(index_);
    ASSERT_EQ(one_.shard().AlterIndex(one_.table(), index_), absl::OkStatus());
    model_.Alter(mode);
    Settle();
  }
  void Restart() {
    ++restarts_;
    one_.Close();
    one_.Open(kMinSealRows);
    model_.Restart();
    const Content found = Ask();
    const uint64_t pending = one_.Status(1).rows_pending;
    model_.EndBuild(model_.Allows(found, pending, /*switched=*/true));
  }

  Content Ask() {
    Content found;
    const auto result = one_.Query(1);
    EXPECT_TRUE(result.ok()) << result.status();
    if (!result.ok()) return found;
    for (const RankedRow& row : result->ranked) {
      EXPECT_TRUE(found.emplace(row.id, row.score).second) << "row " << row.id << " comes twice";
    }
    EXPECT_GE(result->visible_seq, visible_seq_);
    visible_seq_ = result->visible_seq;
    return found;
  }
  void Check() {
    if (model_.mode() == FreshnessMode::kAsync) one_.Turn();
    ShardIndexStatus status;
    Content found;
    do {  // both of one moment
      status = one_.Status(1);
      found = Ask();
    } while (one_.Status(1).generation != status.generation);
    EXPECT_EQ(status.rows_total,
              status.rows_indexed + status.rows_pending + status.rows_null + status.rows_invalid);
    if (!model_.Allows(found, status.rows_pending, true) &&
        !model_.Allows(found, status.rows_pending, false)) {
      EXPECT_EQ(found, model_.Expected());
      FAIL() << status.rows_pending << " pending";
    }
    EXPECT_LE(status.segments, 11u);
    const auto scanned = one_.Query(1, {0}, LagPolicy::kScanTail);
    ASSERT_TRUE(scanned.ok()) << scanned.status();
    Content all;
    for (const RankedRow& row : scanned->ranked) {
      EXPECT_TRUE(all.emplace(row.id, row.score).second) << "row " << row.id << " comes twice";
    }
    EXPECT_EQ(all, model_.Newest());
  }

  const uint64_t seed_ = std::random_device{}();
  std::mt19937_64 random_{seed_};
  OneShard one_{kMinSealRows};
  IndexDef index_ = OneShard::Flat(1);
  Model model_{std::get<0>(GetParam())};
  int64_t revision_ = 0;
  uint64_t rows_written_ = 0;
  uint64_t refused_ = 0;
  uint64_t restarts_ = 0;
  uint64_t visible_seq_ = 0;
};

TEST_P(ModeModel, ShowsWhatItsModePromises) {
  SCOPED_TRACE(testing::Message() << "seed " << seed_);
  const uint64_t rows = std::getenv("ORDINATE_NIGHTLY") != nullptr ? 125'000 : kRows;
  while (rows_written_ < rows && !HasFailure()) {
    SCOPED_TRACE(testing::Message()
                 << "after " << rows_written_ << " rows, " << FreshnessModeName(model_.mode()));
    const uint64_t what = random_() % 100;
    if (what < 90) {
      WriteSome();
    } else if (what < 94) {
      Rebuild();
    } else if (what < 96) {
      Alter();
    } else {
      one_.AddMicros(kIntervalMicros + 1'000'000);
      one_.Turn();
      model_.IntervalIsOver();
    }
    if (rows_written_ / kRowsPerRestart > restarts_) Restart();
    if (random_() % 3 == 0) Settle();
    if (random_() % 2 == 0) Check();
  }
  EXPECT_TRUE(one_.warnings().empty());
  std::cout << rows_written_ << " rows, " << restarts_ << " restarts, " << refused_
            << " requests refused\n";
}
#ifdef ORDINATE_WITH_HNSW
constexpr Engine kEngines[] = {Engine::kFlat, Engine::kHnsw};
#else
constexpr Engine kEngines[] = {Engine::kFlat};
#endif
INSTANTIATE_TEST_SUITE_P(
    All, ModeModel,
    ::testing::Combine(::testing::Values(FreshnessMode::kImmediate, FreshnessMode::kBatched,
                                         FreshnessMode::kAsync, FreshnessMode::kRebuildOnly),
                       ::testing::ValuesIn(kEngines)),
    [](const auto& param) {
      return std::string(FreshnessModeName(std::get<0>(param.param))) + "_" +
             std::string(EngineName(std::get<1>(param.param)));
    });

}  // namespace
}  // namespace ordinate
