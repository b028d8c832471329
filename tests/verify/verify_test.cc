#include "engine/verify/verify.h"

#include <filesystem>
#include <fstream>
#include <functional>

#include "gmock/gmock.h"
#include "storage/catalog/catalog.h"
#include "storage/model/row_codec.h"
#include "storage/rows/row_store.h"
#include "storage/vdata/index_manifest.h"
#include "tests/support/one_shard.h"

namespace ordinate {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
namespace fs = std::filesystem;

constexpr int64_t kRows = 20;

/// One problem, of `file`, of which `what` is part.
auto Problem(const std::string& file, const std::string& what) {
  return AllOf(Field("file", &VerifyProblem::file, file),
               Field("what", &VerifyProblem::what, HasSubstr(what)));
}

fs::path OnlyFile(const std::string& folder, const std::string& extension) {
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == extension) found.push_back(entry.path());
  }
  EXPECT_THAT(found, SizeIs(1));
  return found.empty() ? fs::path() : found.front();
}

/// A stopped server's data: rows 1 to kRows of sequence 1, all in the one segment of index 1.
class VerifyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    one_.Write(OneShard::Rows(1, 1 + kRows));
    one_.CreateIndex(OneShard::Flat(1));
    one_.Settle(1);
    one_.Close();
    auto catalog = OpenRocksCatalog(catalog_.Sub("catalog"), StoreMode::kCreate);
    ASSERT_TRUE(catalog.ok()) << catalog.status();
    auto definitions = Definitions::Load(**catalog);
    ASSERT_TRUE(definitions.ok()) << definitions.status();
    const auto table = (*definitions)->CreateTable(one_.table());
    ASSERT_TRUE(table.ok()) << table.status();
    ASSERT_EQ(*table, one_.table());
    const auto index = (*definitions)->CreateIndex(OneShard::Flat(1));
    ASSERT_TRUE(index.ok()) << index.status();
    ASSERT_EQ(*index, OneShard::Flat(1));
  }

  VerifyReport Verify() const {
    return VerifyData({catalog_.Sub("catalog"), {one_.shard_dir()}}, nullptr);
  }

  fs::path segment() const { return OnlyFile(one_.index_dir(1), ".vdata"); }
  fs::path manifest_path() const { return one_.index_dir(1) + "/index.vindex"; }
  void ChangeManifest(const std::function<void(IndexManifest&)>& change) {
    auto manifest = ReadIndexManifest(manifest_path());
    ASSERT_TRUE(manifest.ok()) << manifest.status();
    change(*manifest);
    ASSERT_EQ(WriteIndexManifest(manifest_path(), *manifest), absl::OkStatus());
  }
  /// Lists a copy of the segment beside it: every row is in two segments then.
  void DoubleTheSegment() {
    const fs::path copy = one_.index_dir(1) + "/copy.vdata";
    fs::copy_file(segment(), copy);
    ChangeManifest([](IndexManifest& manifest) {
      manifest.segments.push_back(manifest.segments[0]);
      manifest.segments[1].file = "copy.vdata";
    });
  }

  /// Writes to the row store behind the index's back, or, with `tracked`, as a server does.
  void Apply(Mutation mutation, bool tracked) {
    auto store = OpenShardStore(one_.rows_dir(), StoreMode::kCreate);
    ASSERT_TRUE(store.ok()) << store.status();
    mutation.table_id = OneShard::kTable;
    const LogRecord record{.seq = store->log->last_seq() + 1, .mutations = {std::move(mutation)}};
    ASSERT_EQ(store->log->Append({&record, 1}), absl::OkStatus());
    const TableRetention retention{OneShard::kTable, tracked, {}};
    ASSERT_EQ(store->rows->Apply({&record, 1}, {&retention, 1}, nullptr), absl::OkStatus());
  }
  static Mutation Upsert(int64_t id, Vector vector) {
    Mutation mutation;
    mutation.row_id = static_cast<RowId>(id);
    mutation.cells = EncodeCells(OneShard::OneRow(id, std::move(vector)).cells);
    return mutation;
  }
  static Mutation Delete(int64_t id) {
    Mutation mutation;
    mutation.kind = Mutation::Kind::kDelete;
    mutation.row_id = static_cast<RowId>(id);
    return mutation;
  }

  static void FlipByte(const fs::path& path, uint64_t at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const int byte = file.get();
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(byte ^ 1));
  }

  TempDir catalog_;
  OneShard one_;
};

TEST_F(VerifyTest, WhatAServerLeavesIsClean) {
  const VerifyReport report = Verify();
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_THAT(report.notes, IsEmpty());
  EXPECT_EQ(report.tables, 1u);
  EXPECT_EQ(report.indexes, 1u);
  EXPECT_EQ(report.rows, static_cast<uint64_t>(kRows));
  EXPECT_EQ(report.segments, 1u);
}

// What the change list accounts for is what the server masks when it starts.
TEST_F(VerifyTest, RowsWrittenReplacedAndDeletedSinceTheBuildAreClean) {
  Apply(Upsert(100, {1, 1}), true);
  Apply(Upsert(3, {1, 1}), true);
  Apply(Delete(4), true);
  EXPECT_THAT(Verify().problems, IsEmpty());
}

TEST_F(VerifyTest, ARowThatNeitherIndexNorChangeListHasIsNamed) {
  Apply(Upsert(100, {1, 1}), false);
  EXPECT_THAT(Verify().problems, ElementsAre(Problem(manifest_path(), "row 100 has version 2")));
}

TEST_F(VerifyTest, ARowMissingFromItsIndexIsNamed) {
  Apply(Upsert(100, {1, 1}), true);
  ChangeManifest([](IndexManifest& manifest) { manifest.seq = 2; });
  EXPECT_THAT(Verify().problems,
              ElementsAre(Problem(manifest_path(), "row 100 is in its segments 0 times")));
}

TEST_F(VerifyTest, AnIndexRowWhoseRowIsGoneIsNamed) {
  Apply(Delete(4), false);
  EXPECT_THAT(Verify().problems, ElementsAre(Problem(segment(), "row 4 is not in the table")));
}

TEST_F(VerifyTest, AnIndexRowOfAnotherVersionIsNamed) {
  Apply(Upsert(4, {4, 0}), true);
  ChangeManifest([](IndexManifest& manifest) { manifest.seq = 2; });
  EXPECT_THAT(Verify().problems,
              ElementsAre(Problem(segment(), "row 4 has version 1, expected 2")));
}

// A segment has no mask of its own: a row that did not change since must be in one segment only.
TEST_F(VerifyTest, RowsInTwoSegmentsAreNamedAFewAndCounted) {
  DoubleTheSegment();
  const VerifyReport report = Verify();
  ASSERT_THAT(report.problems, SizeIs(6));
  EXPECT_THAT(report.problems[0], Problem(manifest_path(), "row 1 is in its segments 2 times"));
  EXPECT_THAT(report.problems[5], Problem(manifest_path(), "and 15 more problems"));
}

TEST_F(VerifyTest, RowsInTwoSegmentsReplacedOrDeletedSinceAreClean) {
  DoubleTheSegment();
  for (int64_t id = 1; id <= kRows; ++id) {
    Apply(id % 2 == 0 ? Upsert(id, {1, 1}) : Delete(id), true);
  }
  EXPECT_THAT(Verify().problems, IsEmpty());
}

TEST_F(VerifyTest, RowsOfATableThatTheCatalogNeverHadAreNamed) {
  fs::remove_all(catalog_.Sub("catalog"));
  ASSERT_TRUE(OpenRocksCatalog(catalog_.Sub("catalog"), StoreMode::kCreate).ok());
  EXPECT_THAT(Verify().problems, ElementsAre(Problem(one_.rows_dir(), "table with id 1")));
}

TEST_F(VerifyTest, AnIndexThatWasNeverBuiltIsNoted) {
  fs::remove_all(one_.index_dir(1));
  const VerifyReport report = Verify();
  EXPECT_THAT(report.problems, IsEmpty());
  EXPECT_THAT(report.notes, ElementsAre(HasSubstr("'idx1'")));
}

TEST_F(VerifyTest, AManifestOfAnotherIndexIsNamed) {
  ChangeManifest([](IndexManifest& manifest) { manifest.definition.metric = Metric::kIp; });
  EXPECT_THAT(Verify().problems, ElementsAre(Problem(manifest_path(), "another engine, metric")));
}

// contract 9: a manifest newer than the rows is of no use to a server, which rebuilds.
TEST_F(VerifyTest, AManifestNewerThanTheRowsIsNamed) {
  ChangeManifest([](IndexManifest& manifest) { manifest.seq = 1'000; });
  EXPECT_THAT(Verify().problems, ElementsAre(Problem(manifest_path(), "newer than the rows")));
}

TEST_F(VerifyTest, AFlippedByteAnywhereInASegmentIsFoundAndTheFileNamed) {
  const fs::path file = segment();
  for (const uint64_t at : {uint64_t{5}, uint64_t{4'100}, uint64_t{8'192}, fs::file_size(file) / 2,
                            fs::file_size(file) - 1}) {
    SCOPED_TRACE(at);
    FlipByte(file, at);
    EXPECT_THAT(Verify().problems, ElementsAre(Problem(file, "")));
    FlipByte(file, at);
  }
  EXPECT_THAT(Verify().problems, IsEmpty());
}

TEST_F(VerifyTest, AFlippedByteAnywhereInAManifestIsFoundAndTheFileNamed) {
  for (uint64_t at = 0; at < fs::file_size(manifest_path()); at += 7) {
    SCOPED_TRACE(at);
    FlipByte(manifest_path(), at);
    EXPECT_THAT(Verify().problems, ElementsAre(Problem(manifest_path(), "")));
    FlipByte(manifest_path(), at);
  }
  EXPECT_THAT(Verify().problems, IsEmpty());
}

// RocksDB names table files; of blob files it says only that one is damaged.
TEST_F(VerifyTest, AFlippedByteInTheFilesOfTheRowsIsFoundAndTheirStoreNamed) {
  one_.Open();  // which moves the rows from the write-ahead log to files
  one_.Close();
  size_t tables = 0;
  size_t blobs = 0;
  for (const auto& entry : fs::directory_iterator(one_.rows_dir())) {
    const std::string name = entry.path().filename();
    const bool table = name.ends_with(".sst");
    if (!table && !name.ends_with(".blob")) continue;
    ++(table ? tables : blobs);
    SCOPED_TRACE(name);
    const uint64_t at = table ? 3 : fs::file_size(entry.path()) / 2;
    FlipByte(entry.path(), at);
    EXPECT_THAT(Verify().problems,
                ElementsAre(Problem(one_.rows_dir(), table ? name : "blob record")));
    FlipByte(entry.path(), at);
  }
  EXPECT_GE(tables, 1u);
  EXPECT_GE(blobs, 1u);
  EXPECT_THAT(Verify().problems, IsEmpty());
}

}  // namespace
}  // namespace ordinate
