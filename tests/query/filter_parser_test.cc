#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "engine/query/filter.h"
#include "storage/model/time_range.h"

namespace ordinate {
namespace {

using ::testing::HasSubstr;

// The text form of what `text` reads to, or the refusal.
std::string Read(std::string_view text) {
  const absl::StatusOr<Filter> filter = ParseFilter(text);
  if (filter.ok()) return FilterText(*filter);
  EXPECT_EQ(filter.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(filter.status().message());
}

Value Literal(std::string_view text) {
  const absl::StatusOr<Filter> filter = ParseFilter("a = " + std::string(text));
  EXPECT_TRUE(filter.ok()) << filter.status();
  return filter.ok() ? filter->literals.at(0) : Value();
}

TEST(ParseFilter, ReadsEveryForm) {
  EXPECT_EQ(Read("section = 'video' AND (size < 10 OR NOT name IS NULL) AND id IN (1, 2)"),
            "section = 'video' AND (size < 10 OR name IS NOT NULL) AND id IN (1, 2)");
  EXPECT_EQ(Read("a<>1 or a != 1 or a<=1 or a>=1 or a>1 or a<1 or a=1"),
            "a <> 1 OR a <> 1 OR a <= 1 OR a >= 1 OR a > 1 OR a < 1 OR a = 1");
  EXPECT_EQ(Read("\n a\tnot  In(1,NULL)\r\n"), "a NOT IN (1, NULL)");
  EXPECT_EQ(Read("a is null and b IS NOT NULL"), "a IS NULL AND b IS NOT NULL");
  EXPECT_EQ(Read("not not a = true"), "NOT NOT a = TRUE");
  EXPECT_EQ(Read("notes = 1 AND inn = 2 AND nullable IS NULL AND orb = 3"),
            "notes = 1 AND inn = 2 AND nullable IS NULL AND orb = 3");
  EXPECT_EQ(Read("timestamp > TIMESTAMP '2024-01-31T12:00:00+02:00'"),
            "timestamp > TIMESTAMP '2024-01-31T10:00:00Z'");
}

// What a message cannot hold, a text does not give.
TEST(ParseFilter, TimesAreOfTheYears1To9999) {
  for (const std::string time : {"0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"}) {
    EXPECT_TRUE(ParseFilter("a < TIMESTAMP '" + time + "'").ok()) << time;
  }
  for (const std::string time :
       {"0001-01-01T00:00:00+00:01", "10000-01-01T00:00:00Z", "21969-12-31T23:59:59.999998Z",
        "0000-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-00:01", "-1-01-01T00:00:00Z"}) {
    const absl::StatusOr<Filter> filter = ParseFilter("a < TIMESTAMP '" + time + "'");
    ASSERT_FALSE(filter.ok()) << time;
    EXPECT_THAT(std::string(filter.status().message()), ::testing::HasSubstr("years 1 to 9999"));
  }
}

TEST(ParseFilter, ReadsBetween) {
  EXPECT_EQ(Read("a between -1 and 2.5 and b = 1 or not a BETWEEN 'x' AND 'y'"),
            "(a BETWEEN -1 AND 2.5 AND b = 1) OR a NOT BETWEEN 'x' AND 'y'");
  EXPECT_EQ(Read("a NOT BETWEEN 1 AND NULL"), "a NOT BETWEEN 1 AND NULL");
  EXPECT_EQ(Read("between BETWEEN 1 AND 2 AND like LIKE 'like%' AND betweenx = 1"),
            "between BETWEEN 1 AND 2 AND like LIKE 'like%' AND betweenx = 1");
  const absl::StatusOr<Filter> between = ParseFilter("a BETWEEN 1 AND 2");
  ASSERT_TRUE(between.ok()) << between.status();
  EXPECT_EQ(between->kind, Filter::Kind::kBetween);
  EXPECT_EQ(between->literals, (std::vector<Value>{int64_t{1}, int64_t{2}}));
}

// The prefix that a pattern asks for, or the refusal.
std::string PrefixOf(std::string_view pattern) {
  const absl::StatusOr<Filter> filter = ParseFilter("a like\n  '" + std::string(pattern) + "'");
  if (!filter.ok()) return std::string(filter.status().message());
  EXPECT_EQ(filter->kind, Filter::Kind::kPrefix);
  EXPECT_EQ(*ParseFilter(FilterText(*filter)), *filter) << FilterText(*filter);
  return std::get<std::string>(filter->literals.at(0));
}

TEST(ParseFilter, ReadsPrefixPatterns) {
  EXPECT_EQ(PrefixOf("abc%"), "abc");
  EXPECT_EQ(PrefixOf("%"), "");
  EXPECT_EQ(PrefixOf("it''s%"), "it's");
  EXPECT_EQ(PrefixOf(R"(100\%\_\\%)"), R"(100%_\)");
  EXPECT_EQ(PrefixOf("\xff\n%"), "\xff\n");
  EXPECT_EQ(Read("NOT a LIKE 'b%'"), "a NOT LIKE 'b%'");
  EXPECT_EQ(Read(R"(a NOT LIKE '\_%' AND b = 1)"), R"(a NOT LIKE '\_%' AND b = 1)");
}

TEST(ParseFilter, RefusesOtherPatternsAndSaysWhatIsSupported) {
  EXPECT_EQ(
      PrefixOf("abc"),
      "filter: line 2, column 3: the pattern does not end with %; LIKE supports a prefix and "
      R"(one % at its end, such as 'abc%', with \%, \_ and \\ for a %, _ and \ of the prefix)");
  EXPECT_THAT(PrefixOf(""), HasSubstr("does not end with %; LIKE supports"));
  EXPECT_THAT(PrefixOf("%abc"), HasSubstr(R"(the pattern has "%" at byte 1; LIKE supports)"));
  EXPECT_THAT(PrefixOf("a%%"), HasSubstr(R"(has "%" at byte 2)"));
  EXPECT_THAT(PrefixOf("ab_%"), HasSubstr(R"(has "_" at byte 3)"));
  EXPECT_THAT(PrefixOf(R"(abc\%)"), HasSubstr("does not end with %"));
  EXPECT_THAT(PrefixOf(R"(a\bc%)"), HasSubstr(R"(has "\\" at byte 2)"));
  EXPECT_THAT(PrefixOf(R"(abc%\)"), HasSubstr(R"(has "%" at byte 4)"));
  EXPECT_THAT(PrefixOf(R"(abc\)"), HasSubstr(R"(has "\\" at byte 4)"));
}

TEST(ParseFilter, BindsNotThenAndThenOr) {
  EXPECT_EQ(Read("a = 1 OR b = 2 AND NOT c = 3"), "a = 1 OR (b = 2 AND NOT c = 3)");
  EXPECT_EQ(Read("(a = 1 OR b = 2) AND c = 3"), "(a = 1 OR b = 2) AND c = 3");
  EXPECT_EQ(Read("(a = 1 AND b = 2) AND c = 3"), "(a = 1 AND b = 2) AND c = 3");
  EXPECT_EQ(Read("NOT (a = 1 AND b = 2)"), "NOT (a = 1 AND b = 2)");
  EXPECT_EQ(Read("(((a = 1)))"), "a = 1");
}

TEST(ParseFilter, ReadsNames) {
  EXPECT_EQ(ParseFilter("\"we\"\"ird na-me\" = 1")->column, "we\"ird na-me");
  EXPECT_EQ(Read("\"plain\" = 1"), "plain = 1");
  EXPECT_EQ(Read("\"not\" = 1 AND \"a.b\" = 2"), "\"not\" = 1 AND \"a.b\" = 2");
}

TEST(ParseFilter, ReadsLiterals) {
  EXPECT_EQ(Literal("-9223372036854775808"), Value(INT64_MIN));
  EXPECT_EQ(Literal("18446744073709551615"), Value(UINT64_MAX));
  EXPECT_EQ(Literal("18446744073709551616"), Value(0x1p64));
  EXPECT_EQ(Literal("+7"), Value(int64_t{7}));
  EXPECT_EQ(Literal("7."), Value(7.0));
  EXPECT_EQ(Literal(".5e1"), Value(5.0));
  EXPECT_EQ(Literal("1E-3"), Value(0.001));
  EXPECT_EQ(Literal("'it''s \xff'"), Value("it's \xff"));
  EXPECT_EQ(Literal("''"), Value(""));
  EXPECT_EQ(Literal("False"), Value(false));
  EXPECT_EQ(Literal("null"), Value());
  EXPECT_EQ(Literal("TIMESTAMP '1969-12-31T23:59:59.999999Z'"), Value(Timestamp{-1}));
  EXPECT_EQ(Literal("DOUBLE '-Infinity'"), Value(-HUGE_VAL));
  EXPECT_TRUE(std::isnan(std::get<double>(Literal("DOUBLE 'NaN'"))));
}

TEST(FilterText, ReadsBackToAnEqualTree) {
  const auto check = [](Value value) {
    Filter filter;
    filter.column = "a";
    filter.literals = {value};
    const absl::StatusOr<Filter> parsed = ParseFilter(FilterText(filter));
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, filter) << FilterText(filter);
  };
  check(5.0);
  check(-0.0);
  check(1e300);
  check(5e-324);
  check(0.1);
  check(-HUGE_VAL);
  check(INT64_MIN);
  check(UINT64_MAX);
  check(std::string("\0'\"\n\\\xff", 6));
  check(Timestamp{0});
  check(Timestamp{-1});
  check(Timestamp{1'700'000'000'123'456});
  check(Timestamp{kMinTimestampSeconds * 1'000'000});
  check(Timestamp{kMaxTimestampSeconds * 1'000'000 + 999'999});
}

TEST(ParseFilter, SaysWhatWasFoundAndExpectedWhere) {
  EXPECT_EQ(Read(""),
            "filter: line 1, column 1: found the end, expected a condition: a column name, NOT or "
            "(");
  EXPECT_EQ(Read("a = 1 AND\n  and b"),
            "filter: line 2, column 3: found and, expected a condition: a column name, NOT or (");
  EXPECT_EQ(Read("a 5"),
            "filter: line 1, column 3: found 5, expected one of = <> != < <= > >=, [NOT] IN, [NOT] "
            "BETWEEN, [NOT] LIKE, IS [NOT] NULL");
  EXPECT_EQ(Read("a = b"),
            "filter: line 1, column 5: found b, expected a value: a number, a 'string', TRUE, "
            "FALSE, NULL or TIMESTAMP '...'");
  EXPECT_EQ(Read("a = 12abc"),
            "filter: line 1, column 5: found 12abc, expected a value: a number, a 'string', TRUE, "
            "FALSE, NULL or TIMESTAMP '...'");
  EXPECT_EQ(Read("a = 'x"),
            "filter: line 1, column 7: found the end, expected ' to end the string");
  EXPECT_EQ(Read("\"a = 1"),
            "filter: line 1, column 7: found the end, expected \" to end the name");
  EXPECT_EQ(Read("(a = 1"), "filter: line 1, column 7: found the end, expected AND, OR or )");
  EXPECT_EQ(Read("a = 1)"), "filter: line 1, column 6: found ), expected AND, OR or the end");
  EXPECT_EQ(Read("a = 1 'b'"), "filter: line 1, column 7: found ', expected AND, OR or the end");
  EXPECT_EQ(Read("a = 1 \xc3\xa4"),
            "filter: line 1, column 7: found \xc3\xa4, expected AND, OR or the end");
  EXPECT_EQ(Read("a = 1 \xff"),
            "filter: line 1, column 7: found \\377, expected AND, OR or the end");
  EXPECT_EQ(Read("a NOT = 1"),
            "filter: line 1, column 7: found =, expected IN, BETWEEN or "
            "LIKE");
  EXPECT_EQ(Read("a BETWEEN 1 OR 2"),
            "filter: line 1, column 13: found OR, expected AND and the highest value");
  EXPECT_THAT(Read("a BETWEEN AND 2"), HasSubstr("column 11: found AND, expected a value"));
  EXPECT_THAT(Read("a BETWEEN 1 AND"), HasSubstr("column 16: found the end, expected a value"));
  EXPECT_EQ(Read("a LIKE 5"),
            "filter: line 1, column 8: found 5, expected a pattern in single quotes, a prefix and "
            "one % at its end, such as 'abc%'");
  EXPECT_EQ(Read("a IN 1"),
            "filter: line 1, column 6: found 1, expected ( to begin the list of values");
  EXPECT_EQ(Read("a IN (1 2)"),
            "filter: line 1, column 9: found 2, expected , or ) after the value");
  EXPECT_THAT(Read("a IN ()"), HasSubstr("column 7: found ), expected a value"));
  EXPECT_EQ(Read("a IS 1"), "filter: line 1, column 6: found 1, expected NULL or NOT NULL");
  EXPECT_EQ(Read("a IS NOT 1"), "filter: line 1, column 10: found 1, expected NULL");
  EXPECT_EQ(Read("a = TIMESTAMP 5"),
            "filter: line 1, column 15: found 5, expected an RFC 3339 time in single quotes, such "
            "as '2024-01-31T12:00:00Z'");
  EXPECT_EQ(Read("a = TIMESTAMP 'infinite-future'"),
            "filter: line 1, column 5: found \"infinite-future\", expected an RFC 3339 time, "
            "such as '2024-01-31T12:00:00Z'");
  EXPECT_THAT(Read("a = TIMESTAMP '2024-01-31T12:00:00.0000001Z'"), HasSubstr("whole number"));
  EXPECT_THAT(Read("a = 1e999"), HasSubstr("beyond DOUBLE"));
  EXPECT_THAT(Read("a = DOUBLE 'x'"), HasSubstr("found \"x\", expected 'NaN'"));
}

std::string Repeat(std::string_view part, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += part;
  return text;
}

TEST(ParseFilter, HoldsItsLimits) {
  EXPECT_EQ(Read(Repeat("(", 128) + "a = 1" + Repeat(")", 128)), "a = 1");
  EXPECT_THAT(Read(Repeat("(", 129) + "a = 1" + Repeat(")", 129)),
              HasSubstr("line 1, column 130: nested deeper than 128"));
  EXPECT_THAT(Read(Repeat("(", 1'000'000)), HasSubstr("nested deeper than 128"));
  EXPECT_THAT(Read(Repeat("NOT ", 200'000)), HasSubstr("nested deeper than 128"));
  EXPECT_TRUE(ParseFilter(Repeat("NOT ", 63) + "a = 1").ok());
  EXPECT_THAT(Read(Repeat("NOT ", 64) + "a = 1"),
              HasSubstr("line 1, column 1: nested deeper than 64"));
  EXPECT_THAT(Read("b = 2 AND\n NOT " + Repeat("NOT ", 64) + "a = 1"),
              HasSubstr("line 2, column 6: nested deeper than 64"));
  EXPECT_TRUE(ParseFilter("a = 1" + Repeat(" OR a = 1", 998)).ok());
  EXPECT_THAT(Read("a = 1" + Repeat(" OR a = 1", 999)), HasSubstr("more than 1000 conditions"));
  EXPECT_TRUE(ParseFilter("a IN (1" + Repeat(",1", 9'999) + ")").ok());
  EXPECT_THAT(Read("a IN (1" + Repeat(",1", 10'000) + ")"), HasSubstr("more than 10000 values"));
  EXPECT_TRUE(ParseFilter("a BETWEEN 1 AND 2" + Repeat(" OR a LIKE 'x%'", 998)).ok());
  EXPECT_THAT(Read("a LIKE 'x%'" + Repeat(" OR a BETWEEN 1 AND 2", 999)),
              HasSubstr("more than 1000 conditions"));
  EXPECT_THAT(Read(std::string((1 << 20) + 1, ' ')), HasSubstr("expected at most 1048576"));
}

const char kEverything[] =
    "section = 'vi''deo' AND (size <= -10.5e3 OR NOT \"na\"\"me\" IS NULL) AND id NOT IN (1, "
    "+2, NULL) OR at > TIMESTAMP '2024-01-31T12:00:00.5+01:00' AND x IS NOT NULL AND b != TRUE "
    "AND d < DOUBLE 'NaN' AND n NOT BETWEEN 1 AND 2.5 AND t LIKE 'a\\_b%'";

TEST(ParseFilter, TakesAnyTruncation) {
  const std::string whole = kEverything;
  ASSERT_TRUE(ParseFilter(whole).ok()) << Read(whole);
  for (size_t length = 0; length < whole.size(); ++length) {
    const std::string text = whole.substr(0, length);
    const absl::StatusOr<Filter> filter = ParseFilter(text);
    if (filter.ok()) {
      EXPECT_EQ(Read(FilterText(*filter)), FilterText(*filter)) << text;
    } else {
      EXPECT_THAT(std::string(filter.status().message()), HasSubstr("filter: line 1, column "));
    }
  }
}

TEST(ParseFilter, TakesRandomBytesAndMutations) {
  const std::string whole = kEverything;
  size_t taken = 0;
  for (uint32_t seed = 0; seed < 20'000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    std::string text = whole;
    if (seed % 4 == 0) text.resize(random() % 64);
    const size_t changes = seed % 4 == 0 ? text.size() : 1 + random() % 3;
    for (size_t i = 0; i < changes; ++i) {
      const auto byte =
          static_cast<char>(seed % 3 == 0 ? random() % 256 : whole[random() % whole.size()]);
      if (!text.empty()) text[random() % text.size()] = byte;
    }
    const absl::StatusOr<Filter> filter = ParseFilter(text);
    if (!filter.ok()) continue;
    ++taken;
    ASSERT_EQ(Read(FilterText(*filter)), FilterText(*filter)) << text;
  }
  EXPECT_GT(taken, 100u);
}

}  // namespace
}  // namespace ordinate
