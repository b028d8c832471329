#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "service/front/front.h"
#include "service/statement/translate.h"

namespace ordinate::statement {

/// Which rows of a table function's answer a statement shows, and in which order: their places in
/// `answer`, which are their ordinals. Filter, then sort, then offset and limit. INVALID_ARGUMENT
/// for columns that the table does not have, or that are neither filtered nor sorted on.
/// REQUIRES: `answer` is of `select.query` on `table`.
absl::StatusOr<std::vector<uint32_t>> ArrangeFunctionRows(const FunctionSelect& select,
                                                          const TableDef& table,
                                                          const QueryResult& answer);

}  // namespace ordinate::statement
