#include "service/server/data_directory.h"

#include <filesystem>
#include <fstream>
#include <sstream>
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

/// A data directory of `shards`, complete, as a server leaves it.
void MakeDirectory(const TempDir& dir, uint32_t shards) {
  const auto created = DataDirectory::Open(dir.path(), shards, 1);
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ((*created)->store_mode(), StoreMode::kCreate);
  for (uint32_t shard = 0; shard < shards; ++shard) {
    std::filesystem::create_directory((*created)->ShardPath(shard));
  }
  ASSERT_EQ((*created)->FinishCreation(), absl::OkStatus());
  EXPECT_EQ((*created)->store_mode(), StoreMode::kExisting);
}

TEST(DataDirectory, ACreationThatWasCutShortGoesOn) {
  TempDir dir;
  ASSERT_TRUE(DataDirectory::Open(dir.path(), 2, 1).ok());
  EXPECT_EQ(DataDirectory::OpenExisting(dir.path()).status().code(), absl::StatusCode::kNotFound);
  const auto opened = DataDirectory::Open(dir.path(), std::nullopt, 1);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ((*opened)->store_mode(), StoreMode::kCreate);
  EXPECT_EQ((*opened)->shards(), 2u);
}

// contract 9: every byte that is used was checked.
TEST(DataDirectory, AFlippedBitOfItsManifestIsFoundOrChangesNothing) {
  TempDir dir;
  MakeDirectory(dir, 2);
  const std::string path = dir.Sub("ordinate.json");
  std::ostringstream read;
  read << std::ifstream(path).rdbuf();
  const std::string good = read.str();
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    SCOPED_TRACE(bit);
    std::string text = good;
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << (bit % 8)));
    WriteFile(path, text);
    const auto opened = DataDirectory::Open(dir.path(), std::nullopt, 1);
    if (!opened.ok()) continue;
    EXPECT_EQ((*opened)->shards(), 2u);
    EXPECT_EQ((*opened)->store_mode(), StoreMode::kExisting);
  }
}

TEST(DataDirectory, OfADamagedManifestTheErrorGivesTheText) {
  TempDir dir;
  MakeDirectory(dir, 2);
  WriteFile(dir.Sub("ordinate.json"), "{\"format_version\": 1, \"shards\": 3, \"complete\": true}");
  const auto damaged = DataDirectory::Open(dir.path(), std::nullopt, 1);
  EXPECT_EQ(damaged.status().code(), absl::StatusCode::kDataLoss);
  const std::string message = Message(damaged.status());
  EXPECT_THAT(message, HasSubstr("its checksum does not match"));
  WriteFile(dir.Sub("ordinate.json"), message.substr(message.find('{')));
  const auto mended = DataDirectory::Open(dir.path(), std::nullopt, 1);
  ASSERT_TRUE(mended.ok()) << mended.status();
  EXPECT_EQ((*mended)->shards(), 2u);
}

TEST(DataDirectory, RefusesAFolderTooFewOrTooManyByName) {
  TempDir dir;
  MakeDirectory(dir, 3);
  std::filesystem::rename(dir.Sub("shard-0001"), dir.Sub("away"));
  const auto few = DataDirectory::Open(dir.path(), std::nullopt, 1);
  EXPECT_EQ(few.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(few.status()), HasSubstr("its folder shard-0001 is missing"));
  std::filesystem::rename(dir.Sub("away"), dir.Sub("shard-0001"));
  EXPECT_TRUE(DataDirectory::Open(dir.path(), std::nullopt, 1).ok());
  std::filesystem::create_directory(dir.Sub("shard-0004"));
  const auto many = DataDirectory::Open(dir.path(), std::nullopt, 1);
  EXPECT_EQ(many.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(Message(many.status()), HasSubstr("its folder shard-0004 is one too many"));
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
