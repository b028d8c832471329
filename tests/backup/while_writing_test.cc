#include <array>
#include <atomic>
#include <set>
#include <thread>

#include "tests/backup/backup_fixture.h"

namespace ordinate {
namespace {

constexpr int kWriters = 3;
constexpr int64_t kKeys = 12;  // of a writer, written together
constexpr int kBackups = 4;

/// A writer's rows at a revision.
std::vector<std::vector<Value>> RowsOf(int writer, int64_t revision) {
  std::vector<std::vector<Value>> rows;
  for (int64_t i = 0; i < kKeys; ++i) rows.push_back({writer * kKeys + i, revision});
  return rows;
}

class WhileWritingTest : public BackupFixture {
 protected:
  /// Upserts all of a writer's rows in one request, again and again.
  void Write(int writer, const std::atomic<bool>& stop) {
    for (int64_t revision = 1; !stop.load(); ++revision) {
      Upsert("plain", RowsOf(writer, revision));
      acknowledged_[static_cast<size_t>(writer)].store(revision);
    }
  }

  /// Makes tables with a row each, and drops some of them again.
  void Define(const std::atomic<bool>& stop) {
    for (int i = 0; !stop.load(); ++i) {
      const std::string name = "table" + std::to_string(i);
      CreateTable(Plain(name));
      Upsert(name, {{int64_t{1}, int64_t{i}}, {int64_t{2}, int64_t{i}}});
      if (i % 3 == 0) {
        ASSERT_EQ(front().DropTable(name), absl::OkStatus());
      }
      defined_.store(i + 1);
    }
  }

  struct Made {
    BackupDescription backup;
    std::vector<int64_t> acknowledged;  // by writer, before it began
    int defined = 0;
  };
  Made Take() {
    Made made;
    for (const auto& revision : acknowledged_) made.acknowledged.push_back(revision.load());
    made.defined = defined_.load();
    made.backup = BackUp();
    return made;
  }

  void Check(const Made& made) {
    std::map<std::pair<int, uint32_t>, std::set<int64_t>> revisions;  // by writer and shard
    size_t rows = 0;
    const auto read = front().Scan("plain", std::nullopt, {"*"}, 1'000, "", context_);
    ASSERT_TRUE(read.ok()) << read.status();
    for (const Row& row : read->rows) {
      ++rows;
      const auto writer = static_cast<int>(std::get<int64_t>(row.cells[0]) / kKeys);
      revisions[{writer, ShardOf(row.id, kShards)}].insert(std::get<int64_t>(row.cells[1]));
    }
    EXPECT_EQ(rows, static_cast<size_t>(kWriters * kKeys));
    for (const auto& [where, found] : revisions) {
      EXPECT_EQ(found.size(), 1u) << "a request is in part on shard " << where.second;
      EXPECT_GE(*found.begin(), made.acknowledged[static_cast<size_t>(where.first)]);
    }
    for (int i = 0; i < made.defined; ++i) {
      const std::string name = "table" + std::to_string(i);
      const bool lives = front().definitions()->FindTable(name) != nullptr;
      ASSERT_EQ(lives, i % 3 != 0) << name;
      if (lives) {
        EXPECT_EQ(Rows(name).size(), 2u) << name;
      }
    }
  }

  std::array<std::atomic<int64_t>, kWriters> acknowledged_{};
  std::atomic<int> defined_{0};
};

// contract 9: what was acknowledged before a backup began is in it, what is in it is whole.
TEST_F(WhileWritingTest, ABackupHasWhatWasAcknowledgedAndNothingByHalves) {
  Open("data");
  CreateTable(Plain("plain"));
  for (int writer = 0; writer < kWriters; ++writer) Upsert("plain", RowsOf(writer, 0));
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < kWriters; ++i) threads.emplace_back([&, i] { Write(i, stop); });
  threads.emplace_back([&] { Define(stop); });
  std::vector<Made> made;
  for (int i = 0; i < kBackups; ++i) {
    const int defined = defined_.load();
    while (defined_.load() < defined + 2) std::this_thread::yield();
    made.push_back(Take());
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  for (const Made& each : made) {
    const std::string name = "restored " + std::to_string(each.backup.id);
    SCOPED_TRACE(name);
    ASSERT_EQ(Restore(each.backup, name), absl::OkStatus());
    Open(name);
    if (HasFatalFailure()) return;
    Check(each);
  }
}

}  // namespace
}  // namespace ordinate
