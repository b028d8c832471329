#include "engine/query/found_token.h"

#include <tao/pegtl.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

namespace pegtl = tao::pegtl;

constexpr size_t kShownBytes = 40;

struct Token : pegtl::sor<pegtl::plus<pegtl::identifier_other>, pegtl::utf8::any> {};

}  // namespace

std::string FoundToken(std::string_view rest) {
  if (rest.empty()) return "the end";
  if (absl::ascii_ispunct(static_cast<unsigned char>(rest[0])) && rest[0] != '_') {
    return std::string(rest.substr(0, 1));
  }
  pegtl::memory_input<> in(rest.data(), rest.size(), "");
  if (!pegtl::parse<Token>(in)) return absl::CEscape(AbslView(rest.substr(0, 1)));
  const std::string_view token = rest.substr(0, in.byte());
  if (token.size() > kShownBytes) return Concat(token.substr(0, kShownBytes), "...");
  return absl::Utf8SafeCEscape(AbslView(token));
}

}  // namespace ordinate
