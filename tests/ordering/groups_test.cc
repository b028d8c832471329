// contract 3.6: groups by hand.
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/ordering/ask.h"

namespace ordinate {
namespace {

using ::testing::ElementsAre;

class Groups : public ::testing::Test {
 protected:
  Groups() : node_({.shards = 3, .threads = 1}) {}
  void SetUp() override {
    ASSERT_TRUE(node_.front().CreateTable(ParityTable(1)).ok());
    const auto row = [](int64_t id, Value grp, float x) {
      return OracleRow{static_cast<RowId>(id), {id, std::move(grp), id, 0.5, Vector{x}}};
    };
    LoadRows(node_.front(), "items",
             {row(1, "a", 1), row(2, "b", 2), row(3, "a", 3), row(4, Value(), 4), row(5, "b", 5),
              row(6, Value(), 6), row(7, "a", 7), row(8, "c", 8)});
    request_.table = "items";
    request_.column = "v";
    request_.vector = {0};
    request_.limit = 3;
    request_.group_by = GroupBy{"grp", 2};
  }
  std::vector<RowId> Ids() {
    std::vector<RowId> ids;
    const QueryResult result = AskFor(node_.front(), request_);
    groups_ = result.groups;
    plan_ = result.plan;
    for (const RankedRow& row : result.ranked) ids.push_back(row.id);
    return ids;
  }

  Node node_;
  QueryRequest request_;
  std::vector<uint32_t> groups_;
  Plan plan_;
};

TEST_F(Groups, ComeInTheOrderOfTheirBestRow) {
  EXPECT_THAT(Ids(), ElementsAre(1, 3, 2, 5, 4, 6));  // NULL is a group of its own
  EXPECT_THAT(groups_, ElementsAre(0, 0, 1, 1, 2, 2));
}

TEST_F(Groups, AreCountedByLimitAndOffset) {
  request_.limit = 1;
  EXPECT_THAT(Ids(), ElementsAre(1, 3));
  request_.offset = 2;
  request_.limit = 5;
  EXPECT_THAT(Ids(), ElementsAre(4, 6, 8));
  request_.offset = 4;
  EXPECT_TRUE(Ids().empty());
}

TEST_F(Groups, TakeFilters) {
  request_.filter = *ParseFilter("id >= 3");
  EXPECT_THAT(Ids(), ElementsAre(3, 7, 4, 6, 5));
}

TEST_F(Groups, ReturnTheColumnsAskedFor) {
  request_.columns = {"grp", "price"};
  const QueryResult result = AskFor(node_.front(), request_);
  ASSERT_EQ(result.rows.size(), 6u);
  EXPECT_EQ(result.rows[0].cells, (std::vector<Value>{"a", int64_t{1}}));
  EXPECT_EQ(result.rows[5].cells, (std::vector<Value>{Value(), int64_t{6}}));
}

TEST_F(Groups, AreExactAndSaySo) {
  IndexDef index;
  index.name = "flat";
  index.engine = Engine::kFlat;
  ASSERT_TRUE(node_.front().CreateIndex("items", "v", index).ok());
  node_.WaitForIndex("flat");
  Ids();
  EXPECT_EQ(plan_.path, Path::kExact);
  EXPECT_EQ(plan_.group_by, "grp");
}

TEST_F(Groups, RefuseWhatTheyCannotDo) {
  const CallContext context;
  const auto refused = [&](QueryRequest request) {
    return absl::IsInvalidArgument(node_.front().Query(request, context).status());
  };
  QueryRequest request = request_;
  request.paged = true;
  EXPECT_TRUE(refused(request));
  request = request_;
  request.group_by->rows = 1'001;
  EXPECT_TRUE(refused(request));
  request = request_;
  request.limit = 10'000;
  EXPECT_TRUE(refused(request)) << "limit * rows over the limit";
  request = request_;
  request.group_by->column = "v";
  EXPECT_TRUE(refused(request)) << "a vector is no group";
  request = request_;
  request.ties = {.form = TieForm::kWithinK, .n = 5};
  EXPECT_TRUE(refused(request));
}

}  // namespace
}  // namespace ordinate
