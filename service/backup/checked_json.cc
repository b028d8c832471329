#include "service/backup/checked_json.h"

#include "absl/strings/str_format.h"
#include "storage/files/checksum.h"

namespace ordinate {

std::string ChecksumOf(const nlohmann::json& object) {
  nlohmann::json content = object;
  content.erase("checksum");
  const std::string text = content.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  return absl::StrFormat("%016x", Checksum64(text.data(), text.size()));
}

bool HasItsChecksum(const nlohmann::json& object) {
  if (!object.is_object()) return false;
  const auto checksum = object.find("checksum");
  return checksum != object.end() && *checksum == ChecksumOf(object);
}

}  // namespace ordinate
