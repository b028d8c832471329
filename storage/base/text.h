#pragma once

#include <string>
#include <string_view>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace ordinate {

/// `text` as Abseil's string_view, which in the distribution's build is a type of its own.
inline absl::string_view AbslView(std::string_view text) { return {text.data(), text.size()}; }

/// absl::StrCat whose parts may be std::string_view too.
template <typename... Parts>
std::string Concat(const Parts&... parts) {
  const auto piece = []<typename Part>(const Part& part) -> decltype(auto) {
    if constexpr (std::is_same_v<Part, std::string_view>) {
      return AbslView(part);
    } else {
      return (part);
    }
  };
  return absl::StrCat(piece(parts)...);
}

}  // namespace ordinate
