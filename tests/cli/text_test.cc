#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "ordinate/v1/admin_service.pb.h"
#include "ordinate/v1/index_service.pb.h"
#include "service/cli/progress.h"
#include "service/cli/proto_json.h"
#include "service/cli/recall.h"
#include "service/cli/text_table.h"

namespace ordinate::cli {
namespace {

TEST(TextTableTest, AlignsTextLeftAndNumbersRight) {
  const TextTable table{{{"NAME"}, {"SIZE", true}}, {{"ü", "5"}, {"bcdef", "1234"}}};
  EXPECT_EQ(RenderTable(table, 0), "NAME   SIZE\nü         5\nbcdef  1234\n");
}

TEST(TextTableTest, CutsTheWidestTextToTheTerminal) {
  const TextTable table{{{"A"}, {"B"}, {"N", true}},
                        {{"short", "a long description of things", "1234567890"}}};
  const std::string text = RenderTable(table, 35);
  EXPECT_EQ(text,
            "A      B                          N\n"
            "short  a long descript…  1234567890\n")
      << text;
  // Numbers are never cut, however narrow it is.
  EXPECT_THAT(RenderTable(table, 5), ::testing::HasSubstr("1234567890"));
}

TEST(TextTableTest, DataCannotDriveTheTerminal) {
  const TextTable table{{{"A"}}, {{"x\n\033[31m\ty"}}};
  EXPECT_EQ(RenderTable(table, 0), "A\nx\\n\\x1b[31m\\ty\n");
}

TEST(TextTableTest, CutsAtCharactersNotBytes) {
  EXPECT_EQ(Truncated("äöüß", 4), "äöüß");
  EXPECT_EQ(Truncated("äöüß", 3), "äö…");
  EXPECT_EQ(Truncated("abc", 1), "…");
}

TEST(TextTableTest, NumbersForPeople) {
  EXPECT_EQ(Grouped(0), "0");
  EXPECT_EQ(Grouped(999), "999");
  EXPECT_EQ(Grouped(1000), "1,000");
  EXPECT_EQ(Grouped(18446744073709551615u), "18,446,744,073,709,551,615");
  EXPECT_EQ(Bytes(1023), "1023 B");
  EXPECT_EQ(Bytes(1536), "1.5 KiB");
  EXPECT_EQ(Bytes(uint64_t{5} << 30), "5.0 GiB");
}

TEST(ProgressTest, LineHasBarRateAndTimeLeft) {
  const ProgressState state{"load t", "rows", 31'200, 0.5, 3};
  EXPECT_EQ(ProgressLine(state, true),
            "load t  [============>           ]   50%  31,200 rows  10,400 rows/s  3 s left");
  EXPECT_EQ(ProgressLine(state, false), "load t   50%  31,200 rows  10,400 rows/s  3 s left");
}

TEST(ProgressTest, WithoutASizeThereIsNoTimeLeft) {
  EXPECT_EQ(ProgressLine({"load t", "rows", 10, -1, 2}, true), "load t  10 rows  5 rows/s");
  EXPECT_EQ(ProgressLine({"load t", "rows", 0, 0, 0}, false), "load t    0%  0 rows");
  EXPECT_EQ(ProgressLine({"load t", "rows", 10, 1, 2}, false), "load t  100%  10 rows  5 rows/s");
}

TEST(ProgressTest, Durations) {
  EXPECT_EQ(DurationText(0.85), "850 ms");
  EXPECT_EQ(DurationText(42.4), "42 s");
  EXPECT_EQ(DurationText(185), "3 min 05 s");
  EXPECT_EQ(DurationText(7620), "2 h 07 min");
}

TEST(RecallTest, CountsSharedIds) {
  EXPECT_DOUBLE_EQ(RecallOf({1, 2, 3}, {3, 2, 9, 8}), 0.5);
  EXPECT_DOUBLE_EQ(RecallOf({}, {}), 1);
  RecallSummary summary;
  AddQuery(1, 2, 20, &summary);
  AddQuery(0.5, 4, 40, &summary);
  EXPECT_DOUBLE_EQ(summary.mean, 0.75);
  EXPECT_DOUBLE_EQ(summary.min, 0.5);
  EXPECT_DOUBLE_EQ(summary.ann_millis, 3);
  EXPECT_DOUBLE_EQ(summary.exact_millis, 30);
}

TEST(ProtoJsonTest, EveryFieldWithShortNamesAndExactNumbers) {
  v1::IndexStatus status;
  status.set_state(v1::INDEX_STATE_READY);
  status.set_rows_total(18446744073709551615u);
  (*status.mutable_visible_seq()->mutable_seq_by_shard())[10] = 7;
  (*status.mutable_visible_seq()->mutable_seq_by_shard())[2] = 5;
  status.mutable_lag()->set_seconds(1);
  status.mutable_lag()->set_nanos(500'000'000);
  const auto json = MessageToJson(status);
  EXPECT_EQ(json["state"], "READY");
  EXPECT_EQ(json["rows_total"].dump(), "18446744073709551615");
  EXPECT_EQ(json["visible_seq"].dump(), R"({"2":5,"10":7})");
  EXPECT_EQ(json["lag_seconds"].dump(), "1.5");
  EXPECT_EQ(json["last_error"], "");
  EXPECT_TRUE(MessageToJson(v1::Index())["engine"].is_null());
  v1::Backup backup;
  EXPECT_TRUE(MessageToJson(backup)["time"].is_null());
  backup.mutable_time()->set_seconds(1'769'860'800);
  backup.mutable_time()->set_nanos(250'000'000);
  backup.add_shards()->set_sequence(3);
  EXPECT_EQ(MessageToJson(backup)["time"], "2026-01-31T12:00:00.250Z");
  EXPECT_EQ(MessageToJson(backup)["shards"][0]["sequence"], 3);
}

}  // namespace
}  // namespace ordinate::cli
