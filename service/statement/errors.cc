#include "service/statement/errors.h"

#include <algorithm>
#include <tao/pegtl.hpp>

#include "absl/strings/escaping.h"
#include "storage/base/text.h"

namespace ordinate::statement {
namespace {

namespace pegtl = tao::pegtl;

constexpr size_t kShownBytes = 40;

struct Token : pegtl::sor<pegtl::plus<pegtl::identifier_other>, pegtl::utf8::any> {};

}  // namespace

std::string Found(std::string_view rest) {
  if (rest.empty()) return "the end";
  pegtl::memory_input<> in(rest.data(), rest.size(), "");
  if (!pegtl::parse<Token>(in)) return absl::CEscape(AbslView(rest.substr(0, 1)));
  const std::string_view token = rest.substr(0, in.byte());
  if (token.size() > kShownBytes) return Concat(token.substr(0, kShownBytes), "...");
  return absl::Utf8SafeCEscape(AbslView(token));
}

std::string Place(std::string_view text, size_t byte) {
  const std::string_view before = text.substr(0, byte);
  const auto line = 1 + std::count(before.begin(), before.end(), '\n');
  const size_t newline = before.rfind('\n');
  const size_t column = newline == std::string_view::npos ? byte + 1 : byte - newline;
  return Concat("statement: line ", line, ", column ", column, ": ");
}

}  // namespace ordinate::statement
