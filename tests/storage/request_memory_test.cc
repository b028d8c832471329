#include <map>
#include <random>

#include "tests/storage/shard_fixture.h"

namespace ordinate {
namespace {

constexpr int64_t kDay = 86'400'000'000;

class RequestMemory : public ShardFixture {
 protected:
  /// A record of one row and a request, logged; applied unless told otherwise.
  uint64_t Ask(const std::string& id, int64_t time_micros, bool apply = true) {
    LogRecord record{.seq = log().last_seq() + 1,
                     .time_micros = time_micros,
                     .mutations = {Upsert(1, log().last_seq() + 1, "cells")}};
    record.request = RequestNote{.id = id, .fingerprint = record.seq, .missing = {1, 2}};
    EXPECT_EQ(log().Append({&record, 1}), absl::OkStatus());
    if (apply) {
      EXPECT_EQ(Apply({record}), absl::OkStatus());
    }
    return record.seq;
  }
  std::optional<RememberedRequest> Find(const std::string& id, int64_t now_micros) {
    const auto found = rows().FindRequest(id, now_micros);
    EXPECT_TRUE(found.ok()) << found.status();
    return found.ok() ? *found : std::nullopt;
  }
  void ReopenWith(const RequestLimits& limits) {
    Close();
    auto store = OpenShardStore(path(), StoreMode::kCreate, limits);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
};

// contract 5.1
TEST_F(RequestMemory, IsKeptWithTheRowsForADay) {
  EXPECT_FALSE(Find("a", 0).has_value());
  const uint64_t seq = Ask("a", 1'000);
  for (int round = 0; round < 2; ++round) {
    const auto found = Find("a", 1'000 + kDay);
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->seq, seq);
    EXPECT_EQ(found->note.fingerprint, seq);
    EXPECT_EQ(found->note.missing, (std::vector<uint32_t>{1, 2}));
    EXPECT_FALSE(Find("a", 1'001 + kDay).has_value());
    EXPECT_FALSE(Find("b", 1'000).has_value());
    EXPECT_EQ(rows().remembered_requests(), 1u);
    Reopen();
  }
}

TEST_F(RequestMemory, ComesBackFromTheLog) {
  Ask("a", 1'000, /*apply=*/false);
  EXPECT_FALSE(Find("a", 1'000).has_value());
  Reopen();
  EXPECT_EQ(log().Read(1, [&](LogRecord record) { return Apply({record}); }), absl::OkStatus());
  EXPECT_TRUE(Find("a", 1'000).has_value());
}

TEST_F(RequestMemory, TheOldestOfTooManyGo) {
  ReopenWith({.max_count = 3});
  for (int i = 0; i < 10; ++i) Ask(Concat(i), 1'000);
  EXPECT_EQ(rows().remembered_requests(), 3u);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Find(Concat(i), 1'000).has_value(), i >= 7) << i;
  EXPECT_EQ(rows().VerifyChecksums(nullptr), absl::OkStatus());
}

TEST_F(RequestMemory, AnIdMayBeUsedAgainAfterItsTime) {
  Ask("a", 1'000);
  Ask("b", 2'000);
  const uint64_t again = Ask("a", 1'500 + kDay);
  EXPECT_EQ(Find("a", 1'500 + kDay)->seq, again);
  EXPECT_EQ(rows().remembered_requests(), 2u);
  Ask("c", 3'000 + kDay);  // b goes; a stays, for its new place
  EXPECT_EQ(Find("a", 3'000 + kDay)->seq, again);
  EXPECT_FALSE(Find("b", 2'000).has_value());
  EXPECT_EQ(rows().VerifyChecksums(nullptr), absl::OkStatus());
}

// Several records in one batch, ids used again, a clock that goes back: against a plain list.
TEST_F(RequestMemory, CountsAndFindsAsAListWould) {
  const auto seed = static_cast<uint32_t>(std::random_device()());
  SCOPED_TRACE(Concat("seed ", seed));
  std::mt19937 random(seed);
  const RequestLimits limits{.max_count = 20, .keep_micros = 1'000};
  ReopenWith(limits);
  int64_t now = 5'000;
  std::map<std::string, std::pair<uint64_t, int64_t>> newest;  // by id: sequence and time
  for (int round = 0; round < 400; ++round) {
    std::vector<LogRecord> records;
    std::map<std::string, uint64_t> ids;
    for (uint32_t i = 0; i < 1 + random() % 6; ++i) {
      now += static_cast<int64_t>(random() % 120) - 10;
      const std::string id = Concat("r", random() % 60);
      if (ids.contains(id) || Find(id, now).has_value()) continue;
      LogRecord record{.seq = log().last_seq() + records.size() + 1, .time_micros = now};
      record.request = RequestNote{.id = id};
      ids[id] = record.seq;
      newest[id] = {record.seq, now};
      records.push_back(std::move(record));
    }
    ASSERT_EQ(log().Append(records), absl::OkStatus());
    ASSERT_EQ(Apply(records), absl::OkStatus());
    if (random() % 20 == 0) ReopenWith(limits);
    ASSERT_LE(rows().remembered_requests(), limits.max_count + 5);
    for (const auto& [id, seq] : ids) {
      const auto found = Find(id, now);
      ASSERT_TRUE(found.has_value() && found->seq == seq) << id;
    }
    for (const auto& [id, place] : newest) {
      const auto found = Find(id, now);
      if (found.has_value()) {
        ASSERT_EQ(found->seq, place.first) << id;
      }
    }
    if (round % 40 == 0) {
      ASSERT_EQ(rows().VerifyChecksums(nullptr), absl::OkStatus()) << round;
    }
  }
}

}  // namespace
}  // namespace ordinate
