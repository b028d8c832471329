// The kernels, written once for every instruction set. No include guard and no includes: a source
// file defines ORDINATE_KERNEL_WIDTH (bytes of a SIMD register: 16, 32 or 64) and includes this
// inside an anonymous namespace, so that code compiled with an ISA's flags never stands in for
// another translation unit's. For the same reason nothing of the standard library is called here.

constexpr int kWidth = ORDINATE_KERNEL_WIDTH;
constexpr int kLanes = 16;

typedef float FloatVec __attribute__((vector_size(kWidth)));
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

template <typename Term>
void ApproximateSum4(const float* q, const float* const x[4], size_t stride, float out[4]) {
  ApproximateSums<Term, 4>(q, x, stride, out);
}

#undef ORDINATE_INLINE
