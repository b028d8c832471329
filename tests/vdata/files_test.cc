#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "segment_samples.h"
#include "storage/files/checksum.h"
#include "storage/files/durable_file.h"
#include "storage/files/mapped_file.h"
#include "storage/files/unique_name.h"

namespace ordinate {
namespace {

using test::ScratchFolder;

int FilesIn(const ScratchFolder& folder) {
  return static_cast<int>(std::distance(std::filesystem::directory_iterator(folder.path()), {}));
}

TEST(Checksum, KnownValuesAndPieces) {
  EXPECT_EQ(Checksum64("", 0), 0x2D06800538D394C2u);  // XXH3-64's published value of nothing
  const std::string text(100'000, 'q');
  Checksummer64 pieces;
  for (size_t at = 0; at < text.size(); at += 777) {
    pieces.Add(text.data() + at, std::min<size_t>(777, text.size() - at));
  }
  EXPECT_EQ(pieces.Get(), Checksum64(text.data(), text.size()));
}

TEST(DurableFile, WritesWholeFileUnderItsName) {
  ScratchFolder folder;
  const std::string path = folder.File("a");
  std::string expected;
  auto writer = DurableFileWriter::Create(path);
  ASSERT_TRUE(writer.ok()) << writer.status();
  for (size_t part : {1, 1 << 20, 3, (1 << 20) - 5, 3 << 20, 0, 100}) {
    const std::string bytes(part, static_cast<char>('a' + expected.size() % 26));
    ASSERT_TRUE((*writer)->Append(bytes.data(), bytes.size()).ok());
    ASSERT_TRUE((*writer)->AppendZeros(part % 5000).ok());
    expected += bytes + std::string(part % 5000, '\0');
    EXPECT_EQ((*writer)->bytes(), expected.size());
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  ASSERT_TRUE((*writer)->Commit().ok());
  EXPECT_EQ(test::ReadBytes(path), expected);
  EXPECT_EQ(FilesIn(folder), 1);
  EXPECT_FALSE((*writer)->Commit().ok());
  EXPECT_FALSE((*writer)->Append("x", 1).ok());
  writer->reset();
  EXPECT_EQ(test::ReadBytes(path), expected);
}

TEST(DurableFile, AbandonedWriterLeavesTheOldFileAndNoOther) {
  ScratchFolder folder;
  ASSERT_TRUE(WriteFileDurably(folder.File("a"), "old").ok());
  {
    auto writer = DurableFileWriter::Create(folder.File("a"));
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->Append("new", 3).ok());
    int temporary = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
      temporary += IsTemporaryName(entry.path().filename().string());
    }
    EXPECT_EQ(temporary, 1);
  }
  EXPECT_EQ(test::ReadBytes(folder.File("a")), "old");
  EXPECT_EQ(FilesIn(folder), 1);
}

TEST(DurableFile, FailedRenameRemovesTheTemporaryFile) {
  ScratchFolder folder;
  std::filesystem::create_directory(folder.File("taken"));
  const absl::Status status = WriteFileDurably(folder.File("taken"), "x");
  EXPECT_FALSE(status.ok());
  EXPECT_NE(std::string(status.message()).find("taken"), std::string::npos);
  EXPECT_EQ(FilesIn(folder), 1);
}

TEST(DurableFile, FolderThatIsNotThere) {
  ScratchFolder folder;
  EXPECT_TRUE(absl::IsNotFound(WriteFileDurably(folder.File("none/a"), "x")));
  EXPECT_TRUE(absl::IsNotFound(SyncFolder(folder.File("none"))));
}

TEST(DurableFile, Names) {
  EXPECT_EQ(FolderOf("a"), ".");
  EXPECT_EQ(FolderOf("/a"), "/");
  EXPECT_EQ(FolderOf("/b/a"), "/b");
  EXPECT_TRUE(IsTemporaryName("a.tmp-" + NewUuid()));
  EXPECT_FALSE(IsTemporaryName(".tmp-" + NewUuid()));
  EXPECT_FALSE(IsTemporaryName("a.vdata"));
}

TEST(ReadWholeFile, LimitsAndKinds) {
  ScratchFolder folder;
  ASSERT_TRUE(WriteFileDurably(folder.File("a"), "12345").ok());
  EXPECT_EQ(*ReadWholeFile(folder.File("a"), 5), "12345");
  EXPECT_TRUE(absl::IsOutOfRange(ReadWholeFile(folder.File("a"), 4).status()));
  EXPECT_TRUE(absl::IsNotFound(ReadWholeFile(folder.File("b"), 4).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(ReadWholeFile(folder.path(), 4).status()));
  ASSERT_EQ(mkfifo(folder.File("pipe").c_str(), 0600), 0);
  EXPECT_TRUE(absl::IsFailedPrecondition(ReadWholeFile(folder.File("pipe"), 4).status()));
  EXPECT_TRUE(absl::IsFailedPrecondition(MappedFile::Open(folder.File("pipe")).status()));
}

TEST(MappedFile, MapsMovesAndOutlivesTheName) {
  ScratchFolder folder;
  ASSERT_TRUE(WriteFileDurably(folder.File("a"), "12345").ok());
  ASSERT_TRUE(WriteFileDurably(folder.File("empty"), "").ok());
  auto file = MappedFile::Open(folder.File("a"));
  ASSERT_TRUE(file.ok()) << file.status();
  MappedFile moved = *std::move(file);
  std::filesystem::remove(folder.File("a"));
  EXPECT_EQ(std::string(moved.data(), moved.size()), "12345");
  EXPECT_TRUE(moved.Populate(0, 5).ok());
  auto empty = MappedFile::Open(folder.File("empty"));
  ASSERT_TRUE(empty.ok()) << empty.status();
  EXPECT_EQ(empty->size(), 0u);
  EXPECT_TRUE(empty->Populate(0, 0).ok());
  moved = *std::move(empty);
  EXPECT_EQ(moved.size(), 0u);
}

TEST(UniqueName, IsRandomVersionFour) {
  const std::string form = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";
  std::set<std::string> names;
  for (int i = 0; i < 1000; ++i) {
    const std::string name = NewUuid();
    ASSERT_EQ(name.size(), form.size());
    for (size_t at = 0; at < form.size(); ++at) {
      const std::string allowed = form[at] == 'x'   ? "0123456789abcdef"
                                  : form[at] == 'y' ? "89ab"
                                                    : std::string(1, form[at]);
      EXPECT_NE(allowed.find(name[at]), std::string::npos) << name;
    }
    EXPECT_TRUE(names.insert(name).second);
  }
}

}  // namespace
}  // namespace ordinate
