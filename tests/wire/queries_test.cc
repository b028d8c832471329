#include "service/wire/queries.h"

#include "storage/base/error_details.h"
#include "tests/wire/wire_fixture.h"

namespace ordinate {
namespace {

using ::testing::ElementsAre;

QueryRequest Question() {
  QueryRequest request{.table = "all", .column = "vec", .vector = {1, 2}};
  request.metric = Metric::kCosine;
  request.limit = 10;
  request.offset = 3;
  request.direction = Direction::kDescending;
  request.order_by = {{.column = "count", .descending = true, .nulls_first = false},
                      {.column = "name", .nulls_first = true}};
  request.filter = *ParseFilter("count > 1");
  request.columns = {"id", "*"};
  request.index = "idx";
  request.path = Path::kExact;
  request.settings = {{"vector.search.ef_search", "99"}};
  request.include_null_vectors = true;
  return request;
}

TEST(Queries, RoundTrip) {
  v1::QueryRequest proto;
  QueryToProto(Question(), &proto);
  const auto back = QueryFromProto(proto);
  ASSERT_TRUE(back.ok()) << back.status();
  v1::QueryRequest again;
  QueryToProto(*back, &again);
  EXPECT_EQ(proto.DebugString(), again.DebugString());
  EXPECT_EQ(back->metric, Metric::kCosine);
  EXPECT_EQ(back->limit, 10u);
  EXPECT_EQ(back->offset, 3u);
  EXPECT_EQ(back->direction, Direction::kDescending);
  EXPECT_FALSE(back->order_by[0].nulls_first);
  EXPECT_TRUE(back->order_by[1].nulls_first);
  EXPECT_THAT(back->columns, ElementsAre("id", "*"));
  EXPECT_EQ(back->path, Path::kExact);
  EXPECT_TRUE(back->include_null_vectors);
}

TEST(Queries, NullsDefaultAsInSql) {
  v1::QueryRequest proto;
  proto.mutable_vector()->mutable_f32()->add_values(1);
  proto.add_order_by()->set_column("a");
  proto.add_order_by()->set_descending(true);
  const auto request = QueryFromProto(proto);
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_FALSE(request->order_by[0].nulls_first);
  EXPECT_TRUE(request->order_by[1].nulls_first);
  EXPECT_FALSE(request->metric.has_value());
  EXPECT_EQ(request->path, Path::kAuto);
}

TEST(Queries, FreshnessRoundTrips) {
  QueryRequest request = Question();
  request.freshness.policy = LagPolicy::kFail;
  request.freshness.min_seq = {{0, 12}, {1, 7}};
  request.freshness.max_lag_rows = 5;
  request.freshness.max_lag_micros = 2'500'000;
  v1::QueryRequest proto;
  QueryToProto(request, &proto);
  const auto back = QueryFromProto(proto);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->freshness.policy, LagPolicy::kFail);
  EXPECT_EQ(back->freshness.min_seq, request.freshness.min_seq);
  EXPECT_EQ(back->freshness.max_lag_rows, 5u);
  EXPECT_EQ(back->freshness.max_lag_micros, 2'500'000u);
}

TEST(Queries, FreshnessRefusals) {
  const auto refused = [](auto change) {
    v1::QueryRequest proto;
    QueryToProto(Question(), &proto);
    change(*proto.mutable_freshness());
    return QueryFromProto(proto).status();
  };
  const auto unknown = refused([](auto& f) { f.set_lag_policy(static_cast<v1::LagPolicy>(9)); });
  EXPECT_THAT(unknown,
              Refuses("lag_policy is 9; expected one of SCAN_TAIL, SKIP_TAIL, WAIT, FAIL"));
  ASSERT_EQ(FieldViolations(unknown).size(), 1u);
  EXPECT_EQ(FieldViolations(unknown)[0].field, "freshness.lag_policy");
  EXPECT_THAT(
      refused([](auto& f) {
        f.set_lag_policy(v1::LAG_POLICY_WAIT);
        f.set_max_lag_rows(3);
      }),
      Refuses("max_lag_rows and max_lag are bounds of lag_policy FAIL, which is not asked"));
  EXPECT_THAT(refused([](auto& f) {
                f.set_lag_policy(v1::LAG_POLICY_FAIL);
                f.mutable_max_lag()->set_seconds(-1);
              }),
              Refuses("-1"));
}

TEST(Queries, Refusals) {
  v1::QueryRequest good;
  QueryToProto(Question(), &good);
  const auto refused = [&](auto change) {
    v1::QueryRequest proto = good;
    change(proto);
    return QueryFromProto(proto).status();
  };
  EXPECT_THAT(refused([](auto& q) { q.clear_vector(); }),
              Refuses("vector: the vector has no form"));
  EXPECT_THAT(refused([](auto& q) { q.set_metric(static_cast<v1::Metric>(9)); }),
              Refuses("metric is 9; expected one of L2, COSINE, IP"));
  EXPECT_THAT(refused([](auto& q) { q.set_direction(static_cast<v1::Direction>(9)); }),
              Refuses("direction is 9"));
  EXPECT_THAT(refused([](auto& q) { q.set_path(static_cast<v1::Path>(9)); }), Refuses("path is 9"));
  EXPECT_THAT(refused([](auto& q) {
                q.mutable_order_by(1)->set_nulls(static_cast<v1::SortKey::Nulls>(5));
              }),
              Refuses("order_by[1].nulls is 5"));
  EXPECT_THAT(refused([](auto& q) {
                for (int i = 0; i < 20; ++i) q.add_order_by();
              }),
              Refuses("order_by has 22 keys; the most is 16"));
  EXPECT_THAT(refused([](auto& q) { q.mutable_filter()->clear_form(); }),
              Refuses("filter: no form"));
}

TEST(Queries, PlanAndAnswer) {
  QueryResult result;
  result.plan.path = Path::kAnn;
  result.plan.reason = Reason::kIndexMatch;
  result.plan.index = "idx";
  result.plan.index_id = 3;
  result.plan.engine = Engine::kHnsw;
  result.plan.lag_policy = LagPolicy::kSkipTail;
  result.plan.generation_by_shard = {{1, 2}};
  result.plan.warnings = {"careful"};
  result.columns = {3};
  result.ranked = {{.score = 0.5, .id = 7, .version = 2}, {.id = 8, .version = 3}};
  result.rows = {{7, 2, {int64_t{1}}}, {8, 3, {Value()}}};
  result.visible_seq = {{1, 9}};
  result.server_nanos = 1'500'000'000;
  v1::QueryResponse proto;
  QueryResultToProto(result, Everything(), false, &proto);
  EXPECT_FALSE(proto.has_plan());
  ASSERT_EQ(proto.rows_size(), 2);
  EXPECT_EQ(proto.rows(0).score(), 0.5);
  EXPECT_FALSE(proto.rows(1).has_score());
  EXPECT_EQ(proto.rows(0).row().cells().at("count").int64_value(), 1);
  EXPECT_EQ(proto.rows(1).row().row_id(), 8u);
  EXPECT_EQ(proto.server_time().nanos(), 500'000'000);
  EXPECT_EQ(proto.visible_seq().seq_by_shard().at(1), 9u);

  v1::QueryResponse with_plan;
  QueryResultToProto(result, Everything(), true, &with_plan);
  const v1::Plan& plan = with_plan.plan();
  EXPECT_EQ(plan.path(), v1::PATH_ANN);
  EXPECT_EQ(plan.reason(), v1::REASON_INDEX_MATCH);
  EXPECT_EQ(plan.engine(), v1::ENGINE_HNSW);
  EXPECT_EQ(plan.lag_policy(), v1::LAG_POLICY_SKIP_TAIL);
  EXPECT_EQ(plan.generation_by_shard().at(1), 2u);
  EXPECT_EQ(plan.warnings(0), "careful");
  EXPECT_EQ(plan.text(), PlanText(result.plan));
  EXPECT_TRUE(plan.text().starts_with("ANN"));
}

}  // namespace
}  // namespace ordinate
