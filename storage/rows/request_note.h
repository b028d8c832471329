#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "storage/rows/update_log.h"

namespace ordinate {

/// A request note as bytes; numbers big-endian: the id's length u32, the id; fingerprint, first row
/// id, affected, each u64; the number of missing u32, each u32; the number of displaced u32, each
/// place u32 and row u64.
std::string EncodeRequestNote(const RequestNote& note);

/// nullopt: not what EncodeRequestNote writes. Takes memory only for bytes that are there.
std::optional<RequestNote> DecodeRequestNote(std::string_view bytes);

}  // namespace ordinate
