#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_replace.h"
#include "engine/query/column_lookup.h"
#include "engine/query/constants.h"
#include "engine/query/filter.h"
#include "engine/query/filter_grammar.h"
#include "engine/query/found_token.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

namespace grammar = filter_grammar;
namespace pegtl = tao::pegtl;

constexpr size_t kMaxTextBytes = size_t{1} << 20;
// A tree of kMaxFilterDepth prints with a NOT and a parenthesis per level at most.
constexpr size_t kMaxNesting = 2 * kMaxFilterDepth;

// ---- what is expected where a rule must match

template <typename Rule>
constexpr const char* kExpected = nullptr;
template <>
constexpr const char* kExpected<grammar::NameEnd> = "\" to end the name";
template <>
constexpr const char* kExpected<grammar::StringEnd> = "' to end the string";
template <>
constexpr const char* kExpected<grammar::TimestampText> =
    "an RFC 3339 time in single quotes, such as '2024-01-31T12:00:00Z'";
template <>
constexpr const char* kExpected<grammar::DoubleText> = "'NaN', 'Infinity' or '-Infinity'";
template <>
constexpr const char* kExpected<grammar::Value> =
    "a value: a number, a 'string', TRUE, FALSE, NULL or TIMESTAMP '...'";
template <>
constexpr const char* kExpected<grammar::ListValue> = kExpected<grammar::Value>;
template <>
constexpr const char* kExpected<grammar::ListOpen> = "( to begin the list of values";
template <>
constexpr const char* kExpected<grammar::ListClose> = ", or ) after the value";
template <>
constexpr const char* kExpected<grammar::Low> = kExpected<grammar::Value>;
template <>
constexpr const char* kExpected<grammar::AndHigh> = "AND and the highest value";
template <>
constexpr const char* kExpected<grammar::High> = kExpected<grammar::Value>;
template <>
constexpr const char* kExpected<grammar::Pattern> =
    "a pattern in single quotes, a prefix and one % at its end, such as 'abc%'";
template <>
constexpr const char* kExpected<grammar::TestAfterNot> = "IN, BETWEEN or LIKE";
template <>
constexpr const char* kExpected<grammar::NullAfterNot> = "NULL";
template <>
constexpr const char* kExpected<grammar::NullAfterIs> = "NULL or NOT NULL";
template <>
constexpr const char* kExpected<grammar::Test> =
    "one of = <> != < <= > >=, [NOT] IN, [NOT] BETWEEN, [NOT] LIKE, IS [NOT] NULL";
template <>
constexpr const char* kExpected<grammar::Condition> = "a condition: a column name, NOT or (";
template <>
constexpr const char* kExpected<grammar::Conjunction> = kExpected<grammar::Condition>;
template <>
constexpr const char* kExpected<grammar::Disjunction> = kExpected<grammar::Condition>;
template <>
constexpr const char* kExpected<grammar::Close> = "AND, OR or )";
template <>
constexpr const char* kExpected<pegtl::eof> = "AND, OR or the end";

struct Expectations {
  template <typename Rule>
  static constexpr const char* message = kExpected<Rule>;
  template <typename Rule>
  static constexpr bool raise_on_failure = false;
};
template <typename Rule>
using Control = pegtl::must_if<Expectations>::control<Rule>;

// ---- building the tree

// A finished condition, and how many conditions it has one under the other, itself among them.
struct Operand {
  Filter filter;
  size_t depth = 1;
};

struct Builder {
  std::string column;
  CompareOp op = CompareOp::kEq;
  std::string quoted;         // the last quoted text, unescaped
  std::vector<Value> values;  // of the condition being read
  std::vector<Operand> operands;
  std::vector<size_t> list_begin;  // per open list: where its operands begin
  size_t nodes = 0;
  size_t nesting = 0;
  bool refused = false;  // by an action: the error is the whole message
};

template <typename Input>
[[noreturn]] void Stop(const Input& in, Builder& builder, const std::string& message) {
  builder.refused = true;
  throw pegtl::parse_error(message, in);
}

template <typename Input>
void CountNode(const Input& in, Builder& builder) {
  if (++builder.nodes <= kMaxFilterNodes) return;
  Stop(in, builder, Concat("more than ", kMaxFilterNodes, " conditions, the most allowed; use IN"));
}

template <typename Input>
void PushLeaf(const Input& in, Builder& builder, Filter::Kind kind) {
  CountNode(in, builder);
  Filter leaf;
  leaf.kind = kind;
  leaf.column = std::move(builder.column);
  if (kind == Filter::Kind::kCompare) leaf.op = builder.op;
  leaf.literals = std::move(builder.values);
  builder.values.clear();
  builder.operands.push_back({std::move(leaf)});
}

// Puts a condition of this kind over `children`.
template <typename Input>
void PushOver(const Input& in, Builder& builder, Filter::Kind kind, std::vector<Operand> children) {
  CountNode(in, builder);
  Operand parent;
  parent.filter.kind = kind;
  for (Operand& child : children) {
    parent.depth = std::max(parent.depth, child.depth + 1);
    parent.filter.children.push_back(std::move(child.filter));
  }
  if (parent.depth > kMaxFilterDepth) {
    Stop(
        in, builder,
        Concat("nested deeper than ", kMaxFilterDepth, ", the most allowed; flatten it or use IN"));
  }
  builder.operands.push_back(std::move(parent));
}

template <typename Input>
void Negate(const Input& in, Builder& builder) {
  std::vector<Operand> negated;
  negated.push_back(std::move(builder.operands.back()));
  builder.operands.pop_back();
  PushOver(in, builder, Filter::Kind::kNot, std::move(negated));
}

template <typename Input>
void CloseList(const Input& in, Builder& builder, Filter::Kind kind) {
  const auto begin = builder.operands.begin() + builder.list_begin.back();
  builder.list_begin.pop_back();
  if (builder.operands.end() - begin == 1) return;
  std::vector<Operand> listed(std::make_move_iterator(begin),
                              std::make_move_iterator(builder.operands.end()));
  builder.operands.erase(begin, builder.operands.end());
  PushOver(in, builder, kind, std::move(listed));
}

template <typename Input, typename T>
T Take(const Input& in, Builder& builder, absl::StatusOr<T> value) {
  if (!value.ok()) Stop(in, builder, std::string(value.status().message()));
  return *std::move(value);
}

template <typename Input>
[[noreturn]] void StopAtPattern(const Input& in, Builder& builder, size_t at) {
  const std::string_view pattern = builder.quoted;
  const std::string problem =
      at == pattern.size() ? "does not end with %"
                           : Concat("has ", Quoted(pattern.substr(at, 1)), " at byte ", at + 1);
  Stop(in, builder,
       Concat("the pattern ", problem,
              "; LIKE supports a prefix and one % at its end, such as 'abc%', with \\%, \\_ and "
              "\\\\ for a %, _ and \\ of the prefix"));
}

// The prefix that the pattern asks for.
template <typename Input>
std::string ReadPattern(const Input& in, Builder& builder) {
  constexpr std::string_view kWild = "%_\\";
  const std::string& pattern = builder.quoted;
  std::string prefix;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '%' && i + 1 == pattern.size()) return prefix;
    if (c == '%' || c == '_') StopAtPattern(in, builder, i);
    if (c == '\\') {
      if (i + 1 == pattern.size() || kWild.find(pattern[i + 1]) == kWild.npos) {
        StopAtPattern(in, builder, i);
      }
      ++i;
    }
    prefix += pattern[i];
  }
  StopAtPattern(in, builder, pattern.size());
}

CompareOp ReadOperator(std::string_view text) {
  if (text == "=") return CompareOp::kEq;
  if (text == "<") return CompareOp::kLt;
  if (text == "<=") return CompareOp::kLe;
  if (text == ">") return CompareOp::kGt;
  if (text == ">=") return CompareOp::kGe;
  return CompareOp::kNe;  // <> and !=
}

// ---- actions: what matching a rule does to the builder

template <typename Rule>
struct Action : pegtl::nothing<Rule> {};

#define ORDINATE_ON_MATCH(rule, ...)                 \
  template <>                                        \
  struct Action<rule> {                              \
    template <typename Input>                        \
    static void apply(const Input& in, Builder& b) { \
      (void)in;                                      \
      __VA_ARGS__;                                   \
    }                                                \
  }

ORDINATE_ON_MATCH(grammar::BareName, b.column = in.string());
ORDINATE_ON_MATCH(grammar::QuotedName,
                  b.column = absl::StrReplaceAll(AbslView(in.string_view()), {{"\"\"", "\""}}));
ORDINATE_ON_MATCH(grammar::Operator, b.op = ReadOperator(in.string_view()));
ORDINATE_ON_MATCH(grammar::StringText,
                  b.quoted = absl::StrReplaceAll(AbslView(in.string_view()), {{"''", "'"}}));
ORDINATE_ON_MATCH(grammar::NumberText,
                  b.values.emplace_back(Take(in, b, ParseNumber(in.string_view()))));
ORDINATE_ON_MATCH(grammar::String, b.values.emplace_back(std::move(b.quoted)));
ORDINATE_ON_MATCH(grammar::True, b.values.emplace_back(true));
ORDINATE_ON_MATCH(grammar::False, b.values.emplace_back(false));
ORDINATE_ON_MATCH(grammar::Null, b.values.emplace_back());
ORDINATE_ON_MATCH(grammar::Timestamp, b.values.emplace_back(Take(in, b, ParseTimestamp(b.quoted))));
ORDINATE_ON_MATCH(grammar::Double, b.values.emplace_back(Take(in, b, ParseNamedDouble(b.quoted))));
ORDINATE_ON_MATCH(grammar::Comparison, PushLeaf(in, b, Filter::Kind::kCompare));
ORDINATE_ON_MATCH(grammar::InList, PushLeaf(in, b, Filter::Kind::kIn));
ORDINATE_ON_MATCH(grammar::Between, PushLeaf(in, b, Filter::Kind::kBetween));
ORDINATE_ON_MATCH(grammar::Pattern, b.values.emplace_back(ReadPattern(in, b)));
ORDINATE_ON_MATCH(grammar::Like, PushLeaf(in, b, Filter::Kind::kPrefix));
ORDINATE_ON_MATCH(grammar::NotTest, Negate(in, b));
ORDINATE_ON_MATCH(grammar::IsNull, PushLeaf(in, b, Filter::Kind::kIsNull));
ORDINATE_ON_MATCH(grammar::IsNotNull, PushLeaf(in, b, Filter::Kind::kIsNull); Negate(in, b));
ORDINATE_ON_MATCH(grammar::Negation, Negate(in, b));
ORDINATE_ON_MATCH(grammar::Operands, b.list_begin.push_back(b.operands.size()));
ORDINATE_ON_MATCH(grammar::AllOf, CloseList(in, b, Filter::Kind::kAnd));
ORDINATE_ON_MATCH(grammar::AnyOf, CloseList(in, b, Filter::Kind::kOr));
ORDINATE_ON_MATCH(grammar::Leave, --b.nesting);
ORDINATE_ON_MATCH(grammar::Enter, if (++b.nesting > kMaxNesting)
                                      Stop(in, b,
                                           Concat("nested deeper than ", kMaxNesting,
                                                  " parentheses and NOTs, the most allowed")));
ORDINATE_ON_MATCH(grammar::ListValue,
                  if (b.values.size() > kMaxInValues)
                      Stop(in, b,
                           Concat("IN has more than ", kMaxInValues, " values, the most allowed")));

#undef ORDINATE_ON_MATCH

// ---- errors

absl::Status Refuse(std::string_view text, const pegtl::parse_error& error, bool whole_message) {
  const pegtl::position& at = error.positions().front();
  const std::string place = Concat("filter: line ", at.line, ", column ", at.column, ": ");
  if (whole_message) return absl::InvalidArgumentError(Concat(place, error.message()));
  return absl::InvalidArgumentError(
      Concat(place, "found ", FoundToken(text.substr(at.byte)), ", expected ", error.message()));
}

}  // namespace

absl::StatusOr<Filter> ParseFilter(std::string_view text) {
  if (text.size() > kMaxTextBytes) {
    return absl::InvalidArgumentError(
        Concat("filter: the text has ", text.size(), " bytes; expected at most ", kMaxTextBytes));
  }
  Builder builder;
  try {
    pegtl::memory_input<> in(text.data(), text.size(), "filter");
    pegtl::parse<grammar::Text, Action, Control>(in, builder);
  } catch (const pegtl::parse_error& error) {
    return Refuse(text, error, builder.refused);
  }
  return std::move(builder.operands.front().filter);
}

}  // namespace ordinate
