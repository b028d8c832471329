#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ordinate {

/// Outside text for a message: in single quotes, unprintable bytes escaped, cut when long.
std::string QuotedName(std::string_view name);

/// "; did you mean 'docs'?" with the known names at most two edits away, nearest first, at most
/// three; empty when there are none.
std::string DidYouMean(std::string_view name, const std::vector<std::string_view>& known);

}  // namespace ordinate
