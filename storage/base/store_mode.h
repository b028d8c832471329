#pragma once

#include <cstdint>

namespace ordinate {

/// How a store on the disk is opened.
enum class StoreMode : uint8_t {
  kReadOnly,  // neither locked nor written to; it must exist
  kExisting,  // for writing; it must exist, whole
  kCreate,    // for writing; made, or completed, when it is not there
};

}  // namespace ordinate
