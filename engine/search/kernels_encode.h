// What turns a vector into the numbers of a code, written once for every instruction set; included
// as kernels_body.h is, after it.

// The lane kHalf away, for every lane. Written as GCC and Clang both know it.
template <int kHalf, int... kLane>
ORDINATE_INLINE void Partners(const FloatVec& v, FloatVec& partners,
                              std::integer_sequence<int, kLane...>) {
  partners = __builtin_shufflevector(v, v, (kLane ^ kHalf)...);
}

// The butterflies of distance kHalf inside one register: a + b and a - b.
template <int kHalf>
ORDINATE_INLINE void Butterflies(FloatVec& v) {
  FloatVec partners, sign;
  Partners<kHalf>(v, partners, std::make_integer_sequence<int, kFloats>());
  for (int i = 0; i < kFloats; ++i) sign[i] = (i & kHalf) != 0 ? -1.0f : 1.0f;
  v = partners + v * sign;
}

// In place, without the factor 1/sqrt(size). REQUIRES: `size` is a power of two below kFloats.
ORDINATE_INLINE void SmallHadamard(float* x, size_t size) {
  for (size_t half = 1; half < size; half *= 2) {
    for (size_t i = 0; i < size; ++i) {
      if ((i & half) != 0) continue;
      const float a = x[i], b = x[i + half];
      x[i] = a + b;
      x[i + half] = a - b;
    }
  }
}

void SignedHadamard(float* x, const float* signs, size_t size) {
  if (size < kFloats) {
    for (size_t i = 0; i < size; ++i) x[i] *= signs[i];
    SmallHadamard(x, size);
    return;
  }
  for (size_t i = 0; i < size; i += kFloats) {
    FloatVec v, sign;
    Load(x + i, v);
    Load(signs + i, sign);
    v *= sign;
    Butterflies<1>(v);
    Butterflies<2>(v);
    if constexpr (kFloats > 4) Butterflies<4>(v);
    if constexpr (kFloats > 8) Butterflies<8>(v);
    __builtin_memcpy(x + i, &v, sizeof(v));
  }
  for (size_t half = kFloats; half < size; half *= 2) {
    for (size_t block = 0; block < size; block += 2 * half) {
      for (size_t i = block; i < block + half; i += kFloats) {
        FloatVec a, b;
        Load(x + i, a);
        Load(x + i + half, b);
        const FloatVec sum = a + b, difference = a - b;
        __builtin_memcpy(x + i, &sum, sizeof(sum));
        __builtin_memcpy(x + i + half, &difference, sizeof(difference));
      }
    }
  }
}

// To the nearest integer, of two the even one: beside 1.5 · 2^23 there are no fractions.
template <typename T>
ORDINATE_INLINE void RoundTo(const T& x, T& whole) {
  constexpr float kShift = 12582912.0f;
  whole = (x + kShift) - kShift;
}

LevelRange CodeLevels(const float* x, const float* centre, float scale, size_t dim, float* levels) {
  constexpr float kCentre = 128;
  FloatVec least = {}, greatest = {};
  size_t i = 0;
  for (; i + kFloats <= dim; i += kFloats) {
    FloatVec v, c;
    Load(x + i, v);
    Load(centre + i, c);
    v = (v - c) / scale + kCentre;
    least = v < least ? v : least;
    greatest = v > greatest ? v : greatest;
    __builtin_memcpy(levels + i, &v, sizeof(v));
  }
  LevelRange range{0, 0};
  for (int lane = 0; lane < kFloats; ++lane) {
    if (least[lane] < range.least) range.least = least[lane];
    if (greatest[lane] > range.greatest) range.greatest = greatest[lane];
  }
  for (; i < dim; ++i) {
    levels[i] = (x[i] - centre[i]) / scale + kCentre;
    if (levels[i] < range.least) range.least = levels[i];
    if (levels[i] > range.greatest) range.greatest = levels[i];
  }
  return range;
}

void RoundLevels(float* levels, size_t dim, float* rounded) {
  constexpr float kLast = 255;
  size_t i = 0;
  for (; i + kFloats <= dim; i += kFloats) {
    FloatVec v, whole;
    Load(levels + i, v);
    RoundTo(v, whole);
    const FloatVec none = {}, last = none + kLast;
    __builtin_memcpy(rounded + i, &whole, sizeof(whole));
    v = v > none ? v : none;
    v = v < last ? v : last;
    __builtin_memcpy(levels + i, &v, sizeof(v));
  }
  for (; i < dim; ++i) {
    RoundTo(levels[i], rounded[i]);
    levels[i] = levels[i] > 0 ? levels[i] : 0;
    levels[i] = levels[i] < kLast ? levels[i] : kLast;
  }
}
