// Random requests, mode changes, rebuilds and restarts against a model of what each mode shows
// (contract 5.2, 5.3, 6.3, 9).
#include <cstdlib>
#include <filesystem>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <tuple>
#include <vector>

#include "engine/shard/rebuild_note.h"
#include "gtest/gtest.h"
#include "storage/files/folder.h"
#include "storage/vdata/segment_file.h"
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

/// A row's score, nullopt without a vector, and its tag. Each write has a tag of its own.
struct Cells {
  std::optional<float> score;
  int64_t tag = 0;
  bool operator==(const Cells&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Cells& cells) {
    return out << cells.score.value_or(-1) << "/" << cells.tag;
  }
};
using Content = std::map<RowId, Cells>;

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
  /// Of the row's newest version; nullopt: it has none.
  std::optional<float> ScoreOf(RowId id) const {
    const auto found = newest_.find(id);
    return found == newest_.end() ? std::nullopt : found->second.score;
  }

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
      newest_[id] = {vector == nullptr ? std::nullopt : std::optional<float>((*vector)[0]),
                     std::get<int64_t>(row.cells[3])};
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
    for (const auto& [id, cells] : content) {
      if (cells.score.has_value()) scored.emplace(id, cells);
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
    ++revision_;
    const bool keeps = random_() % 2 == 0;  // the vector it has, if it has one
    const std::optional<float> before = model_.ScoreOf(id);
    const float x = keeps && before.has_value() ? *before : static_cast<float>(revision_);
    RowWrite row = OneShard::OneRow(static_cast<int64_t>(id), {x, 0}, revision_);
    if (random_() % 10 == 0) row.cells[1] = Value();
    if (random_() % 10 < 2) {
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
  /// To another mode and, perhaps while that is being built, or the next time, back.
  void Alter() {
    Settle();
    AlterMode();
    if (random_() % 2 == 0) {
      WriteSome();
      AlterMode();
    }
    Settle();
  }
  void AlterMode() {
    const FreshnessMode home = std::get<0>(GetParam());
    FreshnessMode mode = home;
    while (index_.mode == home && mode == home)
      mode = static_cast<FreshnessMode>(1 + random_() % 4);
    index_.mode = mode;
    one_.Define(index_);
    ASSERT_EQ(one_.shard().AlterIndex(one_.table(), index_), absl::OkStatus());
    model_.Alter(mode);
  }
  /// To other options that a build makes good.
  void Restructure() {
    Settle();
    index_.m = kMinM + static_cast<uint32_t>(random_() % 4);
    index_.ef_build = kMinEfBuild + static_cast<uint32_t>(random_() % 4);
    index_.quantization = random_() % 2 == 0 ? Quantization::kNone : Quantization::kSq8;
    one_.Define(index_);
    const bool builds = HasOtherFiles();
    ASSERT_EQ(one_.shard().AlterIndex(one_.table(), index_), absl::OkStatus());
    if (builds) model_.BeginBuild();
    ++restructured_;
  }
  /// What is not needed by the index, and has not ended.
  void Cancel() {
    const absl::StatusOr<bool> cancelled = one_.shard().CancelRebuild(1);
    if (cancelled.ok() && *cancelled) model_.EndBuild(false);
    EXPECT_TRUE(cancelled.ok() || absl::IsFailedPrecondition(cancelled.status()));
    cancelled_ += cancelled.ok() && *cancelled ? 1 : 0;
  }
  bool HasOtherFiles() {
    if (index_.engine != Engine::kHnsw) return false;
    const auto names = ListFolder(one_.index_dir(1));
    return std::ranges::any_of(*names, [this](const std::string& name) {
      if (!name.ends_with(".vdata")) return false;
      const auto file = SegmentFile::Open(one_.index_dir(1) + "/" + name);
      // Gone by now, or of rows without vectors.
      if (!file.ok() || (*file)->view().engine != index_.engine) return false;
      const SegmentView& view = (*file)->view();
      return view.m != index_.m || view.ef_build != index_.ef_build ||
             view.codes.quantization != index_.quantization;
    });
  }
  void Restart() {
    ++restarts_;
    one_.Close();
    const bool begins_again =
        std::filesystem::exists(one_.index_dir(1) + "/" + kRebuildNote) || HasOtherFiles();
    one_.Open(kMinSealRows);
    model_.Restart();
    model_.EndBuild(!begins_again);
    if (begins_again) model_.BeginBuild();
  }

  Content Ask() {
    ShardQuery query = OneShard::Question(1, {3});
    query.order_by = {{.column = "tag", .column_position = 3}};
    const auto result = one_.Ask(query);
    EXPECT_TRUE(result.ok()) << result.status();
    if (!result.ok()) return {};
    EXPECT_GE(result->visible_seq, visible_seq_);
    visible_seq_ = result->visible_seq;
    const Content found = ContentOf(*result);
    AskForTags(found, *result);
    return found;
  }
  /// The scores and tags, which come by two ways.
  static Content ContentOf(const ShardQueryResult& result) {
    Content found;
    for (size_t i = 0; i < result.ranked.size(); ++i) {
      const RankedRow& row = result.ranked[i];
      const Cells cells{row.score, std::get<int64_t>(result.rows[i].cells[0])};
      if (!row.keys.empty()) {
        EXPECT_EQ(std::get<int64_t>(row.keys[0]), cells.tag);
      }
      EXPECT_TRUE(found.emplace(row.id, cells).second) << "row " << row.id << " comes twice";
    }
    return found;
  }
  /// A filter finds the same tags, as long as the index shows the same.
  void AskForTags(const Content& found, const ShardQueryResult& shown) {
    ShardQuery query = OneShard::Question(1, {3});
    const int64_t least = std::max<int64_t>(0, revision_ - static_cast<int64_t>(random_() % 100));
    query.filter = BindFilter({.column = "tag", .op = CompareOp::kGe, .literals = {Value(least)}},
                              one_.table())
                       .value();
    const auto result = one_.Ask(query);
    ASSERT_TRUE(result.ok()) << result.status();
    if (result->visible_seq != shown.visible_seq || result->generation != shown.generation) return;
    Content expected = found;
    std::erase_if(expected, [&](const auto& row) { return row.second.tag < least; });
    EXPECT_EQ(ContentOf(*result), expected) << "tags from " << least << " on";
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
    const auto scanned = one_.Query(1, {3}, LagPolicy::kScanTail);
    ASSERT_TRUE(scanned.ok()) << scanned.status();
    EXPECT_EQ(ContentOf(*scanned), model_.Newest());
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
  uint64_t restructured_ = 0;
  uint64_t cancelled_ = 0;
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
      if (random_() % 4 == 0) Cancel();
    } else if (what < 95) {
      Alter();
    } else if (what < 96) {
      if (index_.engine == Engine::kHnsw) Restructure();
      if (random_() % 4 == 0) Cancel();
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
            << " requests refused, " << restructured_ << " times other options, " << cancelled_
            << " rebuilds cancelled\n";
#ifndef ORDINATE_SANITIZER
  EXPECT_EQ(restructured_ > 0, index_.engine == Engine::kHnsw);
#endif
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
