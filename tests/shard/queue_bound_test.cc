// Writes that wait for the applier are bounded by rows and by bytes; what comes on top is refused.
#include <chrono>
#include <future>
#include <string>

#include "gmock/gmock.h"
#include "storage/base/error_details.h"
#include "tests/support/one_shard.h"

namespace ordinate {
namespace {

using ::testing::HasSubstr;

constexpr uint64_t kMuch = 1'000'000;

class QueueBound : public ::testing::Test {
 protected:
  void Limit(uint64_t rows, uint64_t bytes) {
    one_.Close();
    one_.LimitQueue(rows, bytes);
    one_.Open();
  }
  /// Three writes while none is taken, of which the first two are as much as may wait.
  void ExpectTheThirdRefused(std::vector<RowWrite> first, std::vector<RowWrite> second,
                             std::vector<RowWrite> third, const std::string& why) {
    one_.HoldApplier(OneShard::Rows(0, 1));
    auto taken = one_.Send(std::move(first));
    auto full = one_.Send(std::move(second));
    auto over = one_.Send(std::move(third));
    EXPECT_EQ(over.wait_for(std::chrono::seconds(0)), std::future_status::ready);
    one_.LetApplierRun();
    EXPECT_EQ(taken.get(), absl::OkStatus());
    EXPECT_EQ(full.get(), absl::OkStatus());
    const absl::Status refused = over.get();
    EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
    EXPECT_THAT(std::string(refused.message()), HasSubstr(why));
    EXPECT_TRUE(RetryDelayMillis(refused).has_value());
  }

  OneShard one_;
};

TEST_F(QueueBound, IsOfRows) {
  Limit(10, kMuch);
  for (int round = 0; round < 2; ++round) {  // what was taken waits no more
    SCOPED_TRACE(round);
    ExpectTheThirdRefused(OneShard::Rows(1, 7), OneShard::Rows(7, 11), OneShard::Rows(11, 12),
                          "shard 0 has 10 rows of");
    EXPECT_EQ(one_.CountAnswers(0), 11u) << "nothing of what was refused";
  }
}

TEST_F(QueueBound, IsOfBytes) {
  const uint64_t row = RoughBytes(OneShard::OneRow(1, {1, 0}).cells);
  Limit(kMuch, 3 * row);
  for (int round = 0; round < 2; ++round) {
    SCOPED_TRACE(round);
    ExpectTheThirdRefused(OneShard::Rows(1, 2), OneShard::Rows(2, 4), OneShard::Rows(4, 5),
                          Concat("3 rows of ", 3 * row, " bytes waiting"));
    EXPECT_EQ(one_.CountAnswers(0), 4u);
  }
}

TEST_F(QueueBound, IsNotOfAWriteAlone) {
  Limit(10, 100);
  one_.Write(OneShard::Rows(0, 50));
  EXPECT_EQ(one_.CountAnswers(0), 50u);
}

}  // namespace
}  // namespace ordinate
