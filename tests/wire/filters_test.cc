#include "service/wire/filters.h"

#include "storage/base/error_details.h"
#include "tests/wire/wire_fixture.h"

namespace ordinate {
namespace {

// The form FilterText gives after a trip through the message.
std::string Trip(const std::string& text) {
  const auto filter = ParseFilter(text);
  EXPECT_TRUE(filter.ok()) << filter.status();
  v1::Filter proto;
  FilterToProto(*filter, &proto);
  const auto back = FilterFromProto(proto);
  EXPECT_TRUE(back.ok()) << back.status();
  return FilterText(*back);
}

TEST(Filters, RoundTrip) {
  for (const char* text :
       {"count = 1", "count <> 2.5", "name < 'x'", "flag >= TRUE", "name IS NULL",
        "id IN (1, 2, NULL)", "NOT (count > 1 AND (name = 'a' OR flag = FALSE))",
        "at <= TIMESTAMP '2024-01-02T03:04:05Z'", "count BETWEEN 1 AND 2.5",
        "name NOT BETWEEN 'a' AND NULL", "name LIKE 'a\\%b%'", "name NOT LIKE '%'"}) {
    EXPECT_EQ(Trip(text), FilterText(*ParseFilter(text)));
  }
}

TEST(Filters, TextInsideATree) {
  v1::Filter proto;
  proto.mutable_and_()->add_filters()->set_text("count = 1 OR count = 2");
  proto.mutable_and_()->add_filters()->mutable_is_null()->set_column("name");
  const auto filter = FilterFromProto(proto);
  ASSERT_TRUE(filter.ok()) << filter.status();
  EXPECT_EQ(filter->children[0].kind, Filter::Kind::kOr);
  EXPECT_TRUE(filter->children[0].from_text);
  EXPECT_FALSE(filter->from_text);
  proto.mutable_and_()->mutable_filters(0)->set_text("count =");
  EXPECT_EQ(FieldViolations(FilterFromProto(proto).status())[0].field,
            "filter.and.filters[0].text");
}

TEST(Filters, RefusalsNameThePlace) {
  v1::Filter proto;
  EXPECT_THAT(FilterFromProto(proto).status(), Refuses("filter: no form is set"));
  proto.mutable_or_();
  EXPECT_THAT(FilterFromProto(proto).status(), Refuses("filter.or: no conditions"));
  auto* inner = proto.mutable_or_()->add_filters()->mutable_not_();
  inner->mutable_comparison()->set_column("count");
  EXPECT_THAT(
      FilterFromProto(proto).status(),
      Refuses("filter.or.filters[0].not.comparison.operator is not given; expected one of EQ"));
  inner->mutable_comparison()->set_operator_(static_cast<v1::Comparison::Operator>(77));
  EXPECT_THAT(FilterFromProto(proto).status(), Refuses("operator is 77"));
  inner->mutable_comparison()->set_operator_(v1::Comparison::OPERATOR_LE);
  inner->mutable_comparison()->mutable_value()->mutable_vector_value();
  EXPECT_THAT(FilterFromProto(proto).status(),
              Refuses("filter.or.filters[0].not.comparison.value: found VECTOR"));
  inner->mutable_in()->add_values()->set_json_value("1");
  EXPECT_THAT(FilterFromProto(proto).status(), Refuses("filter.or.filters[0].not.in.values[0]"));
  auto* between = inner->mutable_between();
  between->mutable_low()->set_json_value("1");
  EXPECT_THAT(FilterFromProto(proto).status(), Refuses("not.between.low"));
  between->mutable_low()->set_int64_value(1);
  between->mutable_high()->mutable_vector_value();
  EXPECT_THAT(FilterFromProto(proto).status(), Refuses("not.between.high: found VECTOR"));
}

TEST(Filters, LimitsDepthNodesAndValues) {
  v1::Filter deep;
  v1::Filter* at = &deep;
  for (int i = 0; i < 5000; ++i) at = at->mutable_not_();
  at->mutable_is_null()->set_column("name");
  EXPECT_THAT(FilterFromProto(deep).status(),
              Refuses("filter: nested deeper than 64, the most allowed"));
  EXPECT_EQ(FieldViolations(FilterFromProto(deep).status())[0].field, "filter");

  v1::Filter wide;
  for (int i = 0; i < 1000; ++i) {
    wide.mutable_and_()->add_filters()->mutable_is_null()->set_column("name");
  }
  EXPECT_THAT(FilterFromProto(wide).status(), Refuses("filter: more than 1000 conditions"));

  v1::Filter in;
  for (int i = 0; i <= 10'000; ++i) in.mutable_in()->add_values()->set_int64_value(i);
  EXPECT_THAT(FilterFromProto(in).status(), Refuses("10001 values; the most is 10000"));
}

}  // namespace
}  // namespace ordinate
