#pragma once

#include <string>

#include "storage/model/schema.h"

namespace ordinate::statement {

/// The statement that creates a table or an index like this one (contract 6.1): read and translated
/// again, it gives the same definition but for the ids. No semicolon behind it.
std::string ShowCreateText(const TableDef& table);
/// REQUIRES: `index` is of a column of `table`.
std::string ShowCreateText(const IndexDef& index, const TableDef& table);

}  // namespace ordinate::statement
