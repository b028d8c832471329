#pragma once

#include <span>
#include <string_view>

namespace ordinate::fuzz {

/// What mutations put into texts: the language's words, names of the front's tables, columns,
/// indexes and settings, constants at the ends of their ranges, pieces of broken text.
std::span<const std::string_view> Words();

}  // namespace ordinate::fuzz
