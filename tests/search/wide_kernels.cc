#include "tests/search/wide_kernels.h"

#include <utility>

#define ORDINATE_KERNEL_WIDTH 64

namespace ordinate {
namespace {
#include "engine/search/kernels_body.h"
#include "engine/search/kernels_encode.h"
#include "engine/search/kernels_range.h"
#include "engine/search/kernels_sorted.h"
#include "engine/search/kernels_tile.h"
}  // namespace

constinit const Kernels kWideKernels = ORDINATE_KERNEL_TABLE("wide");

}  // namespace ordinate
