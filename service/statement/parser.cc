#include "service/statement/parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_replace.h"
#include "engine/query/constants.h"
#include "engine/query/found_token.h"
#include "service/front/front.h"
#include "service/statement/errors.h"
#include "service/statement/grammar.h"
#include "service/statement/where_reader.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::statement {
namespace {

namespace pegtl = tao::pegtl;
namespace condition = filter_grammar;

constexpr size_t kMaxArguments = 16;

// ---- what could have come where reading stopped

// The tokens that were tried at the furthest place: reading stops there, whichever rule gives up.
class Expectations {
 public:
  void Add(size_t byte, std::string_view token) {
    if (byte < furthest_) return;
    if (byte > furthest_) count_ = 0;
    furthest_ = byte;
    const auto end = tokens_.begin() + count_;
    if (count_ < tokens_.size() && std::find(tokens_.begin(), end, token) == end) {
      tokens_[count_++] = token;
    }
  }
  size_t furthest() const { return furthest_; }
  // "A, B or C"
  std::string Text() const {
    std::string text;
    for (size_t i = 0; i < count_; ++i) {
      text += Concat(i == 0 ? "" : i + 1 == count_ ? " or " : ", ", tokens_[i]);
    }
    return text;
  }

 private:
  size_t furthest_ = 0;
  size_t count_ = 0;
  std::array<std::string_view, 32> tokens_;
};

// ---- the statement being read

struct Builder {
  std::string_view text;
  Expectations expectations;
  absl::Status refusal;  // by an action: the whole error

  // The last of each, until a rule takes it.
  std::string name;
  ColumnName column;
  std::string_view digits;
  std::string_view number;
  std::string quoted;
  Literal literal;
  Score score;
  std::variant<ColumnName, Score> expression;
  ScoreBound bound;
  WhereReader where;
  Where conditions;
  std::string table;
  std::string index;
  std::string setting;
  std::vector<Option> options;
  std::optional<FreshnessMode> mode;
  bool status = false;
  bool analyze = false;

  CreateTable create_table;
  CreateIndex create_index;
  Insert insert;
  Update update;
  Select select;
  Statement statement;

  size_t ByteOf(const char* place) const { return static_cast<size_t>(place - text.data()); }
};

template <typename Input>
[[noreturn]] void Stop(const Input& in, Builder& b, std::string_view message) {
  b.refusal = absl::InvalidArgumentError(Concat(Place(b.text, b.ByteOf(in.begin())), message));
  throw pegtl::parse_error("", in);
}

template <typename Input>
void Check(const Input& in, Builder& b, const absl::Status& status) {
  if (!status.ok()) Stop(in, b, MessageOf(status));
}

template <typename Input, typename T>
T Take(const Input& in, Builder& b, absl::StatusOr<T> value) {
  Check(in, b, value.status());
  return *std::move(value);
}

// `list`, which holds at most `most`, if there is room for one more.
template <typename Input, typename List>
List& Room(const Input& in, Builder& b, List& list, std::string_view what,
           size_t most = kMaxListed) {
  if (list.size() >= most) Stop(in, b, Concat("more than ", most, " ", what, ", the most allowed"));
  return list;
}

template <typename Input>
uint64_t ReadNatural(const Input& in, Builder& b) {
  uint64_t natural = 0;
  const char* const end = b.digits.data() + b.digits.size();
  if (std::from_chars(b.digits.data(), end, natural).ec != std::errc()) {
    Stop(in, b, "the number is beyond 64 bits; expected at most 18446744073709551615");
  }
  return natural;
}

template <typename Input>
uint32_t ReadDim(const Input& in, Builder& b) {
  const uint64_t dim = ReadNatural(in, b);
  if (dim < 1 || dim > kMaxDim) {
    Stop(in, b, Concat("the dim is ", dim, "; the range is 1 to ", kMaxDim));
  }
  return static_cast<uint32_t>(dim);
}

template <typename Input>
double ReadReal(const Input& in, Builder& b) {
  const Value number = Take(in, b, ParseNumber(b.number));
  if (const auto* i = std::get_if<int64_t>(&number)) return static_cast<double>(*i);
  if (const auto* u = std::get_if<uint64_t>(&number)) return static_cast<double>(*u);
  return std::get<double>(number);
}

template <typename Input>
void AddComponent(const Input& in, Builder& b) {
  const auto component = static_cast<float>(ReadReal(in, b));
  if (!std::isfinite(component)) {
    Stop(in, b, "the component is beyond f32; expected at most 3.4e38");
  }
  Room(in, b, b.score.vector, "components", kMaxDim).push_back(component);
}

struct TypeName {
  std::string_view name;
  DataType type;
};
constexpr TypeName kTypes[] = {
    {"BOOL", DataType::kBool},           {"BOOLEAN", DataType::kBool},
    {"INT64", DataType::kInt64},         {"BIGINT", DataType::kInt64},
    {"INTEGER", DataType::kInt64},       {"INT", DataType::kInt64},
    {"UINT64", DataType::kUint64},       {"DOUBLE", DataType::kDouble},
    {"FLOAT", DataType::kDouble},        {"STRING", DataType::kString},
    {"TEXT", DataType::kString},         {"VARCHAR", DataType::kString},
    {"TIMESTAMP", DataType::kTimestamp}, {"VECTOR", DataType::kVector},
    {"BYTES", DataType::kBytes},         {"JSON", DataType::kJson},
};

template <typename Input>
DataType ReadType(const Input& in, Builder& b) {
  const std::string upper = absl::AsciiStrToUpper(b.name);
  for (const TypeName& known : kTypes) {
    if (known.name == upper) return known.type;
  }
  Stop(in, b, Concat("found ", FoundToken(b.name), ", expected ", grammar::TypeWord::kExpected));
}

template <typename Input>
void SetTypeDim(const Input& in, Builder& b) {
  ColumnDeclaration& column = b.create_table.columns.back();
  if (column.type != DataType::kVector) {
    Stop(in, b, Concat(DataTypeName(column.type), " takes no number; only VECTOR has a dim"));
  }
  column.dim = ReadDim(in, b);
}

// A score begins: what an earlier one left is gone.
void BeginScore(Builder& b, Metric metric, ScoreForm form) {
  b.score = Score{.metric = metric, .form = form};
}

void EndScore(Builder& b) {
  b.score.column = std::move(b.column);
  b.expression = std::move(b.score);
  b.score = Score();
}

template <typename Input>
void AddBound(const Input& in, Builder& b) {
  auto* const score = std::get_if<Score>(&b.expression);
  b.bound.score = std::move(*score);
  Check(in, b, b.where.AddBound(b.ByteOf(in.begin()), in.size(), std::move(b.bound)));
}

template <typename Input>
void EndWhere(const Input& in, Builder& b) {
  absl::StatusOr<Where> where = b.where.End(b.text, b.ByteOf(in.end()));
  if (!where.ok()) {
    b.refusal = where.status();
    throw pegtl::parse_error("", in);
  }
  b.conditions = *std::move(where);
}

void EndCreateIndex(Builder& b) {
  b.create_index.index = std::move(b.index);
  b.create_index.options = std::move(b.options);
  b.statement = std::move(b.create_index);
}

template <typename Input>
void AddSettingPart(const Input& in, Builder& b) {
  b.setting += Concat(b.setting.empty() ? "" : ".", b.name);
  if (b.setting.size() > 2 * kMaxNameLength) Stop(in, b, "no setting has so long a name");
}

template <typename Input>
void AddItem(const Input& in, Builder& b, decltype(SelectItem::what) what) {
  Room(in, b, b.select.items, "items", kMaxListed).push_back({.what = std::move(what)});
}

template <typename Input>
void AddExpression(const Input& in, Builder& b) {
  std::visit([&](auto& what) { AddItem(in, b, std::move(what)); }, b.expression);
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

ORDINATE_ON_MATCH(condition::BareName, b.name = in.string());
ORDINATE_ON_MATCH(condition::QuotedName,
                  b.name = absl::StrReplaceAll(AbslView(in.string_view()), {{"\"\"", "\""}}));
ORDINATE_ON_MATCH(condition::Digits, b.digits = in.string_view());
ORDINATE_ON_MATCH(condition::NumberText, b.number = in.string_view());
ORDINATE_ON_MATCH(condition::StringText,
                  b.quoted = absl::StrReplaceAll(AbslView(in.string_view()), {{"''", "'"}}));
ORDINATE_ON_MATCH(grammar::OneColumn, b.column = ColumnName{.column = b.name});
ORDINATE_ON_MATCH(grammar::QualifiedPart, b.column.qualifier = std::move(b.column.column);
                  b.column.column = b.name);

// Constants.
ORDINATE_ON_MATCH(grammar::NumberToken, b.literal = Literal{Take(in, b, ParseNumber(b.number))});
ORDINATE_ON_MATCH(grammar::TextLiteral, b.literal = Literal{Value(std::move(b.quoted))});
ORDINATE_ON_MATCH(grammar::TrueLiteral, b.literal = Literal{true});
ORDINATE_ON_MATCH(grammar::FalseLiteral, b.literal = Literal{false});
ORDINATE_ON_MATCH(grammar::NullLiteral, b.literal = Literal{});
ORDINATE_ON_MATCH(grammar::TimestampText,
                  b.literal = Literal{Take(in, b, ParseTimestamp(b.quoted))});
ORDINATE_ON_MATCH(grammar::DoubleText,
                  b.literal = Literal{Take(in, b, ParseNamedDouble(b.quoted))});
ORDINATE_ON_MATCH(grammar::HexText, b.digits = in.string_view());
ORDINATE_ON_MATCH(grammar::BytesLiteral,
                  b.literal = Literal{Take(in, b, ParseHex(b.digits)), true});

// Scores.
ORDINATE_ON_MATCH(grammar::Component, AddComponent(in, b));
ORDINATE_ON_MATCH(grammar::RowNumber, b.score.row = ReadNatural(in, b));
ORDINATE_ON_MATCH(grammar::L2Name, BeginScore(b, Metric::kL2, ScoreForm::kFunction));
ORDINATE_ON_MATCH(grammar::CosineName, BeginScore(b, Metric::kCosine, ScoreForm::kFunction));
ORDINATE_ON_MATCH(grammar::IpName, BeginScore(b, Metric::kIp, ScoreForm::kFunction));
ORDINATE_ON_MATCH(grammar::L2Operator, BeginScore(b, Metric::kL2, ScoreForm::kOperator));
ORDINATE_ON_MATCH(grammar::CosineOperator, BeginScore(b, Metric::kCosine, ScoreForm::kOperator));
ORDINATE_ON_MATCH(grammar::IpOperator, BeginScore(b, Metric::kIp, ScoreForm::kOperator));
ORDINATE_ON_MATCH(grammar::ColumnReference, b.expression = b.column);
ORDINATE_ON_MATCH(grammar::ScoreCall, EndScore(b));
ORDINATE_ON_MATCH(grammar::OperatorScore, EndScore(b));

// Conditions.
ORDINATE_ON_MATCH(grammar::WhereBegin, b.where.Begin(b.ByteOf(in.begin())));
ORDINATE_ON_MATCH(grammar::Comment, b.where.AddComment(b.ByteOf(in.begin()), in.size()));
ORDINATE_ON_MATCH(grammar::Qualifier,
                  b.where.AddQualifier(b.ByteOf(in.begin()), in.size(), b.name));
ORDINATE_ON_MATCH(grammar::LessEqual, b.bound.op = CompareOp::kLe);
ORDINATE_ON_MATCH(grammar::GreaterEqual, b.bound.op = CompareOp::kGe);
ORDINATE_ON_MATCH(grammar::Less, b.bound.op = CompareOp::kLt);
ORDINATE_ON_MATCH(grammar::Greater, b.bound.op = CompareOp::kGt);
ORDINATE_ON_MATCH(grammar::BoundNumber, b.bound.bound = ReadReal(in, b));
ORDINATE_ON_MATCH(grammar::Bound, AddBound(in, b));
ORDINATE_ON_MATCH(grammar::WhereAnd, b.where.AddAnd(b.ByteOf(in.begin())));
ORDINATE_ON_MATCH(grammar::WhereOr, Check(in, b, b.where.AddOr()));
ORDINATE_ON_MATCH(grammar::WhereBetween, b.where.AddBetween());
ORDINATE_ON_MATCH(grammar::WhereOpen, b.where.AddParenthesis(true));
ORDINATE_ON_MATCH(grammar::WhereClose, b.where.AddParenthesis(false));
ORDINATE_ON_MATCH(grammar::WhereOther, b.where.AddOther());
ORDINATE_ON_MATCH(grammar::Condition, EndWhere(in, b));

// Tables.
ORDINATE_ON_MATCH(grammar::NewTable, b.create_table.table = b.name);
ORDINATE_ON_MATCH(grammar::NewColumn,
                  Room(in, b, b.create_table.columns, "columns").push_back({.name = b.name}));
ORDINATE_ON_MATCH(grammar::TypeWord, b.create_table.columns.back().type = ReadType(in, b));
ORDINATE_ON_MATCH(grammar::TypeDim, SetTypeDim(in, b));
ORDINATE_ON_MATCH(grammar::PrimaryKey, b.create_table.columns.back().primary_key = true);
ORDINATE_ON_MATCH(grammar::NotNull, b.create_table.columns.back().not_null = true);
ORDINATE_ON_MATCH(grammar::Payload, b.create_table.columns.back().payload = true);
ORDINATE_ON_MATCH(grammar::KeyClauseBegin, if (!b.create_table.key.empty())
                                               Stop(in, b, "a table has one PRIMARY KEY clause"));
ORDINATE_ON_MATCH(grammar::KeyColumn,
                  Room(in, b, b.create_table.key, "key columns").push_back(b.name));
ORDINATE_ON_MATCH(grammar::AlteredTable, b.create_table.table = b.name);
ORDINATE_ON_MATCH(grammar::AddColumn,
                  b.statement = AddColumn{std::move(b.create_table.table),
                                          std::move(b.create_table.columns.back())});
ORDINATE_ON_MATCH(grammar::CreateTable, b.statement = std::move(b.create_table));
ORDINATE_ON_MATCH(grammar::DropTable, b.statement = DropTable{b.name});

// Indexes.
ORDINATE_ON_MATCH(grammar::IndexName, b.index = b.name);
ORDINATE_ON_MATCH(grammar::OptionName,
                  Room(in, b, b.options, "options").push_back({.name = b.name}));
ORDINATE_ON_MATCH(grammar::OptionWord, b.literal = Literal{Value(b.name)});
ORDINATE_ON_MATCH(grammar::OptionValue, b.options.back().value = std::move(b.literal));
ORDINATE_ON_MATCH(grammar::Hnsw, b.create_index.engine = Engine::kHnsw);
ORDINATE_ON_MATCH(grammar::Flat, b.create_index.engine = Engine::kFlat);
ORDINATE_ON_MATCH(grammar::IndexedTable, b.create_index.table = b.name);
ORDINATE_ON_MATCH(grammar::IndexedColumn, b.create_index.column = b.name);
ORDINATE_ON_MATCH(grammar::CreateIndex, EndCreateIndex(b));
ORDINATE_ON_MATCH(grammar::Immediate, b.mode = FreshnessMode::kImmediate);
ORDINATE_ON_MATCH(grammar::Batched, b.mode = FreshnessMode::kBatched);
ORDINATE_ON_MATCH(grammar::Async, b.mode = FreshnessMode::kAsync);
ORDINATE_ON_MATCH(grammar::RebuildOnly, b.mode = FreshnessMode::kRebuildOnly);
ORDINATE_ON_MATCH(grammar::AlterIndex,
                  b.statement = AlterIndex{b.index, b.mode, std::move(b.options)});
ORDINATE_ON_MATCH(grammar::RebuildIndex, b.statement = RebuildIndex{b.index, std::move(b.options)});
ORDINATE_ON_MATCH(grammar::CancelRebuild, b.statement = CancelRebuild{b.index});
ORDINATE_ON_MATCH(grammar::DropIndex, b.statement = DropIndex{b.index});

// SHOW and SET.
ORDINATE_ON_MATCH(grammar::SettingName, AddSettingPart(in, b));
ORDINATE_ON_MATCH(grammar::SettingPart, AddSettingPart(in, b));
ORDINATE_ON_MATCH(grammar::SettingNumber, b.quoted = std::string(b.number));
ORDINATE_ON_MATCH(grammar::SettingWord, b.quoted = b.name);
ORDINATE_ON_MATCH(grammar::Set, b.statement = Set{std::move(b.setting), std::move(b.quoted)});
ORDINATE_ON_MATCH(grammar::ShowTables, b.statement = ShowTables{});
ORDINATE_ON_MATCH(grammar::ShowCreateTable, b.statement = ShowCreateTable{b.name});
ORDINATE_ON_MATCH(grammar::ShowCreateIndex, b.statement = ShowCreateIndex{b.index});
ORDINATE_ON_MATCH(grammar::IndexesTable, b.table = b.name);
ORDINATE_ON_MATCH(grammar::ShowIndexes, b.statement = ShowIndexes{b.table});
ORDINATE_ON_MATCH(grammar::Status, b.status = true);
ORDINATE_ON_MATCH(grammar::ShowIndex, b.statement = ShowIndex{b.index, b.status});
ORDINATE_ON_MATCH(grammar::ShowAll, b.statement = ShowSetting{});
ORDINATE_ON_MATCH(grammar::ShowSetting, b.statement = ShowSetting{std::move(b.setting)});

// Rows.
ORDINATE_ON_MATCH(grammar::InsertTable, b.insert.table = b.name);
ORDINATE_ON_MATCH(grammar::InsertColumn,
                  Room(in, b, b.insert.columns, "columns").push_back(b.name));
ORDINATE_ON_MATCH(grammar::RowBegin,
                  Room(in, b, b.insert.rows, "rows", kMaxRowsPerWrite).emplace_back());
ORDINATE_ON_MATCH(grammar::Cell, Room(in, b, b.insert.rows.back(), "values in a row")
                                     .push_back(std::move(b.literal)));
ORDINATE_ON_MATCH(grammar::Insert, b.statement = std::move(b.insert));
ORDINATE_ON_MATCH(grammar::UpdateTable, b.update.table = b.name);
ORDINATE_ON_MATCH(grammar::AssignedColumn,
                  Room(in, b, b.update.assignments, "columns").push_back({.column = b.name}));
ORDINATE_ON_MATCH(grammar::AssignedValue, b.update.assignments.back().value = std::move(b.literal));
ORDINATE_ON_MATCH(grammar::Update, b.update.where = std::move(b.conditions);
                  b.statement = std::move(b.update));
ORDINATE_ON_MATCH(grammar::DeleteTable, b.table = b.name);
ORDINATE_ON_MATCH(grammar::Delete, b.statement = Delete{b.table, std::move(b.conditions)});

// SELECT.
ORDINATE_ON_MATCH(grammar::StarItem, AddItem(in, b, Star{}));
ORDINATE_ON_MATCH(grammar::QualifiedStar, AddItem(in, b, Star{b.name}));
ORDINATE_ON_MATCH(grammar::CountItem, AddItem(in, b, CountStar{}));
ORDINATE_ON_MATCH(grammar::ExpressionItem, AddExpression(in, b));
ORDINATE_ON_MATCH(grammar::ItemAlias, b.select.items.back().alias = b.name);
ORDINATE_ON_MATCH(grammar::NearestNeighborsName,
                  b.select.from = FunctionSource{.function = TableFunction::kNearestNeighbors});
ORDINATE_ON_MATCH(grammar::VectorSearchName,
                  b.select.from = FunctionSource{.function = TableFunction::kVectorSearch});
ORDINATE_ON_MATCH(grammar::Argument, Room(in, b, std::get<FunctionSource>(b.select.from).arguments,
                                          "arguments", kMaxArguments)
                                         .push_back(std::move(b.literal)));
ORDINATE_ON_MATCH(grammar::SourceTable, b.select.from = TableSource{.table = b.name});
ORDINATE_ON_MATCH(grammar::SourceAlias,
                  std::visit([&](auto& source) { source.alias = b.name; }, b.select.from));
ORDINATE_ON_MATCH(grammar::JoinedTable, b.select.join.emplace().table.table = b.name);
ORDINATE_ON_MATCH(grammar::JoinAlias, b.select.join->table.alias = b.name);
ORDINATE_ON_MATCH(grammar::JoinLeft, b.select.join->left = b.column);
ORDINATE_ON_MATCH(grammar::JoinRight, b.select.join->right = b.column);
ORDINATE_ON_MATCH(grammar::SelectWhere, b.select.where = std::move(b.conditions));
ORDINATE_ON_MATCH(grammar::GroupColumn, b.select.group_by = GroupRows{.column = b.column});
ORDINATE_ON_MATCH(grammar::GroupCount, b.select.group_by->rows = ReadNatural(in, b));
ORDINATE_ON_MATCH(grammar::OrderExpression,
                  Room(in, b, b.select.order_by, "sort keys", kMaxSortKeys + 1)
                      .push_back({.what = std::move(b.expression)}));
ORDINATE_ON_MATCH(grammar::Ascending, b.select.order_by.back().descending = false);
ORDINATE_ON_MATCH(grammar::Descending, b.select.order_by.back().descending = true);
ORDINATE_ON_MATCH(grammar::Ties, b.select.order_by.back().ties = TieRule{});
ORDINATE_ON_MATCH(grammar::BucketWidth, b.select.order_by.back().ties = TieRule{
                                            .form = TieForm::kBucket, .width = ReadReal(in, b)});
ORDINATE_ON_MATCH(grammar::WithinCount, b.select.order_by.back().ties = TieRule{
                                            .form = TieForm::kWithinK, .n = ReadNatural(in, b)});
ORDINATE_ON_MATCH(grammar::NullsFirst, b.select.order_by.back().nulls_first = true);
ORDINATE_ON_MATCH(grammar::NullsLast, b.select.order_by.back().nulls_first = false);
ORDINATE_ON_MATCH(grammar::Ann, b.select.order_by.back().path = Path::kAnn);
ORDINATE_ON_MATCH(grammar::Exact, b.select.order_by.back().path = Path::kExact);
ORDINATE_ON_MATCH(grammar::Strict, b.select.order_by.back().strictness = Strictness::kStrict);
ORDINATE_ON_MATCH(grammar::Relaxed, b.select.order_by.back().strictness = Strictness::kRelaxed);
ORDINATE_ON_MATCH(grammar::LimitCount, b.select.limit = ReadNatural(in, b));
ORDINATE_ON_MATCH(grammar::OffsetCount, b.select.offset = ReadNatural(in, b));
ORDINATE_ON_MATCH(grammar::SelectStatement, b.statement = std::move(b.select));
ORDINATE_ON_MATCH(grammar::Analyze, b.analyze = true);
ORDINATE_ON_MATCH(grammar::Explain, b.statement = Explain{b.analyze, std::move(b.select)});

#undef ORDINATE_ON_MATCH

template <typename Rule>
struct PieceAction : pegtl::nothing<Rule> {};
template <>
struct PieceAction<grammar::Piece> {
  template <typename Input>
  static void apply(const Input& in, std::vector<StatementText>& statements) {
    if (in.size() > 0) statements.push_back({in.string_view(), in.position().line});
  }
};

// ---- reading

template <typename Rule>
concept Token = requires {
  Rule::kExpected;
};

template <typename Rule>
struct Control : pegtl::normal<Rule> {
  template <typename Input>
  static void failure(const Input& in, Builder& b) noexcept {
    if constexpr (Token<Rule>) b.expectations.Add(in.byte(), Rule::kExpected);
  }
  template <typename Input>
  [[noreturn]] static void raise(const Input& in, Builder&) {
    throw pegtl::parse_error("", in);
  }
};

template <typename Rule>
absl::Status Read(std::string_view text, Builder& b) {
  b.text = text;
  try {
    pegtl::memory_input<> in(text.data(), text.size(), "statement");
    pegtl::parse<Rule, Action, Control>(in, b);
    return absl::OkStatus();
  } catch (const pegtl::parse_error& error) {
    if (!b.refusal.ok()) return b.refusal;
    const size_t at = b.expectations.furthest();
    return absl::InvalidArgumentError(Concat(Place(text, at), "found ", FoundToken(text.substr(at)),
                                             ", expected ", b.expectations.Text()));
  }
}

}  // namespace

absl::StatusOr<Statement> ParseStatement(std::string_view text) {
  if (text.size() > kMaxStatementBytes) {
    return absl::InvalidArgumentError(Concat("statement: the text has ", text.size(),
                                             " bytes; expected at most ", kMaxStatementBytes));
  }
  Builder builder;
  RETURN_IF_ERROR(Read<grammar::Text>(text, builder));
  return std::move(builder.statement);
}

absl::StatusOr<Vector> ParseVector(std::string_view text) {
  Builder builder;
  RETURN_IF_ERROR(Read<grammar::WholeVector>(text, builder));
  return std::move(builder.score.vector);
}

std::vector<StatementText> SplitStatements(std::string_view text) {
  std::vector<StatementText> statements;
  pegtl::memory_input<> in(text.data(), text.size(), "statements");
  pegtl::parse<grammar::Pieces, PieceAction>(in, statements);
  return statements;
}

std::string NameText(std::string_view name) {
  pegtl::memory_input<> in(name.data(), name.size(), "name");
  if (pegtl::parse<grammar::PlainName>(in)) return std::string(name);
  return Concat("\"", absl::StrReplaceAll(AbslView(name), {{"\"", "\"\""}}), "\"");
}

}  // namespace ordinate::statement
