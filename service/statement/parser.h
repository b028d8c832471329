#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "service/statement/statement.h"

namespace ordinate::statement {

inline constexpr size_t kMaxStatementBytes = size_t{1} << 20;
inline constexpr size_t kMaxListed = 256;  // select items, columns, options, arguments, bounds

/// Reads one statement, a semicolon behind it or not. Keywords in any case; names bare or in double
/// quotes ("" inside), kept as written; strings in single quotes ('' inside); `--` and /* */
/// comments. INVALID_ARGUMENT with line, column, found, expected. Bounded by kMaxStatementBytes,
/// kMaxListed, the limits of filters and of rows per write.
absl::StatusOr<Statement> ParseStatement(std::string_view text);

/// A statement of a longer text, and the line (from 1) on which it begins.
struct StatementText {
  std::string_view text;  // without its semicolon
  uint64_t line = 1;
};
/// Cuts a text at the semicolons outside quotes and comments; drops what is blank.
std::vector<StatementText> SplitStatements(std::string_view text);

/// Reads `[0.1, -2e3]`. INVALID_ARGUMENT with column, found, expected; also beyond kMaxDim
/// components, and for one that f32 cannot hold.
absl::StatusOr<Vector> ParseVector(std::string_view text);

/// `name` as a statement has it: in double quotes if it needs them.
std::string NameText(std::string_view name);

}  // namespace ordinate::statement
