#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "engine/segment/sealed_segment.h"

namespace ordinate {

/// Cells of one row by position; positions beyond the last are NULL.
using Cells = std::vector<Value>;

/// A captured column and its memory.
struct OwnedColumn {
  OwnedColumn(const ColumnDef& column, const std::vector<Cells>& rows, size_t position)
      : present((rows.size() + 63) / 64) {
    view.column_id = column.id;
    view.type = column.type;
    const bool is_text = column.type == DataType::kString;
    if (is_text) offsets.push_back(0);
    for (size_t row = 0; row < rows.size(); ++row) {
      const Value& cell = position < rows[row].size() ? rows[row][position] : null;
      if (!IsNull(cell)) present[row / 64] |= uint64_t{1} << (row % 64);
      if (is_text) {
        if (!IsNull(cell)) bytes += std::get<std::string>(cell);
        offsets.push_back(bytes.size());
      } else {
        words.push_back(Word(cell));
      }
    }
    view.present = present;
    view.words = words;
    view.offsets = offsets;
    view.bytes = bytes;
  }
  OwnedColumn(const OwnedColumn&) = delete;
  OwnedColumn& operator=(const OwnedColumn&) = delete;

  static uint64_t Word(const Value& cell) {
    if (const auto* b = std::get_if<bool>(&cell)) return *b;
    if (const auto* i = std::get_if<int64_t>(&cell)) return static_cast<uint64_t>(*i);
    if (const auto* u = std::get_if<uint64_t>(&cell)) return *u;
    if (const auto* d = std::get_if<double>(&cell)) return std::bit_cast<uint64_t>(*d);
    if (const auto* t = std::get_if<Timestamp>(&cell)) return static_cast<uint64_t>(t->micros);
    return 0;
  }

  const Value null;
  CapturedColumn view;
  std::vector<uint64_t> present, words, offsets;
  std::string bytes;
};

/// A segment, in the file `path`, of rows that share one vector; it captures the columns of `table`
/// at `positions`. Null, with a message printed, when it cannot be made.
inline std::shared_ptr<const SealedSegment> SealRows(const TableDef& table,
                                                     const std::vector<size_t>& positions,
                                                     const std::vector<Cells>& rows,
                                                     const std::string& path) {
  SegmentView view;
  view.flavour = table.flavour();
  view.dim = 1;
  view.stride = 16;
  view.seq = 1;
  view.nodes = 1;
  view.vector_rows = static_cast<uint32_t>(rows.size());
  const std::vector<float> vectors(view.stride, 0.0f);
  const std::vector<uint32_t> node_rows = {0, view.vector_rows};
  std::vector<uint32_t> by_row_id(rows.size());
  std::iota(by_row_id.begin(), by_row_id.end(), 0u);
  const std::vector<RowId> row_ids(by_row_id.begin(), by_row_id.end());
  const std::vector<uint64_t> versions(rows.size(), 1);
  view.vectors = vectors;
  view.node_rows = node_rows;
  view.row_ids = row_ids;
  view.versions = versions;
  view.by_row_id = by_row_id;
  std::vector<std::unique_ptr<OwnedColumn>> columns;
  for (const size_t position : positions) {
    columns.push_back(std::make_unique<OwnedColumn>(table.columns[position], rows, position));
    view.columns.push_back(columns.back()->view);
  }
  const auto written = WriteSegmentFile(path, view);
  EXPECT_TRUE(written.ok()) << written.status();
  auto file = SegmentFile::Open(path);
  EXPECT_TRUE(file.ok()) << file.status();
  if (!file.ok()) return nullptr;
  IndexDef index;
  index.engine = view.engine;
  index.metric = view.metric;
  index.dim = view.dim;
  auto segment = SealedSegment::Create(*std::move(file), table, index);
  EXPECT_TRUE(segment.ok()) << segment.status();
  return segment.ok() ? *segment : nullptr;
}

}  // namespace ordinate
