#include "service/server/logging.h"

#include <string>

#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "spdlog/spdlog.h"

namespace ordinate {
namespace {

std::string Logged(bool json, void (*log)()) {
  EXPECT_TRUE(InitLogging({.level = "debug", .json = json}).ok());
  ::testing::internal::CaptureStderr();
  log();
  spdlog::default_logger()->flush();
  return ::testing::internal::GetCapturedStderr();
}

TEST(Logging, JsonLinesSurviveAnyText) {
  const std::string text = Logged(true, [] {
    LogEvent(spdlog::level::debug, "a \"quoted\"\nmessage",
             {{"table", std::string("bad utf-8 \xff\" \x1f")}, {"rows", 3}});
  });
  ASSERT_EQ(text.find('\n'), text.size() - 1) << text;
  const auto line = nlohmann::json::parse(text);
  EXPECT_EQ(line["message"], "a \"quoted\"\nmessage");
  EXPECT_EQ(line["level"], "debug");
  EXPECT_EQ(line["rows"], 3);
  EXPECT_TRUE(line["table"].get<std::string>().starts_with("bad utf-8"));
  EXPECT_TRUE(line.contains("time"));
}

TEST(Logging, PlainLinesBecomeJsonToo) {
  const auto line = nlohmann::json::parse(Logged(true, [] { spdlog::warn("plain {}", 1); }));
  EXPECT_EQ(line["message"], "plain 1");
  EXPECT_EQ(line["level"], "warning");
}

TEST(Logging, TextStaysOnOneLine) {
  const std::string text = Logged(false, [] {
    LogEvent(spdlog::level::info, "two\nlines", {{"table", "a\nb"}, {"rows", 3}});
  });
  EXPECT_EQ(text.find('\n'), text.size() - 1) << text;
  EXPECT_NE(text.find("info two lines table=\"a\\nb\" rows=3"), std::string::npos) << text;
}

TEST(Logging, LevelsAreKept) {
  EXPECT_EQ(Logged(false, [] { spdlog::trace("unseen"); }), "");
}

}  // namespace
}  // namespace ordinate
