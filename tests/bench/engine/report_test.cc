#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/bench/engine/report_files.h"
#include "tests/bench/engine/report_text.h"
#include "tests/bench/engine/svg_plot.h"
#include "tests/support/temp_dir.h"

namespace ordinate::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

GraphPoint Point(uint32_t ef, double recall, double qps) {
  return {.ef = ef, .recall = recall, .distances_per_query = 100, .round_qps = {qps}, .qps = qps};
}

BenchResult Sample() {
  BenchResult result;
  result.floor = {.stream_gb_per_second = 10, .independent_load_nanos = 10};
  DataSetResult set{.name = "small", .metric = "L2", .rows = 100, .dim = 16, .k = 10};
  ContenderResult ours{.name = "ordinate-f32", .file_bytes = 20'000, .bytes_per_distance = 64};
  ours.points = {Point(10, 0.92, 4'000), Point(20, 0.96, 2'000)};
  ContenderResult theirs{.name = kYardstick};
  theirs.points = {Point(10, 0.90, 2'000), Point(20, 0.92, 1'000), Point(40, 0.995, 500)};
  ContenderResult flat{.name = "ordinate-flat", .is_graph = false};
  flat.scan = {.single_gb_per_second = 8, .batch_qps = 640, .recall = 1};
  set.contenders = {ours, theirs, flat};
  result.sets = {set};
  return result;
}

TEST(RatioTest, ComparesAtEqualRecall) {
  const BenchResult result = Sample();
  const DataSetResult& set = result.sets[0];
  const auto at = [&](double recall) { return RatioToYardstick(set, set.contenders[0], recall); };
  EXPECT_NEAR(4, at(0.92)->qps, 1e-9);
  EXPECT_NEAR(2, at(0.90)->qps, 1e-9);
  EXPECT_TRUE(at(0.90)->above);
  EXPECT_FALSE(at(0.99).has_value());
}

TEST(ReportTest, TellsRatiosCostsAndScans) {
  const BenchResult result = Sample();
  const std::string text = SetTable(result.sets[0], result.floor);
  EXPECT_THAT(text, HasSubstr("2.00+"));
  EXPECT_THAT(text, HasSubstr("never"));
  EXPECT_THAT(text, HasSubstr("200.0"));  // bytes per vector
  EXPECT_THAT(text, HasSubstr("80%"));    // of the stream
  EXPECT_THAT(Summary(result), HasSubstr("over 1 of 1 sets"));
}

TEST(ReportTest, WritesFilesThatCanBeRead) {
  const TempDir folder;
  const std::string out = folder.Sub("deep/er");
  ASSERT_TRUE(WriteReport(Sample(), "text", out).ok());
  std::ifstream file(out + "/engine.json");
  const auto json = nlohmann::json::parse(file);
  EXPECT_EQ(0.92, json["sets"][0]["contenders"][0]["points"][0]["recall"]);
  EXPECT_TRUE(json["sets"][0]["contenders"][0]["over_yardstick"][2]["ratio"].is_null());
  EXPECT_EQ(640, json["sets"][0]["contenders"][2]["scan"]["batch_queries_per_second"]);
  EXPECT_TRUE(std::filesystem::exists(out + "/engine-small-k10.svg"));
  EXPECT_TRUE(std::filesystem::exists(out + "/engine.txt"));
  const std::string csv = ResultCsv(Sample());
  EXPECT_EQ(1 + 2 + 3 + 1, std::ranges::count(csv, '\n'));
  const std::string header = csv.substr(0, csv.find('\n'));
  for (size_t at = 0; at < csv.size(); at = csv.find('\n', at) + 1) {
    const std::string line = csv.substr(at, csv.find('\n', at) - at);
    EXPECT_EQ(std::ranges::count(header, ','), std::ranges::count(line, ',')) << line;
  }
}

TEST(RecallPlotTest, DrawsALinePerContender) {
  const std::string plot = RecallPlot(
      "a < b", {{"one", {{0.9, 1'000}, {0.99, 100}}}, {"two", {{0.3, 5'000}, {0.8, 50}}}});
  EXPECT_THAT(plot, HasSubstr("a &lt; b"));
  EXPECT_THAT(plot, HasSubstr(">one</text>"));
  EXPECT_THAT(plot, HasSubstr(">two</text>"));
  EXPECT_THAT(plot, HasSubstr(">10000</text>"));
  EXPECT_THAT(plot, Not(HasSubstr("nan")));
  EXPECT_THAT(plot, Not(HasSubstr("inf")));
  EXPECT_EQ(plot, RecallPlot("a < b", {{"one", {{0.9, 1'000}, {0.99, 100}}},
                                       {"two", {{0.3, 5'000}, {0.8, 50}}}}));
}

TEST(RecallPlotTest, CopesWithLittle) {
  EXPECT_THAT(RecallPlot("none", {}), Not(HasSubstr("nan")));
  EXPECT_THAT(RecallPlot("exact", {{"one", {{1.0, 100}}}}), Not(HasSubstr("nan")));
  EXPECT_THAT(RecallPlot("poor", {{"one", {{0.1, 100}}}}), HasSubstr("<circle"));
}

}  // namespace
}  // namespace ordinate::bench
