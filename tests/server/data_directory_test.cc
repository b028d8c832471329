#include "service/server/data_directory.h"

#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temp_dir.h"

namespace ordinate {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

void WriteFile(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

TEST(DataDirectory, IsCreatedAndOpenedAgainWithItsShards) {
  TempDir dir;
  const std::string path = dir.Sub("a/b");
  {
    const auto created = DataDirectory::Open(path, 3, 8);
    ASSERT_TRUE(created.ok()) << created.status();
    EXPECT_EQ((*created)->shards(), 3u);
    EXPECT_EQ((*created)->ShardPath(2), path + "/shard-0002");
  }
  for (const std::optional<uint32_t> shards : {std::optional<uint32_t>(), {3u}}) {
    const auto opened = DataDirectory::Open(path, shards, 8);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ((*opened)->shards(), 3u);
  }
}

TEST(DataDirectory, TakesTheDefaultNumberOfShards) {
  TempDir dir;
  const auto created = DataDirectory::Open(dir.path(), std::nullopt, 5);
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ((*created)->shards(), 5u);
}

TEST(DataDirectory, RefusesAnotherNumberOfShardsByName) {
  TempDir dir;
  ASSERT_TRUE(DataDirectory::Open(dir.path(), 3, 8).ok());
  const auto opened = DataDirectory::Open(dir.path(), 4, 8);
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(opened.status()),
              AllOf(HasSubstr("--shards is 4"), HasSubstr("created with 3 shards")));
}

TEST(DataDirectory, IsHeldByOneAtATime) {
  TempDir dir;
  auto first = DataDirectory::Open(dir.path(), 1, 1);
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = DataDirectory::Open(dir.path(), std::nullopt, 1);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(
      Message(second.status()),
      AllOf(HasSubstr("in use by process " + std::to_string(::getpid())), HasSubstr(dir.path())));
  first->reset();
  EXPECT_TRUE(DataDirectory::Open(dir.path(), std::nullopt, 1).ok());
}

TEST(DataDirectory, RefusesADirectoryOfSomethingElseAndLeavesItAsItIs) {
  TempDir dir;
  WriteFile(dir.Sub("letter.txt"), "dear");
  const auto opened = DataDirectory::Open(dir.path(), 1, 1);
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(opened.status()), HasSubstr("holds 'letter.txt' but no ordinate.json"));
  EXPECT_FALSE(std::filesystem::exists(dir.Sub("LOCK")));
}

TEST(DataDirectory, IsCreatedWhereACrashCutACreationShort) {
  TempDir dir;
  WriteFile(dir.Sub("LOCK"), "1\n");
  std::filesystem::create_directory(dir.Sub("lost+found"));
  EXPECT_TRUE(DataDirectory::Open(dir.path(), 1, 1).ok());
}

TEST(DataDirectory, RefusesAManifestThatIsDamagedOrNewer) {
  const struct {
    const char* text;
    absl::StatusCode code;
    const char* says;
  } cases[] = {
      {"", absl::StatusCode::kDataLoss, "not a JSON object"},
      {"[1]", absl::StatusCode::kDataLoss, "not a JSON object"},
      {"{\"shards\": 1}", absl::StatusCode::kDataLoss, "format_version"},
      {"{\"format_version\": 2, \"shards\": 1}", absl::StatusCode::kFailedPrecondition,
       "format version 2"},
      {"{\"format_version\": 1}", absl::StatusCode::kDataLoss, "shards"},
      {"{\"format_version\": 1, \"shards\": 0}", absl::StatusCode::kDataLoss, "shards"},
      {"{\"format_version\": 1, \"shards\": 257}", absl::StatusCode::kDataLoss, "shards"},
      {"{\"format_version\": 1, \"shards\": 1.5}", absl::StatusCode::kDataLoss, "shards"},
  };
  for (const auto& each : cases) {
    SCOPED_TRACE(each.text);
    TempDir dir;
    WriteFile(dir.Sub("ordinate.json"), each.text);
    const auto opened = DataDirectory::Open(dir.path(), std::nullopt, 1);
    EXPECT_EQ(opened.status().code(), each.code) << opened.status();
    EXPECT_THAT(Message(opened.status()), HasSubstr(each.says));
  }
}

TEST(DataDirectory, NamesThePathThatCannotBeADirectory) {
  TempDir dir;
  WriteFile(dir.Sub("file"), "");
  const auto opened = DataDirectory::Open(dir.Sub("file/data"), 1, 1);
  EXPECT_FALSE(opened.ok());
  EXPECT_THAT(Message(opened.status()),
              AllOf(HasSubstr(dir.Sub("file/data")), HasSubstr("--data-dir")));
}

TEST(DataDirectory, OpenExistingMakesNothing) {
  TempDir dir;
  const auto opened = DataDirectory::OpenExisting(dir.path());
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(std::filesystem::is_empty(dir.path()));
}

}  // namespace
}  // namespace ordinate
