// Estimates of many rows for many queries, written once for every instruction set like
// kernels_body.h, which is included before, in the same scope. Fused multiply-adds are used where
// there are any: an estimate need not have the same bits everywhere.

constexpr size_t kTileDims = 64;  // dims summed up by themselves, so that few roundings add up
constexpr int kTileRegs = kTileQueries / kFloats;  // that hold a number for each query of a tile
// Rows whose sums for two registers of queries fill the register file, but for the factors.
constexpr int kTileRows = kWidth == 64 ? 12 : 6;

ORDINATE_INLINE void MultiplyAdd(const FloatVec& a, float b, FloatVec& sum) {
#if ORDINATE_KERNEL_WIDTH == 64 && defined(__AVX512F__)
  sum = reinterpret_cast<FloatVec>(_mm512_fmadd_ps(reinterpret_cast<__m512>(a), _mm512_set1_ps(b),
                                                   reinterpret_cast<__m512>(sum)));
#elif ORDINATE_KERNEL_WIDTH == 32 && defined(__FMA__)
  sum = reinterpret_cast<FloatVec>(_mm256_fmadd_ps(reinterpret_cast<__m256>(a), _mm256_set1_ps(b),
                                                   reinterpret_cast<__m256>(sum)));
#else
  sum += a * b;
#endif
}

// The products of kRows rows with the queries of kRegs registers, over `dims` dims: written to the
// sums of the rows, kTileQueries floats apart, or added to them.
template <int kRows, int kRegs>
ORDINATE_INLINE void MultiplyGroup(const float* const* q, const float* x, size_t stride,
                                   size_t dims, bool add, float* const* sums) {
  FloatVec acc[kRows][kRegs] = {};
  for (size_t d = 0; d < dims; ++d) {
    FloatVec vq[kRegs];
#pragma GCC unroll 4
    for (int v = 0; v < kRegs; ++v) Load(q[v] + d * kTileQueries, vq[v]);
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      const float value = x[r * stride + d];
#pragma GCC unroll 4
      for (int v = 0; v < kRegs; ++v) MultiplyAdd(vq[v], value, acc[r][v]);
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kRegs; ++v) {
      float* const out = sums[v] + r * kTileQueries;
      if (add) {
        FloatVec before;
        Load(out, before);
        acc[r][v] += before;
      }
      __builtin_memcpy(out, &acc[r][v], sizeof(FloatVec));
    }
  }
}

// As TileDots, of the queries of kRegs registers.
template <int kRegs>
ORDINATE_INLINE void MultiplyRegs(const float* const* q, const float* x, size_t stride,
                                  size_t count, bool fetch, float* const* sums) {
  for (size_t first = 0; first < stride; first += kTileDims) {
    const size_t dims = stride - first < kTileDims ? stride - first : kTileDims;
    const float* from[kRegs];
    for (int v = 0; v < kRegs; ++v) from[v] = q[v] + first * kTileQueries;
    float* out[kRegs];
    for (int v = 0; v < kRegs; ++v) out[v] = sums[v];
    const float* row = x + first;
    size_t r = 0;
    for (; r + kTileRows <= count; r += kTileRows, row += kTileRows * stride) {
      if (fetch) {
        for (size_t ahead = 0; ahead < kTileRows; ++ahead) {
          FetchRow(row + (count + ahead) * stride, dims * sizeof(float));
        }
      }
      MultiplyGroup<kTileRows, kRegs>(from, row, stride, dims, first > 0, out);
      for (int v = 0; v < kRegs; ++v) out[v] += kTileRows * kTileQueries;
    }
    for (; r < count; ++r, row += stride) {
      MultiplyGroup<1, kRegs>(from, row, stride, dims, first > 0, out);
      for (int v = 0; v < kRegs; ++v) out[v] += kTileQueries;
    }
  }
}

void TileDots(const float* tiles, size_t tile_count, const float* x, size_t stride, size_t count,
              float* sums) {
  const size_t regs = tile_count * kTileRegs;
  const auto q = [&](size_t reg) {
    return tiles + reg / kTileRegs * stride * kTileQueries + reg % kTileRegs * kFloats;
  };
  const auto out = [&](size_t reg) {
    return sums + reg / kTileRegs * count * kTileQueries + reg % kTileRegs * kFloats;
  };
  size_t reg = 0;
  for (; reg + 2 <= regs; reg += 2) {
    const float* const two[2] = {q(reg), q(reg + 1)};
    float* const sums_of_two[2] = {out(reg), out(reg + 1)};
    MultiplyRegs<2>(two, x, stride, count, reg == 0, sums_of_two);
  }
  if (reg == regs) return;
  const float* const one[1] = {q(reg)};
  float* const sums_of_one[1] = {out(reg)};
  MultiplyRegs<1>(one, x, stride, count, reg == 0, sums_of_one);
}

// Bit i: whether lane i of `a` is not less than that of `b`. A NaN is not.
ORDINATE_INLINE uint32_t NotLess(const FloatVec& a, const FloatVec& b) {
#if ORDINATE_KERNEL_WIDTH == 64 && defined(__AVX512F__)
  return _mm512_cmp_ps_mask(reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b), _CMP_NLT_UQ);
#elif ORDINATE_KERNEL_WIDTH == 32 && defined(__AVX2__)
  return static_cast<uint32_t>(_mm256_movemask_ps(
      _mm256_cmp_ps(reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b), _CMP_NLT_UQ)));
#elif ORDINATE_KERNEL_WIDTH == 16 && defined(__SSE2__)
  return static_cast<uint32_t>(
      _mm_movemask_ps(_mm_cmpnlt_ps(reinterpret_cast<__m128>(a), reinterpret_cast<__m128>(b))));
#else
  float lane_a[kFloats], lane_b[kFloats];
  __builtin_memcpy(lane_a, &a, sizeof(a));
  __builtin_memcpy(lane_b, &b, sizeof(b));
  uint32_t bits = 0;
  for (int i = 0; i < kFloats; ++i) bits |= (lane_a[i] < lane_b[i] ? 0u : 1u) << i;
  return bits;
#endif
}

size_t TileSelect(float* sums, const float* scale, const float* bias, const float* least,
                  size_t count, uint32_t* rows, uint32_t* queries) {
  FloatVec floor[kTileRegs];
#pragma GCC unroll 4
  for (int v = 0; v < kTileRegs; ++v) Load(least + v * kFloats, floor[v]);
  size_t found = 0;
  for (size_t r = 0; r < count; ++r, sums += kTileQueries) {
    uint32_t bits = 0;
#pragma GCC unroll 4
    for (int v = 0; v < kTileRegs; ++v) {
      FloatVec estimate;
      Load(sums + v * kFloats, estimate);
      if (scale != nullptr) estimate *= scale[r];
      if (bias != nullptr) estimate += bias[r];
      __builtin_memcpy(sums + v * kFloats, &estimate, sizeof(estimate));
      bits |= NotLess(estimate, floor[v]) << (v * kFloats);
    }
    rows[found] = static_cast<uint32_t>(r);
    queries[found] = bits;
    found += bits != 0;
  }
  return found;
}

void SquaredNorms(const float* x, size_t stride, size_t count, float* out) {
  size_t i = 0;
  for (; i + 4 <= count; i += 4, x += 4 * stride) {
    Lanes32 lanes[4];
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) Clear(lanes[v]);
    for (size_t d = 0; d < stride; d += kLanes) {
#pragma GCC unroll 4
      for (int r = 0; r < kFloatRegs; ++r) {
#pragma GCC unroll 4
        for (int v = 0; v < 4; ++v) {
          FloatVec vx;
          Load(x + v * stride + d + r * kFloats, vx);
          Product::Add(vx, vx, lanes[v].reg[r]);
        }
      }
    }
    const FourFloats sums =
        SumsOfFour(FoldToFour<FourFloats>(lanes[0].reg), FoldToFour<FourFloats>(lanes[1].reg),
                   FoldToFour<FourFloats>(lanes[2].reg), FoldToFour<FourFloats>(lanes[3].reg));
    __builtin_memcpy(out + i, &sums, sizeof(sums));
  }
  for (; i < count; ++i, x += stride) out[i] = ApproximateSum<Product>(x, x, stride);
}

#undef ORDINATE_INLINE
