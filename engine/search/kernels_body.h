// The kernels, written once for every instruction set. No include guard and no includes: a source
// file defines ORDINATE_KERNEL_WIDTH (bytes of a SIMD register: 16, 32 or 64) and includes this
// inside an anonymous namespace, so that code compiled with an ISA's flags never stands in for
// another translation unit's. For the same reason nothing of the standard library is called here.

constexpr int kWidth = ORDINATE_KERNEL_WIDTH;
constexpr int kLanes = 16;
// Rows fetched before the one that is scored, and the most bytes fetched of each.
constexpr size_t kFetchAhead = 12;
constexpr size_t kFetchBytes = 1024;

typedef float FloatVec __attribute__((vector_size(kWidth)));
typedef short ShortVec __attribute__((vector_size(kWidth)));
typedef int IntVec __attribute__((vector_size(kWidth)));
typedef unsigned char HalfByteVec __attribute__((vector_size(kWidth / 2)));
typedef float HalfFloatVec __attribute__((vector_size(kWidth / 2)));
typedef double DoubleVec __attribute__((vector_size(kWidth)));

constexpr int kFloats = kWidth / 4;
constexpr int kDoubles = kWidth / 8;
constexpr int kFloatRegs = kLanes / kFloats;
constexpr int kDoubleRegs = kLanes / kDoubles;

#define ORDINATE_INLINE inline __attribute__((always_inline))

struct Lanes64 {
  DoubleVec reg[kDoubleRegs];
};
struct Lanes32 {
  FloatVec reg[kFloatRegs];
};

ORDINATE_INLINE void Clear(Lanes64& lanes) {
#pragma GCC unroll 8
  for (int r = 0; r < kDoubleRegs; ++r) lanes.reg[r] = DoubleVec{};
}
ORDINATE_INLINE void Clear(Lanes32& lanes) {
#pragma GCC unroll 8
  for (int r = 0; r < kFloatRegs; ++r) lanes.reg[r] = FloatVec{};
}

ORDINATE_INLINE void Load(const float* from, DoubleVec& to) {
  HalfFloatVec floats;
  __builtin_memcpy(&floats, from, sizeof(floats));
  to = __builtin_convertvector(floats, DoubleVec);
}
ORDINATE_INLINE void Load(const float* from, FloatVec& to) {
  __builtin_memcpy(&to, from, sizeof(to));
}

// Folds the lanes in halves, the order kernels.h documents: whole registers first, then the lanes
// of the one that is left.
template <typename Scalar, typename V, int kRegs>
ORDINATE_INLINE Scalar Fold(const V (&regs)[kRegs]) {
  V sum[kRegs];
#pragma GCC unroll 8
  for (int r = 0; r < kRegs; ++r) sum[r] = regs[r];
#pragma GCC unroll 8
  for (int half = kRegs / 2; half >= 1; half /= 2) {
#pragma GCC unroll 8
    for (int r = 0; r < half; ++r) sum[r] += sum[r + half];
  }
  constexpr int kLeft = sizeof(V) / sizeof(Scalar);
  Scalar lane[kLeft];
  __builtin_memcpy(lane, &sum[0], sizeof(lane));
#pragma GCC unroll 4
  for (int half = kLeft / 2; half >= 1; half /= 2) {
#pragma GCC unroll 16
    for (int j = 0; j < half; ++j) lane[j] += lane[j + half];
  }
  return lane[0];
}
ORDINATE_INLINE double Sum(const Lanes64& lanes) { return Fold<double>(lanes.reg); }
ORDINATE_INLINE float Sum(const Lanes32& lanes) { return Fold<float>(lanes.reg); }

struct SquaredDifference {
  template <typename V>
  static ORDINATE_INLINE void Add(const V& a, const V& b, V& sum) {
    const V d = a - b;
    sum += d * d;
  }
};
struct Product {
  template <typename V>
  static ORDINATE_INLINE void Add(const V& a, const V& b, V& sum) {
    sum += a * b;
  }
};

// Adds the terms of 16 dims, one to each lane.
template <typename Term>
ORDINATE_INLINE void AddBlock(const float* a, const float* b, Lanes64& lanes) {
#pragma GCC unroll 8
  for (int r = 0; r < kDoubleRegs; ++r) {
    DoubleVec va, vb;
    Load(a + r * kDoubles, va);
    Load(b + r * kDoubles, vb);
    Term::Add(va, vb, lanes.reg[r]);
  }
}

// The last dims of a vector, padded with zeros to a block.
struct Tail {
  float block[kLanes];
  ORDINATE_INLINE Tail(const float* from, size_t count) {
    for (int j = 0; j < kLanes; ++j) block[j] = 0;
    for (size_t j = 0; j < count; ++j) block[j] = from[j];
  }
};

template <typename Term>
double ExactSum(const float* a, const float* b, size_t dim) {
  Lanes64 lanes;
  Clear(lanes);
  size_t i = 0;
  for (; i + kLanes <= dim; i += kLanes) AddBlock<Term>(a + i, b + i, lanes);
  if (i < dim) {
    const Tail ta(a + i, dim - i), tb(b + i, dim - i);
    AddBlock<Term>(ta.block, tb.block, lanes);
  }
  return Sum(lanes);
}

ORDINATE_INLINE void AddDotAndNorm(const float* q, const float* x, Lanes64& dot, Lanes64& norm) {
#pragma GCC unroll 8
  for (int r = 0; r < kDoubleRegs; ++r) {
    DoubleVec vq, vx;
    Load(q + r * kDoubles, vq);
    Load(x + r * kDoubles, vx);
    dot.reg[r] += vq * vx;
    norm.reg[r] += vx * vx;
  }
}

DotAndNorm ExactDotNorm(const float* q, const float* x, size_t dim) {
  Lanes64 dot, norm;
  Clear(dot);
  Clear(norm);
  size_t i = 0;
  for (; i + kLanes <= dim; i += kLanes) AddDotAndNorm(q + i, x + i, dot, norm);
  if (i < dim) {
    const Tail tq(q + i, dim - i), tx(x + i, dim - i);
    AddDotAndNorm(tq.block, tx.block, dot, norm);
  }
  return DotAndNorm{Sum(dot), Sum(norm)};
}

template <typename Term, int kVectors>
ORDINATE_INLINE void ApproximateSums(const float* q, const float* const* x, size_t stride,
                                     float* out) {
  Lanes32 lanes[kVectors];
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) Clear(lanes[v]);
  for (size_t i = 0; i < stride; i += kLanes) {
#pragma GCC unroll 8
    for (int r = 0; r < kFloatRegs; ++r) {
      FloatVec vq;
      Load(q + i + r * kFloats, vq);
#pragma GCC unroll 8
      for (int v = 0; v < kVectors; ++v) {
        FloatVec vx;
        Load(x[v] + i + r * kFloats, vx);
        Term::Add(vq, vx, lanes[v].reg[r]);
      }
    }
  }
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) out[v] = Sum(lanes[v]);
}

template <typename Term>
float ApproximateSum(const float* q, const float* x, size_t stride) {
  float out;
  ApproximateSums<Term, 1>(q, &x, stride, &out);
  return out;
}

// Fetches a row into the cache. What follows the first lines of a long row, the hardware fetches.
ORDINATE_INLINE void FetchRow(const void* row, size_t bytes) {
  const char* const from = static_cast<const char*>(row);
  if (bytes > kFetchBytes) bytes = kFetchBytes;
  for (size_t offset = 0; offset < bytes; offset += 64) {
    __builtin_prefetch(from + offset);
    // GCC 12 drops every prefetch of such a loop but the first; a compiler barrier keeps them.
    __asm__ __volatile__("" ::: "memory");
  }
}

// Calls score(first, n) for the rows in groups of four, then one by one, with the rows of later
// groups on their way into the cache.
template <typename Scalar, typename Score>
ORDINATE_INLINE void InGroups(const Scalar* base, size_t stride, const uint32_t* rows, size_t count,
                              const Score& score) {
  const size_t bytes = stride * sizeof(Scalar);
  size_t fetched = 0;
  for (; fetched < count && fetched < kFetchAhead; ++fetched) {
    FetchRow(base + rows[fetched] * stride, bytes);
  }
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (; fetched < count && fetched < i + 4 + kFetchAhead; ++fetched) {
      FetchRow(base + rows[fetched] * stride, bytes);
    }
    const Scalar* const x[4] = {base + rows[i] * stride, base + rows[i + 1] * stride,
                                base + rows[i + 2] * stride, base + rows[i + 3] * stride};
    score.Four(x, i);
  }
  for (; i < count; ++i) score.One(base + rows[i] * stride, i);
}

template <typename Term>
struct ApproximateScore {
  const float* q;
  size_t stride;
  float* out;
  ORDINATE_INLINE void Four(const float* const* x, size_t i) const {
    ApproximateSums<Term, 4>(q, x, stride, out + i);
  }
  ORDINATE_INLINE void One(const float* x, size_t i) const {
    ApproximateSums<Term, 1>(q, &x, stride, out + i);
  }
};

template <typename Term>
void ApproximateRows(const float* q, const float* base, size_t stride, const uint32_t* rows,
                     size_t count, float* out) {
  InGroups(base, stride, rows, count, ApproximateScore<Term>{q, stride, out});
}

constexpr int kShorts = kWidth / 2;

// sum += a[2j] · b[2j] + a[2j + 1] · b[2j + 1] for each lane j.
ORDINATE_INLINE void MultiplyAddPairs(const ShortVec& a, const ShortVec& b, IntVec& sum) {
#if ORDINATE_KERNEL_WIDTH == 64 && defined(__AVX512VNNI__)
  sum = reinterpret_cast<IntVec>(_mm512_dpwssd_epi32(
      reinterpret_cast<__m512i>(sum), reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif ORDINATE_KERNEL_WIDTH == 64 && defined(__AVX512BW__)
  sum += reinterpret_cast<IntVec>(
      _mm512_madd_epi16(reinterpret_cast<__m512i>(a), reinterpret_cast<__m512i>(b)));
#elif ORDINATE_KERNEL_WIDTH == 32 && defined(__AVX2__)
  sum += reinterpret_cast<IntVec>(
      _mm256_madd_epi16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
#elif ORDINATE_KERNEL_WIDTH == 16 && defined(__SSE2__)
  sum += reinterpret_cast<IntVec>(
      _mm_madd_epi16(reinterpret_cast<__m128i>(a), reinterpret_cast<__m128i>(b)));
#else
#pragma GCC unroll 8
  for (int j = 0; j < kShorts / 2; ++j) {
    sum[j] += int{a[2 * j]} * b[2 * j] + int{a[2 * j + 1]} * b[2 * j + 1];
  }
#endif
}

ORDINATE_INLINE void AddTerm(SquaredDifference, const ShortVec& q, const ShortVec& x, IntVec& sum) {
  const ShortVec d = q - x;
  MultiplyAddPairs(d, d, sum);
}
ORDINATE_INLINE void AddTerm(Product, const ShortVec& q, const ShortVec& x, IntVec& sum) {
  MultiplyAddPairs(q, x, sum);
}

ORDINATE_INLINE int32_t SumOf(const IntVec& sum) {
  int lane[kWidth / 4];
  __builtin_memcpy(lane, &sum, sizeof(lane));
  int total = 0;
#pragma GCC unroll 16
  for (int j = 0; j < kWidth / 4; ++j) total += lane[j];
  return total;
}

template <typename Term, int kVectors>
ORDINATE_INLINE void CodeSums(const int16_t* q, const uint8_t* const* x, size_t stride,
                              int32_t* out) {
  IntVec sums[kVectors];
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) sums[v] = IntVec{};
  for (size_t i = 0; i < stride; i += kShorts) {
    ShortVec vq;
    __builtin_memcpy(&vq, q + i, sizeof(vq));
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) {
      HalfByteVec bytes;
      __builtin_memcpy(&bytes, x[v] + i, sizeof(bytes));
      AddTerm(Term(), vq, __builtin_convertvector(bytes, ShortVec), sums[v]);
    }
  }
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) out[v] = SumOf(sums[v]);
}

template <typename Term>
struct CodeScore {
  const int16_t* q;
  size_t stride;
  int32_t* out;
  ORDINATE_INLINE void Four(const uint8_t* const* x, size_t i) const {
    CodeSums<Term, 4>(q, x, stride, out + i);
  }
  ORDINATE_INLINE void One(const uint8_t* x, size_t i) const {
    CodeSums<Term, 1>(q, &x, stride, out + i);
  }
};

template <typename Term>
void CodeRows(const int16_t* q, const uint8_t* base, size_t stride, const uint32_t* rows,
              size_t count, int32_t* out) {
  InGroups(base, stride, rows, count, CodeScore<Term>{q, stride, out});
}

#undef ORDINATE_INLINE
