// Calls to the disk that fail, once or for good.
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <iostream>

#include "gmock/gmock.h"
#include "tests/faults/workload.h"
#include "tests/support/memory_dir.h"
#include "tests/support/watched_disk.h"

namespace ordinate {
namespace {

/// Counts the calls below a folder, and lets one of them fail, or all from there on.
class FailingDisk final : public DiskWatcher {
 public:
  explicit FailingDisk(std::string root) : root_(std::move(root)) {}

  struct Plan {
    uint64_t at = 0;  // the call that fails, from 1; 0: none
    bool for_good = false;
    int write_error = EIO;
    std::string reads_of = "";  // or every read of files whose names end so
  };
  void Fail(const Plan& plan) {
    plan_ = plan;
    calls_ = 0;
    failed_ = 0;
    active_ = true;
  }
  void Repair() { active_ = false; }
  uint64_t calls() const { return calls_; }
  uint64_t failed() const { return failed_; }
  std::string what() const {
    MutexLock lock(mutex_);
    return what_;
  }

  int Before(const DiskCall& call) override {
    if (!active_ || !call.path.starts_with(root_)) return 0;
    const uint64_t number = ++calls_;
    const bool fails = number == plan_.at ||
                       (plan_.for_good && plan_.at != 0 && number > plan_.at) ||
                       (!plan_.reads_of.empty() && call.kind == DiskCall::Kind::kRead &&
                        call.path.ends_with(plan_.reads_of));
    if (!fails) return 0;
    // A full disk refuses new bytes and names, and lets everything else be.
    const bool full = plan_.write_error == ENOSPC;
    const bool grows = call.kind == DiskCall::Kind::kWrite ||
                       call.kind == DiskCall::Kind::kCreate ||
                       call.kind == DiskCall::Kind::kMakeFolder;
    if (full && !grows) return 0;
    if (++failed_ == 1) {
      MutexLock lock(mutex_);
      what_ = std::string(DiskCallName(call.kind)) + " " + call.path;
      std::cerr << "fails: " << what_ << "\n";  // at once: what ends the process shows nothing else
    }
    return full ? ENOSPC : EIO;
  }
  void After(const DiskCall&) override {}

 private:
  const std::string root_;
  Plan plan_;
  std::atomic<bool> active_{false};
  std::atomic<uint64_t> calls_{0};
  std::atomic<uint64_t> failed_{0};
  mutable Mutex mutex_;
  std::string what_ ORDINATE_GUARDED_BY(mutex_);
};

constexpr int kSteps = 25;

class FailingCalls : public ::testing::Test {
 protected:
  /// Runs the workload of `seed` under `plan`; afterwards, on a disk that works again, everything
  /// acknowledged is there. Returns how many calls it made.
  uint64_t Run(const FailingDisk::Plan& plan, uint64_t seed) {
    const MemoryDir dir;
    FailingDisk disk(dir.path());
    const WatchedDisk watched(disk);
    Workload workload(dir.path(), seed);
    disk.Fail(plan);
    absl::Status status = workload.Open();
    for (int step = 0; step < kSteps && status.ok(); ++step) status = workload.Step();
    if (!status.ok()) {
      EXPECT_GT(disk.failed(), 0u) << status;
      EXPECT_NE(status.code(), absl::StatusCode::kUnknown) << status;
      if (workload.is_open()) CheckThatItGoesOn(workload, disk.what(), plan.for_good);
    }
    SCOPED_TRACE(::testing::Message() << "failed: " << disk.what());
    const uint64_t calls = disk.calls();
    disk.Repair();
    workload.Close();
    CheckReopened(dir.path(), workload);
    return calls;
  }

  /// After an error the node still answers. A failed write to the log or sync of it is its last.
  static void CheckThatItGoesOn(Workload& workload, const std::string& failed, bool for_good) {
    SCOPED_TRACE("failed: " + failed);
    const absl::StatusOr<Contents> found = ReadAll(workload.node());
    EXPECT_TRUE(for_good || found.ok()) << found.status();
    const bool of_log = failed.find("/rows/") != std::string::npos && failed.ends_with(".log") &&
                        (failed.starts_with("sync ") || failed.starts_with("write "));
    if (!of_log || !found.ok()) return;
    for (const auto& [table, rows] : found->tables) {
      for (int i = 0; i < 3; ++i) EXPECT_FALSE(workload.WriteNothing(table).ok());
    }
  }

  static void CheckReopened(const std::string& root, Workload& workload) {
    absl::Status opened = workload.Open();
    ASSERT_EQ(opened, absl::OkStatus());
    const absl::StatusOr<Contents> found = ReadAll(workload.node());
    ASSERT_TRUE(found.ok()) << found.status();
    ASSERT_EQ(workload.Settle(*found), "");
    // It works as before.
    for (int step = 0; step < 3; ++step) ASSERT_EQ(workload.Step(), absl::OkStatus());
    workload.Close();
    ASSERT_EQ(VerifyAll(root), "");
  }
};

// contract 8: a request is refused alone, wholly, and those after it are done.
TEST_F(FailingCalls, AWriteWhoseRowCannotBeReadIsRefusedAlone) {
  const MemoryDir dir;
  FailingDisk disk(dir.path());
  const WatchedDisk watched(disk);
  Workload workload(dir.path(), 1);
  ASSERT_EQ(workload.Open(), absl::OkStatus());
  ASSERT_EQ(workload.Step(), absl::OkStatus());  // makes a table
  const std::string table = workload.ledger().acknowledged().tables.begin()->first;
  ASSERT_EQ(workload.WriteAll(table, {{.table = table, .keys = {0, 4}, .revision = 1}}),
            absl::OkStatus());
  workload.Close();  // their long cells go to a blob file
  ASSERT_EQ(workload.Open(), absl::OkStatus());

  disk.Fail({.reads_of = ".blob"});
  const absl::Status refused =
      workload.WriteAll(table, {{.table = table, .keys = {1}, .revision = 2},
                                {.kind = Request::Kind::kDelete, .table = table, .keys = {0, 1}},
                                {.table = table, .keys = {1, 4}, .revision = 3},
                                {.table = table, .keys = {2}, .revision = 4}});
  EXPECT_FALSE(refused.ok());
  EXPECT_GT(disk.failed(), 0u);
  disk.Repair();
  EXPECT_EQ(workload.acknowledged(), 4u);  // the table, its rows, key 1 and key 2
  EXPECT_EQ(workload.WriteAll(table, {{.table = table, .keys = {0, 4}, .revision = 5}}),
            absl::OkStatus());
  workload.Close();
  CheckReopened(dir.path(), workload);
}

// contracts 8 and 9: no call that fails ends the process or loses what was acknowledged.
TEST_F(FailingCalls, EveryOneIsSurvived) {
  const char* given = std::getenv("ORDINATE_SEED");
  const uint64_t seed =
      given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
  const bool nightly = std::getenv("ORDINATE_NIGHTLY") != nullptr;
  const uint64_t runs = nightly ? 3'000 : 120;
  std::mt19937_64 random(seed);
  uint64_t workload_seed = random();
  uint64_t calls = Run({}, workload_seed);
  ASSERT_GT(calls, 300u);
  for (uint64_t run = 0; run < runs && !HasFailure(); ++run) {
    FailingDisk::Plan plan;
    plan.at = 1 + random() % calls;
    plan.for_good = random() % 2 == 0;
    plan.write_error = random() % 3 == 0 ? ENOSPC : EIO;
    const std::string about =
        (::testing::Message() << "ORDINATE_SEED=" << seed << " run " << run << ", call " << plan.at
                              << " of " << calls << (plan.for_good ? " and all that follow" : "")
                              << (plan.write_error == ENOSPC ? ", disk full" : ""))
            .GetString();
    SCOPED_TRACE(about);
    std::cerr << about << "\n";
    Run(plan, workload_seed);
    if (run % 20 == 19) calls = Run({}, workload_seed = random());
  }
}

}  // namespace
}  // namespace ordinate
