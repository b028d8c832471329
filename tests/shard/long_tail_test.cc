// Whoever writes faster than tails are sealed and segments merged is slowed down.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <utility>

#include "gmock/gmock.h"
#include "storage/base/error_details.h"
#include "tests/support/one_shard.h"

namespace ordinate {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint32_t kIndex = 1;
constexpr uint64_t kSealRows = 10;
constexpr int64_t kMostTail = 160;  // 16 seals

using Answer = std::future<absl::StatusOr<ShardWriteResult>>;

Answer Send(OneShard& one, std::vector<RowWrite> rows, const CallContext& context) {
  const auto done = std::make_shared<std::promise<absl::StatusOr<ShardWriteResult>>>();
  one.shard().Write(one.table(), {.rows = std::move(rows)}, context,
                    [done](auto result) { done->set_value(std::move(result)); });
  return done->get_future();
}

// Ends the process where there is none.
absl::StatusOr<ShardWriteResult> Get(Answer&& answer) {
  if (answer.wait_for(std::chrono::minutes(1)) != std::future_status::ready) {
    std::fputs("a write has no answer\n", stderr);
    std::abort();
  }
  return answer.get();
}
absl::StatusOr<ShardWriteResult> Get(Answer& answer) { return Get(std::move(answer)); }

bool IsReady(const Answer& answer) {
  return answer.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

uint64_t Held(OneShard& one) {
  one.Turn();
  return one.shard().GetWatermarks().held_writes;
}

class LongTail : public ::testing::Test {
 protected:
  // A seal is at work, and the tail as long as it may be.
  void SetUp() override {
    one_.CreateIndex(OneShard::Flat(kIndex));
    one_.Settle(kIndex);
    one_.HoldBuilds();
    one_.Write(OneShard::Rows(0, kMostTail));
  }

  const CallContext context_;
  OneShard one_{kSealRows};
};

TEST_F(LongTail, HoldsWritesBackUntilItIsSealed) {
  Answer first = Send(one_, OneShard::Rows(kMostTail, kMostTail + 5), context_);
  Answer second = Send(one_, OneShard::Rows(kMostTail, kMostTail + 1), context_);
  EXPECT_EQ(Held(one_), 2u);
  Answer third = Send(one_, OneShard::Rows(kMostTail, kMostTail + 1), context_);
  EXPECT_EQ(Held(one_), 3u);
  EXPECT_EQ(one_.shard().GetWatermarks().accepted, 1u);
  EXPECT_EQ(one_.CountAnswers(kIndex), uint64_t{kMostTail}) << "reads go on";
  EXPECT_FALSE(IsReady(first));
  one_.LetBuildsRun();
  EXPECT_EQ(Get(first)->seq, 2u);
  EXPECT_EQ(Get(second)->seq, 3u) << "in their order";
  EXPECT_EQ(Get(third)->seq, 4u);
  EXPECT_EQ(Held(one_), 0u);
  EXPECT_EQ(one_.CountAnswers(kIndex), uint64_t{kMostTail} + 5);
}

TEST_F(LongTail, TellsAHeldWriteWhoseCallEnds) {
  CallContext ended;
  Answer write = Send(one_, OneShard::Rows(500, 501), ended);
  EXPECT_EQ(Held(one_), 1u);
  ended.Cancel();
  EXPECT_TRUE(absl::IsCancelled(Get(write).status()));
  EXPECT_EQ(Held(one_), 0u);
  EXPECT_EQ(one_.CountAnswers(kIndex), uint64_t{kMostTail}) << "and nothing of it is written";
}

// While it is sealed, which it stays for long.
TEST_F(LongTail, HoldsNothingBackWhenTheServerIsAboutToStop) {
  Answer write = Send(one_, OneShard::Rows(500, 501), context_);
  EXPECT_EQ(Held(one_), 1u);
  one_.shard().StopHoldingWrites();
  EXPECT_TRUE(Get(write).ok());
  one_.Write(OneShard::Rows(501, 502));
  EXPECT_EQ(Held(one_), 0u);
}

// contract 9
TEST_F(LongTail, LetsAllInWhenTheShardCloses) {
  Answer write = Send(one_, OneShard::Rows(500, 501), context_);
  EXPECT_EQ(Held(one_), 1u);
  std::thread closing = one_.CloseBeside();
  EXPECT_TRUE(Get(write).ok());
  one_.LetBuildsRun();
  closing.join();
  one_.Open(kSealRows);
  EXPECT_EQ(one_.CountAnswers(kIndex), uint64_t{kMostTail} + 1);
}

// contract 8: each holds a call of the server.
TEST_F(LongTail, RefusesWritesWhenManyWait) {
  std::vector<Answer> held;
  for (int i = 0; i < 64; ++i) held.push_back(Send(one_, OneShard::Rows(i, i + 1), context_));
  const absl::Status refused = Get(Send(one_, OneShard::Rows(70, 71), context_)).status();
  EXPECT_TRUE(absl::IsResourceExhausted(refused)) << refused;
  EXPECT_THAT(std::string(refused.message()), HasSubstr("'items'"));
  EXPECT_EQ(RetryDelayMillis(refused), 1'000u);
  EXPECT_EQ(Held(one_), 64u);
  one_.LetBuildsRun();
  for (Answer& answer : held) EXPECT_TRUE(Get(answer).ok());
  one_.Write(OneShard::Rows(70, 71));
}

// The next one begins when the tail is twice as long, which it never would be.
TEST_F(LongTail, HoldsNothingBackAfterASealThatFailed) {
  const std::string directory = one_.index_dir(kIndex);
  std::filesystem::rename(directory, directory + ".away");
  one_.LetBuildsRun();
  one_.Write(OneShard::Rows(500, 501));
  EXPECT_EQ(one_.Settle(kIndex).tail_rows, uint64_t{kMostTail} + 1);
  std::filesystem::rename(directory + ".away", directory);
}

// As a first build leaves it, during which nothing is sealed: of the rows of each seal, a quarter
// come in, so that the tail gets shorter and no write waits for all of it.
TEST(SlowSeals, LetSomeRowsInAfterEach) {
  OneShard one(kSealRows);
  one.SeparateSeals();
  one.Close();
  one.Open(kSealRows);
  one.HoldBuilds();
  one.HoldSeals();
  one.CreateIndex(OneShard::Flat(kIndex));
  for (int64_t id = 0; id < 400; id += 10) one.Write(OneShard::Rows(id, id + 10));
  one.LetBuildsRunAlone();
  EXPECT_EQ(one.Settle(kIndex).tail_rows, 400u);
  const CallContext context;
  Answer first = Send(one, OneShard::Rows(400, 410), context);
  EXPECT_EQ(Held(one), 1u);
  one.LetASealRun();  // of 100 rows, a quarter of 400: 25 come in
  EXPECT_TRUE(Get(first).ok());
  EXPECT_EQ(one.Status(kIndex).tail_rows, 310u);
  one.Write(OneShard::Rows(410, 430));
  Answer third = Send(one, OneShard::Rows(430, 440), context);
  EXPECT_EQ(Held(one), 1u);
  one.LetASealRun();  // of 80 rows: 20 come in, less 5 that came before
  EXPECT_TRUE(Get(third).ok());
  one.Write(OneShard::Rows(440, 446));
  Answer last = Send(one, OneShard::Rows(446, 447), context);
  EXPECT_EQ(Held(one), 1u) << "10 + 6 of 20 - 5";
  one.LetBuildsRun();
  EXPECT_TRUE(Get(last).ok());
  EXPECT_EQ(one.SettleSeals(kIndex).rows_indexed, 447u);
  EXPECT_EQ(one.CountAnswers(kIndex), 447u);
}

// While merges get no processor, seals make one segment more each time the tail has doubled.
TEST(SlowMerges, LeaveTheTailShortAndTheSegmentsFew) {
  OneShard one(kSealRows);
  one.SeparateMerges();
  one.Close();
  one.Open(kSealRows);
  one.CreateIndex(OneShard::Flat(kIndex));
  one.Settle(kIndex);
  one.HoldMerges();
  const CallContext context;
  int64_t rows = 0;
  Answer write;
  while (true) {
    write = Send(one, OneShard::Rows(rows, rows + 10), context);
    rows += 10;
    if (Held(one) > 0) break;
    ASSERT_TRUE(Get(write).ok());
    const ShardIndexStatus status = one.Settle(kIndex);
    EXPECT_LE(status.segments, 14u);
    EXPECT_LE(status.tail_rows, uint64_t{kMostTail});
    ASSERT_LT(rows, 10'000) << "nothing is held back";
  }
  EXPECT_GE(rows, 14 * 80) << "segments grow first";
  one.LetBuildsRun();
  EXPECT_TRUE(Get(write).ok());
  EXPECT_EQ(one.Query(kIndex)->ranked.size(), 1'000u);
  EXPECT_EQ(one.Status(kIndex).rows_indexed, static_cast<uint64_t>(rows));
  EXPECT_THAT(one.warnings(), IsEmpty());
}

}  // namespace
}  // namespace ordinate
