#include "engine/segment/match_tree.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <optional>
#include <utility>

#include "engine/segment/column_rank.h"

namespace ordinate {
namespace {

using Op = MatchNode::Op;

// The ranks of a type's values, ends included.
struct RankDomain {
  uint64_t first;
  uint64_t last;
};

RankDomain DomainOf(DataType type) {
  if (type == DataType::kBool) return {0, 1};
  if (type != DataType::kDouble) return {0, UINT64_MAX};
  const double lowest = -std::numeric_limits<double>::infinity();
  return {DoubleRank()(std::bit_cast<uint64_t>(lowest)), UINT64_MAX};
}

ValueView ValueOf(DataType type, uint64_t rank) {
  switch (type) {
    case DataType::kBool:
      return rank != 0;
    case DataType::kUint64:
      return rank;
    case DataType::kDouble:
      return std::bit_cast<double>((rank & kSignBit) != 0 ? rank ^ kSignBit : ~rank);
    case DataType::kTimestamp:
      return Timestamp{static_cast<int64_t>(rank ^ kSignBit)};
    default:
      return static_cast<int64_t>(rank ^ kSignBit);
  }
}

// The lowest rank whose value is not below the literal, or is above it; nullopt when there is none.
// Found with CompareScalars itself, which knows how numbers of different types compare.
std::optional<uint64_t> LowestRank(DataType type, const Value& literal, bool above) {
  const ValueView wanted = View(literal);
  const auto reached = [&](uint64_t rank) {
    const auto order = CompareScalars(ValueOf(type, rank), wanted);
    return above ? order > 0 : order >= 0;
  };
  auto [first, last] = DomainOf(type);
  if (!reached(last)) return std::nullopt;
  while (first < last) {
    const uint64_t middle = first + (last - first) / 2;
    if (reached(middle)) {
      last = middle;
    } else {
      first = middle + 1;
    }
  }
  return first;
}

MatchNode OnColumn(Op op, const CapturedColumn& column, bool negated) {
  MatchNode node;
  node.op = op;
  node.column = &column;
  node.negated = negated;
  return node;
}

// From `begin` up to, not including, `end`; nullopt: past the last rank.
MatchNode RangeNode(const CapturedColumn& column, std::optional<uint64_t> begin,
                    std::optional<uint64_t> end, bool negated) {
  if (!begin.has_value() || (end.has_value() && *end <= *begin)) {
    return negated ? OnColumn(Op::kPresent, column, false) : MatchNode();
  }
  MatchNode node = OnColumn(Op::kRange, column, negated);
  node.first_rank = *begin;
  node.span = (end.has_value() ? *end - 1 : UINT64_MAX) - *begin;
  return node;
}

MatchNode CompareNumber(const CapturedColumn& column, CompareOp op, const Value& literal,
                        bool negated) {
  const auto reaches = LowestRank(column.type, literal, /*above=*/false);
  const auto passes = LowestRank(column.type, literal, /*above=*/true);
  switch (op) {
    case CompareOp::kEq:
      return RangeNode(column, reaches, passes, negated);
    case CompareOp::kNe:
      return RangeNode(column, reaches, passes, !negated);
    case CompareOp::kLt:
      return RangeNode(column, 0, reaches, negated);
    case CompareOp::kLe:
      return RangeNode(column, 0, passes, negated);
    case CompareOp::kGt:
      return RangeNode(column, passes, std::nullopt, negated);
    case CompareOp::kGe:
      return RangeNode(column, reaches, std::nullopt, negated);
  }
  return MatchNode();
}

MatchNode TextNode(Op op, const CapturedColumn& column, const Value& text, bool negated) {
  MatchNode node = OnColumn(op, column, negated);
  node.text = std::get<std::string>(text);
  return node;
}

MatchNode CompareText(const CapturedColumn& column, CompareOp op, const Value& text, bool negated) {
  switch (op) {
    case CompareOp::kEq:
      return TextNode(Op::kEqual, column, text, negated);
    case CompareOp::kNe:
      return TextNode(Op::kEqual, column, text, !negated);
    case CompareOp::kLt:
      return TextNode(Op::kLess, column, text, negated);
    case CompareOp::kGe:
      return TextNode(Op::kLess, column, text, !negated);
    case CompareOp::kLe:
      return TextNode(Op::kLessOrEqual, column, text, negated);
    case CompareOp::kGt:
      return TextNode(Op::kLessOrEqual, column, text, !negated);
  }
  return MatchNode();
}

// A comparison with NULL is unknown, and so is its negation.
MatchNode Compare(const CapturedColumn& column, CompareOp op, const Value& literal, bool negated) {
  if (IsNull(literal)) return MatchNode();
  if (column.type == DataType::kString) return CompareText(column, op, literal, negated);
  return CompareNumber(column, op, literal, negated);
}

MatchNode List(Op op, std::vector<MatchNode> children) {
  MatchNode node;
  node.op = op;
  node.children = std::move(children);
  std::ranges::stable_sort(node.children, {}, &MatchNode::op);
  return node;
}

MatchNode Between(const CapturedColumn& column, const Filter& filter, bool negated) {
  const Value& low = filter.literals[0];
  const Value& high = filter.literals[1];
  if (!IsNull(low) && !IsNull(high) && column.type != DataType::kString) {
    return RangeNode(column, LowestRank(column.type, low, /*above=*/false),
                     LowestRank(column.type, high, /*above=*/true), negated);
  }
  std::vector<MatchNode> bounds;
  bounds.push_back(Compare(column, CompareOp::kGe, low, negated));
  bounds.push_back(Compare(column, CompareOp::kLe, high, negated));
  return List(negated ? Op::kOr : Op::kAnd, std::move(bounds));
}

// The captured word of a value of the column's type; nullopt: of another type.
std::optional<uint64_t> WordOf(DataType type, const Value& value) {
  const auto* truth = std::get_if<bool>(&value);
  if (type == DataType::kBool && truth != nullptr) return *truth;
  const auto* integer = std::get_if<int64_t>(&value);
  if (type == DataType::kInt64 && integer != nullptr) return static_cast<uint64_t>(*integer);
  const auto* natural = std::get_if<uint64_t>(&value);
  if (type == DataType::kUint64 && natural != nullptr) return *natural;
  const auto* number = std::get_if<double>(&value);
  if (type == DataType::kDouble && number != nullptr) return std::bit_cast<uint64_t>(*number);
  const auto* time = std::get_if<Timestamp>(&value);
  if (type == DataType::kTimestamp && time != nullptr) return static_cast<uint64_t>(time->micros);
  return std::nullopt;
}

void AddRank(DataType type, const Value& literal, MatchNode& node) {
  const std::optional<uint64_t> word = WordOf(type, literal);
  // BindFilter leaves a literal in another type only when no value of the column equals it.
  if (!word.has_value()) return;
  node.ranks.insert(WithRank(type, [&](auto rank_of) { return rank_of(*word); }));
  if (type == DataType::kDouble && std::bit_cast<double>(*word) == 0.0) {
    node.ranks.insert({DoubleRank()(0), DoubleRank()(kSignBit)});  // 0.0 and -0.0
  }
}

MatchNode In(const CapturedColumn& column, const Filter& filter, bool negated) {
  // With a NULL in the list, a value that is not in it is unknown.
  if (negated && filter.has_null_literal) return MatchNode();
  if (column.type == DataType::kString) {
    MatchNode node = OnColumn(Op::kTextIn, column, negated);
    for (const Value& literal : filter.literals) {
      node.texts.insert(std::get<std::string>(literal));
    }
    return node;
  }
  MatchNode node = OnColumn(Op::kRankIn, column, negated);
  for (const Value& literal : filter.literals) AddRank(column.type, literal, node);
  return node;
}

MatchNode Leaf(const Filter& filter, const CapturedColumn& column, bool negated) {
  switch (filter.kind) {
    case Filter::Kind::kCompare:
      return Compare(column, filter.op, filter.literals[0], negated);
    case Filter::Kind::kIn:
      return In(column, filter, negated);
    case Filter::Kind::kBetween:
      return Between(column, filter, negated);
    case Filter::Kind::kPrefix:
      return TextNode(Op::kPrefix, column, filter.literals[0], negated);
    default:
      return OnColumn(Op::kPresent, column, !negated);
  }
}

MatchNode Compile(const Filter& filter, const SealedSegment& segment, bool negated) {
  if (filter.kind == Filter::Kind::kNot) return Compile(filter.children[0], segment, !negated);
  if (filter.kind == Filter::Kind::kAnd || filter.kind == Filter::Kind::kOr) {
    std::vector<MatchNode> children;
    for (const Filter& child : filter.children) {
      children.push_back(Compile(child, segment, negated));
    }
    // NOT (a AND b) is NOT a OR NOT b.
    return List((filter.kind == Filter::Kind::kAnd) != negated ? Op::kAnd : Op::kOr,
                std::move(children));
  }
  if (const CapturedColumn* column = segment.Captured(filter.column_position)) {
    return Leaf(filter, *column, negated);
  }
  // Every row reads NULL.
  MatchNode node;
  if (filter.kind == Filter::Kind::kIsNull && !negated) node.op = Op::kAlways;
  return node;
}

}  // namespace

MatchNode CompileFilter(const Filter& filter, const SealedSegment& segment) {
  return Compile(filter, segment, /*negated=*/false);
}

}  // namespace ordinate
