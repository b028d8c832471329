#pragma once

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/verify/verify.h"
#include "gtest/gtest.h"
#include "service/backup/backups.h"
#include "service/backup/restore.h"
#include "service/server/data_directory.h"
#include "service/server/standalone.h"
#include "tests/support/temp_dir.h"

namespace ordinate {

/// A server without endpoints that keeps backups, and what is restored from them.
class BackupFixture : public ::testing::Test {
 protected:
  static constexpr uint32_t kShards = 3;

  void TearDown() override { server_.reset(); }

  absl::Status TryOpen(const std::string& name) {
    server_.reset();
    StandaloneOptions options;
    options.data_dir = dir_.Sub(name);
    options.backup_dir = backup_dir();
    options.query_threads = 2;
    options.build_threads = 1;
    options.shards = kShards;
    StandaloneSeams seams;
    seams.key_hash = key_hash_;
    auto opened = Standalone::Open(options, seams);
    if (opened.ok()) server_ = *std::move(opened);
    return opened.status();
  }
  /// Opens, or makes, the data directory of this name.
  void Open(const std::string& name) { ASSERT_EQ(TryOpen(name), absl::OkStatus()); }

  Front& front() { return server_->front(); }
  Backups& backups() { return *server_->backups(); }
  std::string backup_dir() const { return dir_.Sub("backups"); }

  BackupDescription BackUp(uint64_t keep = 0) {
    auto made = backups().Create(keep, context_, nullptr);
    EXPECT_TRUE(made.ok()) << made.status();
    return made.ok() ? *std::move(made) : BackupDescription();
  }
  std::vector<uint64_t> Ids() {
    std::vector<uint64_t> ids;
    const auto list = backups().List();
    EXPECT_TRUE(list.ok()) << list.status();
    for (const BackupDescription& backup : list->backups) ids.push_back(backup.id);
    return ids;
  }

  /// Makes a data directory of this name of the backup, in the steps of `ordinate restore`.
  absl::Status Restore(const BackupDescription& backup, const std::string& name) {
    const auto directory =
        DataDirectory::MakeToRestore(dir_.Sub(name), static_cast<uint32_t>(backup.shards.size()));
    if (!directory.ok()) return directory.status();
    RestoreTarget target;
    VerifyPaths paths;
    target.catalog = paths.catalog = (*directory)->CatalogPath();
    for (uint32_t shard = 0; shard < kShards; ++shard) {
      paths.shards.push_back((*directory)->ShardPath(shard));
      target.rows.push_back(paths.shards.back() + "/rows");
    }
    const absl::Status restored = RestoreBackup(backup_dir(), backup, target, nullptr);
    if (!restored.ok()) return restored;
    if (key_hash_ == &DefaultKeyHash) {
      for (const VerifyProblem& problem : VerifyData(paths, nullptr).problems) {
        ADD_FAILURE() << problem.file << ": " << problem.what;
      }
    }
    return (*directory)->FinishCreation();
  }

  void CreateTable(const TableDef& table) {
    const auto created = front().CreateTable(table);
    ASSERT_TRUE(created.ok()) << created.status();
  }
  /// `id` INT64, the key, and `revision` INT64.
  static TableDef Plain(const std::string& name) {
    TableDef table{.name = name, .key = {0}};
    table.columns = {{.name = "id", .role = ColumnRole::kKey, .nullable = false},
                     {.name = "revision"}};
    return table;
  }
  void Upsert(const std::string& table, std::vector<std::vector<Value>> rows) {
    UpsertInput input{.table = table};
    for (auto& cells : rows) input.rows.push_back({.cells = std::move(cells)});
    const auto written = front().Upsert(std::move(input), context_);
    ASSERT_TRUE(written.ok()) << written.status();
  }

  /// Every row of a table as text, by row id: version, cells.
  std::map<RowId, std::string> Rows(const std::string& table) {
    std::map<RowId, std::string> rows;
    std::string page;
    do {
      const auto read = front().Scan(table, std::nullopt, {"*"}, 1'000, page, context_);
      EXPECT_TRUE(read.ok()) << read.status();
      if (!read.ok()) return rows;
      for (const Row& row : read->rows) {
        std::string& text = rows[row.id];
        text = std::to_string(row.version);
        for (const Value& cell : row.cells) text += " " + ToString(View(cell));
      }
      page = read->next_page_token;
    } while (!page.empty());
    return rows;
  }
  std::map<std::string, std::map<RowId, std::string>> AllRows() {
    std::map<std::string, std::map<RowId, std::string>> all;
    for (const auto& [name, table] : front().definitions()->tables) all[name] = Rows(name);
    return all;
  }

  void WaitForIndex(const std::string& name) {
    while (true) {
      const auto info = front().GetIndex(name);
      ASSERT_TRUE(info.ok()) << info.status();
      bool ready = true;
      for (const ShardIndexStatus& shard : info->shards) {
        ready &= shard.state == IndexState::kReady && shard.build_progress >= 1;
      }
      if (ready) return;
      std::this_thread::yield();
    }
  }

  TempDir dir_;
  CallContext context_;
  KeyHash key_hash_ = &DefaultKeyHash;
  std::unique_ptr<Standalone> server_;
};

}  // namespace ordinate
