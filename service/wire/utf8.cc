#include "service/wire/utf8.h"

#include <cstddef>
#include <cstdint>

namespace ordinate {
namespace {

// Bytes of the sequence a lead byte starts, 0 for none, and the range its second byte may be in:
// the narrowed ranges keep out overlong forms, surrogates and what is past U+10FFFF.
struct Lead {
  size_t length;
  uint8_t low, high;
};

Lead LeadOf(uint8_t byte) {
  if (byte >= 0xC2 && byte <= 0xDF) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  if (byte >= 0xF1 && byte <= 0xF3) return {4, 0x80, 0xBF};
  return {0, 0, 0};
}

}  // namespace

bool IsUtf8(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  size_t i = 0;
  while (i < text.size()) {
    if (byte(i) < 0x80) {
      ++i;
      continue;
    }
    const Lead lead = LeadOf(byte(i));
    if (lead.length == 0 || text.size() - i < lead.length) return false;
    if (byte(i + 1) < lead.low || byte(i + 1) > lead.high) return false;
    for (size_t k = 2; k < lead.length; ++k) {
      if ((byte(i + k) & 0xC0) != 0x80) return false;
    }
    i += lead.length;
  }
  return true;
}

}  // namespace ordinate
