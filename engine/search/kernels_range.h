// Which words of a column lie in a range, written once for every instruction set; included as
// kernels_body.h is, after it.

typedef uint64_t WordVec __attribute__((vector_size(kWidth)));
typedef int64_t SignedWordVec __attribute__((vector_size(kWidth)));
constexpr int kWords = kWidth / 8;

// Bit i: the sign of lane i.
inline __attribute__((always_inline)) uint64_t SignBits(const SignedWordVec& lanes) {
#if ORDINATE_KERNEL_WIDTH == 64 && defined(__AVX512DQ__)
  return _mm512_movepi64_mask(reinterpret_cast<__m512i>(lanes));
#elif ORDINATE_KERNEL_WIDTH == 32 && defined(__AVX2__)
  return static_cast<uint64_t>(_mm256_movemask_pd(reinterpret_cast<__m256d>(lanes)));
#elif ORDINATE_KERNEL_WIDTH == 16 && defined(__SSE2__)
  return static_cast<uint64_t>(_mm_movemask_pd(reinterpret_cast<__m128d>(lanes)));
#else
  uint64_t bits = 0;
  for (int i = 0; i < kWords; ++i) bits |= static_cast<uint64_t>(lanes[i] < 0) << i;
  return bits;
#endif
}

// Make ranks of words, as column_rank.h has them.
struct IntegerRanks {
  uint64_t flip;
  inline __attribute__((always_inline)) void operator()(WordVec& words) const { words ^= flip; }
};
struct DoubleRanks {
  inline __attribute__((always_inline)) void operator()(WordVec& words) const {
    constexpr uint64_t kSign = uint64_t{1} << 63, kInfinity = 0x7ff0000000000000;
    const SignedWordVec negative = reinterpret_cast<SignedWordVec>(words) < 0;
    const SignedWordVec nan =
        reinterpret_cast<SignedWordVec>(words & ~kSign) > static_cast<int64_t>(kInfinity);
    words ^= reinterpret_cast<WordVec>(negative) | kSign;
    words |= reinterpret_cast<WordVec>(nan);
  }
};

template <typename Ranks>
inline __attribute__((always_inline)) void RangeBits(const Ranks& make_ranks, const uint64_t* words,
                                                     size_t count, uint64_t first, uint64_t span,
                                                     uint64_t* bits) {
  for (size_t group = 0; group < count; ++group) {
    uint64_t passed = 0;
#pragma GCC unroll 8
    for (int at = 0; at < 64; at += kWords) {
      WordVec lanes;
      __builtin_memcpy(&lanes, words + group * 64 + at, sizeof(lanes));
      make_ranks(lanes);
      passed |= SignBits(reinterpret_cast<SignedWordVec>(lanes - first <= span)) << at;
    }
    bits[group] = passed;
  }
}

void IntegersInRange(const uint64_t* words, size_t count, uint64_t flip, uint64_t first,
                     uint64_t span, uint64_t* bits) {
  RangeBits(IntegerRanks{flip}, words, count, first, span, bits);
}

void DoublesInRange(const uint64_t* words, size_t count, uint64_t first, uint64_t span,
                    uint64_t* bits) {
  RangeBits(DoubleRanks{}, words, count, first, span, bits);
}
