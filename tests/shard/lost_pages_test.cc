// Pages that the disk cannot deliver any more, of segments that were opened and checked: their
// files are cut short under a shard at work.
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>

#include "gmock/gmock.h"
#include "storage/vdata/segment_file.h"
#include "tests/support/one_shard.h"

namespace ordinate {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
namespace fs = std::filesystem;

constexpr uint32_t kIndex = 1;
constexpr uint64_t kRows = 900;

IndexDef DefinitionOf(Engine engine, Quantization quantization = Quantization::kNone) {
  IndexDef index = OneShard::Flat(kIndex);
  index.engine = engine;
  index.quantization = quantization;
  return index;
}

std::vector<IndexDef> AllIndexes() {
  std::vector<IndexDef> indexes = {DefinitionOf(Engine::kFlat)};
#ifdef ORDINATE_WITH_HNSW
  indexes.push_back(DefinitionOf(Engine::kHnsw));
  indexes.push_back(DefinitionOf(Engine::kHnsw, Quantization::kSq8));
#endif
  return indexes;
}

#ifdef ORDINATE_SANITIZER
constexpr bool kMiddles = false;  // builds of graphs are slow there
#else
constexpr bool kMiddles = true;
#endif

struct Place {
  std::string name;
  uint64_t offset = 0;
};

/// Where sections start that are not empty, and a page in their middle. What is cut there lacks all
/// that is behind it.
std::vector<Place> PlacesToCut(const std::string& path) {
  constexpr uint64_t kPage = 4096;
  const auto file = SegmentFile::Open(path);
  EXPECT_TRUE(file.ok()) << file.status();
  std::vector<Place> places;
  for (const SegmentSection& section : (*file)->Sections()) {
    if (section.bytes > 0) places.push_back({section.name, section.offset});
    const uint64_t middle = section.bytes / 2 / kPage * kPage;
    if (middle > 0 && kMiddles)
      places.push_back({"middle of " + section.name, section.offset + middle});
  }
  return places;
}

/// A shard whose kRows rows, row i at (i, 0), are all in a file of one index.
class Shard1 : public OneShard {
 public:
  explicit Shard1(const IndexDef& index, uint64_t min_seal_rows = 1'000'000)
      : OneShard(min_seal_rows) {
    Write(Rows(1, 1 + kRows));
    CreateIndex(index);
    EXPECT_EQ(Settle(kIndex).generation, 1u);
    EXPECT_THAT(Segments(), SizeIs(1));
    ExpectRows(kRows);  // so that the checksums of all vectors have been looked at
  }

  std::vector<std::string> Segments() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(index_dir(kIndex))) {
      if (entry.path().extension() == ".vdata") found.push_back(entry.path());
    }
    return found;
  }
  void CutSegment(uint64_t bytes) { fs::resize_file(Segments().at(0), bytes); }

  /// The five rows next to `x`.
  static ShardQuery Near(float x, Path path) {
    ShardQuery query;
    query.table_id = kTable;
    query.column_position = 1;
    query.plan.path = path;
    query.plan.index_id = kIndex;
    query.plan.k = 5;
    query.plan.w = 20;
    query.plan.ef_search = 50;
    query.vector = {x, 0};
    query.columns = {0};
    return query;
  }
  absl::StatusOr<ShardQueryResult> Ask(const ShardQuery& query) {
    absl::StatusOr<ShardQueryResult> answer;
    shard().Query(table(), query, CallContext(), [&](auto result) { answer = std::move(result); });
    return answer;
  }

  /// That the damage was told once, that the file is out of the way, and that a new generation
  /// answers with `rows` rows.
  void ExpectRebuilt(const std::string& lost, size_t rows) {
    const ShardIndexStatus status = Settle(kIndex);
    EXPECT_EQ(status.state, IndexState::kReady);
    EXPECT_THAT(status.last_error, HasSubstr(lost));
    EXPECT_TRUE(fs::exists(lost + ".damaged"));
    EXPECT_THAT(warnings().back(), HasSubstr(lost));
    ExpectRows(rows);
  }
  void ExpectRows(size_t rows) {
    ShardQuery query = Near(0, Path::kExact);
    query.plan.k = 10'000;
    const auto answer = Ask(query);
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->ranked.size(), rows);
    for (const RankedRow& row : answer->ranked) {
      ASSERT_EQ(*row.score, static_cast<double>(row.id));
    }
  }
};

/// Calls body(shard, file, the section it was cut at) for each place in a file of `index`.
void WhereverItIsCut(
    const IndexDef& index,
    const std::function<void(Shard1&, const std::string&, const std::string&)>& body) {
  std::vector<Place> places;
  {
    Shard1 whole(index);
    places = PlacesToCut(whole.Segments().at(0));
  }
  for (const Place& place : places) {
    SCOPED_TRACE(place.name);
    Shard1 one(index);
    const std::string file = one.Segments().at(0);
    one.CutSegment(place.offset);
    body(one, file, place.name);
    if (::testing::Test::HasFailure()) return;
  }
}

void ExpectNear(float x, const ShardQueryResult& answer) {
  ASSERT_THAT(answer.ranked, SizeIs(5));
  EXPECT_EQ(answer.ranked[0].id, static_cast<RowId>(x));
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(*answer.ranked[i].score, std::abs(static_cast<double>(answer.ranked[i].id) - x));
    EXPECT_EQ(answer.rows[i].cells[0], Value(static_cast<int64_t>(answer.ranked[i].id)));
  }
}

TEST(LostPages, AQueryIsRightOrSaysThatTheIndexDoesNotAnswer) {
  for (const IndexDef& index : AllIndexes()) {
    for (const Path path : {Path::kAnn, Path::kExact}) {
      if ((path == Path::kAnn) != (index.engine == Engine::kHnsw)) continue;
      for (const bool filtered : {false, true}) {
        SCOPED_TRACE(testing::Message() << EngineName(index.engine) << filtered);
        size_t lost = 0;
        WhereverItIsCut(index, [&](Shard1& one, const std::string& file, const std::string&) {
          ShardQuery query = Shard1::Near(300, path);
          if (filtered) query.filter = *BindFilter(*ParseFilter("id <= 850"), one.table());
          query.plan.filter_strategy = filtered ? FilterStrategy::kInGraph : FilterStrategy::kNone;
          const auto answer = one.Ask(query);
          if (answer.ok()) return ExpectNear(300, *answer);  // from what is left
          ASSERT_TRUE(absl::IsAborted(answer.status())) << answer.status();
          ++lost;
          one.ExpectRebuilt(file, kRows);
          EXPECT_THAT(one.warnings(), SizeIs(1));
        });
        EXPECT_GE(lost, 3u) << "vectors, node_rows and row_ids are read by all";
      }
    }
  }
}

TEST(LostPages, QuestionsAskedTogetherFailTogether) {
  WhereverItIsCut(DefinitionOf(Engine::kFlat),
                  [](Shard1& one, const std::string& file, const std::string& cut) {
                    const auto answers = one.QueryTogether(kIndex, 5);
                    const bool lost = cut == "vectors" || cut == "node_rows" || cut == "row_ids";
                    EXPECT_TRUE(!lost || absl::IsAborted(answers[0].status())) << cut;
                    for (const auto& answer : answers) {
                      EXPECT_EQ(answer.ok(), answers[0].ok()) << answer.status();
                      if (!answer.ok()) continue;
                      EXPECT_EQ(answer->ranked.size(), kRows);
                    }
                    if (lost) one.ExpectRebuilt(file, kRows);
                  });
}

// Rows that were ranked are still among the rows, in the versions that were ranked.
TEST(LostPages, ColumnsAreFetchedFromTheRows) {
  size_t lost = 0;
  Shard1 whole(DefinitionOf(Engine::kFlat));
  for (const Place& place : PlacesToCut(whole.Segments().at(0))) {
    SCOPED_TRACE(place.name);
    Shard1 one(DefinitionOf(Engine::kFlat));
    const std::string file = one.Segments().at(0);
    ShardQuery query = Shard1::Near(300, Path::kExact);
    query.columns = {};
    query.hold = HoldFor::kPage;
    const auto ranked = one.Ask(query);
    ASSERT_TRUE(ranked.ok()) << ranked.status();
    one.CutSegment(place.offset);
    ShardFetch fetch{.table_id = OneShard::kTable,
                     .index_id = kIndex,
                     .snapshot_id = ranked->snapshot_id,
                     .columns = {0}};
    for (const RankedRow& row : ranked->ranked)
      fetch.rows.push_back({row.id, row.version, row.place});
    one.shard().Fetch(one.table(), fetch, CallContext(), [&](const auto& rows) {
      ASSERT_TRUE(rows.ok()) << rows.status();
      ASSERT_THAT(*rows, SizeIs(5));
      for (const Row& row : *rows) EXPECT_EQ(row.cells[0], Value(static_cast<int64_t>(row.id)));
    });
    if (one.Settle(kIndex).generation == 1) continue;
    ++lost;
    one.ExpectRebuilt(file, kRows);
  }
  EXPECT_GE(lost, 3u);
}

TEST(LostPages, AProbeSaysThatTheIndexDoesNotAnswer) {
  for (const IndexDef& index : AllIndexes()) {
    size_t lost = 0;
    WhereverItIsCut(index, [&](Shard1& one, const std::string& file, const std::string&) {
      const Filter filter = *BindFilter(*ParseFilter("id <= 450"), one.table());
      const Vector vector = {300, 0};
      const ShardProbeQuery query{
          .table_id = OneShard::kTable, .index_id = kIndex, .filter = &filter, .vector = vector};
      absl::StatusOr<ShardProbe> probe;
      one.shard().Probe(query, CallContext(), [&](auto result) { probe = std::move(result); });
      ASSERT_TRUE(probe.ok()) << probe.status();
      if (probe->index_usable) {
        EXPECT_NEAR(static_cast<double>(probe->sample_matched), kRows / 2, kRows / 20);
        return;
      }
      ++lost;
      EXPECT_THAT(probe->index_problem, HasSubstr(file));
      one.ExpectRebuilt(file, kRows);
    });
    EXPECT_GE(lost, 3u);
  }
}

TEST(LostPages, ASampleOfVectorsIsRightOrRefused) {
  size_t lost = 0;
  WhereverItIsCut(DefinitionOf(Engine::kFlat),
                  [&](Shard1& one, const std::string& file, const std::string&) {
                    absl::StatusOr<std::vector<SampledVector>> sample;
                    one.shard().SampleVectors(kIndex, 50, 1, CallContext(),
                                              [&](auto result) { sample = std::move(result); });
                    if (sample.ok()) {
                      EXPECT_THAT(*sample, SizeIs(50));
                      for (const auto& [id, vector] : *sample)
                        EXPECT_EQ(vector[0], static_cast<float>(id));
                      return;
                    }
                    ASSERT_TRUE(absl::IsAborted(sample.status())) << sample.status();
                    ++lost;
                    one.ExpectRebuilt(file, kRows);
                  });
  EXPECT_GE(lost, 3u);
}

/// Rows that are written again while the index is built; with 30 deleted ones they make the merge
/// due, and not before: a graph is merged when less of it is gone.
int64_t RowsAgain(const IndexDef& index) { return index.engine == Engine::kHnsw ? 110 : 200; }

/// Two segments of which a merge is due: the first has lost rows, and the second has newer versions
/// of others. `cut`: the one, and where it is cut before the merge begins.
void MergeWithout(const IndexDef& index, size_t number, const Place& cut) {
  Shard1 one(index, /*min_seal_rows=*/static_cast<uint64_t>(RowsAgain(index)) / 2);
  one.HoldBuilds();
  ASSERT_EQ(one.shard().RebuildIndex(kIndex, std::nullopt), absl::OkStatus());
  // During a build, which leaves them in two segments.
  one.Write(OneShard::Rows(501, 501 + RowsAgain(index)));
  one.LetBuildsRun();
  ASSERT_EQ(one.Settle(kIndex).generation, 3u);
  std::vector<std::string> files = one.Segments();
  ASSERT_THAT(files, SizeIs(2));
  if (fs::file_size(files[0]) < fs::file_size(files[1])) std::swap(files[0], files[1]);
  one.HoldBuilds();
  std::vector<RowWrite> deletes;
  for (RowId id = 1; id <= 30; ++id) deletes.push_back(OneShard::DeleteOf(id));
  one.Write(std::move(deletes));
  fs::resize_file(files[number], cut.offset);
  one.LetBuildsRun();
  const ShardIndexStatus status = one.Settle(kIndex);
  one.ExpectRows(kRows - 30);
  const bool needed = cut.name == "vectors" || cut.name == "node_rows" || cut.name == "row_ids" ||
                      cut.name == "versions" || (cut.name == "links0" && number == 0);
  EXPECT_TRUE(!needed || fs::exists(files[number] + ".damaged"));
  if (!fs::exists(files[number] + ".damaged")) return;  // merged without what was cut
  EXPECT_THAT(status.last_error, HasSubstr(files[number]));
  one.ExpectRebuilt(files[number], kRows - 30);
}

TEST(LostPages, AMergeOfThemIsNotPublished) {
  for (const IndexDef& index : AllIndexes()) {
    if (index.quantization != Quantization::kNone) continue;  // codes are made anew
    SCOPED_TRACE(EngineName(index.engine));
    std::vector<Place> places[2];
    {
      Shard1 whole(index);
      places[0] = PlacesToCut(whole.Segments().at(0));
      OneShard small;
      small.Write(OneShard::Rows(501, 501 + RowsAgain(index)));
      small.CreateIndex(index);
      small.Settle(kIndex);
      for (const auto& entry : fs::directory_iterator(small.index_dir(kIndex))) {
        if (entry.path().extension() == ".vdata") places[1] = PlacesToCut(entry.path());
      }
    }
    for (size_t number = 0; number < 2; ++number) {
      for (const Place& place : places[number]) {
        SCOPED_TRACE(testing::Message() << number << ", " << place.name);
        MergeWithout(index, number, place);
        if (HasFailure()) return;
      }
    }
  }
}

// Which rows of a file are gone is found out by reading it.
TEST(LostPages, WhatWasFoundInThemIsNotWrittenToTheManifest) {
  Shard1 one(DefinitionOf(Engine::kFlat), /*min_seal_rows=*/100);
  const std::string file = one.Segments().at(0);
  const std::string whole = file + ".whole";
  fs::copy_file(file, whole);
  one.CutSegment(4096);
  std::vector<RowWrite> writes = OneShard::Rows(5'000, 5'100);
  writes.push_back(OneShard::DeleteOf(7));
  one.Write(std::move(writes));
  one.Settle(kIndex);
  EXPECT_TRUE(fs::exists(file + ".damaged"));
  // As if the disk were well again.
  fs::rename(whole, file);
  one.Close();
  one.Open();
  one.Settle(kIndex);
  one.ExpectRows(kRows - 1 + 100);
}

// Rows that were written again under the vectors they have are read from a file of their own.
TEST(LostPages, RevisedRowsAreReadFromTheRowsUntilTheIndexIsRebuilt) {
  constexpr uint64_t kMinSealRows = 10;
  for (const bool sealed_again : {false, true}) {
    SCOPED_TRACE(sealed_again ? "a seal reads it first" : "a query reads it first");
    Shard1 one(DefinitionOf(Engine::kFlat), kMinSealRows);
    const std::string segment = one.Segments().at(0);
    const auto revise = [&](int64_t first, int64_t tag) {
      std::vector<RowWrite> rows;
      for (int64_t id = first; id < first + 40; ++id) {
        rows.push_back(OneShard::OneRow(id, {static_cast<float>(id), 0}, tag));
      }
      one.Write(std::move(rows));
    };
    revise(1, 7);  // so many are sealed
    one.Settle(kIndex);
    std::string revisions;
    for (const std::string& file : one.Segments()) {
      if (file != segment) revisions = file;
    }
    ASSERT_NE(revisions, "");
    fs::resize_file(revisions, 4'096);
    if (sealed_again) {
      revise(41, 7);
    } else {
      EXPECT_TRUE(absl::IsAborted(one.Query(kIndex, {3}).status()));
    }
    one.ExpectRebuilt(revisions, kRows);
    ShardQuery query = OneShard::Question(kIndex);
    query.plan.k = 10'000;
    query.filter =
        BindFilter({.column = "tag", .literals = {Value(int64_t{7})}}, one.table()).value();
    const auto tagged = one.Ask(query);
    ASSERT_TRUE(tagged.ok()) << tagged.status();
    EXPECT_EQ(tagged->ranked.size(), sealed_again ? 80u : 40u);
  }
}

TEST(LostPages, OfOneIndexLeaveTheOthersAlone) {
  Shard1 one(DefinitionOf(Engine::kFlat));
  one.CreateIndex(OneShard::Flat(2));
  ASSERT_EQ(one.Settle(2).generation, 1u);
  const std::string file = one.Segments().at(0);
  one.CutSegment(4096);
  EXPECT_TRUE(absl::IsAborted(one.Query(kIndex).status()));
  EXPECT_EQ(one.CountAnswers(2), kRows);
  EXPECT_EQ(one.CountAnswers(0), kRows) << "from the rows";
  one.ExpectRebuilt(file, kRows);
  one.Close();
  one.Open();
  EXPECT_EQ(one.Settle(kIndex).generation, 2u);
  one.ExpectRows(kRows);
  EXPECT_EQ(one.Status(2).generation, 1u);
}

}  // namespace
}  // namespace ordinate
