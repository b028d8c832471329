// contract 5 with concurrent clients: every write's sequence and every answer is recorded, then
// each answer is compared with what the writes up to its visible_seq make of the rows.
#include <algorithm>
#include <array>
#include <atomic>
#include <iostream>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/one_shard.h"

namespace ordinate {
namespace {

constexpr FreshnessMode kModes[] = {FreshnessMode::kImmediate, FreshnessMode::kBatched,
                                    FreshnessMode::kAsync, FreshnessMode::kRebuildOnly};
constexpr int kClients = 4;
constexpr int kPairsPerClient = 2'500;
constexpr RowId kKeys = 60;  // few, so that an answer of a graph is whole
constexpr uint64_t kNever = UINT64_MAX;

/// One row of an acknowledged write. Times are of a clock that all threads advance.
struct Event {
  uint64_t seq = 0;
  uint64_t began = 0;
  uint64_t acknowledged = 0;
  bool is_delete = false;
  float score = 0;  // of an upsert, and of no other
};

struct Answer {
  FreshnessMode mode = FreshnessMode::kImmediate;
  uint64_t began = 0;
  uint64_t ended = 0;
  uint64_t visible_seq = 0;
  std::vector<std::pair<RowId, float>> rows;
};

/// What several threads did.
class History {
 public:
  void Add(RowId id, const Event& event) { events_[id].push_back(event); }
  void Merge(const History& other) {
    for (const auto& [id, events] : other.events_) {
      events_[id].insert(events_[id].end(), events.begin(), events.end());
    }
  }
  void Sort() {
    for (auto& [id, events] : events_) {
      std::sort(events.begin(), events.end(),
                [](const Event& a, const Event& b) { return a.seq < b.seq; });
    }
  }

  /// Exactly the upserts up to visible_seq, at most one version of each key, less deletes.
  void Check(const Answer& answer) const {
    std::map<RowId, float> found;
    for (const auto& [id, score] : answer.rows) {
      ASSERT_TRUE(found.emplace(id, score).second) << "row " << id << " comes twice";
    }
    for (const auto& [id, score] : found)
      ASSERT_TRUE(events_.count(id)) << id << " was not written";
    for (const auto& [id, events] : events_) {
      const auto row = found.find(id);
      CheckRow(answer, id, events, row == found.end() ? nullptr : &row->second);
    }
  }

 private:
  static void CheckRow(const Answer& answer, RowId id, const std::vector<Event>& events,
                       const float* score) {
    const auto after =
        std::upper_bound(events.begin(), events.end(), answer.visible_seq,
                         [](uint64_t seq, const Event& event) { return seq < event.seq; });
    if (after == events.begin() || std::prev(after)->is_delete) {
      ASSERT_EQ(score, nullptr) << "row " << id << " shows " << *score;
      return;
    }
    uint64_t first_began = kNever;
    uint64_t first_acknowledged = kNever;
    for (auto later = after; later != events.end(); ++later) {
      if (!later->is_delete) continue;
      first_began = std::min(first_began, later->began);
      first_acknowledged = std::min(first_acknowledged, later->acknowledged);
    }
    if (score == nullptr) {
      ASSERT_LT(first_began, answer.ended) << "row " << id << " is missing";
    } else {
      ASSERT_EQ(*score, std::prev(after)->score) << "row " << id;
      ASSERT_GT(first_acknowledged, answer.began) << "row " << id << " was deleted";
    }
  }

  std::map<RowId, std::vector<Event>> events_;
};

void RaiseTo(std::atomic<uint64_t>& most, uint64_t value) {
  uint64_t now = most.load();
  while (now < value && !most.compare_exchange_weak(now, value)) {
  }
}

class ConcurrentHistory : public ::testing::Test {
 protected:
  ConcurrentHistory() {
    for (size_t i = 0; i < std::size(kModes); ++i) {
      IndexDef index = OneShard::Flat(static_cast<uint32_t>(i + 1), kModes[i]);
#ifdef ORDINATE_WITH_HNSW
      if (i % 2 == 0) index.engine = Engine::kHnsw;
#endif
      index.batch_rows = 9;
      index.batch_interval_micros = 2'000;
      index.max_lag_rows = 12;
      one_.CreateIndex(index);
    }
    for (uint32_t i = 1; i <= std::size(kModes); ++i) one_.Settle(i);
  }

  /// One thread's part.
  struct Client {
    explicit Client(uint64_t seed) : random(seed) {}
    std::mt19937_64 random;
    History history;
    std::vector<Answer> answers;
    uint64_t refused = 0;
  };

  /// Of one request, until it is taken: the ASYNC index refuses what is too much.
  void Write(Client& client) {
    std::set<RowId> ids;
    for (size_t count = 1 + client.random() % 4; ids.size() < count;) {
      ids.insert(client.random() % kKeys);
    }
    std::vector<RowWrite> rows;
    std::vector<std::pair<RowId, Event>> events;
    for (const RowId id : ids) {
      Event event;
      event.is_delete = client.random() % 4 == 0;
      event.score = static_cast<float>(++scores_);
      RowWrite row = OneShard::OneRow(static_cast<int64_t>(id), {event.score, 0});
      if (event.is_delete) {
        row.kind = Mutation::Kind::kDelete;
        row.cells.clear();
      }
      rows.push_back(std::move(row));
      events.emplace_back(id, event);
    }
    const uint64_t began = ++clock_;
    auto result = one_.TryWrite(rows);
    for (; absl::IsResourceExhausted(result.status()); result = one_.TryWrite(rows)) {
      ++client.refused;
    }
    ASSERT_TRUE(result.ok()) << result.status();
    RaiseTo(acknowledged_, result->seq);
    const uint64_t acknowledged = ++clock_;
    for (auto& [id, event] : events) {
      event.seq = result->seq;
      event.began = began;
      event.acknowledged = acknowledged;
      client.history.Add(id, event);
    }
  }

  void Read(Client& client, size_t mode) {
    Answer answer;
    answer.mode = kModes[mode];
    const uint64_t acknowledged = acknowledged_;
    const uint64_t seen = seen_[mode];
    answer.began = ++clock_;
    const auto result = one_.Query(static_cast<uint32_t>(mode + 1));
    answer.ended = ++clock_;
    ASSERT_TRUE(result.ok()) << result.status();
    answer.visible_seq = result->visible_seq;
    if (answer.mode == FreshnessMode::kImmediate) {
      ASSERT_GE(answer.visible_seq, acknowledged) << "a stale answer";
    }
    ASSERT_GE(answer.visible_seq, seen) << FreshnessModeName(answer.mode) << " went back";
    RaiseTo(seen_[mode], answer.visible_seq);
    for (const RankedRow& row : result->ranked) {
      answer.rows.emplace_back(row.id, static_cast<float>(row.score.value_or(-1)));
    }
    client.answers.push_back(std::move(answer));
  }

  OneShard one_{/*min_seal_rows=*/40};
  std::atomic<uint64_t> clock_{0};
  std::atomic<uint64_t> scores_{0};
  std::atomic<uint64_t> acknowledged_{0};  // the newest
  std::array<std::atomic<uint64_t>, std::size(kModes)> seen_{};
};

TEST_F(ConcurrentHistory, EveryAnswerIsTheWritesUpToItsVisibleSeqLessDeletes) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::vector<Client> clients;
  for (int i = 0; i < kClients + 2; ++i) clients.emplace_back(seed + static_cast<uint64_t>(i));
  std::atomic<int> at_work{kClients};
  std::vector<std::thread> threads;
  for (int i = 0; i < kClients; ++i) {
    threads.emplace_back([this, &at_work, &client = clients[i]] {
      for (int pair = 0; pair < kPairsPerClient && !HasFailure(); ++pair) {
        Write(client);
        Read(client, 0);
      }
      --at_work;
    });
  }
  for (int i = kClients; i < kClients + 2; ++i) {
    threads.emplace_back([this, &at_work, &client = clients[i]] {
      for (int round = 0; at_work > 0; ++round) {
        const uint64_t before = acknowledged_;
        Read(client, 1 + client.random() % 3);
        // ABORTED while one is running.
        if (round % 50 == 0) {
          (void)one_.shard().RebuildIndex(1 + static_cast<uint32_t>(client.random() % 4));
        }
        while (acknowledged_ == before && at_work > 0) std::this_thread::yield();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  History history;
  std::map<FreshnessMode, uint64_t> answers;
  uint64_t refused = 0;
  for (const Client& client : clients) {
    history.Merge(client.history);
    refused += client.refused;
  }
  history.Sort();
  for (const Client& client : clients) {
    for (const Answer& answer : client.answers) {
      if (HasFailure()) return;
      SCOPED_TRACE(testing::Message()
                   << FreshnessModeName(answer.mode) << " at " << answer.visible_seq);
      history.Check(answer);
      ++answers[answer.mode];
    }
  }
  for (const FreshnessMode mode : kModes) {
    std::cout << FreshnessModeName(mode) << ": " << answers[mode] << " answers\n";
    EXPECT_GT(answers[mode], 0u);
  }
  std::cout << refused << " writes refused\n";
  EXPECT_EQ(answers[FreshnessMode::kImmediate], uint64_t{kClients} * kPairsPerClient);
  EXPECT_TRUE(one_.warnings().empty());
}

}  // namespace
}  // namespace ordinate
