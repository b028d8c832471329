// contract 9: a server that is killed at random moments, and at named ones, of a mixed load.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <random>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/crash/crash_client.h"
#include "tests/crash/points.h"
#include "tests/support/server_process.h"
#include "tests/support/temp_dir.h"

namespace ordinate {
namespace {

// Under a sanitizer a start takes long.
#ifdef ORDINATE_SANITIZER
constexpr int kKills = 20;
#else
constexpr int kKills = 80;
#endif

constexpr int kWriters = 3;
constexpr uint64_t kMostAcknowledged = 150;

/// The counts of all runs, in a file that the servers map too.
class SharedCounts {
 public:
  explicit SharedCounts(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || ::ftruncate(fd, sizeof(CrashCounts)) != 0) std::abort();
    void* const map =
        ::mmap(nullptr, sizeof(CrashCounts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) std::abort();
    ::close(fd);
    counts_ = static_cast<CrashCounts*>(map);
  }
  ~SharedCounts() { ::munmap(counts_, sizeof(CrashCounts)); }
  SharedCounts(const SharedCounts&) = delete;
  SharedCounts& operator=(const SharedCounts&) = delete;

  uint64_t reached(size_t point) const { return counts_->reached[point]; }
  uint64_t ended(size_t point) const { return counts_->ended[point]; }
  uint64_t ended() const {
    uint64_t sum = 0;
    for (const auto& one : counts_->ended) sum += one;
    return sum;
  }

 private:
  CrashCounts* counts_;
};

class CrashCampaign : public ::testing::Test {
 protected:
  CrashCampaign() {
    for (int i = 0; i < kWriters; ++i) writers_.emplace_back(i, random_());
    std::cout << "seed " << seed_ << std::endl;
  }

  /// Loads a server until it is gone: by itself at `point`, if that is one, or killed.
  void RunAndKill(int run, const std::string& focus) {
    std::vector<std::string> arguments = arguments_;
    if (run % 5 != 0) {
      const size_t point = next_point_++ % kCrashPointCount;
      const uint64_t a_run = counts_.reached(point) / std::max<uint64_t>(1, runs_);
      arguments.insert(arguments.end(),
                       {"--crash-point", std::string(kCrashPoints[point]), "--crash-at",
                        std::to_string(1 + random_() % (a_run + 1))});
    }
    ++runs_;
    ServerProcess server(data_dir_, arguments, "ORDINATE_CRASH_NODE");
    if (!server.running()) return;  // the point was in its start
    if (random_() % 2 == 0) Rebuild(server.NewChannel(), focus);
    // The moment is a number of acknowledgements and a little more, so that slow machines kill in
    // the middle of work too.
    const uint64_t moment = run % 5 == 0 ? random_() % kMostAcknowledged : kMostAcknowledged;
    const auto delay = std::chrono::microseconds(random_() % 5'000);
    std::atomic<uint64_t> acknowledged{0};
    std::atomic<int> writing{kWriters};
    std::vector<std::thread> threads;
    for (Writer& writer : writers_) {
      threads.emplace_back([&, channel = server.NewChannel()] {
        writer.RunUntilGone(channel, acknowledged);
        --writing;
      });
    }
    threads.emplace_back([&, channel = server.NewChannel()] { reader_.RunUntilGone(channel); });
    while (acknowledged < moment && writing > 0) std::this_thread::yield();
    std::this_thread::sleep_for(delay);
    server.Kill();
    for (std::thread& thread : threads) thread.join();
  }

  /// Everything, by the ledgers of the clients.
  void Check() {
    ServerProcess server(data_dir_, arguments_, "ORDINATE_CRASH_NODE");
    ASSERT_TRUE(server.running());
    const Channel channel = server.NewChannel();
    Revisions live;
    for (Writer& writer : writers_) {
      writer.Check(channel);
      live.insert(writer.live().begin(), writer.live().end());
    }
    // A restart closes open batches, and feeds what waited.
    for (const char* index : {"immediate", "batched", "async"}) {
      EXPECT_EQ(reader_.Show(channel, index), live) << index;
    }
    for (const auto& [key, revision] : reader_.Show(channel, "rebuild_only")) {
      EXPECT_EQ(live.count(key), 1u) << "key " << key << " is deleted";
      EXPECT_TRUE(writers_[key / kKeysPerWriter].ledger().AllowsOlder(key, revision))
          << "key " << key << " at " << revision;
    }
    reader_.CheckStatus(channel);
    server.Kill();
    std::string output;
    EXPECT_EQ(RunOrdinate({"verify", "--data-dir", data_dir_}, &output), 0) << output;
  }

  void Report() const {
    std::cout << runs_ << " kills, " << counts_.ended() << " of them at a named point\n";
    for (size_t i = 0; i < kCrashPointCount; ++i) {
      std::cout << kCrashPoints[i] << ": reached " << counts_.reached(i) << " times, "
                << counts_.ended(i) << " runs ended there\n";
      if (kKills >= 80) {
        EXPECT_GT(counts_.reached(i), 0u) << kCrashPoints[i];
      }
    }
  }

  const uint64_t seed_ = std::random_device()();
  std::mt19937_64 random_{seed_};
  const TempDir dir_;
  const std::string data_dir_ = dir_.Sub("data");
  const SharedCounts counts_{dir_.Sub("counts")};
  const std::vector<std::string> arguments_ = {
      "--shards",        "2", "--min-seal-rows", "40",
      "--build-threads", "1", "--crash-counts",  dir_.Sub("counts")};
  std::vector<Writer> writers_;
  Reader reader_{random_()};
  size_t next_point_ = random_() % kCrashPointCount;
  uint64_t runs_ = 0;
};

TEST_F(CrashCampaign, LosesNothingAcknowledgedAndEachModeKeepsItsPromise) {
  const int kills = std::getenv("ORDINATE_NIGHTLY") != nullptr ? 1'000 : kKills;
  SCOPED_TRACE(::testing::Message() << "seed " << seed_);
  {
    ServerProcess server(data_dir_, arguments_, "ORDINATE_CRASH_NODE");
    CreateTableAndIndexes(server.NewChannel());
    AwaitBuilds(server.NewChannel());
  }
  for (int kill = 0; kill < kills && !HasFailure(); ++kill) {
    SCOPED_TRACE(::testing::Message() << "kill " << kill);
    RunAndKill(kill, kCrashIndexes[kill * 4 / kills]);
    Check();
  }
  if (HasFailure()) return;
  Report();

  // contract 6: a graph grown by seals and merges is as good as one that was built at once.
  ServerProcess server(data_dir_, arguments_, "ORDINATE_CRASH_NODE");
  const Channel channel = server.NewChannel();
  UpsertRange(channel, 100'000, 108'000);
  const double grown = MeasureRecall(channel, 1'000);
  Rebuild(channel, "immediate");
  AwaitBuilds(channel);
  const double built = MeasureRecall(channel, 1'000);
  std::cout << "recall@10 " << grown << " as it has grown, " << built << " built at once\n";
  EXPECT_GE(grown, built - 0.005);
}

}  // namespace
}  // namespace ordinate
