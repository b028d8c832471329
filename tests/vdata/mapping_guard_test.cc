// A file that is cut short under its mapping stands for one whose pages the disk cannot deliver any
// more: reading either raises SIGBUS.
#include "storage/files/mapping_guard.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <vector>

#include "segment_samples.h"
#include "storage/files/mapped_file.h"

namespace ordinate {
namespace {

constexpr uint64_t kPage = 4096;

class MappingGuardTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, uint64_t bytes, char fill) {
    test::WriteBytes(folder_.File(name), std::string(bytes, fill));
    return folder_.File(name);
  }
  MappedFile Map(const std::string& path) {
    auto file = MappedFile::Open(path);
    EXPECT_TRUE(file.ok()) << file.status();
    return *std::move(file);
  }
  static char Read(const MappedFile& file, uint64_t at) {
    return *const_cast<const volatile char*>(file.data() + at);
  }

  test::ScratchFolder folder_;
};

TEST_F(MappingGuardTest, APageThatCannotBeReadTurnsTheFileIntoZeros) {
  const std::string path = Write("a", 3 * kPage + 5, 'x');
  const MappedFile file = Map(path);
  const MappedFile other = Map(Write("b", 3 * kPage, 'y'));
  EXPECT_EQ(Read(file, 3 * kPage), 'x');
  std::filesystem::resize_file(path, kPage);
  EXPECT_EQ(Read(file, 0), 'x');
  EXPECT_FALSE(file.lost()) << "all that was read is of the file";
  EXPECT_EQ(Read(file, 2 * kPage), 0);
  EXPECT_TRUE(file.lost());
  for (uint64_t at = 0; at < file.size(); ++at) ASSERT_EQ(Read(file, at), 0) << at;
  EXPECT_EQ(Read(other, 2 * kPage), 'y');
  EXPECT_FALSE(other.lost());
}

TEST_F(MappingGuardTest, ALargeFileOnHugePagesIsAsAnyOther) {
  const uint64_t bytes = (5 << 20) + 1;
  const std::string path = Write("a", bytes, 'x');
  const MappedFile file = Map(path);
  file.PreferHugePages(0, bytes);
  EXPECT_EQ(Read(file, bytes - 1), 'x');
  std::filesystem::resize_file(path, 0);
  for (uint64_t at = 0; at < bytes; at += kPage) ASSERT_EQ(Read(file, at), 0) << at;
  EXPECT_EQ(Read(file, bytes - 1), 0);
  EXPECT_TRUE(file.lost());
}

TEST_F(MappingGuardTest, TheMarkMovesWithTheFileAndEndsWithIt) {
  const std::string path = Write("a", kPage, 'x');
  std::optional<MappedFile> file = Map(path);
  std::filesystem::resize_file(path, 0);
  EXPECT_EQ(Read(*file, 7), 0);
  MappedFile moved = *std::move(file);
  EXPECT_TRUE(moved.lost());
  EXPECT_FALSE(file->lost());
  moved = Map(Write("b", kPage, 'y'));
  EXPECT_EQ(Read(moved, 7), 'y');
  EXPECT_FALSE(moved.lost());
}

TEST_F(MappingGuardTest, ThousandsOfMappingsAreEachOnesOwn) {
  const std::string good = Write("good", kPage, 'y');
  const std::string bad = Write("bad", kPage, 'x');
  std::vector<MappedFile> files;
  for (int i = 0; i < 2'000; ++i) files.push_back(Map(i % 2 == 0 ? good : bad));
  std::filesystem::resize_file(bad, 0);
  for (size_t i = 0; i < files.size(); ++i) {
    ASSERT_EQ(Read(files[i], 0), i % 2 == 0 ? 'y' : 0) << i;
    ASSERT_EQ(files[i].lost(), i % 2 == 1) << i;
  }
  for (MappedFile& file : files) file = Map(good);
  for (size_t i = 0; i < files.size(); ++i) {
    ASSERT_EQ(Read(files[i], 0), 'y') << i;
    ASSERT_FALSE(files[i].lost()) << i;
  }
}

/// A page of no file of ours, that cannot be read.
class ForeignFault : public MappingGuardTest {
 protected:
  void ReadForeignPage() {
    const MappedFile guarded = Map(Write("a", kPage, 'x'));  // the handler is there
    const std::string path = Write("foreign", kPage, 'x');
    FILE* const file = fopen(path.c_str(), "r");
    const void* const page = mmap(nullptr, kPage, PROT_READ, MAP_SHARED, fileno(file), 0);
    std::filesystem::resize_file(path, 0);
    std::filesystem::remove_all(folder_.path());  // nobody does after the fault
    (void)*static_cast<const volatile char*>(page);
  }
};

TEST_F(ForeignFault, EndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(ReadForeignPage(), "");
}

TEST_F(ForeignFault, EndsTheProcessThatIgnoresTheSignal) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto ignoring = [this] {
    signal(SIGBUS, SIG_IGN);
    ReadForeignPage();
  };
  EXPECT_EXIT(ignoring(), ::testing::KilledBySignal(SIGBUS), "");
}

void ExitWith7(int) { _exit(7); }
void ExitWithOffset(int, siginfo_t* info, void*) {
  _exit(static_cast<int>(reinterpret_cast<uintptr_t>(info->si_addr) % kPage));
}

TEST_F(ForeignFault, GoesToTheHandlerThereWas) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto plain = [this] {
    signal(SIGBUS, &ExitWith7);
    ReadForeignPage();
  };
  EXPECT_EXIT(plain(), ::testing::ExitedWithCode(7), "");
  const auto with_info = [this] {
    struct sigaction action = {};
    action.sa_sigaction = &ExitWithOffset;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGBUS, &action, nullptr);
    ReadForeignPage();
  };
  EXPECT_EXIT(with_info(), ::testing::ExitedWithCode(0), "");
}

TEST_F(ForeignFault, ASignalThatWasSentIsNoFault) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  const auto by_default = [this] {
    signal(SIGBUS, SIG_DFL);
    const MappedFile guarded = Map(Write("a", kPage, 'x'));
    std::filesystem::remove_all(folder_.path());
    raise(SIGBUS);
  };
  EXPECT_EXIT(by_default(), ::testing::KilledBySignal(SIGBUS), "");
  const auto ignored = [this] {
    signal(SIGBUS, SIG_IGN);
    const MappedFile guarded = Map(Write("a", kPage, 'x'));
    std::filesystem::remove_all(folder_.path());
    raise(SIGBUS);
    _exit(Read(guarded, 0) == 'x' ? 0 : 1);
  };
  EXPECT_EXIT(ignored(), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace ordinate
