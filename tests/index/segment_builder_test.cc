#include "engine/index/segment_builder.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>
#include <vector>

#include "tests/index/index_fixtures.h"

namespace ordinate {
namespace {

using SegmentBuilderTest = IndexTest;

std::unique_ptr<SegmentBuilder> Flat(Metric metric, uint32_t dim,
                                     DimPolicy policy = DimPolicy::kError) {
  IndexDef index = ShopIndex(Engine::kFlat, metric, dim);
  index.dim_policy = policy;
  auto builder = SegmentBuilder::Create(ShopTable(), index, 77);
  EXPECT_TRUE(builder.ok()) << builder.status();
  return *std::move(builder);
}

template <typename T>
std::vector<T> ToVector(std::span<const T> span) {
  return {span.begin(), span.end()};
}

TEST_F(SegmentBuilderTest, OrdersRowsByClassNodeAndId) {
  const auto builder = Flat(Metric::kL2, 2, DimPolicy::kSkip);
  const std::vector<Row> rows = {ShopRow(9, Vector{1, 1}),  // node of 3: shares its vector
                                 ShopRow(7, Value()),       // NULL
                                 ShopRow(5, Vector{2, 2}),  // second node: its smallest row id is 5
                                 ShopRow(3, Vector{1, 1}),  // first node
                                 ShopRow(2, Vector{1, 2, 3}),  // another dim
                                 ShopRow(1, Value())};
  for (const Row& row : rows) ASSERT_TRUE(builder->Add(row).ok());
  BuiltSegment built;
  const auto file = Finish(*builder, nullptr, "a.vdata", &built);
  ASSERT_NE(file, nullptr);
  const SegmentView& view = file->view();
  EXPECT_EQ(view.flavour, RowIdFlavour::kPkU64);
  EXPECT_EQ(view.seq, 77u);
  EXPECT_EQ(view.nodes, 2u);
  EXPECT_EQ(view.vector_rows, 3u);
  EXPECT_EQ(view.null_rows, 2u);
  EXPECT_EQ(view.invalid_rows, 1u);
  EXPECT_EQ(built.nodes, 2u);
  EXPECT_EQ(built.vector_rows + built.null_rows + built.invalid_rows, 6u);
  EXPECT_EQ(ToVector(view.row_ids), (std::vector<RowId>{3, 9, 5, 1, 7, 2}));
  EXPECT_EQ(ToVector(view.versions), (std::vector<uint64_t>{1003, 1009, 1005, 1001, 1007, 1002}));
  EXPECT_EQ(ToVector(view.node_rows), (std::vector<uint32_t>{0, 2, 3}));
  EXPECT_EQ(ToVector(view.by_row_id), (std::vector<uint32_t>{3, 5, 0, 2, 4, 1}));
  EXPECT_EQ(view.FindRow(9), 1);
  EXPECT_EQ(view.FindRow(4), -1);
  EXPECT_EQ(view.vectors[0], 1);
  EXPECT_EQ(view.vectors[view.stride], 2);
}

TEST_F(SegmentBuilderTest, CapturesKeysAndAttributesInTheSameOrder) {
  const auto builder = Flat(Metric::kL2, 1);
  ASSERT_TRUE(builder
                  ->Add({8,
                         1,
                         {uint64_t{8}, Vector{8}, std::string("pear"), 1.5, int64_t{-3}, true,
                          Timestamp{123}, std::string("{}")}})
                  .ok());
  ASSERT_TRUE(builder->Add({4, 1, {uint64_t{4}, Vector{4}, std::string("")}}).ok());
  const auto file = Finish(*builder, nullptr, "a.vdata");
  ASSERT_NE(file, nullptr);
  const auto& columns = file->view().columns;
  ASSERT_EQ(columns.size(), 6u);  // all but the vector and the payload
  EXPECT_EQ(columns[0].column_id, 1u);
  EXPECT_EQ(columns[5].column_id, 7u);
  EXPECT_EQ(Own(columns[0].Get(0)), Value(uint64_t{4}));
  EXPECT_EQ(Own(columns[0].Get(1)), Value(uint64_t{8}));
  EXPECT_EQ(Own(columns[1].Get(0)), Value(std::string("")));
  EXPECT_EQ(Own(columns[1].Get(1)), Value(std::string("pear")));
  EXPECT_EQ(Own(columns[2].Get(1)), Value(1.5));
  EXPECT_EQ(Own(columns[3].Get(1)), Value(int64_t{-3}));
  EXPECT_EQ(Own(columns[4].Get(1)), Value(true));
  EXPECT_EQ(Own(columns[5].Get(1)), Value(Timestamp{123}));
  for (size_t i = 2; i < 6; ++i) EXPECT_TRUE(IsNull(columns[i].Get(0))) << i;
}

// contract 1.5
TEST_F(SegmentBuilderTest, DimPolicyErrorNamesRowFoundAndExpected) {
  const auto builder = Flat(Metric::kL2, 4);
  const absl::Status status = builder->Add(ShopRow(123, Vector{1, 2, 3}));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  for (const char* part : {"row 123", "dim 3", "dim 4", "by_v"}) {
    EXPECT_NE(std::string(status.message()).find(part), std::string::npos) << status;
  }
  EXPECT_EQ(builder->rows(), 0u);
  EXPECT_TRUE(builder->Add(ShopRow(124, Vector{1, 2, 3, 4})).ok());
}

// contract 1.5
TEST_F(SegmentBuilderTest, ZeroVectorsAreNullUnderCosineAlone) {
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kIp}) {
    const auto builder = Flat(metric, 2);
    ASSERT_TRUE(builder->Add(ShopRow(1, Vector{0.0f, -0.0f})).ok());
    ASSERT_TRUE(builder->Add(ShopRow(2, Vector{3, 4})).ok());
    const auto file = Finish(*builder, nullptr, "m" + std::to_string(int(metric)));
    ASSERT_NE(file, nullptr);
    const bool cosine = metric == Metric::kCosine;
    EXPECT_EQ(file->view().null_rows, cosine ? 1u : 0u);
    EXPECT_EQ(file->view().nodes, cosine ? 1u : 2u);
    ASSERT_EQ(file->view().inverse_norms.size(), cosine ? 1u : 0u);
    if (cosine) {
      EXPECT_FLOAT_EQ(file->view().inverse_norms[0], 0.2f);
    }
  }
}

TEST_F(SegmentBuilderTest, RefusesWhatNoRowMayHold) {
  const auto builder = Flat(Metric::kL2, 1);
  for (const float x :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    EXPECT_EQ(builder->Add(ShopRow(1, Vector{x})).code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(builder->Add(ShopRow(1, std::string("text"))).code(),
            absl::StatusCode::kInvalidArgument);
  const absl::Status wrong = builder->Add({1, 1, {uint64_t{1}, Vector{1}, int64_t{5}}});
  EXPECT_EQ(wrong.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(wrong.message()).find("'name' of type STRING"), std::string::npos) << wrong;
}

TEST_F(SegmentBuilderTest, ARowAddedTwiceIsRefusedAndLeavesNoFile) {
  const auto builder = Flat(Metric::kL2, 1);
  for (const float x : {1.0f, 2.0f}) ASSERT_TRUE(builder->Add(ShopRow(6, Vector{x})).ok());
  const CallContext context;
  const auto status = builder->Finish(nullptr, {Path("a.vdata")}, context).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(std::string(status.message()).find("row 6"), std::string::npos) << status;
  EXPECT_FALSE(std::filesystem::exists(Path("a.vdata")));
}

TEST_F(SegmentBuilderTest, CreateRefusesOtherColumnsAndDims) {
  IndexDef index = ShopIndex(Engine::kFlat, Metric::kL2, 4);
  index.column_id = 3;
  EXPECT_EQ(SegmentBuilder::Create(ShopTable(), index, 1).status().code(),
            absl::StatusCode::kInvalidArgument);
  index.column_id = 99;
  EXPECT_EQ(SegmentBuilder::Create(ShopTable(), index, 1).status().code(),
            absl::StatusCode::kInvalidArgument);
  index = ShopIndex(Engine::kFlat, Metric::kL2, kMaxDim + 1);
  EXPECT_EQ(SegmentBuilder::Create(ShopTable(), index, 1).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(SegmentBuilderTest, HnswWithoutABuilderIsAClearError) {
  auto builder = *SegmentBuilder::Create(ShopTable(), ShopIndex(Engine::kHnsw, Metric::kL2, 2), 1);
  const CallContext context;
  EXPECT_EQ(builder->Finish(nullptr, {Path("a.vdata")}, context).status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(SegmentBuilderTest, EmptySegmentsAreFiles) {
  const auto builder = Flat(Metric::kCosine, 3);
  const auto file = Finish(*builder, nullptr, "empty.vdata");
  ASSERT_NE(file, nullptr);
  EXPECT_EQ(file->view().rows(), 0u);
  EXPECT_EQ(file->view().nodes, 0u);
}

TEST_F(SegmentBuilderTest, TheOrderOfAdditionDoesNotMatter) {
  std::mt19937 random(31);
  std::vector<Row> rows;
  for (RowId id = 1; id <= 500; ++id) {
    const auto value = static_cast<float>(random() % 40);
    rows.push_back(ShopRow(id, random() % 9 == 0 ? Value() : Value(Vector{value, 1})));
  }
  uint64_t checksums[2];
  for (uint64_t& checksum : checksums) {
    const auto builder = Flat(Metric::kIp, 2);
    for (const Row& row : rows) ASSERT_TRUE(builder->Add(row).ok());
    BuiltSegment built;
    const auto file = Finish(*builder, nullptr, "a.vdata", &built);
    ASSERT_NE(file, nullptr);
    EXPECT_LE(file->view().nodes, 40u);
    checksum = built.checksum;
    std::shuffle(rows.begin(), rows.end(), random);
  }
  EXPECT_EQ(checksums[0], checksums[1]);
}

}  // namespace
}  // namespace ordinate
