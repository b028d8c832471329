#include <atomic>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <functional>

#include "gmock/gmock.h"
#include "storage/vdata/index_manifest.h"
#include "storage/vdata/segment_file.h"
#include "tests/support/one_shard.h"
#include "tests/support/watched_disk.h"

namespace ordinate {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;
namespace fs = std::filesystem;

constexpr uint64_t kRows = 50;

fs::path OnlyFile(const std::string& folder, const std::string& extension) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == extension) found.push_back(entry.path());
  }
  EXPECT_THAT(found, SizeIs(1));
  return found.empty() ? fs::path() : found.front();
}

std::string ReadFile(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// In place: a running server has the file open.
void FlipByte(const fs::path& path, size_t at) {
  const char byte = ReadFile(path).at(at);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(at));
  file.put(static_cast<char>(byte ^ 1));
}

/// Flips a bit of a stored vector, which is not looked at before it is searched.
void DamageVectors(const fs::path& segment) {
  const auto file = SegmentFile::Open(segment);
  ASSERT_TRUE(file.ok()) << file.status();
  const auto* vectors = reinterpret_cast<const char*>((*file)->view().vectors.data());
  const size_t at = ReadFile(segment).find(std::string(vectors, 64));
  ASSERT_NE(at, std::string::npos);
  FlipByte(segment, at);
}

/// A shard with kRows rows, all in the files of index 1, generation 1.
class ShardDamage : public ::testing::Test {
 protected:
  void SetUp() override {
    one_.Write(OneShard::Rows(1, 1 + kRows));
    one_.CreateIndex(OneShard::Flat(1));
    ASSERT_EQ(one_.Settle(1).generation, 1u);
  }

  fs::path segment() const { return OnlyFile(one_.index_dir(1), ".vdata"); }
  fs::path manifest_path() const { return one_.index_dir(1) + "/index.vindex"; }
  void ChangeManifest(const std::function<void(IndexManifest&)>& change) {
    auto manifest = ReadIndexManifest(manifest_path());
    ASSERT_TRUE(manifest.ok()) << manifest.status();
    change(*manifest);
    ASSERT_EQ(WriteIndexManifest(manifest_path(), *manifest), absl::OkStatus());
  }

  OneShard one_;
};

// contract 9: told once, by name, and in the status for one generation longer than the damage.
TEST_F(ShardDamage, OfVectorsIsFoundByAQueryAndToldOnce) {
  one_.Close();
  const std::string damaged = segment();
  DamageVectors(damaged);
  one_.Open();
  EXPECT_THAT(one_.warnings(), IsEmpty());
  EXPECT_TRUE(absl::IsAborted(one_.Query(1).status())) << "the front answers another way";
  ShardIndexStatus status = one_.Settle(1);
  EXPECT_EQ(status.state, IndexState::kReady);
  EXPECT_EQ(status.generation, 2u);
  EXPECT_THAT(status.last_error, AllOf(HasSubstr(damaged), HasSubstr("vectors")));
  EXPECT_TRUE(fs::exists(damaged + ".damaged"));
  ASSERT_THAT(one_.warnings(), SizeIs(1));
  EXPECT_THAT(one_.warnings()[0], HasSubstr(damaged + ".damaged"));
  EXPECT_EQ(one_.CountAnswers(1), kRows);

  ASSERT_EQ(one_.shard().RebuildIndex(1), absl::OkStatus());
  status = one_.Settle(1);
  EXPECT_EQ(status.generation, 3u);
  EXPECT_EQ(status.last_error, "");
  EXPECT_THAT(one_.warnings(), SizeIs(1));
}

TEST_F(ShardDamage, OfVectorsIsFoundAtTheStartWhereThatIsAskedFor) {
  one_.Close();
  const std::string damaged = segment();
  DamageVectors(damaged);
  one_.VerifyAtStart();
  one_.Open();
  ASSERT_THAT(one_.warnings(), SizeIs(1));
  EXPECT_THAT(one_.warnings()[0], AllOf(HasSubstr("vectors"), HasSubstr(damaged + ".damaged")));
  EXPECT_EQ(one_.Settle(1).generation, 2u);
  EXPECT_EQ(one_.CountAnswers(1), kRows);
  one_.Close();
  one_.Open();
  EXPECT_EQ(one_.Settle(1).generation, 2u) << "whole files stay";
  EXPECT_THAT(one_.warnings(), SizeIs(1));
}

// What is written while a build runs is not lost with the generation that was given up.
TEST_F(ShardDamage, MetDuringARebuildLosesNothingWrittenMeanwhile) {
  for (const FreshnessMode mode : {FreshnessMode::kImmediate, FreshnessMode::kBatched,
                                   FreshnessMode::kAsync, FreshnessMode::kRebuildOnly}) {
    SCOPED_TRACE(FreshnessModeName(mode));
    OneShard one;
    one.CreateIndex(OneShard::Flat(1, mode));
    one.Settle(1);
    one.Write(OneShard::Rows(1, 51));
    ASSERT_EQ(one.shard().RebuildIndex(1), absl::OkStatus());
    one.Settle(1);
    one.Close();
    DamageVectors(OnlyFile(one.index_dir(1), ".vdata"));
    one.Open();
    one.HoldBuilds();
    ASSERT_EQ(one.shard().RebuildIndex(1), absl::OkStatus());
    one.Write(OneShard::Rows(51, 61));
    RowWrite gone;
    gone.kind = Mutation::Kind::kDelete;
    gone.preferred_id = 51;
    one.Write({gone});
    EXPECT_TRUE(absl::IsAborted(one.Query(1).status()));
    one.Write(OneShard::Rows(61, 71));
    one.LetBuildsRun();
    one.Settle(1);
    one.AddMicros(61'000'000);
    one.Turn();
    if (mode == FreshnessMode::kRebuildOnly) {
      ASSERT_EQ(one.shard().RebuildIndex(1), absl::OkStatus());
      one.Settle(1);
    }
    EXPECT_EQ(one.CountAnswers(1), 69u);
  }
}

TEST_F(ShardDamage, OfVectorsFailsAllThatShareTheScan) {
  const auto healthy = one_.QueryTogether(1, 5);
  EXPECT_THAT(healthy, SizeIs(5));
  for (const auto& result : healthy) {
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_THAT(result->ranked, SizeIs(kRows));
    EXPECT_EQ(result->stats.distances, kRows);
    EXPECT_EQ(result->generation, 1u);
  }
  one_.Close();
  DamageVectors(segment());
  one_.Open();
  const auto damaged = one_.QueryTogether(1, 5);
  EXPECT_THAT(damaged, SizeIs(5));
  for (const auto& result : damaged) EXPECT_TRUE(absl::IsAborted(result.status()));
  EXPECT_EQ(one_.Settle(1).generation, 2u);
  EXPECT_THAT(one_.warnings(), SizeIs(1));
  for (const auto& result : one_.QueryTogether(1, 5)) EXPECT_TRUE(result.ok());
  // Without an index the rows answer.
  for (const auto& result : one_.QueryTogether(7, 5)) {
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_THAT(result->ranked, SizeIs(kRows));
    EXPECT_EQ(result->generation, 0u);
  }
}

// contract 5.2: a plan that does without the index is answered, though the damage is met by it.
TEST_F(ShardDamage, OfVectorsIsNoMatterToAPlanThatReadsTheRows) {
  one_.Close();
  DamageVectors(segment());
  one_.Open();
  one_.HoldBuilds();
  ShardQuery question = OneShard::Question(1, {0, 2});
  question.plan.reason = Reason::kIndexNotReady;
  const auto answer = one_.Ask(question);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_THAT(answer->ranked, SizeIs(kRows));
  EXPECT_THAT(answer->rows, SizeIs(kRows));
  EXPECT_EQ(answer->generation, 0u);
  one_.LetBuildsRun();
  EXPECT_EQ(one_.Settle(1).generation, 2u);
}

#ifdef ORDINATE_WITH_HNSW
// contract 9: the graph is asked for rows near the vector before there is a plan.
TEST_F(ShardDamage, OfVectorsIsFoundWhilePlanning) {
  one_.Write(OneShard::Rows(100, 10'100));
  IndexDef graph = OneShard::Flat(2);
  graph.engine = Engine::kHnsw;
  one_.CreateIndex(graph);
  ASSERT_EQ(one_.Settle(2).generation, 1u) << one_.Settle(2).last_error;
  one_.Close();
  const std::string damaged = OnlyFile(one_.index_dir(2), ".vdata");
  DamageVectors(damaged);
  one_.Open();

  const Filter filter = *BindFilter(*ParseFilter("id < 1100"), one_.table());
  const Vector vector = {50, 0};
  ShardProbeQuery query{.table_id = OneShard::kTable, .index_id = 2, .filter = &filter};
  const CallContext context;
  const auto probe = [&] {
    std::promise<absl::StatusOr<ShardProbe>> done;
    one_.shard().Probe(query, context, [&](auto result) { done.set_value(std::move(result)); });
    return *done.get_future().get();
  };
  EXPECT_TRUE(probe().index_usable) << "no vector was read";
  query.vector = vector;
  const ShardProbe found = probe();
  EXPECT_FALSE(found.index_usable);
  EXPECT_THAT(found.index_problem, AllOf(HasSubstr(damaged), HasSubstr("vectors")));
  const ShardIndexStatus status = one_.Settle(2);
  EXPECT_EQ(status.state, IndexState::kReady);
  EXPECT_EQ(status.generation, 2u);
  EXPECT_THAT(status.last_error, AllOf(HasSubstr(damaged), HasSubstr("vectors")));
  EXPECT_TRUE(probe().index_usable);
  EXPECT_GT(probe().nearby, 0u);
}
#endif

TEST_F(ShardDamage, MetByTwoReadersIsToldOnce) {
  one_.Close();
  DamageVectors(segment());
  one_.Open();
  // The applier waits in the answer to a write, so both readers see the damaged generation.
  const CallContext context;
  std::promise<void> answered;
  std::promise<void> released;
  one_.shard().Write(one_.table(), {.rows = OneShard::Rows(100, 101)}, context, [&](const auto&) {
    answered.set_value();
    released.get_future().wait();
  });
  answered.get_future().wait();
  EXPECT_TRUE(absl::IsAborted(one_.Query(1).status()));
  EXPECT_TRUE(absl::IsAborted(one_.Query(1).status()));
  released.set_value();
  EXPECT_EQ(one_.Settle(1).generation, 2u);
  EXPECT_THAT(one_.warnings(), SizeIs(1));
  EXPECT_EQ(one_.CountAnswers(1), kRows + 1);
}

TEST_F(ShardDamage, OfTheRowsIsNoDamageOfTheIndex) {
  one_.Close();
  one_.Open();  // which moves the rows from the write-ahead log to files
  const fs::path blobs = OnlyFile(one_.rows_dir(), ".blob");
  const std::string bytes = ReadFile(blobs);
  for (size_t at = bytes.find("ddd"); at < bytes.size() - 200; at += 200) FlipByte(blobs, at);
  const auto data = one_.Query(1, {2});
  EXPECT_TRUE(absl::IsDataLoss(data.status())) << data.status();
  const ShardIndexStatus status = one_.Settle(1);
  EXPECT_EQ(status.state, IndexState::kReady);
  EXPECT_EQ(status.generation, 1u);
  EXPECT_EQ(status.last_error, "");
  EXPECT_THAT(one_.warnings(), IsEmpty());
  EXPECT_EQ(one_.CountAnswers(1), kRows);
}

// An error that says nothing of the files' content condemns none of them.
TEST_F(ShardDamage, IsNotWhatCannotBeOpenedNow) {
  one_.Close();
  for (const fs::path& file : {manifest_path(), segment()}) {
    SCOPED_TRACE(file);
    const std::string away = one_.shard_dir() + "/away";
    fs::rename(file, away);
    fs::create_symlink(file.filename(), file);  // a link to itself: ELOOP
    const absl::Status status = one_.TryOpen();
    EXPECT_FALSE(status.ok());
    EXPECT_FALSE(absl::IsDataLoss(status)) << status;
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("'idx1'"), HasSubstr(file)));
    EXPECT_FALSE(fs::exists(fs::symlink_status(file.string() + ".damaged")));
    EXPECT_FALSE(fs::exists(manifest_path().string() + ".damaged"));
    fs::rename(away, file);
  }
  one_.Open();
  EXPECT_EQ(one_.Settle(1).generation, 1u);
  EXPECT_THAT(one_.warnings(), IsEmpty());
  EXPECT_EQ(one_.CountAnswers(1), kRows);
}

struct ManifestCase {
  std::string name;
  std::function<void(IndexManifest&)> change;
  std::string complaint;
};

class ForeignManifest : public ShardDamage, public ::testing::WithParamInterface<ManifestCase> {};

// contract 9: such files are whole, and still not this index's.
TEST_P(ForeignManifest, IsSetAsideAndTheIndexRebuilt) {
  one_.Close();
  ChangeManifest([](IndexManifest& manifest) {
    manifest.generation = 7;
    GetParam().change(manifest);
  });
  one_.HoldBuilds();
  one_.Open();
  EXPECT_TRUE(fs::exists(manifest_path().string() + ".damaged"));
  ASSERT_THAT(one_.warnings(), SizeIs(1));
  EXPECT_THAT(one_.warnings()[0],
              AllOf(HasSubstr(manifest_path()), HasSubstr(GetParam().complaint)));
  ASSERT_TRUE(one_.Query(1).ok());
  EXPECT_EQ(one_.Query(1)->generation, 0u) << "of the rows";
  EXPECT_EQ(one_.CountAnswers(1), kRows);
  one_.LetBuildsRun();
  const ShardIndexStatus status = one_.Settle(1);
  EXPECT_EQ(status.state, IndexState::kReady);
  EXPECT_EQ(status.generation, 8u);
  EXPECT_THAT(status.last_error, HasSubstr(GetParam().complaint));
  EXPECT_EQ(one_.CountAnswers(1), kRows);
  one_.Close();
  one_.Open();
  EXPECT_EQ(one_.Settle(1).generation, 8u);
  EXPECT_EQ(one_.Status(1).last_error, "");
  EXPECT_THAT(one_.warnings(), SizeIs(1));
  EXPECT_EQ(one_.CountAnswers(1), kRows);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, ForeignManifest,
    ::testing::Values(
        ManifestCase{"Newer", [](IndexManifest& m) { m.seq = 1'000; }, "newer than the rows"},
        ManifestCase{"Id", [](IndexManifest& m) { m.definition.id = 9; }, "another index"},
        ManifestCase{"Metric", [](IndexManifest& m) { m.definition.metric = Metric::kIp; },
                     "another index"},
        ManifestCase{"Dim", [](IndexManifest& m) { m.definition.dim = 3; }, "another index"}),
    [](const auto& parameter) { return parameter.param.name; });

TEST_F(ShardDamage, GenerationsGrowAlthoughTheRepairFailedAndTheServerWasRestarted) {
  one_.Close();
  ChangeManifest([](IndexManifest& manifest) { manifest.generation = 7; });
  const std::string damaged = segment();
  fs::resize_file(damaged, 100);
  one_.HoldBuilds();
  one_.Open();
  fs::rename(one_.index_dir(1), one_.index_dir(1) + ".away");
  std::ofstream(one_.index_dir(1)) << "x";
  one_.LetBuildsRun();
  const ShardIndexStatus failed = one_.Settle(1);
  EXPECT_EQ(failed.state, IndexState::kFailed);
  EXPECT_THAT(failed.last_error, AllOf(HasSubstr("before that"), HasSubstr(damaged)));
  EXPECT_THAT(one_.warnings(), SizeIs(2)) << "of the damage, and of the failed build";
  one_.Close();
  fs::remove(one_.index_dir(1));
  fs::rename(one_.index_dir(1) + ".away", one_.index_dir(1));
  one_.Open();
  EXPECT_EQ(one_.Settle(1).generation, 8u);
  EXPECT_EQ(one_.CountAnswers(1), kRows);
}

// A failed repair is not the end of the story of the damage.
TEST_F(ShardDamage, IsStillToldAfterARepairThatWorkedAtTheSecondAttempt) {
  one_.Close();
  fs::resize_file(segment(), 100);
  one_.HoldBuilds();
  one_.Open();
  fs::rename(one_.index_dir(1), one_.index_dir(1) + ".away");
  std::ofstream(one_.index_dir(1)) << "x";
  one_.LetBuildsRun();
  ASSERT_EQ(one_.Settle(1).state, IndexState::kFailed);
  fs::remove(one_.index_dir(1));
  fs::rename(one_.index_dir(1) + ".away", one_.index_dir(1));
  ASSERT_EQ(one_.shard().RebuildIndex(1), absl::OkStatus());
  EXPECT_THAT(one_.Settle(1).last_error, HasSubstr(".vdata.damaged"));
  ASSERT_EQ(one_.shard().RebuildIndex(1), absl::OkStatus());
  EXPECT_EQ(one_.Settle(1).last_error, "");
}

/// Counts index files that are removed while a manifest may name them, and refuses to set one aside
/// while `keeps_manifest`.
class ManifestWatcher final : public DiskWatcher {
 public:
  int Before(const DiskCall& call) override {
    const bool removes = call.kind == DiskCall::Kind::kRemove && call.path.ends_with(".vdata");
    if (removes) ++(named_ ? removed_early : removed);
    const bool moves = call.kind == DiskCall::Kind::kRename && call.path.ends_with(".vindex");
    return moves && keeps_manifest ? EIO : 0;
  }
  void After(const DiskCall& call) override {
    if (call.kind == DiskCall::Kind::kRename) moved_ = call.path.ends_with(".vindex");
    if (call.kind == DiskCall::Kind::kSyncFolder && moved_) named_ = false;
  }
  /// From here on, until the manifest is durably gone.
  void Watch() { named_ = true, moved_ = false, removed_early = 0, removed = 0; }

  std::atomic<bool> keeps_manifest{false};
  std::atomic<int> removed_early{0};
  std::atomic<int> removed{0};

 private:
  std::atomic<bool> named_{false};
  std::atomic<bool> moved_{false};  // and the folder was not synced since
};

/// An index whose rows are in three files.
class DamageOfOneFile : public ::testing::TestWithParam<bool> {
 protected:
  static constexpr uint64_t kAll = 410;

  void SetUp() override {
    one_.Write(OneShard::Rows(1, 401));
    one_.CreateIndex(OneShard::Flat(1));
    one_.Settle(1);
    one_.Write(OneShard::Rows(401, 411));
    one_.Settle(1);
    std::vector<RowWrite> revised;
    for (int64_t id = 1; id <= 40; ++id) {
      revised.push_back(OneShard::OneRow(id, {static_cast<float>(id), 0}, int64_t{7}));
    }
    one_.Write(std::move(revised));
    one_.Settle(1);
    ASSERT_THAT(Names(".vdata"), SizeIs(3));
    one_.Close();
    for (const std::string& name : Names(".vdata")) {
      const auto file = SegmentFile::Open(Path(name));
      ASSERT_TRUE(file.ok()) << file.status();
      if ((*file)->view().vector_rows == 400) large_ = name;
      if ((*file)->view().vector_rows == 10) small_ = name;
    }
  }

  std::string Path(const std::string& name) const { return one_.index_dir(1) + "/" + name; }
  std::vector<std::string> Names(const std::string& end = "") const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(one_.index_dir(1))) {
      const std::string name = entry.path().filename();
      if (name.ends_with(end)) found.push_back(name);
    }
    return found;
  }
  /// Of a kind that a start finds, or else a query.
  void Damage(const std::string& name) {
    if (GetParam()) {
      fs::resize_file(Path(name), 100);
    } else {
      DamageVectors(Path(name));
    }
  }
  /// Opens it with the damage, and meets that; builds are held.
  void Find() {
    one_.HoldBuilds();
    watcher_.Watch();
    one_.Open(kMinSealRows);
    EXPECT_EQ(absl::IsAborted(one_.Query(1).status()), !GetParam()) << "a start knows before";
    one_.Turn();
  }
  void ExpectRepaired() {
    one_.LetBuildsRun();
    EXPECT_EQ(one_.Settle(1).state, IndexState::kReady);
    EXPECT_EQ(one_.CountAnswers(1), kAll);
    EXPECT_THAT(Names(".vdata"), SizeIs(1));
  }

  static constexpr uint64_t kMinSealRows = 10;
  ManifestWatcher watcher_;
  WatchedDisk disk_{watcher_};
  OneShard one_{kMinSealRows};
  std::string large_, small_;
};

// contract 9: a file that fails is set aside. What is whole takes space that nothing counts.
TEST_P(DamageOfOneFile, SetsThatOneAsideAndRemovesTheOthers) {
  Damage(small_);
  Find();
  EXPECT_THAT(Names(), UnorderedElementsAre(small_ + ".damaged", "index.vindex.damaged"));
  EXPECT_EQ(watcher_.removed_early, 0);
  EXPECT_EQ(watcher_.removed, 2);
  ASSERT_THAT(one_.warnings(), SizeIs(1));
  EXPECT_THAT(one_.warnings()[0],
              AllOf(HasSubstr(Path(small_) + ".damaged"), Not(HasSubstr(large_))));
  ExpectRepaired();
  EXPECT_THAT(one_.Status(1).last_error, HasSubstr(Path(small_) + ".damaged"));
}

TEST_P(DamageOfOneFile, LeavesTheLatestOfThoseSetAside) {
  Damage(small_);
  Find();
  ExpectRepaired();
  one_.Close();
  const std::string next = Names(".vdata").at(0);
  Damage(next);
  Find();
  EXPECT_THAT(Names(), UnorderedElementsAre(next + ".damaged", "index.vindex.damaged"));
  ExpectRepaired();
}

// After a crash a manifest without the files it lists would look like damage.
TEST_P(DamageOfOneFile, RemovesNothingThatAManifestMayList) {
  Damage(small_);
  watcher_.keeps_manifest = true;
  Find();
  EXPECT_THAT(Names(), AllOf(Contains(large_), Contains(small_ + ".damaged")));
  EXPECT_EQ(watcher_.removed_early + watcher_.removed, 0);
  one_.Close();
  watcher_.keeps_manifest = false;
  one_.Open(kMinSealRows);
  ExpectRepaired();
}

INSTANTIATE_TEST_SUITE_P(FoundBy, DamageOfOneFile, ::testing::Bool(), [](const auto& parameter) {
  return parameter.param ? "TheStart" : "AQuery";
});

class DamageOfOneFileUnderReaders : public DamageOfOneFile {};

TEST_P(DamageOfOneFileUnderReaders, LeavesThemTheOthers) {
  Damage(small_);
  one_.HoldBuilds();
  one_.Open(kMinSealRows);
  const Filter filter = *BindFilter(*ParseFilter("id > 40 AND id < 60"), one_.table());
  ShardQuery query = OneShard::Question(1);
  query.filter = filter;
  query.hold = HoldFor::kPage;
  const auto ranked = one_.Ask(query);  // of what is whole
  ASSERT_TRUE(ranked.ok()) << ranked.status();
  ASSERT_THAT(ranked->ranked, SizeIs(19));
  EXPECT_TRUE(absl::IsAborted(one_.Query(1).status()));
  one_.Turn();
  ASSERT_FALSE(fs::exists(Path(large_)));
  ShardFetch fetch{.table_id = OneShard::kTable,
                   .index_id = 1,
                   .snapshot_id = ranked->snapshot_id,
                   .columns = {0}};
  for (const RankedRow& row : ranked->ranked)
    fetch.rows.push_back({row.id, row.version, row.place});
  one_.shard().Fetch(one_.table(), fetch, CallContext(), [&](const auto& rows) {
    ASSERT_TRUE(rows.ok()) << rows.status();
    ASSERT_THAT(*rows, SizeIs(19));
    for (const Row& row : *rows) EXPECT_EQ(row.cells[0], Value(static_cast<int64_t>(row.id)));
  });
  ExpectRepaired();
}

INSTANTIATE_TEST_SUITE_P(FoundBy, DamageOfOneFileUnderReaders, ::testing::Values(false));

}  // namespace
}  // namespace ordinate
