// Insertion into a sorted array, written once for every instruction set; included as kernels_body.h
// is, after kernels_range.h.

// How many of `sorted` are below the key. Behind them stand kWords words that are not.
inline __attribute__((always_inline)) size_t RankOf(const uint64_t* sorted, size_t size,
                                                    uint64_t key) {
  // Halved, without branches, which nobody could foretell, until few enough are left to be compared
  // all at once: each halving waits for the one before it.
#if ORDINATE_KERNEL_WIDTH == 16
  constexpr size_t kAtOnce = 4;
#else
  constexpr size_t kAtOnce = 8 * kWords;
#endif
  const uint64_t* first = sorted;
  while (size > kAtOnce) {
    const size_t half = size / 2;
    const size_t mask = -static_cast<size_t>(first[half - 1] < key);
    first += half & mask;
    size -= half;
  }
  size_t below = 0;
#if ORDINATE_KERNEL_WIDTH == 16
  for (size_t i = 0; i < size; ++i) below += first[i] < key;
#else
  const WordVec keys = WordVec{} + key;
  for (size_t i = 0; i < size; i += kWords) {
    WordVec words;
    __builtin_memcpy(&words, first + i, sizeof(words));
    const SignedWordVec is_below = words < keys;
    below += static_cast<size_t>(__builtin_popcountll(SignBits(is_below)));
  }
#endif
  return static_cast<size_t>(first - sorted) + below;
}

size_t InsertSorted(uint64_t* sorted, size_t size, uint64_t key) {
  const size_t rank = RankOf(sorted, size, key);
  // Whole registers are moved by one, the last first; that of the rank was read before.
  WordVec lowest;
  __builtin_memcpy(&lowest, sorted + rank, sizeof(lowest));
  for (size_t end = size; end >= rank + kWords; end -= kWords) {
    WordVec words;
    __builtin_memcpy(&words, sorted + end - kWords, sizeof(words));
    __builtin_memcpy(sorted + end - kWords + 1, &words, sizeof(words));
  }
  __builtin_memcpy(sorted + rank + 1, &lowest, sizeof(lowest));
  sorted[rank] = key;
  return rank;
}
