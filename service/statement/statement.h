#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "engine/query/filter.h"
#include "engine/query/order.h"
#include "engine/query/request.h"
#include "storage/model/schema.h"

/// The statement language (contract 7.2): what a statement says, as plain values. Names are as
/// written; nothing is looked up.
namespace ordinate::statement {

/// A constant. `value` holds a string for 'text' and for x'bytes'; `bytes` tells which.
struct Literal {
  Value value;
  bool bytes = false;
  bool operator==(const Literal&) const = default;
};

/// `column` or `qualifier.column`.
struct ColumnName {
  std::string qualifier;  // empty: none
  std::string column;
  bool operator==(const ColumnName&) const = default;
};

// ---- tables and indexes

struct ColumnDeclaration {
  std::string name;
  DataType type = DataType::kInt64;
  uint32_t dim = 0;  // VECTOR; 0: any
  bool primary_key = false;
  bool not_null = false;
  bool payload = false;
  bool operator==(const ColumnDeclaration&) const = default;
};
struct CreateTable {
  std::string table;
  std::vector<ColumnDeclaration> columns;
  std::vector<std::string> key;  // of a PRIMARY KEY clause; empty: none
};
/// ALTER TABLE ... ADD COLUMN.
struct AddColumn {
  std::string table;
  ColumnDeclaration column;
};
struct DropTable {
  std::string table;
};
struct ShowTables {};
struct ShowCreateTable {
  std::string table;
};

/// name = value, where a bare word reads as a string.
struct Option {
  std::string name;
  Literal value;
  bool operator==(const Option&) const = default;
};
struct CreateIndex {
  std::string index;
  std::string table;
  std::string column;
  std::optional<Engine> engine;
  std::vector<Option> options;
};
struct AlterIndex {
  std::string index;
  std::optional<FreshnessMode> mode;  // SET MODE
  std::vector<Option> options;
};
struct RebuildIndex {
  std::string index;
  std::vector<Option> gate;
};
struct CancelRebuild {
  std::string index;
};
struct DropIndex {
  std::string index;
};
/// SHOW VECTOR INDEX.
struct ShowIndex {
  std::string index;  // empty: every one
  bool status = false;
};
struct ShowIndexes {
  std::string table;  // empty: of all
};
struct ShowCreateIndex {
  std::string index;
};

// ---- settings

struct Set {
  std::string name;
  std::string value;
};
struct ShowSetting {
  std::string name;  // empty: ALL
};

// ---- scores and conditions

/// How a score is written, and so what its value is.
enum class ScoreForm : uint8_t {
  kFunction = 0,  // vec_l2, cosine_sim, vec_ip: the score itself
  kOperator = 1,  // <->: the score; <=>: 1 - the score; <#>: -the score
};
/// The score of a row's vector against a vector, or against the vector of another row.
struct Score {
  Metric metric = Metric::kL2;
  ScoreForm form = ScoreForm::kFunction;
  ColumnName column;
  Vector vector;             // empty with `row`
  std::optional<RowId> row;  // ROW 42
  bool operator==(const Score&) const = default;
};

/// `score op bound`; `op` is one of < <= > >=.
struct ScoreBound {
  Score score;
  CompareOp op = CompareOp::kLe;
  double bound = 0;
  bool operator==(const ScoreBound&) const = default;
};
/// All of these hold. At least one is there.
struct Where {
  std::optional<Filter> filter;      // its columns without qualifiers
  std::set<std::string> qualifiers;  // those that stood before them
  std::vector<ScoreBound> bounds;
};

// ---- rows

struct Insert {
  std::string table;
  std::vector<std::string> columns;  // empty: all, in the table's order
  std::vector<std::vector<Literal>> rows;
};
/// column = value.
struct Assignment {
  std::string column;
  Literal value;
  bool operator==(const Assignment&) const = default;
};
struct Update {
  std::string table;
  std::vector<Assignment> assignments;
  Where where;
};
struct Delete {
  std::string table;
  Where where;
};

// ---- SELECT

struct Star {
  std::string qualifier;  // d.*; empty: none
  bool operator==(const Star&) const = default;
};
struct CountStar {
  bool operator==(const CountStar&) const = default;
};
struct SelectItem {
  std::variant<ColumnName, Score, Star, CountStar> what;
  std::string alias;  // empty: none
};

enum class Strictness : uint8_t { kStrict = 1, kRelaxed = 2 };
struct OrderItem {
  std::variant<ColumnName, Score> what;
  std::optional<bool> descending;
  std::optional<bool> nulls_first;
  std::optional<TieRule> ties;
  Path path = Path::kAuto;  // USING
  std::optional<Strictness> strictness;
};

struct TableSource {
  std::string table;
  std::string alias;  // empty: none
};
enum class TableFunction : uint8_t { kNearestNeighbors = 1, kVectorSearch = 2 };
struct FunctionSource {
  TableFunction function = TableFunction::kNearestNeighbors;
  std::vector<Literal> arguments;
  std::string alias;  // empty: none
};
/// JOIN table ON left = right.
struct Join {
  TableSource table;
  ColumnName left;
  ColumnName right;
};
struct GroupRows {
  ColumnName column;
  uint64_t rows = 1;
};
struct Select {
  std::vector<SelectItem> items;
  std::variant<TableSource, FunctionSource> from;
  std::optional<Join> join;
  std::optional<Where> where;
  std::optional<GroupRows> group_by;
  std::vector<OrderItem> order_by;
  std::optional<uint64_t> limit;  // none: every row
  uint64_t offset = 0;
};
struct Explain {
  bool analyze = false;
  Select select;
};

using Statement =
    std::variant<CreateTable, AddColumn, DropTable, ShowTables, ShowCreateTable, CreateIndex,
                 AlterIndex, RebuildIndex, CancelRebuild, DropIndex, ShowIndex, ShowIndexes,
                 ShowCreateIndex, Set, ShowSetting, Explain, Insert, Update, Delete, Select>;

}  // namespace ordinate::statement
