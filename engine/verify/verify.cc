#include "engine/verify/verify.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <system_error>
#include <utility>

#include "engine/verify/index_check.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/catalog/catalog.h"
#include "storage/catalog/definitions.h"
#include "storage/model/key.h"
#include "storage/model/row_codec.h"
#include "storage/rows/row_store.h"

namespace ordinate {
namespace {

constexpr uint64_t kNewest = std::numeric_limits<uint64_t>::max();
constexpr int kNamedRows = 5;  // damaged rows of a table named one by one

using Progress = std::function<void(const std::string&, uint64_t)>;

/// What the log holds beyond the rows' applied sequence: the server replays it when it starts.
struct Replayed {
  uint64_t seq = 0;
  Mutation mutation;
};
using Overlay = std::map<std::pair<uint32_t, RowId>, Replayed>;

/// Checks one shard.
class ShardVerifier {
 public:
  ShardVerifier(uint32_t shard, uint32_t shards, std::string path, const DefinitionSet& definitions,
                const Progress& progress, VerifyReport* report)
      : shard_(shard),
        shards_(shards),
        path_(std::move(path)),
        definitions_(definitions),
        progress_(progress),
        report_(report) {}

  void Run() {
    const absl::Status opened = OpenRows();
    if (!opened.ok()) report_->problems.push_back({rows_path(), std::string(opened.message())});
    for (const auto& [name, table] : definitions_.tables) {
      std::vector<std::unique_ptr<IndexCheck>> checks = OpenIndexes(table);
      // Without rows there is nothing to compare the files with; their checksums are checked.
      if (!opened.ok()) continue;
      const absl::Status compared = CheckTable(table, checks);
      if (!compared.ok()) {
        report_->problems.push_back(
            {rows_path(), Concat("table '", name, "': ", compared.message())});
      }
    }
    if (opened.ok()) CheckTables();
    NoteLeftovers();
  }

 private:
  std::string rows_path() const { return path_ + "/rows"; }

  absl::Status OpenRows() {
    std::error_code error;
    if (!std::filesystem::is_directory(rows_path(), error)) {
      return absl::DataLossError("the directory of the shard's rows is missing");
    }
    ASSIGN_OR_RETURN(store_, OpenShardStore(rows_path(), StoreMode::kReadOnly));
    const uint64_t before = report_->bytes;
    RETURN_IF_ERROR(store_.rows->VerifyChecksums([this, before](uint64_t bytes) {
      report_->bytes = before + bytes;
      if (progress_) progress_(rows_path(), report_->bytes);
    }));
    return store_.log->Read(store_.rows->applied_seq() + 1, [this](LogRecord record) {
      for (Mutation& mutation : record.mutations) {
        const std::pair key(mutation.table_id, mutation.row_id);
        overlay_[key] = {record.seq, std::move(mutation)};
      }
      return absl::OkStatus();
    });
  }

  /// A server that starts removes the rows of dropped tables, and refuses those of unknown ones.
  void CheckTables() {
    const auto stored = store_.rows->TableIds();
    if (!stored.ok()) {
      report_->problems.push_back({rows_path(), std::string(stored.status().message())});
    } else if (!stored->empty() && stored->back() >= definitions_.next_table_id) {
      report_->problems.push_back(
          {rows_path(), Concat("it holds rows of the table with id ", stored->back(),
                               ", which the catalog has never given")});
    }
  }

  std::vector<std::unique_ptr<IndexCheck>> OpenIndexes(const TableDef& table) {
    std::vector<std::unique_ptr<IndexCheck>> checks;
    for (const IndexDef* index : definitions_.IndexesOf(table.id)) {
      const std::string directory = Concat(path_, "/index/", index->id);
      if (progress_) progress_(directory, report_->bytes);
      if (auto check = IndexCheck::Open(directory, table, *index, report_)) {
        checks.push_back(std::move(check));
      }
    }
    return checks;
  }

  absl::Status CheckTable(const TableDef& table,
                          const std::vector<std::unique_ptr<IndexCheck>>& checks) {
    for (const auto& check : checks) {
      check->CheckSeq(store_.log->last_seq());
      RETURN_IF_ERROR(ReadChanges(table, *check));
    }
    displaced_.clear();
    ASSIGN_OR_RETURN(const auto displaced, store_.rows->ReadDisplaced(table.id));
    displaced_.insert(displaced.begin(), displaced.end());
    damaged_rows_ = 0;
    const auto take = [&](const StoredRow& stored) { TakeRow(table, stored, checks); };
    RETURN_IF_ERROR(store_.rows->Scan(nullptr, table.id, 0, kNewest,
                                      [&](StoredRow&& stored) -> absl::StatusOr<bool> {
                                        if (!overlay_.contains({table.id, stored.id})) take(stored);
                                        return true;
                                      }));
    for (const auto& [key, replayed] : overlay_) {
      const Mutation& mutation = replayed.mutation;
      if (key.first != table.id || mutation.kind != Mutation::Kind::kUpsert) continue;
      take({mutation.row_id, replayed.seq, mutation.key, mutation.cells});
    }
    for (const auto& check : checks) check->Finish();
    return absl::OkStatus();
  }

  absl::Status ReadChanges(const TableDef& table, IndexCheck& check) {
    for (const auto& [key, replayed] : overlay_) {
      if (key.first == table.id && replayed.seq > check.seq()) check.AddChange(key.second);
    }
    return store_.rows->ReadChanges(nullptr, table.id, check.seq(), [&check](const Change& change) {
      check.AddChange(change.row_id);
      return absl::OkStatus();
    });
  }

  void TakeRow(const TableDef& table, const StoredRow& stored,
               const std::vector<std::unique_ptr<IndexCheck>>& checks) {
    ++report_->rows;
    Row row{stored.id, stored.version, {}};
    auto cells = DecodeCells(table, stored.cells);
    std::string wrong = cells.ok() ? "" : std::string(cells.status().message());
    if (cells.ok()) row.cells = *std::move(cells);
    if (wrong.empty()) wrong = WrongPlace(table, stored, row.cells);
    if (!wrong.empty() && ++damaged_rows_ <= kNamedRows) {
      report_->problems.push_back(
          {rows_path(), Concat("table '", table.name, "', row ", stored.id, ": ", wrong)});
    }
    if (!wrong.empty()) return;
    for (const auto& check : checks) check->AddRow(row);
  }

  /// What is wrong with the row's id, key or shard; "" when nothing is.
  std::string WrongPlace(const TableDef& table, const StoredRow& stored,
                         const std::vector<Value>& cells) const {
    if (ShardOf(stored.id, shards_) != shard_) {
      return Concat("belongs on shard ", ShardOf(stored.id, shards_), ", found on ", shard_);
    }
    if (table.key.empty()) return "";
    for (const uint32_t position : table.key) {
      if (position >= cells.size() || IsNull(cells[position])) return "a key cell is NULL";
    }
    // Rows whose id is their key store no second copy of it.
    const bool keyed = table.flavour() == RowIdFlavour::kPkHashed;
    if (stored.key != (keyed ? EncodeKey(table, cells) : ""))
      return "its key is not that of its cells";
    const auto displaced = displaced_.find(stored.key);
    const RowId expected = displaced == displaced_.end()
                               ? PreferredRowId(table, cells, &DefaultKeyHash)
                               : displaced->second;
    if (expected != stored.id) return Concat("its key asks for row id ", expected);
    return "";
  }

  void NoteLeftovers() {
    std::error_code error;
    std::filesystem::recursive_directory_iterator files(path_ + "/index", error);
    for (; !error && files != std::filesystem::recursive_directory_iterator();
         files.increment(error)) {
      if (!files->path().string().ends_with(".damaged")) continue;
      report_->notes.push_back(
          Concat(files->path().string(), " was set aside as damaged, and is not used"));
    }
  }

  const uint32_t shard_;
  const uint32_t shards_;
  const std::string path_;
  const DefinitionSet& definitions_;
  const Progress& progress_;
  VerifyReport* const report_;
  ShardStore store_;
  Overlay overlay_;
  std::map<std::string, RowId> displaced_;  // of the table being checked
  int damaged_rows_ = 0;                    // of the table being checked
};

}  // namespace

VerifyReport VerifyData(const VerifyPaths& paths, const Progress& progress) {
  VerifyReport report;
  const auto fail = [&](const absl::Status& status) {
    report.problems.push_back({paths.catalog, std::string(status.message())});
    return report;
  };
  auto catalog = OpenRocksCatalog(paths.catalog, StoreMode::kReadOnly);
  if (!catalog.ok()) return fail(catalog.status());
  // Every entry is read, which checks its block's checksum.
  const auto entries = (*catalog)->List("");
  if (!entries.ok()) return fail(entries.status());
  for (const Catalog::Entry& entry : *entries)
    report.bytes += entry.key.size() + entry.value.size();
  const auto definitions = Definitions::Load(**catalog);
  if (!definitions.ok()) return fail(definitions.status());
  const auto current = (*definitions)->Current();
  report.tables = current->tables.size();
  report.indexes = current->indexes.size();
  const auto shards = static_cast<uint32_t>(paths.shards.size());
  for (uint32_t shard = 0; shard < shards; ++shard) {
    ShardVerifier(shard, shards, paths.shards[shard], *current, progress, &report).Run();
  }
  return report;
}

}  // namespace ordinate
