#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "engine/query/filter.h"
#include "storage/model/schema.h"

namespace ordinate::fuzz {

/// INTERNAL, naming the rule that is broken and what was found, unless `holds`.
absl::Status Rule(bool holds, std::string_view rule, std::string_view found = "");

/// Of an error about a text: INVALID_ARGUMENT, of bounded size, and beginning with "`what`: line L,
/// column C: ", a place in the text or just behind a line of it; limits of the whole need no place.
absl::Status CheckTextRefusal(const absl::Status& status, std::string_view what,
                              std::string_view text);

/// A cell is NULL or of its column's type.
absl::Status CheckCell(const Value& cell, DataType type);

/// Rows that a table took: cells of the columns' types, NULL only where it may be, vectors finite
/// and of the column's dim.
absl::Status CheckRows(const std::vector<Row>& rows, const TableDef& table);

/// FilterText gives the filter back. REQUIRES: its shape was checked.
absl::Status CheckFilterText(const Filter& filter);

/// SHOW CREATE gives the definition back, but for the ids.
absl::Status CheckShowCreate(const TableDef& table);
absl::Status CheckShowCreate(const IndexDef& index, const TableDef& table);

/// Of an error of a call (contract 8): a code that callers can act on, a message, a field for
/// INVALID_ARGUMENT, a resource for NOT_FOUND, and the same again after a trip over the wire,
/// within what trailing metadata takes.
absl::Status CheckRefusal(const absl::Status& status);

}  // namespace ordinate::fuzz
