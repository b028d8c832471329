#include "service/front/row_check.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "service/front/row_address.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

class RowChecker {
 public:
  RowChecker(const TableDef& table, const std::vector<const IndexDef*>& indexes,
             OnInvalid on_invalid)
      : table_(table), on_invalid_(on_invalid), strict_(table.columns.size(), nullptr) {
    for (const IndexDef* index : indexes) {
      if (index->dim_policy != DimPolicy::kError) continue;
      for (size_t i = 0; i < table.columns.size(); ++i) {
        if (table.columns[i].id != index->column_id) continue;
        // Two strict indexes of different dims on one column leave no vector valid for both; the
        // first in resolution order is named, then the other refuses what it takes.
        if (strict_[i] == nullptr) {
          strict_[i] = index;
        } else if (strict_[i]->dim != index->dim) {
          others_.push_back({i, index});
        }
      }
    }
  }

  /// True when a cell was made NULL.
  absl::StatusOr<bool> Check(UpsertInput::InputRow& row, size_t number) {
    RETURN_IF_ERROR(Begin(row, number));
    bool nulled = false;
    for (uint32_t i = 0; i < table_.columns.size(); ++i) {
      ASSIGN_OR_RETURN(const bool made_null, CheckCell(row, i));
      nulled |= made_null;
    }
    return nulled;
  }

  /// The same of the columns that the row names.
  absl::StatusOr<bool> CheckNamed(UpsertInput::InputRow& row, size_t number) {
    RETURN_IF_ERROR(Begin(row, number));
    bool nulled = false;
    for (const uint32_t column : row.columns) {
      ASSIGN_OR_RETURN(const bool made_null, CheckCell(row, column));
      nulled |= made_null;
    }
    return nulled;
  }

  /// That the row says which row is meant, and what of it is to change.
  absl::Status CheckTarget(const UpsertInput::InputRow& row, size_t number) const {
    const std::string field = Concat("rows[", number, "]");
    if (table_.key.empty() == (row.row_id == 0)) {
      return InField(absl::InvalidArgumentError(Concat(
                         "row ", number, ": ",
                         table_.key.empty() ? "row_id is missing; table '"
                                            : "row_id is given, but rows of table '",
                         table_.name,
                         table_.key.empty() ? "' has no primary key" : "' are named by their key")),
                     Concat(field, ".row_id"));
    }
    for (const uint32_t key : table_.key) {
      if (std::count(row.columns.begin(), row.columns.end(), key) > 0) continue;
      return InField(absl::InvalidArgumentError(Concat("row ", number, ": key column '",
                                                       table_.columns[key].name, "' is missing")),
                     Concat(field, ".cells"));
    }
    if (!WithoutKey(table_, row.columns).empty()) return absl::OkStatus();
    return InField(absl::InvalidArgumentError(
                       Concat("row ", number, " names no column to change, beside its key")),
                   Concat(field, ".cells"));
  }

 private:
  absl::Status Begin(UpsertInput::InputRow& row, size_t number) {
    number_ = number;
    row_ = &row;
    FillAddedColumns(row);
    if (row.cells.size() != table_.columns.size()) {
      return absl::InvalidArgumentError(Concat("row ", number, " has ", row.cells.size(),
                                               " cells, expected ", table_.columns.size(),
                                               ": one per column"));
    }
    return absl::OkStatus();
  }

  // A row that was read when the table had fewer columns has NULL in those added since.
  void FillAddedColumns(UpsertInput::InputRow& row) const {
    for (size_t i = row.cells.size(); i < table_.columns.size(); ++i) {
      if (!table_.columns[i].nullable) return;
    }
    if (row.cells.size() < table_.columns.size()) row.cells.resize(table_.columns.size());
  }

  // True when it was made NULL.
  absl::StatusOr<bool> CheckCell(UpsertInput::InputRow& row, uint32_t position) const {
    const ColumnDef& column = table_.columns[position];
    Value& cell = row.cells[position];
    if (!IsNull(cell) && !HoldsType(cell, column.type)) {
      return Refuse(column, "found a value of another type", DataTypeName(column.type));
    }
    bool nulled = false;
    if (const auto* vector = std::get_if<Vector>(&cell)) {
      const absl::Status valid = CheckVector(*vector, position);
      if (!valid.ok() && on_invalid_ != OnInvalid::kNull) return valid;
      if (!valid.ok()) {
        if (!column.nullable) return NotNullable(column, valid);
        cell = Value();
        nulled = true;
      }
    }
    if (IsNull(cell) && !column.nullable) return Refuse(column, "found NULL", "a value");
    return nulled;
  }

  absl::Status CheckVector(const Vector& vector, size_t position) const {
    const ColumnDef& column = table_.columns[position];
    if (vector.empty()) return Refuse(column, "found an empty vector", "at least one component");
    if (column.dim != 0 && vector.size() != column.dim) {
      return Refuse(column, Concat("found dim ", vector.size()), Concat("dim ", column.dim));
    }
    if (vector.size() > kMaxDim) {
      return Refuse(column, Concat("found dim ", vector.size()), Concat("at most ", kMaxDim));
    }
    RETURN_IF_ERROR(CheckIndexDim(vector, column, strict_[position]));
    for (const auto& [other_position, index] : others_) {
      if (other_position == position) RETURN_IF_ERROR(CheckIndexDim(vector, column, index));
    }
    for (size_t i = 0; i < vector.size(); ++i) {
      if (std::isfinite(vector[i])) continue;
      return Refuse(column,
                    Concat("found component ", i, " = ",
                           std::isnan(vector[i]) ? "NaN" : "infinity or beyond f32"),
                    "a finite f32");
    }
    return absl::OkStatus();
  }

  absl::Status CheckIndexDim(const Vector& vector, const ColumnDef& column,
                             const IndexDef* index) const {
    if (index == nullptr || vector.size() == index->dim) return absl::OkStatus();
    return Refuse(
        column, Concat("found dim ", vector.size()),
        Concat("dim ", index->dim, ", which index '", index->name, "' demands (dim_policy ERROR)"));
  }

  absl::Status NotNullable(const ColumnDef& column, const absl::Status& invalid) const {
    return WithMessage(invalid, Concat(MessageOf(invalid), "; on_invalid NULL cannot apply: ",
                                       "column '", column.name, "' is NOT NULL"));
  }

  absl::Status Refuse(const ColumnDef& column, std::string_view found,
                      std::string_view expected) const {
    const std::string key = PresentKey();
    const std::string message =
        Concat("row ", number_, key.empty() ? "" : Concat(" (", key, ")"), ", column '",
               column.name, "': ", found, ", expected ", expected);
    return InField(absl::InvalidArgumentError(message),
                   Concat("rows[", number_, "].cells[\"", column.name, "\"]"));
  }

  // Updates by filter have none.
  std::string PresentKey() const {
    for (const uint32_t key : table_.key) {
      if (IsNull(row_->cells[key])) return "";
    }
    return KeyText(table_, row_->cells);
  }

  const TableDef& table_;
  const OnInvalid on_invalid_;
  std::vector<const IndexDef*> strict_;  // by column position; null: none
  std::vector<std::pair<size_t, const IndexDef*>> others_;
  size_t number_ = 0;
  const UpsertInput::InputRow* row_ = nullptr;
};

// `check` says whether it made a cell of the row NULL.
template <typename Check>
absl::StatusOr<std::vector<uint32_t>> CheckEach(UpsertInput& input, const Check& check) {
  RETURN_IF_ERROR(CheckCount("rows", input.rows.size(), kMaxRowsPerWrite));
  std::vector<uint32_t> nulled_rows;
  for (size_t i = 0; i < input.rows.size(); ++i) {
    ASSIGN_OR_RETURN(const bool nulled, check(input.rows[i], i));
    if (nulled) nulled_rows.push_back(static_cast<uint32_t>(i));
  }
  return nulled_rows;
}

}  // namespace

absl::StatusOr<std::vector<uint32_t>> CheckRows(const TableDef& table,
                                                const std::vector<const IndexDef*>& indexes,
                                                UpsertInput& input) {
  RowChecker checker(table, indexes, input.on_invalid);
  return CheckEach(input,
                   [&](UpsertInput::InputRow& row, size_t i) { return checker.Check(row, i); });
}

absl::StatusOr<std::vector<uint32_t>> CheckUpdates(const TableDef& table,
                                                   const std::vector<const IndexDef*>& indexes,
                                                   UpsertInput& input) {
  RowChecker checker(table, indexes, input.on_invalid);
  return CheckEach(input, [&](UpsertInput::InputRow& row, size_t i) -> absl::StatusOr<bool> {
    RETURN_IF_ERROR(checker.CheckTarget(row, i));
    return checker.CheckNamed(row, i);
  });
}

absl::Status CheckChange(const TableDef& table, const std::vector<const IndexDef*>& indexes,
                         UpsertInput::InputRow& row) {
  for (const uint32_t key : table.key) {
    if (std::count(row.columns.begin(), row.columns.end(), key) == 0) continue;
    return absl::InvalidArgumentError(Concat("column '", table.columns[key].name,
                                             "' is part of the key, which never changes; delete "
                                             "the row and write it anew"));
  }
  if (row.columns.empty()) return absl::InvalidArgumentError("no column to change is named");
  return RowChecker(table, indexes, OnInvalid::kError).CheckNamed(row, 0).status();
}

std::vector<uint32_t> WithoutKey(const TableDef& table, const std::vector<uint32_t>& columns) {
  std::vector<uint32_t> others;
  for (const uint32_t column : columns) {
    if (table.columns[column].role != ColumnRole::kKey) others.push_back(column);
  }
  return others;
}

std::vector<std::string> NoticesOf(const std::vector<const IndexDef*>& indexes) {
  std::vector<std::string> notices;
  for (const IndexDef* index : indexes) {
    if (index->mode != FreshnessMode::kRebuildOnly) continue;
    notices.push_back(Concat("index '", index->name, "' (", FreshnessModeName(index->mode),
                             ") shows this write only after a rebuild"));
  }
  return notices;
}

absl::Status CheckRequestId(const std::string& request_id) {
  if (request_id.size() <= kMaxRequestIdBytes) return absl::OkStatus();
  return InField(absl::InvalidArgumentError(Concat("request_id has ", request_id.size(),
                                                   " bytes; the most is ", kMaxRequestIdBytes)),
                 "request_id");
}

}  // namespace ordinate
