#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace ordinate::statement {

/// "statement: line 2, column 7: " of a byte of the text; columns count bytes, from 1.
std::string Place(std::string_view text, size_t byte);

}  // namespace ordinate::statement
