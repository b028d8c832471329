#include "tests/support/power_loss.h"

#include <cstdlib>
#include <deque>
#include <filesystem>
#include <map>

#include "gmock/gmock.h"
#include "tests/faults/workload.h"
#include "tests/support/memory_dir.h"

namespace ordinate {
namespace {

// Of each of the two parts, which a machine of two cores runs side by side. A sanitizer takes ten
// times as long for each state.
#ifdef ORDINATE_SANITIZER
constexpr uint64_t kStates = 150;
#elif !defined(ORDINATE_WITH_HNSW)
constexpr uint64_t kStates = 1'000;
#else
constexpr uint64_t kStates = 10'000;
#endif

/// A moment's states and what was known then.
struct Moment {
  std::string when;
  DiskState state;
  RequestLedger ledger;
};

class PowerLoss : public ::testing::TestWithParam<int> {
 protected:
  /// Runs a workload of `steps` on a node that begins with `start`, losing power at random moments.
  /// Goes on from one of the states next time.
  void RunWorkload(int steps, std::mt19937_64& random) {
    const std::string root = dir_.path() + "/live";
    start_.WriteTo(root);
    PowerLossDisk disk(root, start_);
    Workload workload(root, random(), known_);
    std::mt19937_64 moments(random());
    disk.at_moment = [&](const DiskCall& call) { Lose(disk, workload, call, moments); };
    {
      const WatchedDisk watched(disk);
      ASSERT_EQ(workload.Open(), absl::OkStatus());
      for (int step = 0; step < steps && !HasFailure(); ++step) {
        ASSERT_EQ(workload.Step(), absl::OkStatus());
        CheckMoments();
      }
      workload.Close();
      CheckMoments();
    }
    disk.at_moment = nullptr;
  }

  void Lose(const PowerLossDisk& disk, const Workload& workload, const DiskCall& call,
            std::mt19937_64& random) {
    MutexLock lock(mutex_);
    // Calls that change names are rarer than writes, and worth more.
    const bool of_bytes = call.kind == DiskCall::Kind::kWrite;
    if (random() % (of_bytes ? 4 : 2) != 0) return;
    const uint64_t begun = workload.begun();
    RequestLedger ledger = workload.ledger();
    std::vector<DiskState> states;
    for (int i = 0; i < 3; ++i) states.push_back(disk.Fail(random));
    if (workload.begun() != begun) return;  // the disk may know more than the ledger
    for (DiskState& state : states) {
      moments_.push_back({std::string(DiskCallName(call.kind)) + " " + call.path + " " + call.to,
                          std::move(state), ledger});
    }
  }

  void CheckMoments() {
    std::deque<Moment> moments;
    {
      MutexLock lock(mutex_);
      moments.swap(moments_);
    }
    for (const Moment& moment : moments) {
      if (HasFailure()) return;
      SCOPED_TRACE("power lost before: " + moment.when);
      ++states_;
      const uint64_t digest = moment.state.Digest();
      if (!found_.contains(digest)) found_[digest] = WhatIsFound(moment);
      const std::optional<Contents>& found = found_[digest];
      if (!found) continue;
      EXPECT_EQ(moment.ledger.Check(*found), "");
      if (HasFailure()) Keep(moment);
    }
    if (!moments.empty()) {
      start_ = moments.back().state;
      known_ = found_[start_.Digest()].value_or(Contents());
    }
  }

  /// What a node finds in the state, which must open and verify.
  std::optional<Contents> WhatIsFound(const Moment& moment) {
    const std::string root = dir_.path() + "/lost";
    moment.state.WriteTo(root);
    auto node = OpenSmallNode(root);
    EXPECT_TRUE(node.ok()) << node.status();
    absl::StatusOr<Contents> found = Contents();
    if (node.ok()) found = ReadAll(**node);
    EXPECT_TRUE(found.ok()) << found.status();
    if (node.ok()) {
      node->reset();
      // It opens everything once more: for a quarter of the states.
      const bool verified = ++opened_ % 4 == 0;
      EXPECT_EQ(verified ? VerifyAll(root) : "", "");
    }
    if (HasFailure()) Keep(moment);
    if (!found.ok()) return std::nullopt;
    return *std::move(found);
  }

  static void Keep(const Moment& moment) {
    if (const char* folder = std::getenv("ORDINATE_KEEP_STATE")) moment.state.WriteTo(folder);
  }

  const MemoryDir dir_;
  DiskState start_;
  Contents known_;
  Mutex mutex_;
  std::deque<Moment> moments_ ORDINATE_GUARDED_BY(mutex_);
  uint64_t states_ = 0;
  uint64_t opened_ = 0;                                // of these, those that differ
  std::map<uint64_t, std::optional<Contents>> found_;  // by the state's digest
};

// contract 9: whatever of the unsynced a power loss takes, nothing acknowledged is lost, no delete
// undone, no row twice, requests are atomic, and index files are whole or rebuilt.
TEST_P(PowerLoss, LosesNothingAcknowledged) {
  const auto number = [](const char* name, uint64_t otherwise) {
    const char* given = std::getenv(name);
    return given == nullptr ? otherwise : std::strtoull(given, nullptr, 10);
  };
  const uint64_t seed = number("ORDINATE_SEED", std::random_device()());
  SCOPED_TRACE(::testing::Message() << "ORDINATE_SEED=" << seed);
  const bool nightly = std::getenv("ORDINATE_NIGHTLY") != nullptr;
  const uint64_t wanted = number("ORDINATE_STATES", nightly ? 5 * kStates : kStates);
  std::mt19937_64 random(seed);
  while (states_ < wanted && !HasFailure()) {
    // Each third begins with an empty directory: its creation may be cut short too.
    if (random() % 3 == 0) {
      start_ = DiskState();
      known_ = Contents();
    }
    found_.clear();
    RunWorkload(60, random);
  }
  std::printf("%llu states, %llu of them different\n", static_cast<unsigned long long>(states_),
              static_cast<unsigned long long>(opened_));
}

INSTANTIATE_TEST_SUITE_P(Parts, PowerLoss, ::testing::Values(1, 2));

}  // namespace
}  // namespace ordinate
