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
typedef float FourFloats __attribute__((vector_size(16)));
typedef int FourInts __attribute__((vector_size(16)));

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

// GCC 12 makes many instructions of a converted vector where there is one.
ORDINATE_INLINE void Load(const float* from, DoubleVec& to) {
#if ORDINATE_KERNEL_WIDTH == 64 && defined(__AVX512F__)
  to = reinterpret_cast<DoubleVec>(_mm512_maskz_cvtps_pd(0xff, _mm256_loadu_ps(from)));
  return;
#elif ORDINATE_KERNEL_WIDTH == 32 && defined(__AVX2__)
  to = reinterpret_cast<DoubleVec>(_mm256_cvtps_pd(_mm_loadu_ps(from)));
  return;
#endif
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

// The last four lanes of what Fold adds up: lane j += lane j+8, then lane j += lane j+4.
template <typename Quad, typename V, int kRegs>
ORDINATE_INLINE Quad FoldToFour(const V (&regs)[kRegs]) {
  constexpr int kQuads = kRegs * static_cast<int>(sizeof(V) / sizeof(Quad));
  Quad quad[kQuads];
  __builtin_memcpy(quad, regs, sizeof(quad));
#pragma GCC unroll 4
  for (int half = kQuads / 2; half >= 1; half /= 2) {
#pragma GCC unroll 4
    for (int j = 0; j < half; ++j) quad[j] += quad[j + half];
  }
  return quad[0];
}

// The sums of four vectors' last four lanes, (lane 0 + lane 2) + (lane 1 + lane 3) as Fold does, of
// all four at once: the lanes are transposed first.
template <typename Quad>
ORDINATE_INLINE Quad SumsOfFour(const Quad& a, const Quad& b, const Quad& c, const Quad& d) {
  const Quad ab01 = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const Quad ab23 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Quad cd01 = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Quad cd23 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  const Quad ab = ab01 + ab23;  // a0+a2 b0+b2 a1+a3 b1+b3
  const Quad cd = cd01 + cd23;
  return __builtin_shufflevector(ab, cd, 0, 1, 4, 5) + __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
}

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

// The sums of four rows, each as ExactSum gives it: side by side, they do not wait for each other.
template <typename Term>
ORDINATE_INLINE void ExactSumsOfFour(const float* q, const float* x, size_t stride, size_t dim,
                                     double* out) {
  Lanes64 lanes[4];
#pragma GCC unroll 4
  for (int v = 0; v < 4; ++v) Clear(lanes[v]);
  size_t i = 0;
  for (; i + kLanes <= dim; i += kLanes) {
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) AddBlock<Term>(q + i, x + v * stride + i, lanes[v]);
  }
  if (i < dim) {
    const Tail tq(q + i, dim - i);
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
      const Tail tx(x + v * stride + i, dim - i);
      AddBlock<Term>(tq.block, tx.block, lanes[v]);
    }
  }
#pragma GCC unroll 4
  for (int v = 0; v < 4; ++v) out[v] = Sum(lanes[v]);
}

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

template <typename Term>
void ExactRows(const float* q, const float* x, size_t stride, size_t dim, size_t count,
               double* out) {
  // So many bytes ahead: the hardware does not look as far.
  constexpr size_t kAhead = 4096;
  const size_t bytes = stride * sizeof(float);
  size_t i = 0;
  for (; i + 4 <= count; i += 4, x += 4 * stride) {
    const char* const ahead = reinterpret_cast<const char*>(x) + kAhead;
    for (size_t offset = 0; offset < 4 * bytes; offset += 64) {
      __builtin_prefetch(ahead + offset);
      __asm__ __volatile__("" ::: "memory");  // as in FetchRow
    }
    ExactSumsOfFour<Term>(q, x, stride, dim, out + i);
  }
  for (; i < count; ++i, x += stride) out[i] = ExactSum<Term>(q, x, dim);
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

template <typename Term, int kVectors, typename Fetch>
ORDINATE_INLINE void ApproximateSums(const float* q, const float* const* x, size_t stride,
                                     const Fetch& fetch, float* out) {
  Lanes32 lanes[kVectors];
#pragma GCC unroll 8
  for (int v = 0; v < kVectors; ++v) Clear(lanes[v]);
  for (size_t i = 0; i < stride; i += kLanes) {
    fetch(i);
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
  if constexpr (kVectors == 4) {
    const FourFloats sums =
        SumsOfFour(FoldToFour<FourFloats>(lanes[0].reg), FoldToFour<FourFloats>(lanes[1].reg),
                   FoldToFour<FourFloats>(lanes[2].reg), FoldToFour<FourFloats>(lanes[3].reg));
    __builtin_memcpy(out, &sums, sizeof(sums));
  } else {
#pragma GCC unroll 8
    for (int v = 0; v < kVectors; ++v) out[v] = Sum(lanes[v]);
  }
}

struct FetchNothing {
  ORDINATE_INLINE void operator()(size_t) const {}
};

template <typename Term>
float ApproximateSum(const float* q, const float* x, size_t stride) {
  float out;
  ApproximateSums<Term, 1>(q, &x, stride, FetchNothing(), &out);
  return out;
}

// While four rows are read side by side, what lies so far after them is fetched in its own order: a
// line for each that is read, as the hardware expects of a stream.
struct FetchStream {
  const float* from;
  ORDINATE_INLINE void operator()(size_t i) const {
    constexpr size_t kAhead = 8192 / sizeof(float);
#pragma GCC unroll 4
    for (size_t line = 0; line < 4; ++line) {
      __builtin_prefetch(from + kAhead + 4 * i + line * kLanes);
    }
  }
};

template <typename Term>
void ScanRows(const float* q, const float* x, size_t stride, size_t count, float* out) {
  size_t i = 0;
  for (; i + 4 <= count; i += 4, x += 4 * stride) {
    const float* const four[4] = {x, x + stride, x + 2 * stride, x + 3 * stride};
    ApproximateSums<Term, 4>(q, four, stride, FetchStream{x}, out + i);
  }
  for (; i < count; ++i, x += stride) out[i] = ApproximateSum<Term>(q, x, stride);
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

// Scores the rows in groups of four, with the first `bytes` of the rows of later groups on their
// way into the cache. The last group is filled up with its last row.
template <typename Scalar, typename Sum, typename Score>
ORDINATE_INLINE void InGroups(const Scalar* base, size_t stride, size_t bytes, const uint32_t* rows,
                              size_t count, const Score& score, Sum* out) {
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
    score(x, out + i);
  }
  if (i == count) return;
  const Scalar* x[4];
  for (size_t v = 0; v < 4; ++v) x[v] = base + rows[i + v < count ? i + v : count - 1] * stride;
  Sum sums[4];
  score(x, sums);
  for (size_t v = 0; i + v < count; ++v) out[i + v] = sums[v];
}

template <typename Term>
struct ApproximateScore {
  const float* q;
  size_t stride;
  ORDINATE_INLINE void operator()(const float* const* x, float* out) const {
    ApproximateSums<Term, 4>(q, x, stride, FetchNothing(), out);
  }
};

template <typename Term>
void ApproximateRows(const float* q, const float* base, size_t stride, const uint32_t* rows,
                     size_t count, float* out) {
  InGroups(base, stride, stride * sizeof(float), rows, count, ApproximateScore<Term>{q, stride},
           out);
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

// kShorts codes as numbers of 16 bits.
ORDINATE_INLINE void Load(const uint8_t* codes, ShortVec& to) {
#if ORDINATE_KERNEL_WIDTH == 64 && defined(__AVX512BW__)
  to = reinterpret_cast<ShortVec>(
      _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes))));
#elif ORDINATE_KERNEL_WIDTH == 32 && defined(__AVX2__)
  to = reinterpret_cast<ShortVec>(
      _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes))));
#else
  HalfByteVec bytes;
  __builtin_memcpy(&bytes, codes, sizeof(bytes));
  to = __builtin_convertvector(bytes, ShortVec);
#endif
}

// The numbers of kShorts bytes of a plane: of their low halves and of their high ones, times 16.
ORDINATE_INLINE void LoadHalves(const uint8_t* plane, ShortVec& low, ShortVec& high) {
  ShortVec bytes;
  Load(plane, bytes);
  low = (bytes & 15) << 4;
  high = bytes & 240;
}

// The sums of four rows.
template <typename Term, bool kBothPlanes>
ORDINATE_INLINE void CodeSums(const int16_t* q, const uint8_t* const* x, size_t stride,
                              int32_t* out) {
  constexpr size_t kHalf = 32;  // bytes of a plane that hold 64 dims
  IntVec sums[4][1] = {};
  const size_t plane = stride / 2;
  for (size_t block = 0; block < plane; block += kHalf) {
#pragma GCC unroll 4
    for (size_t i = block; i < block + kHalf; i += kShorts) {
      ShortVec q_low, q_high;
      __builtin_memcpy(&q_low, q + block + i, sizeof(q_low));
      __builtin_memcpy(&q_high, q + block + i + kHalf, sizeof(q_high));
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) {
        ShortVec low, high;
        LoadHalves(x[v] + i, low, high);
        if constexpr (kBothPlanes) {
          ShortVec rest;
          Load(x[v] + plane + i, rest);
          low |= rest & 15;
          high |= rest >> 4;
        }
        AddTerm(Term(), q_low, low, sums[v][0]);
        AddTerm(Term(), q_high, high, sums[v][0]);
      }
    }
  }
  const FourInts four = SumsOfFour(FoldToFour<FourInts>(sums[0]), FoldToFour<FourInts>(sums[1]),
                                   FoldToFour<FourInts>(sums[2]), FoldToFour<FourInts>(sums[3]));
  __builtin_memcpy(out, &four, sizeof(four));
}

template <typename Term, bool kBothPlanes>
struct CodeScore {
  const int16_t* q;
  size_t stride;
  ORDINATE_INLINE void operator()(const uint8_t* const* x, int32_t* out) const {
    CodeSums<Term, kBothPlanes>(q, x, stride, out);
  }
};

template <typename Term, bool kBothPlanes>
void CodeRows(const int16_t* q, const uint8_t* base, size_t stride, const uint32_t* rows,
              size_t count, int32_t* out) {
  InGroups(base, stride, kBothPlanes ? stride : stride / 2, rows, count,
           CodeScore<Term, kBothPlanes>{q, stride}, out);
}
