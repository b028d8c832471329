#include "service/front/row_check.h"

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
    number_ = number;
    row_ = &row;
    if (row.cells.size() != table_.columns.size()) {
      return absl::InvalidArgumentError(Concat("row ", number, " has ", row.cells.size(),
                                               " cells, expected ", table_.columns.size(),
                                               ": one per column"));
    }
    bool nulled = false;
    for (size_t i = 0; i < table_.columns.size(); ++i) {
      const ColumnDef& column = table_.columns[i];
      Value& cell = row.cells[i];
      if (!IsNull(cell) && !HoldsType(cell, column.type)) {
        return Refuse(column, "found a value of another type", DataTypeName(column.type));
      }
      if (const auto* vector = std::get_if<Vector>(&cell)) {
        const absl::Status valid = CheckVector(*vector, i);
        if (!valid.ok() && on_invalid_ != OnInvalid::kNull) return valid;
        if (!valid.ok()) {
          if (!column.nullable) return NotNullable(column, valid);
          cell = Value();
          nulled = true;
        }
      }
      if (IsNull(cell) && !column.nullable) return Refuse(column, "found NULL", "a value");
    }
    return nulled;
  }

 private:
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

  std::string PresentKey() const { return KeyText(table_, row_->cells); }

  const TableDef& table_;
  const OnInvalid on_invalid_;
  std::vector<const IndexDef*> strict_;  // by column position; null: none
  std::vector<std::pair<size_t, const IndexDef*>> others_;
  size_t number_ = 0;
  const UpsertInput::InputRow* row_ = nullptr;
};

}  // namespace

absl::StatusOr<std::vector<uint32_t>> CheckRows(const TableDef& table,
                                                const std::vector<const IndexDef*>& indexes,
                                                UpsertInput& input) {
  RETURN_IF_ERROR(CheckCount("rows", input.rows.size(), kMaxRowsPerWrite));
  std::vector<uint32_t> nulled_rows;
  RowChecker checker(table, indexes, input.on_invalid);
  for (size_t i = 0; i < input.rows.size(); ++i) {
    ASSIGN_OR_RETURN(const bool nulled, checker.Check(input.rows[i], i));
    if (nulled) nulled_rows.push_back(static_cast<uint32_t>(i));
  }
  return nulled_rows;
}

}  // namespace ordinate
