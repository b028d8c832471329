// contract 2.2: the same data and request give the same bytes, whatever the number of shards,
// segments, threads and the batch size: on the EXACT path always, on the ANN path for one snapshot.
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/io/zero_copy_stream_impl_lite.h"
#include "gtest/gtest.h"
#include "service/wire/queries.h"
#include "tests/ordering/ask.h"

namespace ordinate {
namespace {

constexpr uint64_t kSeed = 20'261'129;
constexpr uint32_t kDim = 8;
// Two requests of half as many; more than one block of a scan on one shard.
constexpr size_t kRows = 12'000;
#ifdef ORDINATE_SANITIZER
constexpr int kTimes = 15;
#else
constexpr int kTimes = 100;
#endif

// The rows as a caller gets them. Maps are written in the order of their keys.
std::string RowBytes(const QueryResult& result, const TableDef& table) {
  v1::QueryResponse response;
  QueryResultToProto(result, table, /*with_plan=*/false, &response);
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream out(&bytes);
    google::protobuf::io::CodedOutputStream coded(&out);
    coded.SetSerializationDeterministic(true);
    for (const v1::ResultRow& row : response.rows()) {
      EXPECT_TRUE(row.SerializeToCodedStream(&coded));
    }
  }
  EXPECT_FALSE(bytes.empty());
  return bytes;
}

enum class Layout { kRowsOnly, kSegmentAndTail, kOneSegment };

class Determinism : public ::testing::TestWithParam<std::tuple<uint32_t, uint32_t>> {
 protected:
  Determinism() : rows_(RandomRows(kSeed, kRows, kDim)) {}

  static void Load(Front& front, std::span<const OracleRow> rows) {
    UpsertInput input{.table = "items"};
    for (const OracleRow& row : rows) input.rows.push_back({row.cells, 0});
    const CallContext context;
    const auto result = front.Upsert(std::move(input), context);
    ASSERT_TRUE(result.ok()) << result.status();
  }

  // Rows of the same versions, in segments as `layout` says.
  void Fill(Node& node, Layout layout) {
    ASSERT_TRUE(node.front().CreateTable(ParityTable(kDim)).ok());
    const std::span<const OracleRow> rows(rows_);
    const auto index = [&] {
#ifdef ORDINATE_WITH_HNSW
      MakeIndex(node, "near", Engine::kHnsw, Metric::kL2);
#else
      MakeIndex(node, "near", Engine::kFlat, Metric::kL2);
#endif
    };
    Load(node.front(), rows.first(kRows / 2));
    if (layout == Layout::kSegmentAndTail) index();
    Load(node.front(), rows.subspan(kRows / 2));
    if (layout == Layout::kOneSegment) index();
  }

  // A plain order; and buckets, keys and a filter, which need every rule.
  std::vector<QueryRequest> Questions() const {
    std::mt19937_64 random(kSeed + 1);
    QueryRequest plain{.table = "items", .column = "v", .vector = RandomVector(random, kDim)};
    plain.metric = Metric::kL2;
    plain.limit = 50;
    plain.columns = {"*"};
    QueryRequest rich = plain;
    rich.offset = 7;
    rich.ties = {.form = TieForm::kBucket, .width = 0.5};
    rich.order_by = {{"grp", true, true}, {"weight", false, true}};
    rich.filter = *ParseFilter("price < 15 AND NOT grp = 'g2'");
    return {plain, rich};
  }

  // Asks alone and in batches, and expects `first`, which is set where it is not.
  static void AskOften(Front& front, const QueryRequest& request,
                       std::optional<std::string>& first) {
    const TableDef table = *front.FindTable("items");
    for (int i = 0; i < kTimes; ++i) {
      const std::string bytes = RowBytes(AskFor(front, request), table);
      if (!first.has_value()) first = bytes;
      ASSERT_TRUE(bytes == *first) << "the " << i << "th time";
    }
    const CallContext context;
    for (const size_t size : {size_t{1}, size_t{64}}) {
      const std::vector<absl::StatusOr<QueryRequest>> batch(size, request);
      for (const auto& result : front.QueryBatch(batch, context)) {
        ASSERT_TRUE(result.ok()) << result.status();
        ASSERT_TRUE(RowBytes(*result, table) == *first) << "in a batch of " << size;
      }
    }
  }

  const std::vector<OracleRow> rows_;
  // Of all shapes alike, by question.
  static std::vector<std::optional<std::string>> exact_;
};
std::vector<std::optional<std::string>> Determinism::exact_(2);

TEST_P(Determinism, TheSameRequestGivesTheSameBytes) {
  const auto [shards, threads] = GetParam();
  for (const Layout layout : {Layout::kRowsOnly, Layout::kSegmentAndTail, Layout::kOneSegment}) {
    SCOPED_TRACE(::testing::Message() << "layout " << static_cast<int>(layout));
    Node node({.shards = shards, .threads = threads});
    ASSERT_NO_FATAL_FAILURE(Fill(node, layout));
    const std::vector<QueryRequest> questions = Questions();
    for (size_t q = 0; q < questions.size(); ++q) {
      SCOPED_TRACE(::testing::Message() << "question " << q);
      QueryRequest request = questions[q];
      request.path = Path::kExact;
      ASSERT_NO_FATAL_FAILURE(AskOften(node.front(), request, exact_[q]));
#ifdef ORDINATE_WITH_HNSW
      if (layout == Layout::kRowsOnly) continue;
      request.path = Path::kAnn;
      std::optional<std::string> ann;  // of this snapshot
      ASSERT_NO_FATAL_FAILURE(AskOften(node.front(), request, ann));
#endif
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Determinism,
                         ::testing::Combine(::testing::Values(1u, 2u, 5u),
                                            ::testing::Values(1u, 8u)),
                         [](const auto& shape) {
                           return Concat("Shards", std::get<0>(shape.param), "Threads",
                                         std::get<1>(shape.param));
                         });

}  // namespace
}  // namespace ordinate
