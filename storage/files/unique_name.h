#pragma once

#include <string>

namespace ordinate {

/// A random (version 4) UUID in lower-case text, from the kernel's generator. Thread-safe.
std::string NewUuid();

}  // namespace ordinate
