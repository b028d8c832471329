#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "storage/model/schema.h"
#include "storage/vdata/segment_file.h"

namespace ordinate {

/// One key or attribute column of a segment while its rows are collected.
class ColumnCapture {
 public:
  explicit ColumnCapture(const ColumnDef& column) : id_(column.id), type_(column.type) {}

  /// Whether a column of this type can be captured: all types of keys and attributes.
  static bool Captures(const ColumnDef& column) {
    return column.role == ColumnRole::kKey || column.role == ColumnRole::kAttribute;
  }

  /// Whether Append takes `cell`: NULL, or a value of the column's type.
  bool Fits(const Value& cell) const;

  /// REQUIRES: Fits(cell). May throw bad_alloc.
  void Append(const Value& cell);

  /// Row order[i] becomes the i-th. REQUIRES: a permutation of the rows appended.
  void Reorder(std::span<const uint32_t> order);

  /// The column as a segment holds it. Valid until this object changes. REQUIRES: Reorder was
  /// called after the last Append.
  CapturedColumn view() const;

 private:
  const uint32_t id_;
  const DataType type_;
  std::vector<bool> present_;
  std::vector<uint64_t> words_;
  std::vector<std::string> strings_;
  // The frozen form of `present_` and `strings_`.
  std::vector<uint64_t> present_words_;
  std::vector<uint64_t> offsets_;
  std::string bytes_;
};

}  // namespace ordinate
