// A shard whose store has failed says that it takes no writes until a restart, and why.
#include <atomic>
#include <cerrno>

#include "gmock/gmock.h"
#include "storage/files/disk.h"
#include "tests/support/one_shard.h"
#include "tests/support/watched_disk.h"

namespace ordinate {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

/// Refuses one write, once told to, to a file that is called so.
class RefusedWrite final : public DiskWatcher {
 public:
  RefusedWrite(std::string ending, int after) : ending_(std::move(ending)), after_(after) {}
  void Refuse() { refuses_ = true; }

  int Before(const DiskCall& call) override {
    if (!refuses_ || call.kind != DiskCall::Kind::kWrite) return 0;
    return call.path.ends_with(ending_) && after_-- == 0 ? ENOSPC : 0;
  }
  void After(const DiskCall& /*call*/) override {}

 private:
  const std::string ending_;
  std::atomic<int> after_;
  std::atomic<bool> refuses_{false};
};

/// A disk that is full.
class FullDisk final : public Disk {
 public:
  FullDisk() { SetDisk(this); }
  ~FullDisk() override { SetDisk(nullptr); }
  int FreeBytes(const std::string&, uint64_t* bytes) override {
    *bytes = 0;
    return 0;
  }
};

class ReadOnlyTest : public ::testing::Test {
 protected:
  /// The shard as it is after the disk refused a write that belongs to one of its own, after as
  /// many others.
  void CheckThatItSaysSo(const std::string& ending, int after) {
    SCOPED_TRACE(ending + " after " + std::to_string(after));
    OneShard shard;
    shard.Close();
    RefusedWrite disk(ending, after);
    const WatchedDisk watched(disk);
    shard.ReserveDisk(1);
    shard.Open();
    shard.CreateIndex(OneShard::Flat(1));
    shard.Settle(1);
    EXPECT_EQ(shard.shard().GetWatermarks().read_only, 0u);
    disk.Refuse();
    EXPECT_FALSE(shard.TryWrite(OneShard::Rows(0, 1)).ok());
    CheckStatus(shard);
    {
      const FullDisk full;
      CheckStatus(shard);
      const absl::Status refused = shard.TryWrite(OneShard::Rows(0, 1)).status();
      EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
    }
    for (int i = 0; i < 2; ++i) shard.Turn();
    const std::vector<std::string> warnings = shard.warnings();
    EXPECT_THAT(warnings, Contains(HasSubstr("takes no writes")).Times(1));
    shard.Close();
    shard.Open();
    shard.Write(OneShard::Rows(0, 1));
    EXPECT_EQ(shard.shard().GetWatermarks().read_only, 0u);
    EXPECT_EQ(shard.Settle(1).last_error, "");
    shard.Close();
  }

 private:
  static void CheckStatus(OneShard& shard) {
    EXPECT_EQ(shard.shard().GetWatermarks().read_only, 1u);
    const std::string error = shard.Status(1).last_error;
    EXPECT_THAT(error, HasSubstr("the shard takes no writes: "));
    EXPECT_THAT(error, HasSubstr("restart the server"));
    EXPECT_THAT(error, Not(HasSubstr("once there is space")));
  }
};

TEST_F(ReadOnlyTest, WhenTheWriteAheadLogFailed) { CheckThatItSaysSo(".log", 0); }

TEST_F(ReadOnlyTest, WhenALoggedWriteWasNotApplied) { CheckThatItSaysSo(".log", 1); }

TEST_F(ReadOnlyTest, WhenWhatIsAcknowledgedWasNotWrittenDown) {
  CheckThatItSaysSo("/ACKNOWLEDGED", 0);
}

}  // namespace
}  // namespace ordinate
