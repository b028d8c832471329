#include "engine/segment/row_matcher.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

#include "engine/search/kernels.h"
#include "engine/segment/column_rank.h"

namespace ordinate {
namespace {

using Op = MatchNode::Op;

// Words of rows that a tree is evaluated on at a time: what stays in the nearest cache.
constexpr size_t kChunkWords = 16;
using Chunk = std::array<uint64_t, kChunkWords>;

// From so many rows of a word on, testing all 64 costs less than picking.
constexpr int kDenseRows = 16;

// ---- tests of a cell that is not NULL

// Tests of a kernel take whole words of rows too, at the speed of memory.
template <typename Test>
concept HasKernel = requires(const Test& test, uint64_t* bits) {
  test.WholeWords(uint32_t{0}, size_t{1}, bits);
};

template <typename Rank>
class InRange {
 public:
  explicit InRange(const MatchNode& node)
      : words_(node.column->words.data()), first_(node.first_rank), span_(node.span) {}
  bool operator()(uint32_t row) const { return Rank()(words_[row]) - first_ <= span_; }

  /// Of 64 * `count` rows from `row` on.
  void WholeWords(uint32_t row, size_t count, uint64_t* bits) const
      requires(!std::is_same_v<Rank, BoolRank>) {
    if constexpr (std::is_same_v<Rank, DoubleRank>) {
      BestKernels().doubles_in_range(words_ + row, count, first_, span_, bits);
    } else {
      const uint64_t flip = Rank()(0);
      BestKernels().integers_in_range(words_ + row, count, flip, first_, span_, bits);
    }
  }

 private:
  const uint64_t* words_;
  uint64_t first_, span_;
};

template <typename Rank>
class InRanks {
 public:
  explicit InRanks(const MatchNode& node) : words_(node.column->words.data()), ranks_(node.ranks) {}
  bool operator()(uint32_t row) const { return ranks_.contains(Rank()(words_[row])); }

 private:
  const uint64_t* words_;
  const absl::flat_hash_set<uint64_t>& ranks_;
};

template <typename Holds>
class OnText {
 public:
  explicit OnText(const MatchNode& node)
      : offsets_(node.column->offsets.data()), bytes_(node.column->bytes.data()), node_(node) {}
  bool operator()(uint32_t row) const {
    const uint64_t begin = offsets_[row], end = offsets_[row + 1];
    return Holds()(std::string_view(bytes_ + begin, std::max(begin, end) - begin), node_);
  }

 private:
  const uint64_t* offsets_;
  const char* bytes_;
  const MatchNode& node_;
};

struct IsEqual {
  bool operator()(std::string_view cell, const MatchNode& node) const {
    // Values of one column often begin alike; they seldom end alike.
    return cell.size() == node.text.size() &&
           (cell.empty() || (cell.back() == node.text.back() && cell == node.text));
  }
};
struct HasPrefix {
  bool operator()(std::string_view cell, const MatchNode& node) const {
    return cell.starts_with(node.text);
  }
};
struct IsLess {
  bool operator()(std::string_view cell, const MatchNode& node) const { return cell < node.text; }
};
struct IsLessOrEqual {
  bool operator()(std::string_view cell, const MatchNode& node) const { return cell <= node.text; }
};
struct IsInTexts {
  bool operator()(std::string_view cell, const MatchNode& node) const {
    return node.texts.contains(cell);
  }
};

// Calls `use` with the test of a node on a column's values. REQUIRES: it is one.
template <typename Use>
void WithTest(const MatchNode& node, const Use& use) {
  switch (node.op) {
    case Op::kRange:
      return WithRank(node.column->type, [&]<typename Rank>(Rank) { use(InRange<Rank>(node)); });
    case Op::kRankIn:
      return WithRank(node.column->type, [&]<typename Rank>(Rank) { use(InRanks<Rank>(node)); });
    case Op::kEqual:
      return use(OnText<IsEqual>(node));
    case Op::kPrefix:
      return use(OnText<HasPrefix>(node));
    case Op::kLess:
      return use(OnText<IsLess>(node));
    case Op::kLessOrEqual:
      return use(OnText<IsLessOrEqual>(node));
    default:
      return use(OnText<IsInTexts>(node));
  }
}

// ---- one row

bool IsPresent(const MatchNode& node, uint32_t row) {
  return (node.column->present[row / 64] >> (row % 64) & 1) != 0;
}

template <typename Test>
bool MatchesTested(const MatchNode& node, uint32_t row) {
  return IsPresent(node, row) && Test(node)(row) != node.negated;
}

bool MatchesPresent(const MatchNode& node, uint32_t row) {
  return IsPresent(node, row) != node.negated;
}

bool MatchesAll(const MatchNode& node, uint32_t row) {
  return std::ranges::all_of(node.children,
                             [row](const MatchNode& child) { return child.matches(child, row); });
}

bool MatchesAny(const MatchNode& node, uint32_t row) {
  return std::ranges::any_of(node.children,
                             [row](const MatchNode& child) { return child.matches(child, row); });
}

void ResolveMatches(MatchNode& node) {
  for (MatchNode& child : node.children) ResolveMatches(child);
  switch (node.op) {
    case Op::kNever:
      node.matches = [](const MatchNode&, uint32_t) { return false; };
      return;
    case Op::kAlways:
      node.matches = [](const MatchNode&, uint32_t) { return true; };
      return;
    case Op::kPresent:
      node.matches = &MatchesPresent;
      return;
    case Op::kAnd:
      node.matches = &MatchesAll;
      return;
    case Op::kOr:
      node.matches = &MatchesAny;
      return;
    default:
      WithTest(node, [&]<typename Test>(const Test&) { node.matches = &MatchesTested<Test>; });
  }
}

void CollectColumns(const MatchNode& node, std::vector<const CapturedColumn*>& columns) {
  for (const MatchNode& child : node.children) CollectColumns(child, columns);
  if (node.column == nullptr || node.op == Op::kPresent) return;
  if (std::ranges::find(columns, node.column) == columns.end()) columns.push_back(node.column);
}

// ---- 64 rows at a time

// The bits of `asked` whose rows pass. Bit 0 is row `base`; rows of `asked` are in the segment.
template <typename Test>
uint64_t TestEach(const Test& test, uint32_t base, uint64_t asked) {
  uint64_t passed = 0;
  for (uint64_t rest = asked; rest != 0; rest &= rest - 1) {
    const auto i = static_cast<uint32_t>(std::countr_zero(rest));
    passed |= uint64_t{test(base + i)} << i;
  }
  return passed;
}

/// Evaluates a tree on the rows of one chunk.
class ChunkMatcher {
 public:
  /// `rows`: of the segment. The chunk begins at its word `base` and has `count` words.
  ChunkMatcher(uint32_t rows, size_t base, size_t count)
      : rows_(rows), base_(base), count_(count) {}

  /// Clears the bits of rows that do not match; those that are clear are not looked at.
  void Keep(const MatchNode& node, uint64_t* bits) const {
    switch (node.op) {
      case Op::kNever:
        std::fill_n(bits, count_, 0);
        return;
      case Op::kAlways:
        return;
      case Op::kAnd:
        for (const MatchNode& child : node.children) Keep(child, bits);
        return;
      case Op::kOr:
        return KeepAny(node, bits);
      case Op::kPresent:
        for (size_t i = 0; i < count_; ++i) {
          const uint64_t present = node.column->present[base_ + i];
          bits[i] &= node.negated ? ~present : present;
        }
        return;
      default:
        WithTest(node, [&](const auto& test) { KeepTested(node, test, bits); });
    }
  }

 private:
  void KeepAny(const MatchNode& node, uint64_t* bits) const {
    Chunk rest = {}, tried = {};  // not matched yet; of these, matched by a child
    std::copy_n(bits, count_, rest.data());
    for (const MatchNode& child : node.children) {
      tried = rest;
      Keep(child, tried.data());
      for (size_t i = 0; i < count_; ++i) rest[i] &= ~tried[i];
    }
    for (size_t i = 0; i < count_; ++i) bits[i] &= ~rest[i];
  }

  template <typename Test>
  void KeepTested(const MatchNode& node, const Test& test, uint64_t* bits) const {
    Chunk asked;
    int rows = 0;
    for (size_t i = 0; i < count_; ++i) {
      asked[i] = bits[i] & node.column->present[base_ + i];
      rows += std::popcount(asked[i]);
    }
    const Chunk passed = TestChunk(test, asked, rows);
    for (size_t i = 0; i < count_; ++i) {
      bits[i] = node.negated ? asked[i] & ~passed[i] : asked[i] & passed[i];
    }
  }

  // Which of the `rows` rows in `asked` pass; the other bits mean nothing.
  template <typename Test>
  Chunk TestChunk(const Test& test, const Chunk& asked, int rows) const {
    Chunk passed;
    size_t at = 0;
    if constexpr (HasKernel<Test>) {
      if (rows >= kDenseRows * static_cast<int>(count_)) {
        at = std::min<size_t>(count_, rows_ / 64 - base_);  // words all of whose rows there are
        test.WholeWords(FirstRow(0), at, passed.data());
      }
    }
    for (; at < count_; ++at) passed[at] = TestEach(test, FirstRow(at), asked[at]);
    return passed;
  }

  uint32_t FirstRow(size_t at) const { return static_cast<uint32_t>((base_ + at) * 64); }

  const uint32_t rows_;
  const size_t base_;
  const size_t count_;
};

}  // namespace

RowMatcher::RowMatcher(const Filter& filter, const SealedSegment& segment)
    : root_(CompileFilter(filter, segment)), rows_(segment.view().rows()) {
  ResolveMatches(root_);
  CollectColumns(root_, columns_);
}

void RowMatcher::MatchBlock(uint32_t first, uint32_t last, MatchedRows& matched) const {
  matched.base_ = first / 64;
  matched.last_ = last;
  matched.words_.clear();
  if (first >= last) return;  // greater: zeros of a lost file
  const size_t words = (size_t{last} + 63) / 64 - matched.base_;
  matched.words_.assign(words, ~uint64_t{0});
  matched.words_.front() &= ~uint64_t{0} << (first % 64);
  if (last % 64 != 0) matched.words_.back() &= ~(~uint64_t{0} << (last % 64));
  for (size_t at = 0; at < words; at += kChunkWords) {
    const size_t count = std::min(kChunkWords, words - at);
    ChunkMatcher(rows_, matched.base_ + at, count).Keep(root_, matched.words_.data() + at);
  }
}

}  // namespace ordinate
