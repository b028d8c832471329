#include <immintrin.h>

#include <utility>

#include "engine/search/kernel_table.h"

#define ORDINATE_KERNEL_WIDTH 32

namespace ordinate {
namespace {
#include "engine/search/kernels_body.h"
#include "engine/search/kernels_encode.h"
#include "engine/search/kernels_range.h"
#include "engine/search/kernels_sorted.h"
#include "engine/search/kernels_tile.h"
}  // namespace

constinit const Kernels kAvx2Kernels = ORDINATE_KERNEL_TABLE("avx2");

}  // namespace ordinate
