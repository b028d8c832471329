#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <string>

#include "service/statement/translate.h"
#include "tests/statement/read.h"

namespace ordinate::statement {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename T>
T Request(std::string_view text) {
  absl::StatusOr<SelectRequest> request = ToRequest(Read<Select>(text));
  EXPECT_TRUE(request.ok()) << text << ": " << request.status();
  if (!request.ok()) return T();
  T* const found = std::get_if<T>(&*request);
  EXPECT_NE(found, nullptr) << text;
  return found == nullptr ? T() : std::move(*found);
}
RankedSelect Ranked(std::string_view text) { return Request<RankedSelect>(text); }
RankedSelect OrderedBy(const std::string& order) {
  return Ranked("SELECT id FROM docs ORDER BY " + order + " LIMIT 5");
}
std::string Refusal(std::string_view text) { return RefusalOf(ToRequest(Read<Select>(text))); }

// contract 7.2, and 3.1: the score that is shown is not the one that orders.
TEST(ToRequest, ProjectsAnotherMetricThanTheSorts) {
  const RankedSelect ranked = Ranked(
      "SELECT id, cosine_sim(body_embed, '[0.1,0.2,0.3]') AS score FROM docs ORDER BY "
      "vec_l2(docs.body_embed, '[0.1,0.2,0.3]') USING ANN, id DESC LIMIT 10");
  const Vector vector = {0.1F, 0.2F, 0.3F};
  EXPECT_EQ(ranked.query.table, "docs");
  EXPECT_EQ(ranked.query.column, "body_embed");
  EXPECT_EQ(ranked.query.vector, vector);
  EXPECT_EQ(ranked.query.metric, Metric::kL2);
  EXPECT_EQ(ranked.query.direction, Direction::kNearest);
  EXPECT_EQ(ranked.query.path, Path::kAnn);
  EXPECT_EQ(ranked.query.limit, 10);
  ASSERT_EQ(ranked.query.order_by.size(), 1);
  EXPECT_EQ(ranked.query.order_by[0].column, "id");
  EXPECT_TRUE(ranked.query.order_by[0].descending);
  EXPECT_TRUE(ranked.query.order_by[0].nulls_first);
  EXPECT_THAT(ranked.query.columns, ElementsAre("id", "body_embed"));
  EXPECT_EQ(ranked.stream, std::nullopt);
  EXPECT_THAT(ranked.projection,
              ElementsAre(OutputItem{"id", RowColumn{"id"}},
                          OutputItem{"score", ScalarScore{"body_embed", Metric::kCosine,
                                                          ScoreForm::kFunction, vector}}));
}

TEST(ToRequest, ProjectsTheSortsOwnScoreFromTheAnswer) {
  const RankedSelect ranked = Ranked(
      "SELECT body <=> '[1]', cosine_sim(body, '[1]'), d.*, __row_id AS row FROM docs AS d ORDER "
      "BY "
      "cosine_sim(docs.body, '[1]') LIMIT 1");
  EXPECT_THAT(
      ranked.projection,
      ElementsAre(OutputItem{"distance", ScoreOutput{Metric::kCosine, ScoreForm::kOperator}},
                  OutputItem{"cosine_sim", ScoreOutput{Metric::kCosine, ScoreForm::kFunction}},
                  OutputItem{"", EveryColumn{}}, OutputItem{"row", RowIdOutput{}}));
  EXPECT_THAT(ranked.query.columns, ElementsAre("*"));
}

TEST(ToRequest, OrdersByTheAliasOfAScore) {
  const RankedSelect ranked = Ranked(
      "SELECT vec_ip(body, '[1]') AS score, id AS number FROM docs ORDER BY score TIES, number "
      "NULLS FIRST LIMIT 1");
  EXPECT_EQ(ranked.query.metric, Metric::kIp);
  EXPECT_EQ(ranked.query.order_by.at(0).column, "id");
  EXPECT_TRUE(ranked.query.order_by.at(0).nulls_first);
}

// contract 2.1: a direction is meant of the value as it is written.
TEST(ToRequest, TakesDirectionsLiterally) {
  const auto direction = [](const std::string& order) { return OrderedBy(order).query.direction; };
  EXPECT_EQ(direction("vec_l2(v, '[1]')"), Direction::kNearest);
  EXPECT_EQ(direction("vec_l2(v, '[1]') ASC"), Direction::kAscending);
  EXPECT_EQ(direction("cosine_sim(v, '[1]') ASC"), Direction::kAscending);
  EXPECT_EQ(direction("cosine_sim(v, '[1]') DESC"), Direction::kDescending);
  EXPECT_EQ(direction("v <-> '[1]' DESC"), Direction::kDescending);
  EXPECT_EQ(direction("v <=> '[1]'"), Direction::kNearest);
  EXPECT_EQ(direction("v <=> '[1]' ASC"), Direction::kDescending);
  EXPECT_EQ(direction("v <=> '[1]' DESC"), Direction::kAscending);
  EXPECT_EQ(direction("v <#> '[1]' ASC"), Direction::kDescending);
}

// contract 2.5, 1.5, 3.6
TEST(ToRequest, TakesTiesNullsGroupsAndRows) {
  EXPECT_EQ(OrderedBy("v <-> '[1]' BUCKET(0.5)").query.ties,
            (TieRule{.form = TieForm::kBucket, .width = 0.5}));
  EXPECT_EQ(OrderedBy("v <-> '[1]' WITHIN_K(7)").query.ties,
            (TieRule{.form = TieForm::kWithinK, .n = 7}));
  EXPECT_FALSE(OrderedBy("v <-> '[1]'").query.include_null_vectors);
  EXPECT_TRUE(OrderedBy("v <-> '[1]' NULLS LAST").query.include_null_vectors);
  const RankedSelect like = OrderedBy("v <-> ROW 42");
  EXPECT_EQ(like.query.like.value().row_id, 42);
  EXPECT_TRUE(like.query.vector.empty());
  const RankedSelect grouped = Ranked(
      "SELECT id FROM docs AS d GROUP BY d.section ROWS 3 ORDER BY v <-> '[1]' LIMIT 5 OFFSET 2");
  EXPECT_EQ(grouped.query.group_by.value().column, "section");
  EXPECT_EQ(grouped.query.group_by.value().rows, 3);
  EXPECT_EQ(grouped.query.offset, 2);
  EXPECT_TRUE(OrderedBy("v <-> '[1]', __row_id").query.order_by.empty());
}

// contract 3.3
TEST(ToRequest, StreamsWithoutLimit) {
  const auto stream = [](const std::string& order) {
    return Ranked("SELECT id FROM docs ORDER BY v <-> '[1]' " + order).stream;
  };
  EXPECT_EQ(stream(""), Strictness::kStrict);
  EXPECT_EQ(stream("USING EXACT"), Strictness::kStrict);
  EXPECT_EQ(stream("USING EXACT RELAXED"), Strictness::kRelaxed);
  EXPECT_EQ(stream("USING ANN"), Strictness::kRelaxed);
  EXPECT_THAT(Refusal("SELECT id FROM docs ORDER BY v <-> '[1]' USING ANN STRICT"),
              HasSubstr("expected USING EXACT STRICT"));
  EXPECT_THAT(Refusal("SELECT id FROM docs ORDER BY v <-> '[1]' USING EXACT STRICT LIMIT 3"),
              HasSubstr("expected no LIMIT"));
  EXPECT_EQ(Ranked("SELECT id FROM docs ORDER BY v <-> '[1]' LIMIT 0").stream, std::nullopt);
}

ScoreRange Range(const std::string& order, const std::string& where) {
  return Ranked("SELECT id FROM docs WHERE " + where + " ORDER BY " + order + " LIMIT 1")
      .query.range;
}

// contract 3.6: bounds become inclusive ones on the score.
TEST(ToRequest, TakesBoundsOnTheSortsScore) {
  const std::string l2 = "vec_l2(v, '[1]')";
  EXPECT_EQ(Range(l2, l2 + " <= 0.5").max, 0.5);
  EXPECT_EQ(Range(l2, l2 + " <= 0.5").min, std::nullopt);
  EXPECT_EQ(Range(l2, l2 + " < 0.5").max, std::nextafter(0.5, 0));
  EXPECT_EQ(Range(l2, l2 + " > 0.5").min, std::nextafter(0.5, 1));
  EXPECT_EQ(Range(l2, l2 + " < 0").max, -5e-324);
  const ScoreRange both =
      Range(l2, l2 + " >= 0.25 AND a = 1 AND v <-> '[1]' <= 2 AND " + l2 + " <= 3");
  EXPECT_EQ(both.min, 0.25);
  EXPECT_EQ(both.max, 2);
  EXPECT_EQ(Range("v <#> '[1]'", "v <#> '[1]' <= -3").min, 3);
  EXPECT_EQ(Range("v <#> '[1]'", "vec_ip(v, '[1]') <= -3").max, -3);
  EXPECT_THAT(Refusal("SELECT id FROM docs WHERE v <-> '[2]' < 1 ORDER BY v <-> '[1]' LIMIT 1"),
              HasSubstr("on another score than ORDER BY"));
  EXPECT_THAT(Refusal("SELECT id FROM docs WHERE v <-> '[2]' < 1"), HasSubstr("needs an ORDER BY"));
}

// A bound on 1 - cosine keeps exactly the rows whose shown value meets it.
TEST(ToRequest, BoundsOneMinusCosineToTheLastBit) {
  const auto shown = [](double cosine) {
    return ShownScore(Metric::kCosine, ScoreForm::kOperator, cosine);
  };
  for (const double bound :
       {0.0, 1e-300, 1e-17, 0.1, 0.3, 0.5, 0.7, 0.9999999999999999, 1.0, 1.1, 1.9, 2.0}) {
    SCOPED_TRACE(testing::Message() << "bound " << bound);
    char text[64];
    std::snprintf(text, sizeof(text), "%.17g", bound);
    const std::string score = "v <=> '[1]'";
    const double at_most = Range(score, score + " <= " + text).min.value();
    EXPECT_LE(shown(at_most), bound);
    EXPECT_TRUE(at_most == -1 || shown(std::nextafter(at_most, -2)) > bound);
    const double at_least = Range(score, score + " >= " + text).max.value();
    EXPECT_GE(shown(at_least), bound);
    EXPECT_TRUE(at_least >= 1 || shown(std::nextafter(at_least, 2)) < bound);
    const ScoreRange below = Range(score, score + " < " + text);
    EXPECT_FALSE(below.Contains(at_least));
    EXPECT_TRUE(below.Contains(std::nextafter(at_least, 2)) || at_least >= 1);
  }
  EXPECT_FALSE(Range("v <=> '[1]'", "v <=> '[1]' < 0").Contains(1));
  EXPECT_TRUE(Range("v <=> '[1]'", "v <=> '[1]' <= 2").Contains(-1));
  EXPECT_FALSE(Range("v <=> '[1]'", "v <=> '[1]' > 2").Contains(-1));
}

TEST(ToRequest, ScansAndCountsWithoutAScore) {
  const auto scan = Request<ScanSelect>(
      "SELECT id, __row_id, v <-> '[1]' FROM docs WHERE docs.a = 1 "
      "LIMIT 7 OFFSET 2");
  EXPECT_EQ(scan.table, "docs");
  EXPECT_EQ(FilterText(scan.filter.value()), "a = 1");
  EXPECT_THAT(scan.columns, ElementsAre("id", "v"));
  EXPECT_EQ(scan.limit, 7U);
  EXPECT_EQ(scan.offset, 2);
  EXPECT_EQ(Request<ScanSelect>("SELECT * FROM docs").limit, std::nullopt);
  const auto count = Request<CountSelect>("SELECT COUNT(*) AS n FROM docs WHERE a IS NULL");
  EXPECT_EQ(count.name, "n");
  EXPECT_EQ(FilterText(count.filter.value()), "a IS NULL");
}

TEST(ToRequest, RefusesWhatCannotBeAnswered) {
  EXPECT_EQ(
      Refusal("SELECT id FROM docs ORDER BY id, v <-> '[1]'"),
      "ORDER BY begins with \"id\"; expected a score: vec_l2, cosine_sim, vec_ip, <->, <=> or "
      "<#>, or the alias of one");
  EXPECT_EQ(Refusal("SELECT id FROM docs ORDER BY v <-> '[1]', v <-> '[2]'"),
            "ORDER BY takes one score, and columns behind it");
  EXPECT_THAT(Refusal("SELECT id FROM docs ORDER BY v <-> '[1]', id USING ANN"),
              HasSubstr("USING follow the score"));
  EXPECT_THAT(Refusal("SELECT id FROM docs ORDER BY v <-> '[1]', id BUCKET(1)"),
              HasSubstr("BUCKET"));
  EXPECT_THAT(Refusal("SELECT id FROM docs ORDER BY v <-> '[1]' NULLS FIRST"),
              HasSubstr("expected NULLS LAST"));
  EXPECT_EQ(Refusal("SELECT x.id FROM docs AS d ORDER BY v <-> '[1]'"),
            "FROM names no \"x\"; expected \"docs\" or \"d\"");
  EXPECT_THAT(Refusal("SELECT id FROM docs WHERE x.a = 1"), HasSubstr("FROM names no \"x\""));
  EXPECT_THAT(Refusal("SELECT id FROM docs ORDER BY x.v <-> '[1]'"),
              HasSubstr("FROM names no \"x\""));
  EXPECT_THAT(Refusal("SELECT v <-> ROW 1 FROM docs ORDER BY v <-> '[1]'"),
              HasSubstr("ROW stands in"));
  EXPECT_THAT(Refusal("SELECT id, COUNT(*) FROM docs"), HasSubstr("COUNT(*) stands alone"));
  EXPECT_THAT(Refusal("SELECT COUNT(*) FROM docs LIMIT 1"), HasSubstr("FROM and WHERE only"));
  EXPECT_THAT(Refusal("SELECT id FROM docs GROUP BY a ROWS 1"), HasSubstr("GROUP BY needs"));
  EXPECT_THAT(Refusal("SELECT id FROM docs GROUP BY a ROWS 1 ORDER BY v <-> '[1]'"),
              HasSubstr("GROUP BY needs a LIMIT"));
  EXPECT_THAT(Refusal("SELECT id FROM docs JOIN t ON docs.a = t.a"),
              HasSubstr("JOIN takes a table function"));
}

// contract 2.3: as exact as the score that orders.
TEST(EvaluateScore, ComputesEachFormFromTheCell) {
  const auto value = [](Metric metric, ScoreForm form, Value cell) {
    return EvaluateScore({"v", metric, form, {3, 4}}, cell);
  };
  using enum ScoreForm;
  const Vector cell = {0, 4};
  EXPECT_EQ(value(Metric::kL2, kFunction, cell), Value(3.0));
  EXPECT_EQ(value(Metric::kL2, kOperator, cell), Value(3.0));
  EXPECT_EQ(value(Metric::kIp, kFunction, cell), Value(16.0));
  EXPECT_EQ(value(Metric::kIp, kOperator, cell), Value(-16.0));
  EXPECT_EQ(value(Metric::kCosine, kFunction, cell), Value(0.8));
  EXPECT_EQ(value(Metric::kCosine, kOperator, cell), Value(1 - 0.8));
  EXPECT_EQ(value(Metric::kL2, kFunction, Value()), Value());
  EXPECT_EQ(value(Metric::kL2, kFunction, Vector{1}), Value());
  EXPECT_EQ(value(Metric::kCosine, kFunction, Vector{0, 0}), Value());
  EXPECT_EQ(value(Metric::kIp, kFunction, Vector{0, 0}), Value(0.0));
}

TEST(RowOutput, ReadsEachColumnOfTheAnswer) {
  const TableDef table = Accepted(
      ToTable(Read<CreateTable>("CREATE TABLE t (id INT64 PRIMARY KEY, v VECTOR, a STRING)")));
  const RankedSelect ranked = Ranked(
      "SELECT a, vec_ip(v, '[2]') AS ip, __row_id, v <=> '[1]' AS d, t.* FROM t ORDER BY v <=> "
      "'[1]' "
      "LIMIT 1");
  const std::vector<uint32_t> columns = {2, 1, 0};
  const RowOutput output = Accepted(RowOutput::Bind(ranked.projection, table, columns));
  using Column = RowOutput::Column;
  EXPECT_THAT(output.columns(),
              ElementsAre(Column{"a", DataType::kString}, Column{"ip", DataType::kDouble},
                          Column{"__row_id", DataType::kUint64}, Column{"d", DataType::kDouble},
                          Column{"id", DataType::kInt64}, Column{"v", DataType::kVector},
                          Column{"a", DataType::kString}));
  const Row row{.id = 9, .version = 0, .cells = {"x", Vector{3}, int64_t{9}}};
  EXPECT_THAT(output.Read(row, 0.75, 0),
              ElementsAre(Value("x"), Value(6.0), Value(uint64_t{9}), Value(0.25),
                          Value(int64_t{9}), Value(Vector{3}), Value("x")));
  const Row bare{.id = 9, .version = 0, .cells = {}};
  EXPECT_THAT(output.Read(bare, std::nullopt, 0), ElementsAre(Value(), Value(), Value(uint64_t{9}),
                                                              Value(), Value(), Value(), Value()));
  const auto refusal = [&](OutputItem item) {
    return std::string(MessageOf(RowOutput::Bind({std::move(item)}, table, columns).status()));
  };
  EXPECT_EQ(refusal({"b", RowColumn{"b"}}), "table \"t\" has no column \"b\"");
  EXPECT_EQ(refusal({"b", ScalarScore{"a", Metric::kL2, ScoreForm::kFunction, {1}}}),
            "column \"a\" is of type STRING; a score needs a VECTOR column");
}

}  // namespace
}  // namespace ordinate::statement
