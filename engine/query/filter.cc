#include "engine/query/filter.h"

#include <algorithm>
#include <utility>

#include "engine/query/column_lookup.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

absl::Status Refuse(std::string_view problem) {
  return absl::InvalidArgumentError(Concat("filter: ", problem));
}

absl::Status CheckChildren(const Filter& node) {
  switch (node.kind) {
    case Filter::Kind::kAnd:
    case Filter::Kind::kOr:
      if (!node.children.empty()) return absl::OkStatus();
      return Refuse("an AND or OR has no conditions; expected at least one");
    case Filter::Kind::kNot:
      if (node.children.size() == 1) return absl::OkStatus();
      return Refuse(Concat("a NOT has ", node.children.size(), " conditions; expected one"));
    case Filter::Kind::kCompare:
    case Filter::Kind::kIn:
    case Filter::Kind::kIsNull:
    case Filter::Kind::kBetween:
    case Filter::Kind::kPrefix:
      if (node.children.empty()) return absl::OkStatus();
      return Refuse(Concat("the condition on column ", Quoted(node.column),
                           " has conditions under it; expected none"));
  }
  return Refuse(Concat("unknown kind ", static_cast<int>(node.kind), " of condition"));
}

// Releases a tree level by level: the destructor would recurse as deep as the tree is.
void Dismantle(Filter root) {
  std::vector<Filter> pending;
  pending.push_back(std::move(root));
  while (!pending.empty()) {
    Filter node = std::move(pending.back());
    pending.pop_back();
    std::move(node.children.begin(), node.children.end(), std::back_inserter(pending));
    node.children.clear();
  }
}

// The literal in the column's own type where that loses nothing; otherwise as it is.
Value Coerce(Value literal, DataType type) {
  const ValueView view = View(literal);
  const auto equal = [&view](const Value& other) { return CompareScalars(view, View(other)) == 0; };
  if (type == DataType::kDouble) {
    Value as_double;
    if (const auto* i = std::get_if<int64_t>(&literal)) as_double = static_cast<double>(*i);
    if (const auto* u = std::get_if<uint64_t>(&literal)) as_double = static_cast<double>(*u);
    return !IsNull(as_double) && equal(as_double) ? as_double : literal;
  }
  if (type == DataType::kUint64) {
    const auto* i = std::get_if<int64_t>(&literal);
    if (i != nullptr && *i >= 0) return static_cast<uint64_t>(*i);
    const auto* d = std::get_if<double>(&literal);
    if (d == nullptr || !(*d >= 0 && *d < 0x1p64)) return literal;
    const Value whole = static_cast<uint64_t>(*d);
    return equal(whole) ? whole : literal;
  }
  if (type == DataType::kInt64) {
    const auto* u = std::get_if<uint64_t>(&literal);
    if (u != nullptr && *u <= static_cast<uint64_t>(INT64_MAX)) return static_cast<int64_t>(*u);
    const auto* d = std::get_if<double>(&literal);
    if (d == nullptr || !(*d >= -0x1p63 && *d < 0x1p63)) return literal;
    const Value whole = static_cast<int64_t>(*d);
    return equal(whole) ? whole : literal;
  }
  return literal;
}

absl::StatusOr<Value> BindLiteral(Value literal, const ColumnDef& column) {
  if (IsNull(literal)) return literal;
  if (!IsComparable(column.type, literal)) {
    std::string shown = ToString(View(literal));
    if (shown.size() > kMaxNameLength) shown = Quoted(shown);
    return Refuse(Concat("column ", Quoted(column.name), " is ", DataTypeName(column.type),
                         " and cannot be compared with ", shown));
  }
  return Coerce(std::move(literal), column.type);
}

absl::Status BindIn(Filter& node, const ColumnDef& column) {
  const size_t count = node.literals.size();
  if (count == 0 && !node.has_null_literal) {
    return Refuse(Concat("IN on column ", Quoted(column.name), " has no values"));
  }
  if (count > kMaxInValues) {
    return Refuse(Concat("IN on column ", Quoted(column.name), " has ", count,
                         " values; expected at most ", kMaxInValues));
  }
  std::vector<Value> bound;
  bound.reserve(count);
  for (Value& literal : node.literals) {
    if (IsNull(literal)) {
      node.has_null_literal = true;
      continue;
    }
    ASSIGN_OR_RETURN(Value value, BindLiteral(std::move(literal), column));
    bound.push_back(std::move(value));
  }
  std::sort(bound.begin(), bound.end(),
            [](const Value& a, const Value& b) { return CompareScalars(View(a), View(b)) < 0; });
  const auto same = [](const Value& a, const Value& b) {
    return CompareScalars(View(a), View(b)) == 0;
  };
  bound.erase(std::unique(bound.begin(), bound.end(), same), bound.end());
  node.literals = std::move(bound);
  return absl::OkStatus();
}

absl::Status BindCompare(Filter& node, const ColumnDef& column) {
  if (node.op > CompareOp::kGe) {
    return Refuse(Concat("unknown comparison operator ", static_cast<int>(node.op)));
  }
  if (node.literals.size() != 1) {
    return Refuse(Concat("the comparison of column ", Quoted(column.name), " has ",
                         node.literals.size(), " values; expected one"));
  }
  ASSIGN_OR_RETURN(node.literals[0], BindLiteral(std::move(node.literals[0]), column));
  return absl::OkStatus();
}

// `place`: of the condition, `in_text` or not.
absl::Status BindBetween(Filter& node, const ColumnDef& column, const std::string& place,
                         bool in_text) {
  if (node.literals.size() != 2) {
    return InField(Refuse(Concat("BETWEEN on column ", Quoted(column.name), " has ",
                                 node.literals.size(), " values; expected two, low and high")),
                   place);
  }
  for (size_t i = 0; i < 2; ++i) {
    auto literal = BindLiteral(std::move(node.literals[i]), column);
    if (!literal.ok()) {
      return InField(literal.status(), in_text ? place : place + (i == 0 ? ".low" : ".high"));
    }
    node.literals[i] = *std::move(literal);
  }
  return absl::OkStatus();
}

absl::Status BindPrefix(const Filter& node, const ColumnDef& column) {
  if (column.type != DataType::kString) {
    return Refuse(Concat("column ", Quoted(column.name), " is ", DataTypeName(column.type),
                         "; LIKE takes a STRING column"));
  }
  if (node.literals.size() != 1 || !std::holds_alternative<std::string>(node.literals[0])) {
    return Refuse(Concat("LIKE on column ", Quoted(column.name), " needs one STRING, the prefix"));
  }
  return absl::OkStatus();
}

// The member of a condition that holds a child, or a leaf's own facts.
std::string MemberName(const Filter& node, size_t child) {
  switch (node.kind) {
    case Filter::Kind::kAnd:
      return Concat(".and.filters[", child, "]");
    case Filter::Kind::kOr:
      return Concat(".or.filters[", child, "]");
    case Filter::Kind::kNot:
      return ".not";
    case Filter::Kind::kCompare:
      return ".comparison";
    case Filter::Kind::kIn:
      return ".in";
    case Filter::Kind::kIsNull:
      return ".is_null";
    case Filter::Kind::kBetween:
      return ".between";
    case Filter::Kind::kPrefix:
      return ".prefix";
  }
  return "";
}

// `path`: of the node; the textual form has no members.
absl::Status BindLeaf(Filter& node, const TableDef& table, const std::string& path, bool in_text) {
  const std::string parent = path + MemberName(node, 0);
  const auto position = FindScalarColumn(table, node.column, "filter");
  if (!position.ok()) return InField(position.status(), in_text ? path : parent + ".column");
  node.column_position = *position;
  const ColumnDef& column = table.columns[*position];
  if (node.kind == Filter::Kind::kIn) {
    return InField(BindIn(node, column), in_text ? path : parent + ".values");
  }
  if (node.kind == Filter::Kind::kCompare) {
    return InField(BindCompare(node, column), in_text ? path : parent + ".value");
  }
  if (node.kind == Filter::Kind::kBetween) {
    return BindBetween(node, column, in_text ? path : parent, in_text);
  }
  if (node.kind == Filter::Kind::kPrefix) {
    return InField(BindPrefix(node, column), in_text ? path : parent + ".column");
  }
  return absl::OkStatus();
}

// Recursion is bounded: the shape was checked.
absl::Status BindNode(Filter& node, const TableDef& table, const std::string& path, bool in_text) {
  if (node.from_text && !in_text) return BindNode(node, table, path + ".text", true);
  if (node.children.empty()) return BindLeaf(node, table, path, in_text);
  for (size_t i = 0; i < node.children.size(); ++i) {
    RETURN_IF_ERROR(
        BindNode(node.children[i], table, in_text ? path : path + MemberName(node, i), in_text));
  }
  return absl::OkStatus();
}

Truth ToTruth(bool value) { return value ? Truth::kTrue : Truth::kFalse; }

Truth Compare(CompareOp op, const ValueView& cell, const Value& literal) {
  if (IsNull(cell) || IsNull(literal)) return Truth::kUnknown;
  const std::weak_ordering order = CompareScalars(cell, View(literal));
  switch (op) {
    case CompareOp::kEq:
      return ToTruth(order == 0);
    case CompareOp::kNe:
      return ToTruth(order != 0);
    case CompareOp::kLt:
      return ToTruth(order < 0);
    case CompareOp::kLe:
      return ToTruth(order <= 0);
    case CompareOp::kGt:
      return ToTruth(order > 0);
    case CompareOp::kGe:
      return ToTruth(order >= 0);
  }
  return Truth::kUnknown;
}

Truth In(const Filter& node, const ValueView& cell) {
  if (IsNull(cell)) return Truth::kUnknown;
  const auto at = std::lower_bound(node.literals.begin(), node.literals.end(), cell,
                                   [](const Value& literal, const ValueView& c) {
                                     return CompareScalars(View(literal), c) < 0;
                                   });
  if (at != node.literals.end() && CompareScalars(View(*at), cell) == 0) return Truth::kTrue;
  return node.has_null_literal ? Truth::kUnknown : Truth::kFalse;
}

Truth Between(const Filter& node, const ValueView& cell) {
  return std::min(Compare(CompareOp::kGe, cell, node.literals[0]),
                  Compare(CompareOp::kLe, cell, node.literals[1]));
}

Truth Prefix(const Filter& node, const ValueView& cell) {
  if (IsNull(cell)) return Truth::kUnknown;
  return ToTruth(
      std::get<std::string_view>(cell).starts_with(std::get<std::string>(node.literals[0])));
}

}  // namespace

absl::Status CheckFilterShape(const Filter& filter) {
  struct Visit {
    const Filter* node;
    size_t depth;
  };
  std::vector<Visit> pending = {{&filter, 1}};
  size_t nodes = 1;
  while (!pending.empty()) {
    const auto [node, depth] = pending.back();
    pending.pop_back();
    if (depth > kMaxFilterDepth) {
      return Refuse(Concat("nested deeper than ", kMaxFilterDepth,
                           ", the most allowed; flatten it or use IN"));
    }
    RETURN_IF_ERROR(CheckChildren(*node));
    nodes += node->children.size();
    if (nodes > kMaxFilterNodes) {
      return Refuse(Concat("more than ", kMaxFilterNodes, " conditions, the most allowed; use IN"));
    }
    for (const Filter& child : node->children) pending.push_back({&child, depth + 1});
  }
  return absl::OkStatus();
}

absl::StatusOr<Filter> BindFilter(Filter filter, const TableDef& table) {
  if (absl::Status shape = CheckFilterShape(filter); !shape.ok()) {
    Dismantle(std::move(filter));
    return shape;
  }
  RETURN_IF_ERROR(BindNode(filter, table, "filter", /*in_text=*/false));
  return filter;
}

Truth Evaluate(const Filter& filter, const CellSource& row) {
  switch (filter.kind) {
    case Filter::Kind::kCompare:
      return Compare(filter.op, row.Cell(filter.column_position), filter.literals[0]);
    case Filter::Kind::kIn:
      return In(filter, row.Cell(filter.column_position));
    case Filter::Kind::kIsNull:
      return ToTruth(IsNull(row.Cell(filter.column_position)));
    case Filter::Kind::kBetween:
      return Between(filter, row.Cell(filter.column_position));
    case Filter::Kind::kPrefix:
      return Prefix(filter, row.Cell(filter.column_position));
    case Filter::Kind::kNot:
      return static_cast<Truth>(2 - static_cast<int>(Evaluate(filter.children[0], row)));
    case Filter::Kind::kAnd: {
      Truth all = Truth::kTrue;
      for (const Filter& child : filter.children) {
        all = std::min(all, Evaluate(child, row));
        if (all == Truth::kFalse) break;
      }
      return all;
    }
    case Filter::Kind::kOr: {
      Truth any = Truth::kFalse;
      for (const Filter& child : filter.children) {
        any = std::max(any, Evaluate(child, row));
        if (any == Truth::kTrue) break;
      }
      return any;
    }
  }
  return Truth::kUnknown;
}

}  // namespace ordinate
