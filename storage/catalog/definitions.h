#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/base/mutex.h"
#include "storage/catalog/catalog.h"
#include "storage/model/schema.h"

namespace ordinate {

/// All tables and indexes at one moment. Immutable.
struct DefinitionSet {
  std::map<std::string, TableDef, std::less<>> tables;   // by name
  std::map<std::string, IndexDef, std::less<>> indexes;  // by name
  /// Every table id ever given is below. An id below, of no table here: that table was dropped.
  uint32_t next_table_id = 1;

  const TableDef* FindTable(std::string_view name) const;
  const TableDef* FindTable(uint32_t id) const;
  const IndexDef* FindIndex(std::string_view name) const;
  /// Indexes of the table, HNSW before FLAT, then by name (contract 1.3).
  std::vector<const IndexDef*> IndexesOf(uint32_t table_id) const;
};

/// The typed side of the catalog: definitions, their ids, and ORDINAL row id ranges. Thread-safe.
class Definitions {
 public:
  /// Reads everything from `catalog`, which must outlive this. DATA_LOSS on a damaged entry.
  static absl::StatusOr<std::unique_ptr<Definitions>> Load(Catalog& catalog);

  std::shared_ptr<const DefinitionSet> Current() const ORDINATE_EXCLUDES(mutex_);

  /// Validates, gives ids (table and columns; any in `table` are ignored), stores.
  /// ALREADY_EXISTS, INVALID_ARGUMENT, RESOURCE_EXHAUSTED (kMaxTables).
  absl::StatusOr<TableDef> CreateTable(TableDef table) ORDINATE_EXCLUDES(mutex_);
  /// Stores a table's definition, which has one column more (WithColumn) than the current one.
  /// NOT_FOUND, or ABORTED when it is another by now.
  absl::Status AddColumn(const TableDef& table) ORDINATE_EXCLUDES(mutex_);
  /// Also removes the table's indexes. NOT_FOUND. Returns what was dropped.
  absl::StatusOr<TableDef> DropTable(std::string_view name) ORDINATE_EXCLUDES(mutex_);

  /// Validates against its table, gives an id, stores. ALREADY_EXISTS, NOT_FOUND (no table of
  /// that id), INVALID_ARGUMENT, RESOURCE_EXHAUSTED (kMaxIndexesPerTable).
  absl::StatusOr<IndexDef> CreateIndex(IndexDef index) ORDINATE_EXCLUDES(mutex_);
  absl::StatusOr<IndexDef> DropIndex(std::string_view name) ORDINATE_EXCLUDES(mutex_);
  /// Stores what `change` makes of the index's options, validated; `change` may be called more than
  /// once, and must leave name, ids, engine, metric and dim alone.
  /// NOT_FOUND, INVALID_ARGUMENT.
  absl::StatusOr<IndexDef> AlterIndex(std::string_view name,
                                      const std::function<void(IndexDef&)>& change)
      ORDINATE_EXCLUDES(mutex_);

  /// `count` fresh consecutive row ids of an ORDINAL table; returns the first. Ids start at 1 and
  /// are never given twice, across restarts too (ranges are reserved in the catalog in advance).
  absl::StatusOr<RowId> AllocateRowIds(uint32_t table_id, uint64_t count) ORDINATE_EXCLUDES(mutex_);

  static constexpr size_t kMaxTables = 1'000;
  static constexpr size_t kMaxIndexesPerTable = 64;

 private:
  explicit Definitions(Catalog& catalog) : catalog_(catalog) {}
  absl::StatusOr<uint32_t> NextId(const std::string& key) ORDINATE_REQUIRES(mutex_);
  absl::Status Remove(const std::string& key) ORDINATE_REQUIRES(mutex_);
  absl::Status Reload() ORDINATE_REQUIRES(mutex_);

  struct Range {
    RowId next = 1;
    RowId end = 1;
  };

  Catalog& catalog_;
  mutable Mutex mutex_;
  std::shared_ptr<const DefinitionSet> current_ ORDINATE_GUARDED_BY(mutex_);
  std::map<uint32_t, Range> ranges_ ORDINATE_GUARDED_BY(mutex_);
};

}  // namespace ordinate
