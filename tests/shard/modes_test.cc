// When writes become visible (contract 5.3), and segments that come and go meanwhile.
#include <atomic>
#include <filesystem>
#include <future>
#include <set>

#include "gmock/gmock.h"
#include "storage/base/error_details.h"
#include "tests/support/one_shard.h"

namespace ordinate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<RowId> Ids(OneShard& one, uint32_t index = 1) {
  const auto result = one.Query(index);
  EXPECT_TRUE(result.ok()) << result.status();
  std::vector<RowId> ids;
  if (result.ok()) {
    for (const RankedRow& row : result->ranked) ids.push_back(row.id);
  }
  return ids;
}

void ExpectBalance(OneShard& one) {
  const ShardIndexStatus status = one.Status(1);
  EXPECT_EQ(status.rows_total,
            status.rows_indexed + status.rows_pending + status.rows_null + status.rows_invalid);
}

IndexDef Batched(uint64_t rows) {
  IndexDef index = OneShard::Flat(1, FreshnessMode::kBatched);
  index.batch_rows = rows;
  index.batch_interval_micros = 60'000'000;
  return index;
}

TEST(Batched, ClosesAtItsRowsAndNotBefore) {
  OneShard one;
  one.CreateIndex(Batched(3));
  one.Settle(1);
  one.Write(OneShard::Rows(1, 3));
  EXPECT_THAT(Ids(one), IsEmpty());
  EXPECT_EQ(one.Status(1).rows_pending, 2u);
  EXPECT_EQ(one.Status(1).visible_seq, 0u);
  ExpectBalance(one);
  one.Write(OneShard::Rows(3, 4));
  ASSERT_THAT(Ids(one), ElementsAre(1, 2, 3));
  EXPECT_EQ(one.Status(1).visible_seq, 2u);
  one.Write({OneShard::OneRow(2, {9, 0})});
  EXPECT_EQ(*one.Query(1)->ranked[1].score, 2) << "in the version that is shown";
  EXPECT_EQ(one.Query(1, {0, 1, 2})->rows.size(), 3u) << "whose columns are kept";
  EXPECT_EQ(one.Status(1).rows_indexed, 2u);
  ExpectBalance(one);
}

TEST(Batched, ClosesWhenItsIntervalIsOver) {
  OneShard one;
  one.CreateIndex(Batched(1'000));
  one.Settle(1);
  one.Write(OneShard::Rows(1, 3));
  one.AddMicros(30'000'000);
  one.Turn();
  EXPECT_THAT(Ids(one), IsEmpty());
  one.AddMicros(31'000'000);
  one.Turn();
  EXPECT_THAT(Ids(one), ElementsAre(1, 2));
  EXPECT_EQ(one.Status(1).lag_micros, 0);
}

TEST(Batched, MasksDeletesAtOnceAndNothingComesBack) {
  OneShard one;
  one.CreateIndex(Batched(3));
  one.Settle(1);
  one.Write(OneShard::Rows(1, 4));
  one.Write({OneShard::OneRow(2, {9, 0})});  // pending
  one.Write({OneShard::DeleteOf(2), OneShard::DeleteOf(3)});
  EXPECT_THAT(Ids(one), ElementsAre(1));
  EXPECT_EQ(one.Status(1).rows_pending, 0u);
  EXPECT_EQ(one.Status(1).visible_seq, 3u) << "nothing waits";
  ExpectBalance(one);
  one.Write(OneShard::Rows(4, 7));
  EXPECT_THAT(Ids(one), ElementsAre(1, 4, 5, 6));
}

// contract 5.2: never backwards.
TEST(Batched, ARestartClosesTheBatch) {
  OneShard one;
  one.CreateIndex(Batched(3));
  one.Settle(1);
  one.Write(OneShard::Rows(1, 5));
  one.Write(OneShard::Rows(5, 6));
  EXPECT_EQ(one.Status(1).rows_pending, 1u);
  one.Close();
  one.Open();
  EXPECT_THAT(Ids(one), ElementsAre(1, 2, 3, 4, 5));
  EXPECT_EQ(one.Status(1).visible_seq, 2u);
}

// The applier is held in the answer of a write: it was acknowledged, and is not applied yet.
TEST(Async, IsAppliedAfterTheAcknowledgementAndRefusesBeyondItsBound) {
  OneShard one;
  IndexDef index = OneShard::Flat(1, FreshnessMode::kAsync);
  index.max_lag_rows = 3;
  one.CreateIndex(index);
  one.Settle(1);
  const CallContext context;
  std::promise<void> acknowledged, release;
  one.shard().Write(one.table(), {.rows = OneShard::Rows(1, 3)}, context, [&](auto result) {
    EXPECT_TRUE(result.ok());
    acknowledged.set_value();
    release.get_future().wait();
  });
  acknowledged.get_future().wait();
  EXPECT_THAT(Ids(one), IsEmpty());
  EXPECT_EQ(one.Status(1).lag_rows, 2u);
  EXPECT_EQ(one.Status(1).visible_seq, 0u);
  ExpectBalance(one);
  // Writes that come as one group: the bound is of all of them.
  std::vector<std::future<absl::Status>> answers;
  for (int64_t id = 10; id < 15; ++id) {
    auto done = std::make_shared<std::promise<absl::Status>>();
    answers.push_back(done->get_future());
    one.shard().Write(one.table(), {.rows = OneShard::Rows(id, id + 1)}, context,
                      [done](auto result) { done->set_value(result.status()); });
  }
  release.set_value();
  size_t taken = 0;
  for (auto& answer : answers) {
    const absl::Status status = answer.get();
    taken += status.ok();
    if (!status.ok()) {
      EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
      EXPECT_TRUE(RetryDelayMillis(status).has_value()) << status;
    }
  }
  EXPECT_EQ(taken, 4u) << "three, and the fifth once they are applied";
  one.Turn();
  EXPECT_EQ(Ids(one).size(), 2 + taken) << "none that was taken is dropped";
  EXPECT_EQ(one.Status(1).lag_rows, 0u);
  one.Write(OneShard::Rows(100, 110));  // more than may wait: applied before the acknowledgement
  EXPECT_EQ(Ids(one).size(), 12 + taken);
}

// It is fed with some thousand rows at a time, and tells what it shows meanwhile.
TEST(Async, SaysNoMoreThanItHasBeenFedWith) {
  OneShard one;
  one.Close();
  std::atomic<bool> watching{false};
  std::vector<std::pair<uint64_t, uint64_t>> seen;  // by the applier, then read here
  one.SetAt([&](std::string_view step) {
    if (!watching || step != "after publish") return;
    const ShardIndexStatus status = one.Status(1);
    seen.emplace_back(status.visible_seq, status.rows_indexed);
  });
  one.Open();
  one.CreateIndex(OneShard::Flat(1, FreshnessMode::kAsync));
  one.Settle(1);
  const CallContext context;
  std::promise<void> release, done;
  watching = true;
  one.shard().Write(one.table(), {.rows = OneShard::Rows(0, 1)}, context,
                    [&](auto) { release.get_future().wait(); });
  one.shard().Write(one.table(), {.rows = OneShard::Rows(1, 2'501)}, context, [](auto) {});
  one.shard().Write(one.table(), {.rows = OneShard::Rows(2'501, 3'001)}, context,
                    [&](auto) { done.set_value(); });
  release.set_value();
  done.get_future().wait();
  one.Turn();
  watching = false;
  const uint64_t rows_up_to[] = {0, 1, 2'501, 3'001};
  std::set<uint64_t> sequences;
  for (const auto& [seq, rows] : seen) {
    ASSERT_LT(seq, 4u);
    EXPECT_EQ(rows, rows_up_to[seq]) << "up to " << seq;
    sequences.insert(seq);
  }
  EXPECT_THAT(sequences, ::testing::IsSupersetOf({2u, 3u}));
}

// Versions wait, not rows: the same rows written again and again are a backlog, too. Between two
// groups 2,000 of them are applied: so of three writes behind the first five, one is refused.
TEST(Async, TheBoundIsOfEveryVersionThatWaits) {
  OneShard one;
  IndexDef index = OneShard::Flat(1, FreshnessMode::kAsync);
  index.max_lag_rows = 5'000;
  one.CreateIndex(index);
  one.Settle(1);
  const CallContext context;
  std::promise<void> acknowledged, release;
  one.shard().Write(one.table(), {.rows = OneShard::Rows(0, 1)}, context, [&](auto result) {
    EXPECT_TRUE(result.ok());
    acknowledged.set_value();
    release.get_future().wait();
  });
  acknowledged.get_future().wait();
  std::vector<std::future<absl::Status>> answers;
  for (int i = 0; i < 30; ++i) {
    auto done = std::make_shared<std::promise<absl::Status>>();
    answers.push_back(done->get_future());
    one.shard().Write(one.table(), {.rows = OneShard::Rows(0, 1'000)}, context,
                      [done](auto result) { done->set_value(result.status()); });
  }
  release.set_value();
  size_t refused = 0;
  for (auto& answer : answers) refused += absl::IsResourceExhausted(answer.get());
  EXPECT_GE(refused, 8u);
  EXPECT_LE(refused, 10u);
  for (int i = 0; i < 10; ++i) one.Turn();
  EXPECT_EQ(one.CountAnswers(1), 1'000u);
}

TEST(Merging, KeepsSegmentsFewAndForgetsDeletedRows) {
  OneShard one(/*min_seal_rows=*/10);
  one.CreateIndex(OneShard::Flat(1));
  one.Settle(1);
  for (int64_t first = 0; first < 400; first += 10) {
    one.Write(OneShard::Rows(first, first + 10));
    one.Settle(1);
    EXPECT_LE(one.Status(1).segments, 10u);
  }
  EXPECT_EQ(one.CountAnswers(1), 400u);
  std::vector<RowWrite> deletes;
  for (RowId id = 0; id < 400; id += 2) deletes.push_back(OneShard::DeleteOf(id));
  one.Write(std::move(deletes));
  const ShardIndexStatus status = one.Settle(1);
  EXPECT_EQ(one.CountAnswers(1), 200u);
  EXPECT_LT(status.rows_deleted, 100u);
  EXPECT_THAT(one.warnings(), IsEmpty());
  one.Close();
  one.Open(/*min_seal_rows=*/10);
  EXPECT_EQ(one.CountAnswers(1), 200u);
  ExpectBalance(one);
}

// contract 1.7: rows that are written again under the vectors they have, during a build, which
// leaves them in two segments, and after it.
TEST(Merging, RowsUnderTheSameVectorsAreThereOnceInTheirNewestVersion) {
  OneShard one(/*min_seal_rows=*/10);
  one.CreateIndex(OneShard::Flat(1));
  one.Settle(1);
  one.Write(OneShard::Rows(0, 100));
  one.Settle(1);
  one.HoldBuilds();
  ASSERT_EQ(one.shard().RebuildIndex(1), absl::OkStatus());
  one.Write(OneShard::Rows(0, 20));  // sealed when the build has ended
  one.LetBuildsRun();
  one.Settle(1);
  EXPECT_EQ(one.Status(1).segments, 2u);
  std::vector<RowWrite> again = OneShard::Rows(10, 12);  // then a quarter of the first is gone
  again.push_back(OneShard::OneRow(20, {100, 0}));
  for (const RowId id : {3u, 30u, 31u, 32u, 33u}) again.push_back(OneShard::DeleteOf(id));
  one.Write(std::move(again));
  const ShardIndexStatus status = one.Settle(1);
  EXPECT_EQ(status.segments, 1u);
  EXPECT_EQ(status.rows_deleted, 0u);
  const auto result = one.Query(1, {0});
  ASSERT_TRUE(result.ok());
  ASSERT_EQ(result->ranked.size(), 95u);
  EXPECT_EQ(result->ranked.back().id, 20u);
  for (const RankedRow& row : result->ranked) {
    const bool newest = row.id == 10 || row.id == 11 || row.id == 20;
    EXPECT_EQ(row.version, newest ? 3u : row.id < 20 ? 2u : 1u) << "row " << row.id;
  }
  EXPECT_THAT(one.warnings(), IsEmpty());
}

// contract 9: rows that segments hold in older versions, and deleted ones, stay gone.
TEST(Merging, WhatIsGoneFromSegmentsStaysGoneAcrossARestart) {
  OneShard one(/*min_seal_rows=*/10);
  one.CreateIndex(OneShard::Flat(1));
  one.Settle(1);
  one.Write(OneShard::Rows(0, 100));  // too long a segment to be written anew by the next seal
  one.Settle(1);
  std::vector<RowWrite> changed = {OneShard::DeleteOf(9)};
  for (int64_t id = 0; id < 2; ++id) changed.push_back(OneShard::OneRow(id, {1'000, 0}));
  one.Write(std::move(changed));
  one.Write(OneShard::Rows(200, 210));  // sealed, and the change list shortened
  ASSERT_EQ(one.Settle(1).segments, 2u);
  const std::vector<RowId> before = Ids(one);
  for (int round = 0; round < 2; ++round) {
    one.Close();
    one.Open(/*min_seal_rows=*/10);
    EXPECT_EQ(Ids(one), before);
    ExpectBalance(one);
  }
}

// contract 9: killed between any two steps of a seal or merge, an index is what it was before, or
// what it is after, and shows the same.
TEST(Merging, AKillBetweenItsStepsLosesNothing) {
  OneShard one(/*min_seal_rows=*/10);
  one.Close();
  TempDir copies;
  std::atomic<int64_t> written{0};
  std::vector<std::pair<std::string, int64_t>> taken;  // by the applier, then read here
  one.SetAt([&](std::string_view step) {
    if (step.ends_with(" made") || step.ends_with(" publish")) return;
    const std::string copy = copies.Sub(Concat(taken.size()));
    std::error_code error;
    do {  // the row store may remove a file of its own meanwhile
      std::filesystem::remove_all(copy);
      error.clear();
      std::filesystem::copy(one.shard_dir(), copy, std::filesystem::copy_options::recursive, error);
    } while (error == std::errc::no_such_file_or_directory);
    EXPECT_FALSE(error) << error.message();
    taken.emplace_back(copy, written.load());
    EXPECT_THAT(std::string(step),
                ::testing::AnyOf("segment written", "manifest written", "files removed"));
  });
  one.Open(/*min_seal_rows=*/10);
  one.CreateIndex(OneShard::Flat(1));
  one.Settle(1);
  const auto expected = [](int64_t round) {
    std::set<RowId> ids;
    for (int64_t id = 0; id < 10 * round; ++id) {
      if (id % 10 != 9) ids.insert(static_cast<RowId>(id));
    }
    if (round > 0) ids.insert(static_cast<RowId>(10 * round - 1));
    return ids;
  };
  for (int64_t round = 1; round <= 9; ++round) {
    written = round;
    std::vector<RowWrite> rows = OneShard::Rows(10 * (round - 1), 10 * round);
    if (round > 1) {
      rows.push_back(OneShard::OneRow(0, {static_cast<float>(round), 0}));
      rows.push_back(OneShard::DeleteOf(static_cast<RowId>(10 * (round - 1) - 1)));
    }
    one.Write(std::move(rows));
    one.Settle(1);
  }
  one.Close();
  one.SetAt(nullptr);
  ASSERT_GE(taken.size(), 3u * 10);
  for (const auto& [copy, round] : taken) {
    SCOPED_TRACE(Concat(copy, " after ", round, " writes"));
    std::filesystem::remove_all(one.shard_dir());
    std::filesystem::rename(copy, one.shard_dir());
    one.Open(/*min_seal_rows=*/1'000'000);
    one.Settle(1);
    const std::vector<RowId> ids = Ids(one);
    EXPECT_EQ(std::set<RowId>(ids.begin(), ids.end()), expected(round));
    EXPECT_EQ(ids.size(), expected(round).size()) << "a row twice";
    ExpectBalance(one);
    EXPECT_THAT(one.warnings(), IsEmpty());
    one.Close();
  }
}

}  // namespace
}  // namespace ordinate
