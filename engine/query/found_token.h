#pragma once

#include <string>
#include <string_view>

namespace ordinate {

/// What a parser found, for its message: the token that begins `rest`, a word or one character
/// whole, cut where it is long; "the end" where there is nothing. What no terminal shows is
/// escaped.
std::string FoundToken(std::string_view rest);

}  // namespace ordinate
