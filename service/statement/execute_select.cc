#include <algorithm>
#include <chrono>

#include "absl/strings/str_split.h"
#include "service/front/projection.h"
#include "service/front/query_stream.h"
#include "service/statement/execution.h"
#include "service/statement/function_rows.h"
#include "service/statement/translate.h"
#include "service/wire/analysis.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::statement {
namespace {

using ValueRows = std::vector<std::vector<Value>>;

absl::Status Refuse(const std::string& problem) { return absl::InvalidArgumentError(problem); }

// The session's settings, those that the statement itself gives staying.
void AddSettings(const Execution& run, QueryRequest& query) {
  query.settings.insert(run.settings.begin(), run.settings.end());
}

absl::StatusOr<std::unique_ptr<QueryStream>> OpenStream(const Execution& run,
                                                        const RankedSelect& ranked,
                                                        bool analyze = false) {
  QueryRequest query = ranked.query;
  query.analyze = analyze;
  query.limit = kRowsPerPage;
  const bool strict = *ranked.stream == Strictness::kStrict;
  return run.front.OpenStream(query, strict ? StreamOrder::kStrict : StreamOrder::kRelaxed,
                              run.context);
}

// What vector_search leaves to its index: table, column and metric.
absl::Status CompleteFunction(const Execution& run, FunctionSelect& select) {
  QueryRequest& query = select.query;
  AddSettings(run, query);
  if (!query.table.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const IndexInfo info, run.front.FindIndex(query.index));
  query.table = info.table.name;
  for (const ColumnDef& column : info.table.columns) {
    if (column.id == info.index.column_id) query.column = column.name;
  }
  query.metric = info.index.metric;
  query.preselect = select.topk.value_or(0);
  if (!select.joined_table.empty() && select.joined_table != query.table) {
    return Refuse(Concat("JOIN is with table '", select.joined_table, "'; expected '", query.table,
                         "', the table of index '", query.index, "'"));
  }
  return absl::OkStatus();
}

// ---- rows

// Sends an answer whose rows are those at `places`, in that order.
absl::Status SendPlaces(const Execution& run, const RowOutput& output, const QueryResult& result,
                        const std::vector<uint32_t>& places) {
  RETURN_IF_ERROR(run.sink.Header(output.columns()));
  for (size_t begin = 0; begin < places.size(); begin += kRowsPerPage) {
    ValueRows rows;
    for (size_t i = begin; i < std::min<size_t>(begin + kRowsPerPage, places.size()); ++i) {
      const uint32_t place = places[i];
      rows.push_back(output.Read(result.rows[place], result.ranked[place].score, place));
    }
    RETURN_IF_ERROR(run.sink.Rows(std::move(rows)));
  }
  return run.sink.Done({.message = RowsText(places.size()),
                        .rows = places.size(),
                        .plan = PlanText(result.plan),
                        .visible_seq = result.visible_seq});
}

absl::Status SendStream(const Execution& run, const RankedSelect& ranked) {
  ASSIGN_OR_RETURN(const std::unique_ptr<QueryStream> stream, OpenStream(run, ranked));
  ASSIGN_OR_RETURN(const RowOutput output,
                   RowOutput::Bind(ranked.projection, stream->table(), stream->columns()));
  bool first = true;
  while (true) {
    ASSIGN_OR_RETURN(const QueryStream::Page page, stream->Next(run.context));
    if (first) RETURN_IF_ERROR(run.sink.Header(output.columns()));
    first = false;
    ValueRows rows;
    for (size_t i = 0; i < page.rows.size(); ++i) {
      rows.push_back(output.Read(page.rows[i], page.ranked[i].score, 0));
    }
    if (!rows.empty()) RETURN_IF_ERROR(run.sink.Rows(std::move(rows)));
    if (page.last) break;
  }
  ExecutionSummary summary{.message = RowsText(stream->rows_sent()),
                           .rows = stream->rows_sent(),
                           .plan = PlanText(stream->plan()),
                           .visible_seq = stream->visible_seq()};
  if (stream->rows_late() > 0)
    summary.message += Concat(", ", stream->rows_late(), " of them late");
  return run.sink.Done(summary);
}

absl::Status Answer(const Execution& run, RankedSelect ranked) {
  AddSettings(run, ranked.query);
  if (ranked.stream.has_value()) return SendStream(run, ranked);
  ASSIGN_OR_RETURN(const TableDef table, run.front.FindTable(ranked.query.table));
  ASSIGN_OR_RETURN(const QueryResult result, run.front.Query(ranked.query, run.context));
  ASSIGN_OR_RETURN(const RowOutput output,
                   RowOutput::Bind(ranked.projection, table, result.columns));
  std::vector<uint32_t> places(result.ranked.size());
  for (uint32_t i = 0; i < places.size(); ++i) places[i] = i;
  return SendPlaces(run, output, result, places);
}

absl::Status Answer(const Execution& run, FunctionSelect select) {
  RETURN_IF_ERROR(CompleteFunction(run, select));
  ASSIGN_OR_RETURN(const TableDef table, run.front.FindTable(select.query.table));
  ASSIGN_OR_RETURN(const QueryResult result, run.front.Query(select.query, run.context));
  ASSIGN_OR_RETURN(const RowOutput output,
                   RowOutput::Bind(select.projection, table, result.columns));
  ASSIGN_OR_RETURN(const std::vector<uint32_t> places, ArrangeFunctionRows(select, table, result));
  return SendPlaces(run, output, result, places);
}

absl::Status Answer(const Execution& run, const CountSelect& select) {
  ASSIGN_OR_RETURN(const uint64_t count, run.front.Count(select.table, select.filter, run.context));
  return SendAll(run, {{select.name, DataType::kUint64}}, {{Value(count)}});
}

absl::Status Answer(const Execution& run, const ScanSelect& select) {
  ASSIGN_OR_RETURN(const TableDef table, run.front.FindTable(select.table));
  std::vector<std::string> columns = select.columns;
  for (const uint32_t position : table.key) {
    if (select.columns.empty()) columns.push_back(table.columns[position].name);
  }
  if (columns.empty()) columns.push_back(table.columns.front().name);  // none would be all
  ASSIGN_OR_RETURN(const std::vector<uint32_t> positions,
                   ResolveColumns(table, columns, DefaultColumns::kAll));
  ASSIGN_OR_RETURN(const RowOutput output, RowOutput::Bind(select.projection, table, positions));
  uint64_t to_skip = select.offset;
  uint64_t left = select.limit.value_or(UINT64_MAX);
  uint64_t sent = 0;
  std::string page_token;
  bool first = true;
  while (true) {
    const uint64_t wanted = left > kRowsPerPage ? kRowsPerPage : to_skip + left;
    const auto page_rows = static_cast<uint32_t>(std::clamp<uint64_t>(wanted, 1, kRowsPerPage));
    ASSIGN_OR_RETURN(RowsResult page, run.front.Scan(select.table, select.filter, columns,
                                                     page_rows, page_token, run.context));
    if (first) RETURN_IF_ERROR(run.sink.Header(output.columns()));
    first = false;
    ValueRows rows;
    for (const Row& row : page.rows) {
      if (to_skip > 0) {
        --to_skip;
      } else if (left > 0) {
        --left;
        rows.push_back(output.Read(row, std::nullopt, 0));
      }
    }
    sent += rows.size();
    if (!rows.empty()) RETURN_IF_ERROR(run.sink.Rows(std::move(rows)));
    page_token = std::move(page.next_page_token);
    if (left == 0 || page_token.empty()) break;
  }
  return run.sink.Done({.message = RowsText(sent), .rows = sent});
}

// ---- EXPLAIN

absl::Status SendLines(const Execution& run, const std::string& text) {
  return SendTexts(run, "plan", absl::StrSplit(text, '\n', absl::SkipEmpty()));
}

std::string WithNewline(std::string text) {
  if (!text.empty() && text.back() != '\n') text += '\n';
  return text;
}

absl::Status ExplainQuery(const Execution& run, QueryRequest query, bool analyze) {
  if (!analyze) {
    ASSIGN_OR_RETURN(const Plan plan, run.front.Explain(query, run.context));
    return SendLines(run, PlanText(plan));
  }
  query.analyze = true;
  ASSIGN_OR_RETURN(const QueryResult result, run.front.Query(query, run.context));
  return SendLines(run, WithNewline(PlanText(result.plan)) + AnalysisText(result));
}

absl::Status ExplainStream(const Execution& run, const RankedSelect& ranked, bool analyze) {
  ASSIGN_OR_RETURN(const std::unique_ptr<QueryStream> stream, OpenStream(run, ranked, analyze));
  if (!analyze) return SendLines(run, PlanText(stream->plan()));
  const auto start = std::chrono::steady_clock::now();
  while (true) {
    ASSIGN_OR_RETURN(const QueryStream::Page page, stream->Next(run.context));
    if (page.last) break;
  }
  const std::chrono::nanoseconds spent = std::chrono::steady_clock::now() - start;
  std::string text = WithNewline(PlanText(stream->plan()));
  text += Concat("rows: ", stream->rows_sent(), "\nrows late: ", stream->rows_late(),
                 "\nw used: ", stream->w_used(), "\nserver time: ", MillisText(spent.count()), "\n",
                 ShardsText(stream->shard_stats(), stream->visible_seq()));
  return SendLines(run, text);
}

absl::Status ExplainOne(const Execution& run, RankedSelect ranked, bool analyze) {
  AddSettings(run, ranked.query);
  if (ranked.stream.has_value()) return ExplainStream(run, ranked, analyze);
  return ExplainQuery(run, std::move(ranked.query), analyze);
}

absl::Status ExplainOne(const Execution& run, FunctionSelect select, bool analyze) {
  RETURN_IF_ERROR(CompleteFunction(run, select));
  return ExplainQuery(run, std::move(select.query), analyze);
}

template <typename Unplanned>
absl::Status ExplainOne(const Execution&, const Unplanned&, bool) {
  return Refuse(
      "a SELECT without a score reads the rows and has no plan; expected ORDER BY a score, or a "
      "table function");
}

}  // namespace

absl::Status Run(const Execution& run, const Select& select) {
  ASSIGN_OR_RETURN(SelectRequest request, ToRequest(select));
  return std::visit([&](auto& one) { return Answer(run, std::move(one)); }, request);
}

absl::Status Run(const Execution& run, const Explain& explain) {
  ASSIGN_OR_RETURN(SelectRequest request, ToRequest(explain.select));
  return std::visit([&](auto& one) { return ExplainOne(run, std::move(one), explain.analyze); },
                    request);
}

}  // namespace ordinate::statement
