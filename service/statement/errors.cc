#include "service/statement/errors.h"

#include <algorithm>

#include "storage/base/text.h"

namespace ordinate::statement {
std::string Place(std::string_view text, size_t byte) {
  const std::string_view before = text.substr(0, byte);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t newline = before.rfind('\n');
  const size_t column = newline == std::string_view::npos ? byte + 1 : byte - newline;
  return Concat("statement: line ", line, ", column ", column, ": ");
}

}  // namespace ordinate::statement
