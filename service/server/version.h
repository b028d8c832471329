#pragma once

namespace ordinate {

/// The program's version, from the build.
inline constexpr char kVersionText[] = ORDINATE_VERSION;

}  // namespace ordinate
