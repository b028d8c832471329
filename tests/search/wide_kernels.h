#pragma once

#include "engine/search/kernel_table.h"

namespace ordinate {

/// The source of the AVX-512 kernels, with its 64-byte registers, compiled for any CPU: the
/// compiler splits each register.
extern const Kernels kWideKernels;

}  // namespace ordinate
