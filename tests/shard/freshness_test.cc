#include <filesystem>
#include <fstream>

#include "gtest/gtest.h"
#include "tests/parity/dataset.h"

namespace ordinate {
namespace {

constexpr uint32_t kDim = 4;

class Freshness : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(node_.front().CreateTable(ParityTable(kDim)).ok()); }

  OracleRow MakeRow(int64_t id, float x) {
    return {static_cast<RowId>(id), {id, Value("g"), int64_t{1}, 0.5, Vector{x, 0, 0, 0}}};
  }

  IndexInfo CreateIndex(FreshnessMode mode, DimPolicy policy = DimPolicy::kError) {
    IndexDef index;
    index.name = "idx";
    index.engine = Engine::kFlat;
    index.mode = mode;
    index.dim_policy = policy;
    const auto created = node_.front().CreateIndex("items", "v", index);
    EXPECT_TRUE(created.ok()) << created.status();
    return node_.WaitForIndex("idx");
  }

  void Delete(int64_t id) {
    const CallContext context;
    ASSERT_TRUE(node_.front().Delete("items", {{{id}, 0}}, context).ok());
  }

  QueryResult Ask(uint64_t limit = 10) {
    QueryRequest request;
    request.table = "items";
    request.column = "v";
    request.vector = {0, 0, 0, 0};
    request.limit = limit;
    request.columns = {"*"};
    const CallContext context;
    auto result = node_.front().Query(request, context);
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *std::move(result) : QueryResult();
  }
  std::vector<RowId> Ids() {
    std::vector<RowId> ids;
    for (const RankedRow& row : Ask().ranked) ids.push_back(row.id);
    return ids;
  }

  /// contract 6.3: each live row is counted once.
  void ExpectBalance(uint64_t total) {
    const ShardIndexStatus status = node_.front().GetIndex("idx")->total;
    EXPECT_EQ(status.rows_total, total);
    EXPECT_EQ(status.rows_total,
              status.rows_indexed + status.rows_pending + status.rows_null + status.rows_invalid);
  }

  Node node_;
};

// contract 5.3, IMMEDIATE
TEST_F(Freshness, ImmediateShowsEveryWriteAtItsAcknowledgement) {
  CreateIndex(FreshnessMode::kImmediate);
  for (int64_t id = 1; id <= 600; ++id) {
    LoadRows(node_.front(), "items", {MakeRow(id, static_cast<float>(1000 - id))});
    ASSERT_EQ(Ask(1).ranked.at(0).id, static_cast<RowId>(id));
    ASSERT_EQ(Ask(1).plan.index, "idx");
  }
  LoadRows(node_.front(), "items", {MakeRow(600, 5000)});  // replaced: no longer the nearest
  EXPECT_EQ(Ask(1).ranked.at(0).id, 599u);
  Delete(599);
  EXPECT_EQ(Ask(1).ranked.at(0).id, 598u);
  ExpectBalance(599);
  EXPECT_EQ(node_.front().GetIndex("idx")->total.rows_pending, 0u);
  node_.Restart();
  EXPECT_EQ(Ask(1).ranked.at(0).id, 598u);
  ExpectBalance(599);
}

// contract 5.2, 5.3, REBUILD_ONLY: unseen until REBUILD, then atomically; deletes masked at once.
TEST_F(Freshness, RebuildOnlyShowsUpsertsAtRebuildAndDeletesAtOnce) {
  LoadRows(node_.front(), "items", {MakeRow(1, 1), MakeRow(2, 2), MakeRow(3, 3)});
  CreateIndex(FreshnessMode::kRebuildOnly);
  LoadRows(node_.front(), "items", {MakeRow(4, 0.5), MakeRow(2, 9)});
  for (int round = 0; round < 2; ++round) {
    SCOPED_TRACE(round);
    const QueryResult result = Ask();
    ASSERT_EQ(result.ranked.size(), 3u);
    EXPECT_EQ(result.ranked[1].id, 2u);
    EXPECT_EQ(*result.ranked[1].score, 2) << "the version of the rebuild";
    // Columns come from the version that gave the distance.
    EXPECT_EQ(std::get<Vector>(result.rows[1].cells[4])[0], 2);
    ExpectBalance(4);
    EXPECT_EQ(node_.front().GetIndex("idx")->total.rows_pending, 2u);
    EXPECT_EQ(node_.front().GetIndex("idx")->total.rows_indexed, 2u);
    node_.Restart();
  }
  Delete(1);
  EXPECT_EQ(Ids(), (std::vector<RowId>{2, 3}));
  LoadRows(node_.front(), "items", {MakeRow(1, 1)});
  EXPECT_EQ(Ids(), (std::vector<RowId>{2, 3})) << "a row inserted again waits for the rebuild";
  node_.Restart();
  EXPECT_EQ(Ids(), (std::vector<RowId>{2, 3})) << "a delete stays masked across a restart";
  ASSERT_TRUE(node_.front().RebuildIndex("idx").ok());
  EXPECT_EQ(node_.WaitForIndex("idx").total.generation, 2u);
  EXPECT_EQ(Ids(), (std::vector<RowId>{4, 1, 3, 2}));
  ExpectBalance(4);
  EXPECT_EQ(node_.front().GetIndex("idx")->total.rows_pending, 0u);
}

// A rebuild switches while writes go on: what came after its start stays visible.
TEST_F(Freshness, WritesDuringARebuildSurviveTheSwitch) {
  for (int64_t id = 1; id <= 50; ++id) {
    LoadRows(node_.front(), "items", {MakeRow(id, static_cast<float>(id))});
  }
  CreateIndex(FreshnessMode::kImmediate);
  for (int round = 0; round < 20; ++round) {
    ASSERT_TRUE(node_.front().RebuildIndex("idx").ok());
    const int64_t id = 100 + round;
    LoadRows(node_.front(), "items", {MakeRow(id, 0.5f)});
    LoadRows(node_.front(), "items", {MakeRow(1, static_cast<float>(200 + round))});
    Delete(id);
    LoadRows(node_.front(), "items", {MakeRow(id, 1.0f / static_cast<float>(round + 2))});
    node_.WaitForIndex("idx");
    EXPECT_EQ(Ask(1).ranked.at(0).id, static_cast<RowId>(id));
    ExpectBalance(51 + static_cast<uint64_t>(round));
  }
  EXPECT_EQ(Ask(100).ranked.back().id, 1u);
}

// contract 1.5: NULL vectors, zero vectors and other dims are counted apart, never lost.
TEST_F(Freshness, RowsWithoutAUsableVectorAreCountedApart) {
  TableDef any = ParityTable(0);
  any.name = "any";
  ASSERT_TRUE(node_.front().CreateTable(any).ok());
  std::vector<OracleRow> rows = {MakeRow(1, 1), MakeRow(2, 0), MakeRow(3, 3), MakeRow(4, 4)};
  rows[2].cells[4] = Value();
  rows[3].cells[4] = Vector{1, 2};
  LoadRows(node_.front(), "any", rows);
  IndexDef index;
  index.name = "idx";
  index.engine = Engine::kFlat;
  index.metric = Metric::kCosine;
  index.dim = kDim;
  index.dim_policy = DimPolicy::kSkip;
  ASSERT_TRUE(node_.front().CreateIndex("any", "v", index).ok());
  for (int round = 0; round < 3; ++round) {
    const ShardIndexStatus status = node_.WaitForIndex("idx").total;
    EXPECT_EQ(status.rows_indexed, 1u);
    EXPECT_EQ(status.rows_null, 2u) << "NULL, and zero under COSINE";
    EXPECT_EQ(status.rows_invalid, 1u);
    EXPECT_EQ(status.rows_total, 4u);
    if (round == 0) LoadRows(node_.front(), "any", rows);  // again, through the tail
    if (round == 1) node_.Restart();
  }
}

// contract 1.5: ERROR fails the build and names the row; the index says so and never answers.
TEST_F(Freshness, AWrongDimFailsTheBuildUnderError) {
  TableDef any = ParityTable(0);
  any.name = "any";
  ASSERT_TRUE(node_.front().CreateTable(any).ok());
  OracleRow row = MakeRow(77, 1);
  row.cells[4] = Vector{1, 2};
  LoadRows(node_.front(), "any", {row});
  IndexDef index;
  index.name = "idx";
  index.engine = Engine::kFlat;
  index.dim = kDim;
  ASSERT_TRUE(node_.front().CreateIndex("any", "v", index).ok());
  const ShardIndexStatus status = node_.WaitForIndex("idx").total;
  EXPECT_EQ(status.state, IndexState::kFailed);
  EXPECT_NE(status.last_error.find("77"), std::string::npos) << status.last_error;
}

// A long tail is sealed into a segment by itself.
TEST(Sealing, ALongTailBecomesASegment) {
  Node node({.shards = 1, .threads = 1, .min_seal_rows = 100});
  ASSERT_TRUE(node.front().CreateTable(ParityTable(kDim)).ok());
  IndexDef index;
  index.name = "idx";
  index.engine = Engine::kFlat;
  ASSERT_TRUE(node.front().CreateIndex("items", "v", index).ok());
  node.WaitForIndex("idx");
  LoadRows(node.front(), "items", RandomRows(5, 300, kDim));
  IndexInfo info = node.WaitForIndex("idx");
  while (info.total.generation < 2) {
    std::this_thread::yield();
    info = *node.front().GetIndex("idx");
  }
  EXPECT_EQ(info.total.rows_total, 300u);
  EXPECT_LT(info.total.tail_rows, 300u);
  EXPECT_EQ(info.total.rows_pending, 0u);
}

// contract 9: a damaged index file is set aside, named, and rebuilt; answers stay right.
class Damage : public Freshness, public ::testing::WithParamInterface<int> {};

TEST_P(Damage, OfAnIndexFileIsNamedAndRebuilt) {
  const std::vector<OracleRow> rows = RandomRows(9, 300, kDim);
  LoadRows(node_.front(), "items", rows);
  CreateIndex(FreshnessMode::kImmediate);
  const std::vector<RowId> before = Ids();
  node_.Close();
  std::filesystem::path victim;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(node_.shard_dir(0) + "/index")) {
    const std::string extension = GetParam() == 2 ? ".vindex" : ".vdata";
    if (entry.path().extension() == extension) victim = entry.path();
  }
  ASSERT_FALSE(victim.empty());
  if (GetParam() == 0) {
    std::filesystem::resize_file(victim, std::filesystem::file_size(victim) / 2);
  } else {
    std::fstream file(victim, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(GetParam() == 1 ? 40 : 25);
    file.put('\xee');
  }
  node_.Open();
  EXPECT_EQ(Ids(), before) << "answered from the rows meanwhile";
  const IndexInfo info = node_.WaitForIndex("idx");
  EXPECT_EQ(info.total.state, IndexState::kReady);
  EXPECT_EQ(Ids(), before);
  EXPECT_EQ(Ask().plan.index, "idx");
  EXPECT_TRUE(std::filesystem::exists(victim.string() + ".damaged"));
}
INSTANTIATE_TEST_SUITE_P(Kinds, Damage, ::testing::Values(0, 1, 2));

// contract 9: vector blocks are checked at first touch.
TEST_F(Freshness, ADamagedVectorBlockIsFoundByTheFirstQuery) {
  LoadRows(node_.front(), "items", RandomRows(9, 300, kDim));
  CreateIndex(FreshnessMode::kImmediate);
  const std::vector<RowId> before = Ids();
  node_.Close();
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(node_.shard_dir(0) + "/index")) {
    if (entry.path().extension() != ".vdata") continue;
    auto file = SegmentFile::Open(entry.path());
    ASSERT_TRUE(file.ok());
    const auto* vectors = reinterpret_cast<const char*>((*file)->view().vectors.data());
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(in)), {});
    const size_t at = bytes.find(std::string(vectors, 16));
    ASSERT_NE(at, std::string::npos);
    std::fstream out(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    out.seekp(static_cast<std::streamoff>(at));
    out.put(static_cast<char>(bytes[at] ^ 1));
  }
  node_.Open();
  EXPECT_EQ(Ids(), before);
  const IndexInfo info = node_.WaitForIndex("idx");
  EXPECT_EQ(info.total.state, IndexState::kReady);
  EXPECT_EQ(Ids(), before);
}

// A dropped index is gone at once, files too, and its name is free again.
TEST_F(Freshness, DropRemovesTheFilesAndFreesTheName) {
  LoadRows(node_.front(), "items", RandomRows(3, 100, kDim));
  CreateIndex(FreshnessMode::kImmediate);
  ASSERT_TRUE(node_.front().DropIndex("idx").ok());
  EXPECT_EQ(Ask().plan.reason, Reason::kNoIndex);
  size_t files = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(node_.shard_dir(0) + "/index")) {
    files += entry.is_regular_file();
  }
  EXPECT_EQ(files, 0u);
  CreateIndex(FreshnessMode::kRebuildOnly);
  EXPECT_EQ(Ask().plan.index, "idx");
}

}  // namespace
}  // namespace ordinate
