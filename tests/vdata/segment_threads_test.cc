#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "segment_samples.h"
#include "storage/vdata/segment_file.h"

namespace ordinate {
namespace {

TEST(SegmentThreads, ManyThreadsTouchTheSameBlocksFirst) {
  test::ScratchFolder folder;
  const std::string path = folder.File("f.vdata");
  std::mt19937_64 random(1);
  const auto segment = test::RandomSegment({.dim = 128, .nodes = 2000, .columns = false}, random);
  ASSERT_TRUE(WriteSegmentFile(path, segment->View()).ok());
  std::string bytes = test::ReadBytes(path);
  bytes[8192 + 1999 * 512] ^= 1;  // in the last block only
  test::WriteBytes(path, bytes);
  const auto file = SegmentFile::Open(path);
  ASSERT_TRUE(file.ok()) << file.status();

  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      std::mt19937_64 own(t);
      for (int i = 0; i < 500; ++i) {
        const uint32_t node = own() % 2000;
        const bool damaged = node / 128 == 1999 / 128;
        const absl::Status status = (*file)->EnsureVectors(node, node + 1);
        if (status.ok() == damaged) ++wrong;
      }
      if ((*file)->Verify().ok()) ++wrong;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace ordinate
