// The doubles of the disk, by themselves.
#include <fcntl.h>

#include <filesystem>
#include <set>

#include "gmock/gmock.h"
#include "storage/files/durable_file.h"
#include "tests/support/memory_dir.h"
#include "tests/support/power_loss.h"

namespace ordinate {
namespace {

using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

class PowerLossTest : public ::testing::Test {
 protected:
  /// The states that many power losses leave, each as "name=content ..." .
  std::set<std::string> States() {
    std::mt19937_64 random(1);
    std::set<std::string> states;
    for (int i = 0; i < 2'000; ++i) {
      std::string text;
      for (const auto& [path, content] : disk_.Fail(random).files) {
        text += (text.empty() ? "" : " ") + path + "=" + content;
      }
      states.insert(text);
    }
    return states;
  }
  int Create(const std::string& name) { return TheDisk().Open(Path(name), O_WRONLY | O_CREAT); }
  void Append(int file, const std::string& text) {
    ASSERT_EQ(TheDisk().Write(file, text.data(), text.size(), size_), text.size());
    size_ += text.size();
  }
  std::string Path(const std::string& name) const { return dir_.path() + "/" + name; }
  absl::Status SyncNames() { return SyncFolder(dir_.path()); }

  const MemoryDir dir_;
  PowerLossDisk disk_{dir_.path()};
  const WatchedDisk watched_{disk_};
  uint64_t size_ = 0;
};

TEST_F(PowerLossTest, BytesComeWithTheSyncOfTheFileAndNamesWithThatOfTheFolder) {
  const int file = Create("a");
  ASSERT_EQ(TheDisk().Sync(file), 0);
  EXPECT_THAT(States(), UnorderedElementsAre("", "a="));
  ASSERT_EQ(SyncNames(), absl::OkStatus());
  EXPECT_THAT(States(), ElementsAre("a="));
  Append(file, "xy");
  EXPECT_THAT(States(), UnorderedElementsAre("a=", "a=x", "a=xy", std::string("a=\0\0", 4)));
  ASSERT_EQ(TheDisk().Sync(file), 0);
  EXPECT_THAT(States(), ElementsAre("a=xy"));
  TheDisk().Close(file);
}

TEST_F(PowerLossTest, ASectorIsOverwrittenWholeOrNot) {
  const int file = Create("a");
  Append(file, "old");
  ASSERT_EQ(TheDisk().Sync(file), 0);
  ASSERT_EQ(SyncNames(), absl::OkStatus());
  ASSERT_EQ(TheDisk().Write(file, "new", 3, 0), 3);
  EXPECT_THAT(States(), UnorderedElementsAre("a=old", "a=new"));
  TheDisk().Close(file);
}

TEST_F(PowerLossTest, AnyChangesOfAFolderMayBeMissing) {
  ASSERT_EQ(WriteFileDurably(Path("a"), "1"), absl::OkStatus());
  EXPECT_THAT(States(), ElementsAre("a=1"));
  ASSERT_EQ(RenameFile(Path("a"), Path("b")), absl::OkStatus());
  EXPECT_THAT(States(), UnorderedElementsAre("a=1", "b=1"));
  ASSERT_EQ(RemoveName(Path("b")), absl::OkStatus());
  EXPECT_THAT(States(), UnorderedElementsAre("", "a=1", "b=1"));
  ASSERT_EQ(SyncNames(), absl::OkStatus());
  EXPECT_THAT(States(), ElementsAre(""));
}

// What a replaced file was is there until its successor is, whole.
TEST_F(PowerLossTest, ADurableWriteIsAllOrNothing) {
  ASSERT_EQ(WriteFileDurably(Path("a"), "1"), absl::OkStatus());
  std::set<std::string> contents;
  std::mt19937_64 random(1);
  disk_.at_moment = [&](const DiskCall&) {
    for (int i = 0; i < 100; ++i) contents.insert(disk_.Fail(random).files.at("a"));
  };
  ASSERT_EQ(WriteFileDurably(Path("a"), "2"), absl::OkStatus());
  EXPECT_THAT(contents, UnorderedElementsAre("1", "2"));
}

TEST_F(PowerLossTest, FoldersAreMadeDurably) {
  ASSERT_EQ(MakeFolders(Path("x/y")), absl::OkStatus());
  ASSERT_EQ(WriteFileDurably(Path("x/y/a"), "1"), absl::OkStatus());
  EXPECT_THAT(States(), ElementsAre("x/y/a=1"));
  std::mt19937_64 random(1);
  const MemoryDir other;
  disk_.Fail(random).WriteTo(other.path() + "/copy");
  EXPECT_TRUE(std::filesystem::exists(other.path() + "/copy/x/y/a"));
  EXPECT_EQ(*ReadWholeFile(other.path() + "/copy/x/y/a", 10), "1");
}

}  // namespace
}  // namespace ordinate
