// contract 3.3: a whole table over gRPC from a server of its own, and what that costs the server.
#include <cstdlib>
#include <iostream>
#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/many_rows.h"
#include "tests/support/process_facts.h"
#include "tests/support/server_process.h"
#include "tests/support/temp_dir.h"

namespace ordinate {
namespace {

constexpr int64_t kMostKib = 64 << 10;
constexpr uint64_t kStopped = 30;

int64_t Rows() { return std::getenv("ORDINATE_NIGHTLY") != nullptr ? 1'000'000 : 50'000; }

class StreamProcess : public ::testing::Test {
 protected:
  StreamProcess() : server_(dir_.Sub("data"), {"--shards", "2"}), channel_(server_.NewChannel()) {}
  void SetUp() override {
    const grpc::Status status = ManyRows(channel_).Load(Rows());
    ASSERT_TRUE(status.ok()) << status.error_message();
  }

  // Every row, in order; tells how far the server's memory grew meanwhile.
  MemoryGrowth Drain() {
    MemoryGrowth growth(server_.pid());
    ManyRowsReader reader(channel_);
    while (reader.ReadPage()) growth.Look();
    const grpc::Status status = reader.Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(reader.rows(), Rows());
    EXPECT_TRUE(reader.in_order());
    return growth;
  }

  // Index files are mapped, and count as resident from when they were first read: the kernel takes
  // them back when it needs to. What the process itself holds must not grow even at first.
  void ExpectSmallGrowth(const char* what) {
    const MemoryGrowth first = Drain(), second = Drain();
    std::cout << Rows() << " rows, " << what << ": RssAnon +" << first.anonymous()
              << " KiB, VmRSS +" << first.resident() << " KiB; once more: +" << second.anonymous()
              << " KiB, +" << second.resident() << " KiB\n";
#ifndef ORDINATE_SANITIZER
    EXPECT_LT(first.anonymous(), kMostKib);
    EXPECT_LT(second.anonymous(), kMostKib);
    EXPECT_LT(second.resident(), kMostKib);
#endif
  }

  TempDir dir_;
  ServerProcess server_;
  std::shared_ptr<grpc::Channel> channel_;
};

TEST_F(StreamProcess, DrainsFromTheRowsInBoundedMemory) { ExpectSmallGrowth("no index"); }

TEST_F(StreamProcess, DrainsFromAnIndexInBoundedMemory) {
  const grpc::Status status = ManyRows(channel_).Index();
  ASSERT_TRUE(status.ok()) << status.error_message();
  ExpectSmallGrowth("an index");
}

TEST_F(StreamProcess, ReadersThatStopHaveNoThread) {
  Drain();  // so that every thread that serves one reader is there
  const uint64_t before = ProcessFact(server_.pid(), "Threads");
  const auto channel = ChannelOfSmallWindows(server_.address());
  std::vector<std::unique_ptr<ManyRowsReader>> stopped;
  for (uint64_t i = 0; i < kStopped; ++i) {
    stopped.push_back(std::make_unique<ManyRowsReader>(channel));
    ASSERT_TRUE(stopped.back()->ReadPage());
  }
  // gRPC keeps a few threads more or fewer as it likes.
  EXPECT_LT(ProcessFact(server_.pid(), "Threads"), before + kStopped / 2);
  Drain();
}

}  // namespace
}  // namespace ordinate
