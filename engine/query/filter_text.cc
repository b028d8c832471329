#include <charconv>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "engine/query/filter.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

std::string_view OpText(CompareOp op) {
  switch (op) {
    case CompareOp::kEq:
      return "=";
    case CompareOp::kNe:
      return "<>";
    case CompareOp::kLt:
      return "<";
    case CompareOp::kLe:
      return "<=";
    case CompareOp::kGt:
      return ">";
    case CompareOp::kGe:
      return ">=";
  }
  return "?";
}

bool IsReserved(std::string_view name) {
  const std::string upper = absl::AsciiStrToUpper(AbslView(name));
  for (const std::string_view word : {"AND", "OR", "NOT", "IN", "IS", "NULL", "TRUE", "FALSE"}) {
    if (upper == word) return true;
  }
  return false;
}

std::string NameText(const std::string& name) {
  bool bare = !name.empty() && !absl::ascii_isdigit(static_cast<unsigned char>(name[0]));
  for (const unsigned char c : name) bare = bare && (absl::ascii_isalnum(c) || c == '_');
  if (bare && !IsReserved(name)) return name;
  return Concat("\"", absl::StrReplaceAll(name, {{"\"", "\"\""}}), "\"");
}

// A point or an exponent keeps a DOUBLE from reading back as an INT64.
std::string DoubleText(double value) {
  if (std::isnan(value)) return "DOUBLE 'NaN'";
  if (std::isinf(value)) return value > 0 ? "DOUBLE 'Infinity'" : "DOUBLE '-Infinity'";
  char buffer[32];
  std::string text(buffer, std::to_chars(buffer, buffer + sizeof(buffer), value).ptr);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string LiteralText(const Value& literal) {
  if (const auto* s = std::get_if<std::string>(&literal)) {
    return Concat("'", absl::StrReplaceAll(*s, {{"'", "''"}}), "'");
  }
  if (const auto* d = std::get_if<double>(&literal)) return DoubleText(*d);
  if (const auto* b = std::get_if<bool>(&literal)) return *b ? "TRUE" : "FALSE";
  if (const auto* t = std::get_if<Timestamp>(&literal)) {
    return Concat("TIMESTAMP '", ToString(*t), "'");
  }
  return ToString(View(literal));
}

std::string ValuesText(const Filter& node) {
  std::string text = "(";
  std::string_view separator = "";
  for (const Value& literal : node.literals) {
    text += Concat(separator, LiteralText(literal));
    separator = ", ";
  }
  if (node.has_null_literal) text += Concat(separator, "NULL");
  return text + ")";
}

std::string PatternText(const std::string& prefix) {
  return LiteralText(absl::StrReplaceAll(prefix, {{"%", "\\%"}, {"_", "\\_"}, {"\\", "\\\\"}}) +
                     "%");
}

// A condition that is not a comparison; `negation` is "NOT " under one.
std::string TestText(const Filter& node, std::string_view negation) {
  const auto literal = [&node](size_t i) {
    return i < node.literals.size() ? node.literals[i] : Value();
  };
  const std::string name = NameText(node.column);
  if (node.kind == Filter::Kind::kIn) return Concat(name, " ", negation, "IN ", ValuesText(node));
  if (node.kind == Filter::Kind::kBetween) {
    return Concat(name, " ", negation, "BETWEEN ", LiteralText(literal(0)), " AND ",
                  LiteralText(literal(1)));
  }
  if (node.kind == Filter::Kind::kPrefix) {
    const Value prefix = literal(0);
    const auto* text = std::get_if<std::string>(&prefix);
    return Concat(name, " ", negation, "LIKE ", text == nullptr ? "?" : PatternText(*text));
  }
  return Concat(name, " IS ", negation, "NULL");
}

bool IsTest(const Filter& node) {
  return node.kind == Filter::Kind::kIn || node.kind == Filter::Kind::kIsNull ||
         node.kind == Filter::Kind::kBetween || node.kind == Filter::Kind::kPrefix;
}

bool IsList(const Filter& node) {
  return node.kind == Filter::Kind::kAnd || node.kind == Filter::Kind::kOr;
}

// A list of a single condition reads as that condition.
const Filter& Unwrap(const Filter& node) {
  const Filter* inner = &node;
  while (IsList(*inner) && inner->children.size() == 1) inner = &inner->children[0];
  return *inner;
}

void Append(const Filter& node, size_t depth, std::string& text);

// A list under a list or under NOT needs parentheses. REQUIRES: `node` is unwrapped.
void AppendOperand(const Filter& node, size_t depth, std::string& text) {
  if (!IsList(node)) return Append(node, depth, text);
  text += "(";
  Append(node, depth, text);
  text += ")";
}

void AppendNot(const Filter& node, size_t depth, std::string& text) {
  if (node.children.empty()) return;
  const Filter& child = Unwrap(node.children[0]);
  if (IsTest(child)) {
    text += TestText(child, "NOT ");
  } else {
    text += "NOT ";
    AppendOperand(child, depth + 1, text);
  }
}

void Append(const Filter& node, size_t depth, std::string& text) {
  if (depth > kMaxFilterDepth) {
    text += "...";
    return;
  }
  switch (node.kind) {
    case Filter::Kind::kCompare:
      text += Concat(NameText(node.column), " ", OpText(node.op), " ",
                     node.literals.empty() ? "?" : LiteralText(node.literals[0]));
      return;
    case Filter::Kind::kIn:
    case Filter::Kind::kIsNull:
    case Filter::Kind::kBetween:
    case Filter::Kind::kPrefix:
      text += TestText(node, "");
      return;
    case Filter::Kind::kNot:
      return AppendNot(node, depth, text);
    case Filter::Kind::kAnd:
    case Filter::Kind::kOr: {
      std::string_view separator = "";
      for (const Filter& child : node.children) {
        text += separator;
        AppendOperand(Unwrap(child), depth + 1, text);
        separator = node.kind == Filter::Kind::kAnd ? " AND " : " OR ";
      }
      return;
    }
  }
}

}  // namespace

std::string FilterText(const Filter& filter) {
  std::string text;
  Append(Unwrap(filter), 1, text);
  return text;
}

}  // namespace ordinate
