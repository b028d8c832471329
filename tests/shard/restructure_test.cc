// How an index comes to another m, ef_build or quantization while it answers.
// contract 6.1: structural options by a rebuild.
#include <atomic>
#include <string_view>

#include "engine/shard/delayed_builds.h"
#include "gmock/gmock.h"
#include "storage/files/folder.h"
#include "storage/vdata/segment_file.h"
#include "tests/shard/no_segments.h"
#include "tests/support/one_shard.h"

namespace ordinate {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr uint32_t kIndex = 1;
constexpr uint64_t kSealRows = 10;

struct Structure {
  uint32_t m;
  uint32_t ef_build;
  Quantization quantization;
  bool operator==(const Structure&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Structure& s) {
    return out << "m " << s.m << ", ef_build " << s.ef_build << ", "
               << QuantizationName(s.quantization);
  }
};

Structure Of(const IndexDef& index) { return {index.m, index.ef_build, index.quantization}; }

/// Counts the nodes of finished graphs that others grow from.
class CountingBuilder final : public GraphBuilder {
 public:
  explicit CountingBuilder(std::atomic<uint64_t>& kept) : kept_(kept) {}
  absl::StatusOr<Graph> Build(const GraphParams& params, std::span<const float> vectors,
                              const CallContext& context,
                              const BuildProgress& progress) const override {
    return builder_->Build(params, vectors, context, progress);
  }
  absl::StatusOr<Graph> Extend(const GraphParams& params, std::span<const float> vectors,
                               const GraphBase& base, const CallContext& context,
                               const BuildProgress& progress) const override {
    kept_ += base.kept.size();
    return builder_->Extend(params, vectors, base, context, progress);
  }

 private:
  const std::unique_ptr<GraphBuilder> builder_ = MakeGraphBuilder().value();
  std::atomic<uint64_t>& kept_;
};

/// Fails for good while `fails`.
class FailingBuilder final : public GraphBuilder {
 public:
  explicit FailingBuilder(const std::atomic<bool>& fails) : fails_(fails) {}
  absl::StatusOr<Graph> Build(const GraphParams& params, std::span<const float> vectors,
                              const CallContext& context,
                              const BuildProgress& progress) const override {
    if (fails_) return absl::InvalidArgumentError("no memory");
    return builder_->Build(params, vectors, context, progress);
  }

 private:
  const std::unique_ptr<GraphBuilder> builder_ = MakeGraphBuilder().value();
  const std::atomic<bool>& fails_;
};

class Restructure : public ::testing::Test {
 protected:
  explicit Restructure(FreshnessMode mode = FreshnessMode::kImmediate) {
    before_ = OneShard::Flat(kIndex, mode);
    before_.engine = Engine::kHnsw;
    after_ = before_;
    after_.m = 6;
    after_.ef_build = 33;
    after_.quantization = Quantization::kSq8;
    one_.Close();
    one_.UseGraphBuilder(std::make_unique<CountingBuilder>(kept_));
    one_.SetAt([this](std::string_view step) { builds_ += step == "build made" ? 1 : 0; });
    one_.Open(kSealRows);
  }
  void Create(int64_t rows) {
    one_.Write(OneShard::Rows(0, rows));
    one_.CreateIndex(before_);
    ASSERT_EQ(one_.Settle(kIndex).state, IndexState::kReady);
    builds_ = 0;
  }
  void Alter(const IndexDef& index) {
    one_.Define(index);
    ASSERT_EQ(one_.shard().AlterIndex(one_.table(), index), absl::OkStatus());
  }
  /// Of each file.
  std::vector<Structure> Files() {
    std::vector<Structure> found;
    const std::vector<std::string> names = ListFolder(one_.index_dir(kIndex)).value();
    for (const std::string& name : names) {
      if (!name.ends_with(".vdata")) continue;
      const auto file = SegmentFile::Open(one_.index_dir(kIndex) + "/" + name);
      EXPECT_TRUE(file.ok()) << file.status();
      if (!file.ok()) continue;
      const SegmentView& view = (*file)->view();
      found.push_back({view.m, view.ef_build, view.codes.quantization});
    }
    return found;
  }

  std::atomic<int> builds_{0};
  std::atomic<uint64_t> kept_{0};  // nodes of graphs that others grew from
  std::atomic<bool> fails_{false};
  OneShard one_{kSealRows};
  IndexDef before_, after_;
};

TEST_F(Restructure, IsABuildAndTheFilesThereAreAnswerUntilItSwitches) {
  Create(5);
  one_.HoldBuilds();
  Alter(after_);
  one_.Write(OneShard::Rows(5, 7));
  EXPECT_EQ(one_.CountAnswers(kIndex), 7u);
  EXPECT_EQ(one_.Status(kIndex).state, IndexState::kReady) << "nothing waits";
  EXPECT_LT(one_.Status(kIndex).build_progress, 1);
  EXPECT_THAT(Files(), ElementsAre(Of(before_)));
  one_.LetBuildsRun();
  EXPECT_EQ(one_.Settle(kIndex).generation, 2u);
  EXPECT_EQ(one_.CountAnswers(kIndex), 7u);
  EXPECT_THAT(Files(), ElementsAre(Of(after_)));
  EXPECT_EQ(builds_, 1);
}

TEST_F(Restructure, OfEachOptionAloneIsABuild) {
  Create(5);
  const auto expect_built = [this](const IndexDef& index) {
    builds_ = 0;
    Alter(index);
    one_.Settle(kIndex);
    EXPECT_EQ(builds_, 1);
    EXPECT_THAT(Files(), ElementsAre(Of(index)));
  };
  IndexDef index = before_;
  index.m = 8;
  expect_built(index);
  index.ef_build = 50;
  expect_built(index);
  index.quantization = Quantization::kSq8;
  expect_built(index);
  index.quantization = Quantization::kNone;
  expect_built(index);
  builds_ = 0;
  index.ef_search = 77;
  Alter(index);
  one_.Settle(kIndex);
  EXPECT_EQ(builds_, 0) << "takes effect at once";
}

TEST_F(Restructure, CutShortIsBegunAgainAtTheStart) {
  Create(5);
  one_.HoldBuilds();
  Alter(after_);
  one_.shard().CancelBuilds();
  one_.Close();
  EXPECT_THAT(Files(), ElementsAre(Of(before_)));
  one_.HoldBuilds();
  one_.Open(kSealRows);
  EXPECT_EQ(one_.CountAnswers(kIndex), 5u) << "the old files answer, before any build";
  EXPECT_EQ(one_.Status(kIndex).generation, 1u);
  one_.LetBuildsRun();
  EXPECT_EQ(one_.Settle(kIndex).generation, 2u);
  EXPECT_THAT(Files(), ElementsAre(Of(after_)));
  one_.Close();
  one_.Open(kSealRows);
  EXPECT_EQ(one_.Settle(kIndex).generation, 2u) << "it was done";
}

TEST_F(Restructure, DuringTheFirstBuildBeginsItAgain) {
  one_.Write(OneShard::Rows(0, 5));
  one_.HoldBuilds();
  one_.CreateIndex(before_);
  Alter(after_);
  one_.LetBuildsRun();
  EXPECT_EQ(one_.Settle(kIndex).generation, 1u);
  EXPECT_EQ(one_.CountAnswers(kIndex), 5u);
  EXPECT_THAT(Files(), ElementsAre(Of(after_)));
}

// No index passes this gate.
TEST_F(Restructure, DuringARebuildIsNotUpToItsGate) {
  Create(5);
  one_.HoldBuilds();
  const RebuildGate gate{.min_recall = 2, .ef_search = 64, .alpha = 6};
  ASSERT_EQ(one_.shard().RebuildIndex(kIndex, gate), absl::OkStatus());
  Alter(after_);
  one_.LetBuildsRun();
  EXPECT_EQ(one_.Settle(kIndex).generation, 2u);
  EXPECT_THAT(Files(), ElementsAre(Of(after_)));
  EXPECT_THAT(one_.warnings(), IsEmpty());
}

TEST_F(Restructure, AndBackIsNoBuild) {
  Create(5);
  one_.HoldBuilds();
  Alter(after_);
  EXPECT_THAT(one_.Status(kIndex).reason, HasSubstr("another m, ef_build or quantization"));
  Alter(before_);
  EXPECT_EQ(one_.Status(kIndex).build_progress, 1) << "none is running";
  EXPECT_EQ(one_.Status(kIndex).reason, "every acknowledged write is visible");
  one_.LetBuildsRun();
  EXPECT_EQ(one_.Settle(kIndex).generation, 1u);
  EXPECT_THAT(Files(), ElementsAre(Of(before_)));
  EXPECT_EQ(one_.CountAnswers(kIndex), 5u);
}

TEST_F(Restructure, AndBackIsABuildWhereRowsWereSealedMeanwhile) {
  one_.Close();
  one_.SeparateSeals();
  one_.Open(kSealRows);
  Create(100);
  one_.HoldBuilds();
  Alter(after_);
  one_.Write(OneShard::Rows(100, 120));
  while (one_.Status(kIndex).segments < 2) one_.Turn();
  Alter(before_);
  one_.LetBuildsRun();
  one_.Settle(kIndex);
  EXPECT_EQ(builds_, 1);
  EXPECT_EQ(one_.CountAnswers(kIndex), 120u);
  EXPECT_THAT(Files(), Each(Of(before_)));
}

// Of what is sealed meanwhile there may be more by then.
TEST_F(Restructure, IsNeededUntilEveryRowHasTheOptions) {
  one_.Close();
  one_.SeparateSeals();
  one_.Open(kSealRows);
  Create(20);
  one_.HoldBuilds();
  Alter(after_);
  one_.Write(OneShard::Rows(20, 200));
  while (one_.Status(kIndex).segments < 2 || one_.Status(kIndex).tail_rows > 0) one_.Turn();
  EXPECT_TRUE(absl::IsFailedPrecondition(one_.shard().CancelRebuild(kIndex).status()));
  after_.ef_search = 99;
  Alter(after_);
  EXPECT_LT(one_.Status(kIndex).build_progress, 1) << "goes on";
  one_.shard().CancelBuilds();
  one_.Close();
  EXPECT_THAT(Files(), Contains(Of(before_)));
  one_.Open(kSealRows);
  one_.Settle(kIndex);
  EXPECT_THAT(Files(), Each(Of(after_)));
  EXPECT_EQ(one_.CountAnswers(kIndex), 200u);
}

// No index passes this gate.
TEST_F(Restructure, AndBackGoesOnWithTheRebuildThatWasAskedForAndItsGate) {
  Create(5);
  one_.HoldBuilds();
  const RebuildGate gate{.min_recall = 2, .ef_search = 64, .alpha = 6};
  ASSERT_EQ(one_.shard().RebuildIndex(kIndex, gate), absl::OkStatus());
  Alter(after_);
  Alter(before_);
  one_.LetBuildsRun();
  EXPECT_THAT(one_.Settle(kIndex).last_error, HasSubstr("the gate refused it"));
  EXPECT_THAT(Files(), ElementsAre(Of(before_)));
}

TEST_F(Restructure, IsThatOfWhatIsSealedMeanwhile) {
  one_.Close();
  one_.SeparateSeals();
  one_.Open(kSealRows);
  Create(40);
  one_.HoldSeals();
  one_.Write(OneShard::Rows(40, 60));  // a seal begins, of the old options
  one_.HoldBuilds();
  Alter(after_);
  one_.Write(OneShard::Rows(60, 61));
  one_.LetASealRun();  // it is given up, and another one begun
  while (one_.Status(kIndex).segments < 2) one_.Turn();
  EXPECT_THAT(Files(), UnorderedElementsAre(Of(before_), Of(after_)));
  one_.LetBuildsRun();
  one_.Settle(kIndex);
  EXPECT_EQ(one_.CountAnswers(kIndex), 61u);
  EXPECT_THAT(Files(), Each(Of(after_)));
}

TEST_F(Restructure, ThatCannotBeWrittenIsTriedAgain) {
  Create(40);
  NoSegments disk;
  const WatchedDisk watched(disk);
  disk.fails = true;
  Alter(after_);
  EXPECT_THAT(one_.Settle(kIndex).last_error, HasSubstr("made again"));
  EXPECT_EQ(one_.CountAnswers(kIndex), 40u);
  EXPECT_THAT(Files(), ElementsAre(Of(before_)));
  disk.fails = false;
  one_.AddMicros(DelayedBuilds::kLongestWaitMicros);
  one_.Turn();
  EXPECT_EQ(one_.Settle(kIndex).last_error, "");
  EXPECT_THAT(Files(), ElementsAre(Of(after_)));
}

TEST_F(Restructure, ThatWaitsIsNotTriedAgainOnceAlteredBack) {
  Create(40);
  NoSegments disk;
  const WatchedDisk watched(disk);
  disk.fails = true;
  Alter(after_);
  one_.Settle(kIndex);
  disk.fails = false;
  Alter(before_);
  one_.AddMicros(DelayedBuilds::kLongestWaitMicros);
  one_.Turn();
  EXPECT_EQ(one_.Settle(kIndex).generation, 1u);
}

class RestructureThatWaits : public Restructure {
 protected:
  const RebuildGate nothing_passes_{.min_recall = 2, .ef_search = 64, .alpha = 6};
  NoSegments disk_;
  const WatchedDisk watched_{disk_};

  void SetUp() override {
    Create(40);
    disk_.fails = true;
    Alter(after_);
    one_.Settle(kIndex);
  }
  void ExpectBuiltInTime() {
    EXPECT_THAT(Files(), ElementsAre(Of(before_)));
    one_.AddMicros(DelayedBuilds::kLongestWaitMicros);
    one_.Turn();
    EXPECT_EQ(one_.Settle(kIndex).last_error, "");
    EXPECT_THAT(Files(), ElementsAre(Of(after_)));
  }
};

TEST_F(RestructureThatWaits, IsNotReplacedByARebuildThatAGateMayRefuse) {
  disk_.fails = false;
  ASSERT_EQ(one_.shard().RebuildIndex(kIndex, nothing_passes_), absl::OkStatus());
  EXPECT_THAT(one_.Settle(kIndex).last_error, HasSubstr("the gate refused it"));
  ExpectBuiltInTime();
}

TEST_F(RestructureThatWaits, DoesNotTakeTheGateOfARebuildThatFailsToo) {
  ASSERT_EQ(one_.shard().RebuildIndex(kIndex, nothing_passes_), absl::OkStatus());
  one_.Settle(kIndex);
  disk_.fails = false;
  ExpectBuiltInTime();
}

TEST_F(RestructureThatWaits, StaysWhereARebuildIsCancelled) {
  disk_.fails = false;
  one_.HoldBuilds();
  ASSERT_EQ(one_.shard().RebuildIndex(kIndex, nothing_passes_), absl::OkStatus());
  EXPECT_TRUE(one_.shard().CancelRebuild(kIndex).value());
  one_.LetBuildsRun();
  one_.Settle(kIndex);
  ExpectBuiltInTime();
}

TEST_F(Restructure, ThatFailedForGoodIsMadeByTheSameAlterOnceMore) {
  one_.Close();
  one_.UseGraphBuilder(std::make_unique<FailingBuilder>(fails_));
  one_.Open(kSealRows);
  Create(5);
  fails_ = true;
  Alter(after_);
  EXPECT_EQ(one_.Settle(kIndex).last_error, "no memory");
  fails_ = false;
  EXPECT_THAT(Files(), ElementsAre(Of(before_)));
  Alter(after_);
  EXPECT_EQ(one_.Settle(kIndex).last_error, "");
  EXPECT_THAT(Files(), ElementsAre(Of(after_)));
}

// A graph of the old ef_build would be taken for one of the new.
TEST_F(Restructure, IsThatOfAMergeToo) {
  Create(100);  // too many to grow by a seal
  NoSegments disk;
  const WatchedDisk watched(disk);
  disk.fails = true;
  after_ = before_;
  after_.ef_build = kMinEfBuild;
  Alter(after_);
  one_.Settle(kIndex);
  disk.fails = false;
  std::vector<RowWrite> others;
  for (int64_t id = 0; id < 30; ++id) {
    others.push_back(OneShard::OneRow(id, {static_cast<float>(id), 1}));
  }
  one_.Write(std::move(others));
  one_.Settle(kIndex);
  EXPECT_EQ(kept_, 0u);
  EXPECT_EQ(one_.CountAnswers(kIndex), 100u);
  EXPECT_THAT(Files(), Each(Of(after_))) << "the build waits yet";
}

TEST_F(Restructure, IsNotCancelledButAlteredBack) {
  Create(5);
  one_.HoldBuilds();
  Alter(after_);
  const absl::Status refused = one_.shard().CancelRebuild(kIndex).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("ALTER it back"));
  Alter(before_);
  EXPECT_FALSE(one_.shard().CancelRebuild(kIndex).value()) << "none is running";
  one_.LetBuildsRun();
  EXPECT_EQ(one_.Settle(kIndex).generation, 1u);
}

class RestructureRebuildOnly : public Restructure {
 protected:
  RestructureRebuildOnly() : Restructure(FreshnessMode::kRebuildOnly) {}
};

TEST_F(RestructureRebuildOnly, ShowsWhatWaitsAsEveryBuildDoes) {
  Create(5);
  one_.Write(OneShard::Rows(5, 7));
  one_.HoldBuilds();
  Alter(after_);
  EXPECT_EQ(one_.CountAnswers(kIndex), 5u);
  one_.LetBuildsRun();
  one_.Settle(kIndex);
  EXPECT_EQ(one_.CountAnswers(kIndex), 7u);
  EXPECT_THAT(Files(), ElementsAre(Of(after_)));
}

TEST_F(RestructureRebuildOnly, OfAnIndexWithoutRowsShowsWhatWaits) {
  Create(0);
  one_.Write(OneShard::Rows(0, 7));
  EXPECT_EQ(one_.CountAnswers(kIndex), 0u);
  one_.HoldBuilds();
  Alter(after_);
  after_.m = 8;
  Alter(after_);
  one_.LetBuildsRun();
  one_.Settle(kIndex);
  EXPECT_EQ(one_.CountAnswers(kIndex), 7u);
  EXPECT_THAT(Files(), ElementsAre(Of(after_)));
}

TEST_F(RestructureRebuildOnly, AndBackShowsNothingThatWaits) {
  Create(5);
  one_.Write(OneShard::Rows(5, 7));
  one_.HoldBuilds();
  Alter(after_);
  Alter(before_);
  one_.LetBuildsRun();
  EXPECT_EQ(one_.Settle(kIndex).generation, 1u);
  EXPECT_EQ(one_.CountAnswers(kIndex), 5u);
}

TEST_F(RestructureRebuildOnly, LeavingItWithManyRowsWaitingIsOneBuild) {
  Create(5);
  one_.Write(OneShard::Rows(5, 500));  // more than are fed at once
  after_.mode = FreshnessMode::kImmediate;
  Alter(after_);
  EXPECT_EQ(one_.Settle(kIndex).state, IndexState::kReady);
  EXPECT_EQ(one_.CountAnswers(kIndex), 500u);
  EXPECT_THAT(Files(), ElementsAre(Of(after_)));
  EXPECT_EQ(builds_, 1);
}

TEST_F(RestructureRebuildOnly, FromAnotherModeIsOneBuild) {
  before_.mode = FreshnessMode::kImmediate;
  Create(5);
  one_.Write(OneShard::Rows(5, 7));
  Alter(after_);
  one_.Settle(kIndex);
  EXPECT_EQ(one_.CountAnswers(kIndex), 7u);
  EXPECT_THAT(Files(), ElementsAre(Of(after_)));
  EXPECT_EQ(builds_, 1);
}

}  // namespace
}  // namespace ordinate
