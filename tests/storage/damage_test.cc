#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "gmock/gmock.h"
#include "tests/storage/shard_fixture.h"

namespace ordinate {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

std::string ReadFile(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

void WriteFile(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

class DamageTest : public ShardFixture {
 protected:
  static constexpr RowId kRows = 60;

  void SetUp() override {
    ShardFixture::SetUp();
    // Part of the data in table and blob files (reopening writes them), part in the log alone.
    for (RowId row = 0; row < kRows; ++row) {
      Write({Upsert(1, row, std::string(200 + row * 5, static_cast<char>('a' + row % 26)))});
      if (row == kRows / 2) Reopen();
    }
    const LogRecord logged{.seq = kRows + 1, .mutations = {Upsert(1, 1000, "logged")}};
    ASSERT_EQ(log().Append({&logged, 1}), absl::OkStatus());
    Close();
    fs::copy(path(), directory_.Sub("good"), fs::copy_options::recursive);
  }

  void Restore() {
    Close();
    fs::remove_all(path());
    fs::copy(directory_.Sub("good"), path(), fs::copy_options::recursive);
  }

  /// OK when every acknowledged write is there and verification passes; else the error.
  absl::Status OpenAndVerify(StoreMode mode) {
    Close();
    auto store = OpenShardStore(path(), mode);
    if (!store.ok()) return store.status();
    store_ = *std::move(store);
    if (const auto status = rows().VerifyChecksums(nullptr); !status.ok()) return status;
    EXPECT_EQ(log().last_seq(), kRows + 1);
    EXPECT_EQ(rows().applied_seq(), kRows);
    EXPECT_EQ(*rows().CountRows(nullptr, 1), kRows);
    for (RowId row = 0; row < kRows; ++row) {
      EXPECT_EQ(CellsAt(1, row), std::string(200 + row * 5, static_cast<char>('a' + row % 26)));
    }
    int logged = 0;
    EXPECT_EQ(log().Read(kRows + 1,
                         [&](const LogRecord& record) {
                           logged += record.mutations.at(0).cells == "logged";
                           return absl::OkStatus();
                         }),
              absl::OkStatus());
    EXPECT_EQ(logged, 1);
    return absl::OkStatus();
  }

  std::vector<std::string> Files() const {
    std::vector<std::string> names;
    for (const auto& file : fs::directory_iterator(directory_.Sub("good"))) {
      if (file.file_size() > 0) names.push_back(file.path().filename().string());
    }
    return names;
  }
};

TEST_F(DamageTest, UndamagedOpens) {
  EXPECT_EQ(OpenAndVerify(StoreMode::kReadOnly), absl::OkStatus());
  EXPECT_EQ(OpenAndVerify(StoreMode::kExisting), absl::OkStatus());
}

// contract 9: every byte used was checked.
TEST_F(DamageTest, EveryFlippedBitIsFoundOrHarmless) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  int found = 0;
  for (const std::string& name : Files()) {
    if (name == "LOG" || name.starts_with("LOG.")) continue;  // messages, never read back
    const std::string bytes = ReadFile(directory_.Sub("good/" + name));
    for (int round = 0; round < 25; ++round) {
      Restore();
      std::string damaged = bytes;
      const size_t bit = random() % (bytes.size() * 8);
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
      WriteFile(path() + "/" + name, damaged);
      SCOPED_TRACE(testing::Message() << name << " bit " << bit);
      const absl::Status status =
          OpenAndVerify(round % 2 == 0 ? StoreMode::kReadOnly : StoreMode::kExisting);
      if (!status.ok()) {
        ++found;
        EXPECT_TRUE(absl::IsDataLoss(status)) << status;
        EXPECT_THAT(std::string(status.message()), HasSubstr(path())) << status;
      }
      ASSERT_FALSE(HasFailure());
    }
  }
  EXPECT_GT(found, 0);
}

// A length flipped near the end of the write-ahead log looks like a torn tail to RocksDB.
TEST_F(DamageTest, EveryFlipInTheLastLogRecordsIsFound) {
  std::string newest;
  for (const std::string& name : Files()) {
    if (name.ends_with(".log")) newest = std::max(newest, name);
  }
  ASSERT_FALSE(newest.empty());
  const std::string bytes = ReadFile(directory_.Sub("good/" + newest));
  ASSERT_GT(bytes.size(), 100u);
  for (size_t at = bytes.size() - 100; at < bytes.size(); ++at) {
    Restore();
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x40);
    WriteFile(path() + "/" + newest, damaged);
    const absl::Status status = OpenAndVerify(StoreMode::kExisting);
    EXPECT_TRUE(absl::IsDataLoss(status)) << "byte " << at << ": " << status;
  }
}

TEST_F(DamageTest, AcknowledgedTailCutOffIsFoundTornTailIsNot) {
  std::string newest;
  for (const std::string& name : Files()) {
    if (name.ends_with(".log")) newest = std::max(newest, name);
  }
  const std::string bytes = ReadFile(path() + "/" + newest);
  WriteFile(path() + "/" + newest, bytes.substr(0, bytes.size() - 1));
  const absl::Status status = OpenAndVerify(StoreMode::kExisting);
  EXPECT_TRUE(absl::IsDataLoss(status)) << status;
  // The first bytes of a record that a kill kept from being written whole.
  Restore();
  std::string torn = bytes;
  torn += std::string("\x12\x34\x56\x78\x80\x00\x01xyz", 10);  // 128 bytes claimed, 3 there
  WriteFile(path() + "/" + newest, torn);
  EXPECT_EQ(OpenAndVerify(StoreMode::kExisting), absl::OkStatus());
}

// A damaged end of the log is cut off only where the mark says that nothing is lost by it.
TEST_F(DamageTest, ADamagedLogWithoutAMarkIsRefused) {
  std::string newest;
  for (const std::string& name : Files()) {
    if (name.ends_with(".log")) newest = std::max(newest, name);
  }
  std::string bytes = ReadFile(directory_.Sub("good/" + newest));
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x40);
  for (const StoreMode mode : {StoreMode::kReadOnly, StoreMode::kExisting}) {
    for (const bool empty : {false, true}) {
      Restore();
      WriteFile(path() + "/" + newest, bytes);
      fs::remove(path() + "/ACKNOWLEDGED");
      if (empty) WriteFile(path() + "/ACKNOWLEDGED", "");
      const absl::Status status = OpenAndVerify(mode);
      EXPECT_TRUE(absl::IsDataLoss(status)) << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr("ACKNOWLEDGED")) << status;
    }
  }
}

TEST_F(DamageTest, MissingFilesAreFound) {
  for (const std::string& name : Files()) {
    const bool matters = name == "CURRENT" || name.starts_with("MANIFEST") ||
                         name.ends_with(".sst") || name.ends_with(".blob") ||
                         name.ends_with(".log");
    if (!matters) continue;
    Restore();
    fs::remove(path() + "/" + name);
    const absl::Status status = OpenAndVerify(StoreMode::kExisting);
    EXPECT_TRUE(absl::IsDataLoss(status)) << name << ": " << status;
  }
}

}  // namespace
}  // namespace ordinate
