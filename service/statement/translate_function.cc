#include <algorithm>
#include <initializer_list>

#include "absl/strings/match.h"
#include "engine/query/column_lookup.h"
#include "engine/query/plan.h"
#include "service/statement/parser.h"
#include "service/statement/select_parts.h"
#include "service/statement/translate.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::statement {
namespace {

constexpr std::string_view kRowId = "__row_id";
constexpr uint32_t kMaxTopk = kMaxW;

absl::Status Refuse(const std::string& problem) { return absl::InvalidArgumentError(problem); }

std::string_view FunctionName(TableFunction function) {
  return function == TableFunction::kNearestNeighbors ? "nearest_neighbors" : "vector_search";
}

// ---- arguments

// Reads the arguments of a call one after the other. The first error stays; what is read after it
// means nothing.
class Arguments {
 public:
  explicit Arguments(const FunctionSource& call) : call_(call) {}

  /// Whether an optional argument is there: not left out, not NULL.
  bool HasNext() {
    if (next_ < call_.arguments.size() && !IsNull(call_.arguments[next_].value)) return true;
    ++next_;
    return false;
  }
  std::string Text(std::string_view what) {
    const Literal literal = Next();
    const auto* const text = std::get_if<std::string>(&literal.value);
    if (text != nullptr && !literal.bytes) return *text;
    Fail(what, literal, "a 'string'");
    return "";
  }
  Vector QueryVector() {
    const std::string text = Text("the vector");
    if (!status_.ok()) return {};
    absl::StatusOr<Vector> vector = ParseVector(text);
    if (vector.ok()) return *std::move(vector);
    status_ = Refuse(Concat(Place("the vector"), ": ", MessageOf(vector.status())));
    return {};
  }
  uint64_t Number(std::string_view what, uint64_t high) {
    const Literal literal = Next();
    const auto* const number = std::get_if<int64_t>(&literal.value);
    if (number != nullptr && *number >= 1 && static_cast<uint64_t>(*number) <= high) {
      return static_cast<uint64_t>(*number);
    }
    Fail(what, literal, Concat("a whole number from 1 to ", high));
    return 0;
  }
  /// Which of `words`, in any case.
  size_t Word(std::string_view what, std::initializer_list<std::string_view> words) {
    const Literal literal = Next();
    const auto* const text = std::get_if<std::string>(&literal.value);
    std::string known;
    for (const std::string_view* word = words.begin(); word != words.end(); ++word) {
      if (text != nullptr && absl::EqualsIgnoreCase(*text, AbslView(*word))) {
        return static_cast<size_t>(word - words.begin());
      }
      known += Concat(known.empty() ? "'" : ", '", *word, "'");
    }
    Fail(what, literal, Concat("one of ", known));
    return 0;
  }
  /// `usage`: of the whole call.
  absl::Status End(std::string_view usage) {
    const size_t given = call_.arguments.size();
    if (status_.ok() && next_ < given) {
      status_ = Refuse(Concat(FunctionName(call_.function), " has ", given, " arguments"));
    }
    if (status_.ok()) return status_;
    return Refuse(Concat(MessageOf(status_), "; the call is ", usage));
  }

 private:
  Literal Next() {
    const size_t at = next_++;
    return at < call_.arguments.size() ? call_.arguments[at] : Literal();
  }
  std::string Place(std::string_view what) const {
    return Concat(FunctionName(call_.function), ", argument ", next_, " (", what, ")");
  }
  void Fail(std::string_view what, const Literal& found, std::string_view expected) {
    if (!status_.ok()) return;
    const std::string value =
        next_ > call_.arguments.size() ? "missing" : ToString(View(found.value));
    status_ = Refuse(Concat(Place(what), " is ", value, ", expected ", expected));
  }

  const FunctionSource& call_;
  size_t next_ = 0;
  absl::Status status_;
};

absl::Status ReadCall(const FunctionSource& call, FunctionSelect& select) {
  Arguments arguments(call);
  QueryRequest& query = select.query;
  if (call.function == TableFunction::kVectorSearch) {
    query.index = arguments.Text("the index");
    query.vector = arguments.QueryVector();
    query.limit = arguments.Number("k", kMaxLimit);
    if (arguments.HasNext()) select.topk = arguments.Number("topk", kMaxTopk);
    if (arguments.HasNext()) {
      query.path = arguments.Word("the engine", {"ann", "exact"}) == 0 ? Path::kAnn : Path::kExact;
    }
    return arguments.End("vector_search('index', '[...]', k [, topk [, 'ann' | 'exact']])");
  }
  query.table = arguments.Text("the table");
  query.column = arguments.Text("the column");
  query.vector = arguments.QueryVector();
  query.limit = arguments.Number("k", kMaxLimit);
  if (arguments.HasNext()) {
    constexpr Metric kMetrics[] = {Metric::kL2, Metric::kCosine, Metric::kIp};
    query.metric = kMetrics[arguments.Word("the metric", {"l2", "cosine", "ip"})];
  }
  if (arguments.HasNext()) {
    query.settings["vector.search.ef_search"] = Concat(arguments.Number("ef_search", kMaxEfSearch));
  }
  return arguments.End(
      "nearest_neighbors('table', 'column', '[...]', k [, 'metric' [, ef_search]])");
}

// ---- names

using FunctionColumn = std::variant<RowColumn, RowIdOutput, ScoreOutput, OrdinalOutput>;

// What the names of a statement over a function, and perhaps a table, stand for.
class Scope {
 public:
  Scope(const FunctionSource& call, const std::optional<Join>& join)
      : function_(FunctionName(call.function), call.alias) {
    if (join.has_value()) table_.emplace(join->table.table, join->table.alias);
  }

  const SourceNames& function() const { return function_; }
  const std::optional<SourceNames>& table() const { return table_; }
  bool IsFunction(std::string_view qualifier) const { return function_.Has(qualifier); }
  bool IsTable(std::string_view qualifier) const {
    return table_.has_value() && table_->Has(qualifier);
  }

  absl::Status CheckQualifier(std::string_view qualifier) const {
    if (qualifier.empty() || IsFunction(qualifier) || IsTable(qualifier)) return absl::OkStatus();
    return table_.has_value() ? table_->Check(qualifier) : function_.Check(qualifier);
  }

  absl::StatusOr<FunctionColumn> Resolve(const ColumnName& name) const {
    RETURN_IF_ERROR(CheckQualifier(name.qualifier));
    if (!IsTable(name.qualifier)) {
      if (name.column == "row_id") return RowIdOutput{};
      if (name.column == "score") return ScoreOutput{};
      if (name.column == "ord") return OrdinalOutput{};
    }
    if (IsFunction(name.qualifier) || !table_.has_value()) {
      return Refuse(Concat("a table function has no column ", Quoted(name.column),
                           "; expected row_id, score or ord"));
    }
    if (name.column == kRowId) return RowIdOutput{};
    return RowColumn{name.column};
  }

 private:
  SourceNames function_;
  std::optional<SourceNames> table_;
};

absl::Status CheckJoin(const Select& select, const Scope& scope, const QueryRequest& query) {
  const Join& join = *select.join;
  const auto is = [&](const ColumnName& row, const ColumnName& hit) {
    return scope.IsTable(row.qualifier) && row.column == kRowId &&
           scope.IsFunction(hit.qualifier) && hit.column == "row_id";
  };
  if (!is(join.left, join.right) && !is(join.right, join.left)) {
    return Refuse("JOIN takes ON d.__row_id = nn.row_id: the table's row id and the function's");
  }
  if (!query.table.empty() && join.table.table != query.table) {
    return Refuse(Concat("JOIN is with table ", Quoted(join.table.table), "; expected ",
                         Quoted(query.table), ", whose rows the function returns"));
  }
  return absl::OkStatus();
}

// ---- clauses

absl::Status AddStar(const Star& star, const Scope& scope, Projection& projection) {
  RETURN_IF_ERROR(scope.CheckQualifier(star.qualifier));
  if (!scope.IsTable(star.qualifier)) {
    projection.push_back({"row_id", RowIdOutput{}});
    projection.push_back({"score", ScoreOutput{}});
    projection.push_back({"ord", OrdinalOutput{}});
  }
  if (scope.table().has_value() && !scope.IsFunction(star.qualifier)) {
    projection.push_back({"", EveryColumn{}});
  }
  return absl::OkStatus();
}

absl::Status AddItem(const SelectItem& item, const Scope& scope, Projection& projection) {
  if (const auto* star = std::get_if<Star>(&item.what)) {
    if (!item.alias.empty()) return Refuse("* takes no alias");
    return AddStar(*star, scope, projection);
  }
  if (const auto* name = std::get_if<ColumnName>(&item.what)) {
    ASSIGN_OR_RETURN(FunctionColumn column, scope.Resolve(*name));
    projection.push_back({item.alias.empty() ? name->column : item.alias, {}});
    std::visit([&](auto& value) { projection.back().value = std::move(value); }, column);
    return absl::OkStatus();
  }
  const auto* const score = std::get_if<Score>(&item.what);
  if (score == nullptr) return Refuse("COUNT(*) counts the rows of a table, not of a function");
  if (!scope.table().has_value()) return Refuse("a score needs the JOIN with the table");
  RETURN_IF_ERROR(scope.table()->Check(score->column.qualifier));
  ASSIGN_OR_RETURN(ScalarScore scalar, ToScalar(*score));
  projection.push_back({NameOf(item, *score), std::move(scalar)});
  return absl::OkStatus();
}

absl::Status SetFilter(const Where& where, const Scope& scope, FunctionSelect& select) {
  if (!where.bounds.empty()) {
    return Refuse("a bound on a score needs SELECT from the table, ordered by the same score");
  }
  if (!scope.table().has_value()) return Refuse("WHERE needs the JOIN with the table");
  RETURN_IF_ERROR(scope.table()->Check(where.qualifiers));
  select.filter = where.filter;
  return absl::OkStatus();
}

absl::Status AddKey(const OrderItem& item, const Scope& scope, FunctionSelect& select) {
  const auto* const name = std::get_if<ColumnName>(&item.what);
  if (name == nullptr) return Refuse("ORDER BY takes columns here, the function's score too");
  RETURN_IF_ERROR(CheckPlainKey(item));
  ASSIGN_OR_RETURN(FunctionColumn column, scope.Resolve(*name));
  select.order_by.push_back({.by = std::move(column),
                             .descending = item.descending.value_or(false),
                             .nulls_first = NullsFirst(item)});
  return absl::OkStatus();
}

void AddFilterColumns(const Filter& filter, std::set<std::string>& columns) {
  if (!filter.column.empty()) columns.insert(filter.column);
  for (const Filter& child : filter.children) AddFilterColumns(child, columns);
}

// What the query reads: for the filter, the keys and the projection.
void SetColumns(FunctionSelect& select) {
  std::set<std::string> read;
  if (select.filter.has_value()) AddFilterColumns(*select.filter, read);
  for (const FunctionSortKey& key : select.order_by) {
    if (const auto* column = std::get_if<RowColumn>(&key.by)) read.insert(column->column);
  }
  select.query.columns.assign(read.begin(), read.end());
  AddColumnsOf(select.projection, select.query.columns);
}

}  // namespace

absl::StatusOr<FunctionSelect> ToFunctionSelect(const Select& select) {
  const auto& call = std::get<FunctionSource>(select.from);
  FunctionSelect request;
  RETURN_IF_ERROR(ReadCall(call, request));
  const Scope scope(call, select.join);
  if (select.join.has_value()) {
    RETURN_IF_ERROR(CheckJoin(select, scope, request.query));
    request.joined_table = select.join->table.table;
  }
  if (select.group_by.has_value()) return Refuse("GROUP BY needs SELECT from a table");
  if (select.where.has_value()) RETURN_IF_ERROR(SetFilter(*select.where, scope, request));
  for (const OrderItem& item : ResolveAliases(select)) {
    RETURN_IF_ERROR(AddKey(item, scope, request));
  }
  for (const SelectItem& item : select.items) {
    RETURN_IF_ERROR(AddItem(item, scope, request.projection));
  }
  request.limit = select.limit;
  request.offset = select.offset;
  SetColumns(request);
  return request;
}

}  // namespace ordinate::statement
