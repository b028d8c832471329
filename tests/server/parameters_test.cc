#include "service/server/parameters.h"

#include <fstream>
#include <map>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace ordinate {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

using Map = std::map<std::string, std::string>;

ParameterSources Sources(Map flags, Map environment = {}, std::string config_path = "") {
  ParameterSources sources;
  sources.config_path = std::move(config_path);
  sources.flags = std::move(flags);
  sources.environment = [environment](const std::string& name) -> std::optional<std::string> {
    const auto found = environment.find(name);
    return found == environment.end() ? std::nullopt : std::optional(found->second);
  };
  return sources;
}

std::string WriteConfig(const TempDir& dir, const std::string& text) {
  const std::string path = dir.Sub("server.toml");
  std::ofstream(path) << text;
  return path;
}

TEST(Parameters, DefaultsHold) {
  const auto options = ResolveServeOptions(Sources({}));
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->grpc.listen, "127.0.0.1:7700");
  EXPECT_EQ(options->metrics_listen, "127.0.0.1:7701");
  EXPECT_FALSE(options->standalone.shards.has_value());
  EXPECT_EQ(options->standalone.settings.ef_search, 64u);
}

// contract 3.2: of a flag and the environment, the later named wins.
TEST(Parameters, FileFlagsEnvironmentInThisOrder) {
  TempDir dir;
  const std::string config = WriteConfig(dir,
                                         "# a comment\n"
                                         "shards = 3\n"
                                         "drain-seconds = 3\n"
                                         "log-format = \"json\"\n"
                                         "vector.search.ef_search = 33\n"
                                         "[vector]\n"
                                         "preselect_alpha = 3.5\n");
  const auto options = ResolveServeOptions(
      Sources({{"shards", "4"}, {"drain-seconds", "4"}}, {{"ORDINATE_SHARDS", "5"}}, config));
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->standalone.shards, 5u);
  EXPECT_EQ(options->drain_seconds, 4u);
  EXPECT_TRUE(options->log.json);
  EXPECT_EQ(options->standalone.settings.ef_search, 33u);
  EXPECT_EQ(options->standalone.settings.preselect_alpha, 3.5);
}

TEST(Parameters, EveryOneIsRefusedByNameFromEverySource) {
  TempDir dir;
  for (const Parameter& parameter : ServeParameters()) {
    SCOPED_TRACE(parameter.name);
    const bool any_text = parameter.name == "data-dir" || parameter.name == "backup-dir";
    const std::string bad = any_text ? "" : "?";
    const auto from_flag = ResolveServeOptions(Sources({{parameter.name, bad}}));
    EXPECT_EQ(from_flag.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(Message(from_flag.status()),
                AllOf(HasSubstr(parameter.flag() + " is '" + bad + "'"),
                      HasSubstr("takes " + parameter.takes)));
    const auto from_environment = ResolveServeOptions(Sources({}, {{parameter.environment, bad}}));
    EXPECT_THAT(Message(from_environment.status()),
                HasSubstr("from the environment variable " + parameter.environment));
    if (any_text) continue;
    const auto from_file =
        ResolveServeOptions(Sources({}, {}, WriteConfig(dir, parameter.name + " = \"?\"\n")));
    EXPECT_THAT(Message(from_file.status()),
                AllOf(HasSubstr(parameter.flag()), HasSubstr("from the configuration file")));
  }
}

TEST(Parameters, RangesAreChecked) {
  for (const Map& flags :
       {Map{{"shards", "0"}}, Map{{"shards", "257"}}, Map{{"shards", "-1"}}, Map{{"shards", "2x"}},
        Map{{"shards", ""}}, Map{{"shards", "99999999999999999999"}},
        Map{{"vector-preselect-alpha", "0.5"}}, Map{{"vector-preselect-alpha", "nan"}},
        Map{{"listen", "localhost"}}, Map{{"listen", ":7700"}}, Map{{"listen", "a:65536"}},
        Map{{"listen", "::1:7700"}}, Map{{"log-level", "loud"}}, Map{{"log-format", "xml"}}}) {
    SCOPED_TRACE(flags.begin()->first + " " + flags.begin()->second);
    EXPECT_FALSE(ResolveServeOptions(Sources(flags)).ok());
  }
  EXPECT_TRUE(ResolveServeOptions(Sources({{"listen", "[::1]:0"}, {"shards", "256"}})).ok());
}

TEST(Parameters, MetricsCanBeTurnedOff) {
  for (const char* off : {"", "none"}) {
    const auto options = ResolveServeOptions(Sources({{"metrics-listen", off}}));
    ASSERT_TRUE(options.ok()) << options.status();
    EXPECT_EQ(options->metrics_listen, "");
  }
}

TEST(Parameters, AFileThatIsNoConfigurationIsRefused) {
  TempDir dir;
  const struct {
    const char* text;
    const char* says;
  } cases[] = {
      {"shard = 3\n", "has the key 'shard', which is unknown"},
      {"[storage]\nshards = 3\n", "'storage.shards'"},
      {"shards\n", "line 1"},
      {"shards = 3\nshards = 4\n", "takes one, once"},
      {"shards = [3, 4]\n", "2 values"},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.text);
    const auto options = ResolveServeOptions(Sources({}, {}, WriteConfig(dir, each.text)));
    EXPECT_EQ(options.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(Message(options.status()), HasSubstr(each.says));
  }
  const auto missing = ResolveServeOptions(Sources({}, {}, dir.Sub("missing.toml")));
  EXPECT_THAT(Message(missing.status()), HasSubstr("missing.toml"));
}

}  // namespace
}  // namespace ordinate
