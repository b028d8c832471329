#pragma once

#include <string>

#include "nlohmann/json.hpp"

namespace ordinate {

/// XXH3-64, as 16 hex digits, of the object in compact JSON without its member "checksum", its
/// members in order of their names. What a small file of facts carries to show that it is whole.
std::string ChecksumOf(const nlohmann::json& object);

/// Whether `object` is an object with the checksum of what else it holds.
bool HasItsChecksum(const nlohmann::json& object);

}  // namespace ordinate
