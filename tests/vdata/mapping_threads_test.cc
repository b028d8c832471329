#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "segment_samples.h"
#include "storage/files/mapped_file.h"

namespace ordinate {
namespace {

constexpr uint64_t kBytes = 64 * 4096;

/// Whether `file` reads as `fill` up to some moment, and as zeros after it.
bool ReadsAsItWasThenZeros(const MappedFile& file, char fill, bool* zeros) {
  *zeros = false;
  const auto* const data = const_cast<const volatile char*>(file.data());
  for (uint64_t at = 0; at < file.size(); at += 512) {
    const char byte = data[at];
    if (byte != (*zeros ? 0 : fill) && byte != 0) return false;
    *zeros |= byte == 0;
  }
  return true;
}

TEST(MappingThreads, FaultWhileOthersMapAndUnmap) {
  test::ScratchFolder folder;
  test::WriteBytes(folder.File("good"), std::string(kBytes, 'y'));
  std::atomic<int> wrong{0};
  std::atomic<bool> done{false};
  std::vector<std::thread> mappers;
  for (int t = 0; t < 2; ++t) {
    mappers.emplace_back([&] {
      bool zeros = false;
      while (!done) {
        const auto file = MappedFile::Open(folder.File("good"));
        if (!file.ok() || !ReadsAsItWasThenZeros(*file, 'y', &zeros)) ++wrong;
        if (zeros || file->lost()) ++wrong;
      }
    });
  }
  for (int round = 0; round < 100; ++round) {
    test::WriteBytes(folder.File("bad"), std::string(kBytes, 'x'));
    const auto file = MappedFile::Open(folder.File("bad"));
    ASSERT_TRUE(file.ok()) << file.status();
    std::filesystem::resize_file(folder.File("bad"),
                                 kBytes / 64 * static_cast<uint64_t>(round % 64));
    std::vector<std::thread> readers;
    for (int t = 0; t < 3; ++t) {
      readers.emplace_back([&] {
        bool zeros = false;
        if (!ReadsAsItWasThenZeros(*file, 'x', &zeros)) ++wrong;
        if (!zeros || !file->lost()) ++wrong;
      });
    }
    for (std::thread& reader : readers) reader.join();
    std::filesystem::remove(folder.File("bad"));
  }
  done = true;
  for (std::thread& mapper : mappers) mapper.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace ordinate
