// The shards of a server, and the disk that they share.
#include <atomic>
#include <future>

#include "gmock/gmock.h"
#include "storage/files/disk.h"
#include "tests/parity/dataset.h"

namespace ordinate {
namespace {

using ::testing::HasSubstr;

constexpr uint32_t kDim = 4;
constexpr size_t kRows = 200;
constexpr uint64_t kRowBytes = 48;  // as a build expects them

/// Has room for less than all rows beside the reserve. The first segment file waits to be written.
class SharedDisk final : public Disk {
 public:
  SharedDisk() { SetDisk(this); }
  ~SharedDisk() override { SetDisk(nullptr); }
  int FreeBytes(const std::string&, uint64_t* bytes) override {
    *bytes = StandaloneOptions().disk_reserve_bytes + kRows * kRowBytes - 1;
    return 0;
  }
  int Open(const std::string& path, int flags) override {
    if (path.find(".vdata") != std::string::npos && !waited_.exchange(true)) {
      goes_on.get_future().wait();
    }
    return Disk::Open(path, flags);
  }
  std::promise<void> goes_on;

 private:
  std::atomic<bool> waited_{false};
};

TEST(SharedDisk, ABuildOfOneShardKeepsItsBytesFromAnother) {
  SharedDisk disk;
  Node node({.shards = 2, .build_threads = 2});
  ASSERT_TRUE(node.front().CreateTable(ParityTable(kDim)).ok());
  LoadRows(node.front(), "items", RandomRows(9, kRows, kDim));
  IndexDef index;
  index.name = "idx";
  index.engine = Engine::kFlat;
  ASSERT_TRUE(node.front().CreateIndex("items", "v", index).ok());
  IndexInfo info;
  do {
    info = *node.front().GetIndex("idx");
  } while (info.shards[0].state == IndexState::kBuilding &&
           info.shards[1].state == IndexState::kBuilding);
  EXPECT_EQ(info.total.state, IndexState::kFailed);
  EXPECT_THAT(info.total.last_error, HasSubstr("for jobs at work"));
  disk.goes_on.set_value();
  node.WaitForIndex("idx");
}

}  // namespace
}  // namespace ordinate
