#include <algorithm>
#include <map>
#include <random>

#include "tests/storage/shard_fixture.h"

namespace ordinate {
namespace {

constexpr uint32_t kTable = 1;
constexpr RowId kRows = 40;

// What the store must say, in memory: every version ever written since the row's last delete.
struct Model {
  std::map<RowId, std::map<uint64_t, std::string>> rows;  // row → version → cells
  std::vector<Change> changes;

  void Add(uint64_t seq, const Mutation& mutation) {
    if (mutation.kind == Mutation::Kind::kDelete) {
      rows.erase(mutation.row_id);
    } else {
      rows[mutation.row_id][seq] = mutation.cells;
    }
    std::erase_if(changes, [&](const Change& change) {
      return change.seq == seq && change.row_id == mutation.row_id;
    });
    changes.push_back({seq, mutation.row_id, mutation.kind});
  }
  std::map<RowId, std::string> At(uint64_t seq) const {
    std::map<RowId, std::string> found;
    for (const auto& [row, versions] : rows) {
      const auto next = versions.upper_bound(seq);
      if (next != versions.begin()) found[row] = std::prev(next)->second;
    }
    return found;
  }
};

class RowStoreOracle : public ShardFixture {
 protected:
  void Step() {
    std::vector<LogRecord> records(1 + random_() % 3);
    uint64_t seq = log().last_seq();
    for (LogRecord& record : records) {
      record.seq = ++seq;
      for (size_t i = 0; i < 1 + random_() % 4; ++i) record.mutations.push_back(AnyMutation());
    }
    ASSERT_EQ(log().Append(records), absl::OkStatus());
    if (random_() % 10 == 0) {
      Reopen();
      records.clear();
      ASSERT_EQ(log().Read(rows().applied_seq() + 1,
                           [&](LogRecord record) {
                             records.push_back(std::move(record));
                             return absl::OkStatus();
                           }),
                absl::OkStatus());
    }
    const auto read = rows().ReadNewest();
    ReadSome(*read);
    ASSERT_EQ(Apply(records, pinned_, random_() % 4 == 0 ? nullptr : read.get()), absl::OkStatus());
    for (const LogRecord& record : records) {
      for (const Mutation& mutation : record.mutations) model_.Add(record.seq, mutation);
    }
  }

  /// As a writer does before it decides what to change.
  void ReadSome(RowStore::Newest& read) {
    const auto newest = model_.At(UINT64_MAX);
    for (size_t reads = random_() % 8; reads > 0; --reads) {
      const RowId row = random_() % kRows;
      const auto expected = newest.find(row);
      if (random_() % 2 == 0) {
        const auto found = read.FindHead(kTable, row);
        ASSERT_TRUE(found.ok()) << found.status();
        ASSERT_EQ(found->has_value(), expected != newest.end());
        if (!found->has_value()) continue;
        ASSERT_EQ((*found)->key, Concat("k", row));
        ASSERT_EQ((*found)->version, model_.rows[row].rbegin()->first);
      } else {
        const auto found = read.Get(kTable, row);
        ASSERT_TRUE(found.ok()) << found.status();
        ASSERT_EQ(found->has_value(), expected != newest.end());
        if (!found->has_value()) continue;
        ASSERT_EQ((*found)->cells, expected->second);
        ASSERT_EQ((*found)->id, row);
        ASSERT_EQ((*found)->version, model_.rows[row].rbegin()->first);
      }
    }
  }

  Mutation AnyMutation() {
    const RowId row = random_() % kRows;
    if (random_() % 4 == 0) return Delete(kTable, row);
    // Some values are large enough to go to blob files.
    return Upsert(kTable, row, std::to_string(random_()) + std::string(random_() % 500, 'v'));
  }

  void MovePins() {
    const auto draw = random_() % 6;
    if (draw == 0) pinned_.push_back(rows().applied_seq());
    if (draw == 1 && !pinned_.empty()) pinned_.erase(pinned_.begin());
    if (draw == 2) {
      uint64_t up_to = rows().applied_seq() - std::min<uint64_t>(rows().applied_seq(), 3);
      const TableRetention retention{.table_id = kTable, .track_changes = true, .pinned = pinned_};
      while (true) {
        const auto more = rows().TrimChanges(up_to, retention, 1 + random_() % 3);
        ASSERT_TRUE(more.ok()) << more.status();
        if (!*more) break;
      }
      for (const uint64_t pin : pinned_) up_to = std::min(up_to, pin);
      std::erase_if(model_.changes, [&](const Change& change) { return change.seq <= up_to; });
    }
  }

  void Check() {
    std::vector<uint64_t> readable = pinned_;
    readable.push_back(UINT64_MAX);
    for (const uint64_t seq : readable) {
      const auto expected = model_.At(seq);
      std::map<RowId, std::string> found;
      ASSERT_EQ(rows().Scan(nullptr, kTable, 0, seq,
                            [&](StoredRow&& row) -> absl::StatusOr<bool> {
                              EXPECT_EQ(row.key, Concat("k", row.id));
                              found[row.id] = row.cells;
                              return true;
                            }),
                absl::OkStatus());
      ASSERT_EQ(found, expected) << "at " << seq;
      const RowId probe = random_() % kRows;
      ASSERT_EQ(CellsAt(kTable, probe, seq), expected.contains(probe) ? expected.at(probe) : "-");
    }
    ASSERT_EQ(*rows().CountRows(nullptr, kTable), model_.rows.size());
    CheckChanges();
  }

  void CheckChanges() {
    using Entry = std::tuple<uint64_t, RowId, Mutation::Kind>;
    std::vector<Entry> expected, found;
    for (const Change& change : model_.changes) {
      expected.emplace_back(change.seq, change.row_id, change.kind);
    }
    std::sort(expected.begin(), expected.end());
    ASSERT_EQ(rows().ReadChanges(nullptr, kTable, 0,
                                 [&](const Change& change) {
                                   found.emplace_back(change.seq, change.row_id, change.kind);
                                   return absl::OkStatus();
                                 }),
              absl::OkStatus());
    ASSERT_EQ(found, expected);
  }

  std::mt19937_64 random_;
  Model model_;
  std::vector<uint64_t> pinned_;
};

TEST_F(RowStoreOracle, RandomHistories) {
  const uint64_t seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  random_.seed(seed);
  for (int step = 0; step < 250; ++step) {
    ASSERT_NO_FATAL_FAILURE(Step());
    ASSERT_NO_FATAL_FAILURE(MovePins());
    ASSERT_NO_FATAL_FAILURE(Check());
  }
  // A write under no pin leaves one version of its row.
  for (const auto& [row, versions] : model_.rows) {
    const uint64_t seq = Write({Upsert(kTable, row, "last")});
    EXPECT_EQ(CellsAt(kTable, row, seq - 1), "-") << row;
  }
  EXPECT_EQ(rows().VerifyChecksums(nullptr), absl::OkStatus());
}

}  // namespace
}  // namespace ordinate
