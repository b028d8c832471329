#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/query/request.h"
#include "service/front/front.h"
#include "service/statement/index_options.h"
#include "service/statement/output.h"
#include "service/statement/statement.h"

/// From statements to what the front takes: pure functions. Errors are INVALID_ARGUMENT and name
/// the culprit.
namespace ordinate::statement {

// ---- definitions

/// As Front::CreateTable takes it.
absl::StatusOr<TableDef> ToTable(const CreateTable& create);
absl::StatusOr<ColumnDef> ToColumn(const AddColumn& add);

struct NewIndex {
  std::string table;
  std::string column;
  IndexDef index;  // as Front::CreateIndex takes it: dim, m and ef_build 0 unless given
  std::set<IndexOption> given;
};
absl::StatusOr<NewIndex> ToIndex(const CreateIndex& create);

struct IndexChange {
  std::string index;
  IndexDef values;
  std::set<IndexOption> given;
};
absl::StatusOr<IndexChange> ToChange(const AlterIndex& alter);

/// Of WITH (min_recall, k, samples); unset: it has none. The front says what is out of range.
absl::StatusOr<std::optional<RebuildGate>> ToGate(const RebuildIndex& rebuild);
/// Options that `engine` has nothing for are refused.
absl::Status CheckOptionsApply(const std::set<IndexOption>& given, Engine engine);
/// `current` with what the change gives.
IndexDef Apply(const IndexChange& change, IndexDef current);

/// As requests carry settings.
absl::StatusOr<std::map<std::string, std::string>> ToSettings(const Set& set);

// ---- rows

/// An upsert by key: a row whose key is there already is replaced, columns that the statement does
/// not name become NULL. In a table without a primary key the column __row_id names such a row.
absl::StatusOr<UpsertInput> ToUpsert(const Insert& insert, const TableDef& table);

/// By keys if the condition is an equality or IN on every key column, or on __row_id, and nothing
/// else; otherwise by filter.
struct DeleteRequest {
  std::string table;
  std::vector<KeyInput> keys;
  std::optional<Filter> filter;
};
absl::StatusOr<DeleteRequest> ToDelete(const Delete& statement, const TableDef& table);

/// An UPDATE: its rows by key, where the WHERE says the keys as for DELETE; otherwise what every
/// row that matches the filter gets.
struct UpdateByFilter {
  std::string table;
  UpsertInput::InputRow row;
  Filter filter;
};
using UpdateRequest = std::variant<UpsertInput, UpdateByFilter>;
absl::StatusOr<UpdateRequest> ToUpdate(const Update& statement, const TableDef& table);

// ---- SELECT

/// ORDER BY a score.
struct RankedSelect {
  QueryRequest query;                // settings: none yet
  std::optional<Strictness> stream;  // no LIMIT: every row (contract 3.3)
  Projection projection;
};
/// No order: rows as they come.
struct ScanSelect {
  std::string table;
  std::optional<Filter> filter;
  std::vector<std::string> columns;  // to read; empty: key columns
  std::optional<uint64_t> limit;
  uint64_t offset = 0;
  Projection projection;
};
struct CountSelect {
  std::string table;
  std::optional<Filter> filter;
  std::string name;  // of the answer's column
};
struct FunctionSortKey {
  std::variant<RowColumn, RowIdOutput, ScoreOutput, OrdinalOutput> by;
  bool descending = false;
  bool nulls_first = false;
};
/// A table function: its rows, then of these the ones that meet the filter, sorted, cut, shown.
/// See ArrangeFunctionRows.
struct FunctionSelect {
  QueryRequest query;            // vector_search: `index` only, no table, column or metric
  std::optional<uint64_t> topk;  // candidates taken from the index, instead of W
  std::string joined_table;      // must be the function's table; empty: no join
  std::optional<Filter> filter;
  std::vector<FunctionSortKey> order_by;  // then by ordinal
  std::optional<uint64_t> limit;
  uint64_t offset = 0;
  Projection projection;
};
using SelectRequest = std::variant<RankedSelect, ScanSelect, CountSelect, FunctionSelect>;
absl::StatusOr<SelectRequest> ToRequest(const Select& select);

}  // namespace ordinate::statement
