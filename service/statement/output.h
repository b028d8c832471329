#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "service/statement/statement.h"
#include "storage/model/schema.h"

namespace ordinate::statement {

// What a column of the answer shows of a row.

struct RowColumn {
  std::string column;
  bool operator==(const RowColumn&) const = default;
};
struct EveryColumn {
  bool operator==(const EveryColumn&) const = default;
};
struct RowIdOutput {
  bool operator==(const RowIdOutput&) const = default;
};
/// The score that orders the answer, as `form` shows it.
struct ScoreOutput {
  Metric metric = Metric::kL2;
  ScoreForm form = ScoreForm::kFunction;
  bool operator==(const ScoreOutput&) const = default;
};
/// The row's place in a table function's answer, from 0.
struct OrdinalOutput {
  bool operator==(const OrdinalOutput&) const = default;
};
/// A score other than the one that orders the answer, computed from each returned row's vector.
struct ScalarScore {
  std::string column;
  Metric metric = Metric::kL2;
  ScoreForm form = ScoreForm::kFunction;
  Vector vector;
  bool operator==(const ScalarScore&) const = default;
};

struct OutputItem {
  std::string name;  // EveryColumn: empty
  std::variant<RowColumn, EveryColumn, RowIdOutput, ScoreOutput, OrdinalOutput, ScalarScore> value;
  bool operator==(const OutputItem&) const = default;
};
/// The columns of an answer, in order.
using Projection = std::vector<OutputItem>;

/// The value that a score of `metric` has where it is written in `form`.
double ShownScore(Metric metric, ScoreForm form, double score);

/// The score of a row's cell (contract 2.3). NULL without a vector, for one of another dim, and
/// under COSINE for a zero vector on either side.
Value EvaluateScore(const ScalarScore& score, const Value& cell);

/// Adds to `columns` the names of the row columns that the projection reads; {"*"}: all.
void AddColumnsOf(const Projection& projection, std::vector<std::string>& columns);

/// A projection over answers whose rows hold the cells of certain columns.
class RowOutput {
 public:
  /// `columns`: positions, in `table`, of the cells that rows hold, as in QueryResult::columns.
  /// INVALID_ARGUMENT for a column that is not among them or, of a ScalarScore, no vector.
  static absl::StatusOr<RowOutput> Bind(const Projection& projection, const TableDef& table,
                                        std::span<const uint32_t> columns);

  struct Column {
    std::string name;
    DataType type = DataType::kInt64;
    bool operator==(const Column&) const = default;
  };
  const std::vector<Column>& columns() const { return columns_; }

  /// One value per column. `score`: as RankedRow's; `ordinal`: for OrdinalOutput.
  std::vector<Value> Read(const Row& row, const std::optional<double>& score,
                          uint64_t ordinal) const;

 private:
  struct Source {
    OutputItem item;
    size_t cell = 0;  // position in a row's cells
  };

  absl::Status Add(const OutputItem& item, const TableDef& table,
                   std::span<const uint32_t> columns);

  std::vector<Column> columns_;
  std::vector<Source> sources_;  // parallel
};

}  // namespace ordinate::statement
