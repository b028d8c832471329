#include "storage/files/unique_name.h"

#include <sys/random.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <random>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace ordinate {
namespace {

std::array<char, 16> RandomBytes() {
  std::array<char, 16> bytes;
  // A request this small is never cut short once the kernel's generator is seeded. A sandbox may
  // still forbid the call; the CPU's generator then serves.
  if (getentropy(bytes.data(), bytes.size()) != 0) {
    std::random_device device;
    for (size_t i = 0; i < bytes.size(); i += sizeof(uint32_t)) {
      const uint32_t word = device();
      std::memcpy(bytes.data() + i, &word, sizeof(word));
    }
  }
  return bytes;
}

}  // namespace

std::string NewUuid() {
  std::array<char, 16> bytes = RandomBytes();
  bytes[6] = static_cast<char>((bytes[6] & 0x0f) | 0x40);  // RFC 4122: version 4
  bytes[8] = static_cast<char>((bytes[8] & 0x3f) | 0x80);  // and its variant
  const std::string hex = absl::BytesToHexString(absl::string_view(bytes.data(), bytes.size()));
  const absl::string_view text = hex;
  return absl::StrCat(text.substr(0, 8), "-", text.substr(8, 4), "-", text.substr(12, 4), "-",
                      text.substr(16, 4), "-", text.substr(20));
}

}  // namespace ordinate
