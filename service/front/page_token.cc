#include "service/front/page_token.h"

#include <string_view>

#include "absl/strings/escaping.h"
#include "storage/base/error_details.h"
#include "storage/base/text.h"
#include "storage/model/key.h"

namespace ordinate {
namespace {

constexpr char kVersion = 1;
constexpr size_t kTableAt = 1;
constexpr size_t kRowAt = 5;
constexpr size_t kChecksumAt = 13;
constexpr size_t kTokenBytes = 17;
constexpr size_t kMaxTokenText = 64;

void AppendLittleEndian(uint64_t value, size_t bytes, std::string& out) {
  for (size_t i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
}

uint64_t ReadLittleEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (size_t i = bytes.size(); i > 0; --i) {
    value = (value << 8) | static_cast<uint8_t>(bytes[i - 1]);
  }
  return value;
}

uint64_t Checksum(std::string_view bytes) {
  return DefaultKeyHash(bytes.substr(0, kChecksumAt)) & 0xFFFFFFFF;
}

absl::Status Refuse(std::string_view what) {
  return InField(absl::InvalidArgumentError(Concat(
                     "page_token ", what,
                     "; pass the next_page_token of the page before, or nothing to start over")),
                 "page_token");
}

}  // namespace

std::string MakePageToken(uint32_t table_id, RowId last) {
  std::string bytes(1, kVersion);
  AppendLittleEndian(table_id, kRowAt - kTableAt, bytes);
  AppendLittleEndian(last, kChecksumAt - kRowAt, bytes);
  AppendLittleEndian(Checksum(bytes), kTokenBytes - kChecksumAt, bytes);
  return absl::WebSafeBase64Escape(bytes);
}

absl::StatusOr<RowId> ReadPageToken(const std::string& token, const TableDef& table) {
  std::string bytes;
  if (token.size() > kMaxTokenText || !absl::WebSafeBase64Unescape(token, &bytes) ||
      bytes.size() != kTokenBytes || bytes[0] != kVersion) {
    return Refuse("is not one this server gave");
  }
  const std::string_view view = bytes;
  if (ReadLittleEndian(view.substr(kChecksumAt)) != Checksum(view)) {
    return Refuse("is damaged");
  }
  if (ReadLittleEndian(view.substr(kTableAt, kRowAt - kTableAt)) != table.id) {
    return Refuse(Concat("is of another table than '", table.name, "'"));
  }
  return ReadLittleEndian(view.substr(kRowAt, kChecksumAt - kRowAt));
}

}  // namespace ordinate
