#pragma once

// Included by translation units compiled for one ISA: nothing of the standard library may come in
// here, because its inline functions and initialisers would be compiled for that ISA too.
#include <stddef.h>
#include <stdint.h>

namespace ordinate {

/// What the levels of a vector lie between.
struct LevelRange {
  float least = 0;     // or 0, if that is less
  float greatest = 0;  // or 0, if that is greater
};

/// The two sums a cosine needs, in one pass over x.
struct DotAndNorm {
  double dot = 0;   // q · x
  double norm = 0;  // x · x
};

/// `base`: rows × stride, codes in two planes (scalar_code.h).
using CodeRowsFunction = void(const int16_t* q, const uint8_t* base, size_t stride,
                              const uint32_t* rows, size_t count, int32_t* out);

/// Queries of a tile: side by side, their dims one after the other (TileDots).
inline constexpr int kTileQueries = 16;

using ExactRowsFunction = void(const float* q, const float* x, size_t stride, size_t dim,
                               size_t count, double* out);
using ScanRowsFunction = void(const float* q, const float* x, size_t stride, size_t count,
                              float* out);

/// The distance functions of one instruction set. Every table gives the same bits for the same
/// input, but for estimates (tile_dots), because all of them sum in the one order below, without
/// fused multiply-adds:
///
///   16 lanes start at +0; lane j adds the terms of the dims i ≡ j (mod 16), i ascending; then
///   lane j += lane j+8 for j < 8, lane j += lane j+4 for j < 4, lane j += lane j+2 for j < 2, and
///   lane 0 + lane 1 is the sum. Dims after the last count as zeros.
///
/// The `exact_` functions take any address and any dim, convert each f32 to f64 first and do all
/// arithmetic in f64 (contract 2.3). The others do all arithmetic in f32 over `stride` floats, a
/// multiple of 16, or in integers over `stride` codes, a multiple of 64; they guide the graph
/// search and never reach a caller of the service.
///
/// A `_rows` function scores the rows `rows[0 .. count)` of a matrix, and fetches each into the
/// cache some rows before it is scored; out[i] has the bits that the row's own sum has.
struct Kernels {
  const char* name;  // "baseline", "avx2", "avx512", "avx512vnni"

  /// Sum of (a - b)².
  double (*exact_l2sq)(const float* a, const float* b, size_t dim);
  double (*exact_dot)(const float* a, const float* b, size_t dim);
  DotAndNorm (*exact_dot_norm)(const float* q, const float* x, size_t dim);
  /// The same of `count` rows one after the other, `stride` floats apart; out[i] has the bits of
  /// the row's own sum.
  ExactRowsFunction* exact_l2sq_rows;
  ExactRowsFunction* exact_dot_rows;

  float (*l2sq)(const float* q, const float* x, size_t stride);
  float (*dot)(const float* q, const float* x, size_t stride);
  void (*l2sq_rows)(const float* q, const float* base, size_t stride, const uint32_t* rows,
                    size_t count, float* out);
  void (*dot_rows)(const float* q, const float* base, size_t stride, const uint32_t* rows,
                   size_t count, float* out);
  /// The same of `count` rows one after the other, as a scan reads them: what follows the last is
  /// on its way into the cache afterwards.
  ScanRowsFunction* l2sq_scan;
  ScanRowsFunction* dot_scan;

  /// Estimates for many queries at once, in f32 and in any order of summation, fused multiply-adds
  /// among it; their bits differ between tables (query_tiles.h has what they can be wrong by).
  ///
  /// tile_dots: q · x of `count` rows, `stride` floats apart, a multiple of 16, for the queries of
  /// `tile_count` tiles: float d * kTileQueries + j of a tile is dim d of its query j, and a tile
  /// has stride * kTileQueries floats. Float (t * count + r) * kTileQueries + j of `sums` is that
  /// of row r and query j of tile t. Each is summed up of sums over 64 dims, themselves in order of
  /// the dims. As many rows more are on their way into the cache afterwards.
  void (*tile_dots)(const float* tiles, size_t tile_count, const float* x, size_t stride,
                    size_t count, float* sums);
  /// Makes of the sums of one tile estimates, sum * scale[row] + bias[row] (null: 1; 0), in place.
  /// Returns how many rows have one that is not less than least[query], NaN among them; rows[i] is
  /// the i-th of them, and bit j of queries[i] says whether it is one for query j. `rows` and
  /// `queries` have room for `count`.
  size_t (*tile_select)(float* sums, const float* scale, const float* bias, const float* least,
                        size_t count, uint32_t* rows, uint32_t* queries);
  /// x · x of each row, in the order of `dot`.
  void (*squared_norms)(const float* x, size_t stride, size_t count, float* out);

  /// Sums of (q - code)² and of q · code, exact in 32 bits. REQUIRES: they fit (ScalarCode).
  CodeRowsFunction* code_l2sq_rows;
  CodeRowsFunction* code_dot_rows;
  /// The same with the numbers of the codes' first planes, times 16, for the codes.
  CodeRowsFunction* guide_l2sq_rows;
  CodeRowsFunction* guide_dot_rows;

  /// Of `count` groups of 64 words each, bit i of bits[g] says whether the word i of the group g is
  /// in a range: rank - first <= span. An integer's rank is the word with the bits of `flip`
  /// turned; a double's is the number that orders doubles, NaN last (column_rank.h).
  void (*integers_in_range)(const uint64_t* words, size_t count, uint64_t flip, uint64_t first,
                            uint64_t span, uint64_t* bits);
  void (*doubles_in_range)(const uint64_t* words, size_t count, uint64_t first, uint64_t span,
                           uint64_t* bits);

  /// Of the rotation of codes: x *= signs, then the Walsh-Hadamard transform in place, without the
  /// factor 1/sqrt(size); butterflies of distance 1 first. REQUIRES: `size` is a power of two.
  void (*signed_hadamard)(float* x, const float* signs, size_t size);
  /// levels[i] = (x[i] - centre[i]) / scale + 128.
  LevelRange (*code_levels)(const float* x, const float* centre, float scale, size_t dim,
                            float* levels);
  /// rounded[i] is the integer nearest to levels[i], of two the even one; then each level is
  /// clamped to 0 to 255. REQUIRES: no level is farther than 2^22 from 0.
  void (*round_levels)(float* levels, size_t dim, float* rounded);

  /// Inserts the key into `size` words in ascending order, and returns its place. REQUIRES: eight
  /// words more, none of them below the key; they are moved up by one, but for the last.
  size_t (*insert_sorted)(uint64_t* sorted, size_t size, uint64_t key);
};

extern const Kernels kBaselineKernels;
/// Built for x86-64 alone (ORDINATE_X86_KERNELS). REQUIRES: the CPU has the ISA.
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;
extern const Kernels kAvx512VnniKernels;

}  // namespace ordinate

/// The table of the kernels that kernels_body.h, kernels_encode.h, kernels_range.h,
/// kernels_sorted.h and kernels_tile.h defined in the including scope.
#define ORDINATE_KERNEL_TABLE(table_name)                                                         \
  {                                                                                               \
    (table_name), &ExactSum<SquaredDifference>, &ExactSum<Product>, &ExactDotNorm,                \
        &ExactRows<SquaredDifference>, &ExactRows<Product>, &ApproximateSum<SquaredDifference>,   \
        &ApproximateSum<Product>, &ApproximateRows<SquaredDifference>, &ApproximateRows<Product>, \
        &ScanRows<SquaredDifference>, &ScanRows<Product>, &TileDots, &TileSelect, &SquaredNorms,  \
        &CodeRows<SquaredDifference, true>, &CodeRows<Product, true>,                             \
        &CodeRows<SquaredDifference, false>, &CodeRows<Product, false>, &IntegersInRange,         \
        &DoublesInRange, &SignedHadamard, &CodeLevels, &RoundLevels, &InsertSorted                \
  }
