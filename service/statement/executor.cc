#include "service/statement/executor.h"

#include <algorithm>
#include <iterator>

#include "engine/query/settings.h"
#include "service/statement/execution.h"
#include "service/statement/parser.h"
#include "service/statement/translate.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::statement {
namespace {

// The fields that the front names are those of requests, which the statement does not have.
absl::Status InStatement(const absl::Status& status) {
  if (!absl::IsInvalidArgument(status)) return status;
  for (const FieldViolation& violation : FieldViolations(status)) {
    if (violation.field == "request_id") return status;
  }
  return InField(absl::InvalidArgumentError(status.message()), "statement");
}

}  // namespace

std::string RowsText(uint64_t rows) { return Concat(rows, rows == 1 ? " row" : " rows"); }

absl::Status SendAll(const Execution& run, const std::vector<RowOutput::Column>& columns,
                     std::vector<std::vector<Value>> rows) {
  RETURN_IF_ERROR(run.sink.Header(columns));
  const uint64_t count = rows.size();
  for (size_t begin = 0; begin < count; begin += kRowsPerPage) {
    const auto first = rows.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last =
        rows.begin() + static_cast<std::ptrdiff_t>(std::min<size_t>(begin + kRowsPerPage, count));
    RETURN_IF_ERROR(run.sink.Rows({std::move_iterator(first), std::move_iterator(last)}));
  }
  return run.sink.Done({.message = RowsText(count), .rows = count});
}

absl::Status SendTexts(const Execution& run, const std::string& column,
                       const std::vector<std::string>& texts) {
  RETURN_IF_ERROR(run.sink.Header({{column, DataType::kString}}));
  std::vector<std::vector<Value>> rows;
  for (const std::string& text : texts) rows.emplace_back().emplace_back(text);
  RETURN_IF_ERROR(run.sink.Rows(std::move(rows)));
  return run.sink.Done({.message = "", .rows = texts.size()});
}

absl::Status Run(const Execution& run, const Set& set) {
  ASSIGN_OR_RETURN(const auto settings, ToSettings(set));
  return run.sink.Done({.message = Concat(set.name, " is ", set.value), .settings = settings});
}

absl::Status Run(const Execution& run, const ShowSetting& show) {
  ASSIGN_OR_RETURN(const Settings settings, WithOverrides(run.front.settings(), run.settings));
  std::vector<std::vector<Value>> rows;
  for (const SettingInfo& info : AllSettings()) {
    if (!show.name.empty() && info.name != show.name) continue;
    ASSIGN_OR_RETURN(const std::string value, SettingText(settings, info.name));
    rows.push_back({std::string(info.name), value, std::string(info.help)});
  }
  if (rows.empty()) return SettingText(settings, show.name).status();
  return SendAll(run,
                 {{"name", DataType::kString},
                  {"value", DataType::kString},
                  {"description", DataType::kString}},
                 std::move(rows));
}

absl::Status Run(const Execution& run, const Insert& insert) {
  ASSIGN_OR_RETURN(const TableDef table, run.front.FindTable(insert.table));
  ASSIGN_OR_RETURN(UpsertInput input, ToUpsert(insert, table));
  input.request_id = run.request_id;
  ASSIGN_OR_RETURN(UpsertResult result, run.front.Upsert(std::move(input), run.context));
  const uint64_t count = result.row_ids.size();
  return run.sink.Done({.message = Concat(RowsText(count), " written"),
                        .rows = count,
                        .wrote = ExecutionSummary::Wrote::kUpserts,
                        .visible_seq = std::move(result.token),
                        .notices = std::move(result.notices)});
}

absl::Status Run(const Execution& run, const Update& update) {
  ASSIGN_OR_RETURN(const TableDef table, run.front.FindTable(update.table));
  ASSIGN_OR_RETURN(UpdateRequest request, ToUpdate(update, table));
  absl::StatusOr<UpdateResult> result;
  if (auto* rows = std::get_if<UpsertInput>(&request)) {
    rows->request_id = run.request_id;
    result = run.front.Update(std::move(*rows), run.context);
  } else {
    auto& where = std::get<UpdateByFilter>(request);
    result = run.front.UpdateWhere(where.table, std::move(where.row), where.filter, run.context,
                                   run.request_id);
  }
  RETURN_IF_ERROR(result.status());
  return run.sink.Done({.message = Concat(RowsText(result->updated), " updated"),
                        .rows = result->updated,
                        .wrote = ExecutionSummary::Wrote::kUpdates,
                        .visible_seq = std::move(result->token),
                        .notices = std::move(result->notices)});
}

absl::Status Run(const Execution& run, const Delete& remove) {
  ASSIGN_OR_RETURN(const TableDef table, run.front.FindTable(remove.table));
  ASSIGN_OR_RETURN(DeleteRequest request, ToDelete(remove, table));
  absl::StatusOr<DeleteResult> result =
      request.filter.has_value()
          ? run.front.DeleteWhere(request.table, *request.filter, run.context, run.request_id)
          : run.front.Delete(request.table, std::move(request.keys), run.context, run.request_id);
  RETURN_IF_ERROR(result.status());
  return run.sink.Done({.message = Concat(RowsText(result->deleted), " deleted"),
                        .rows = result->deleted,
                        .wrote = ExecutionSummary::Wrote::kDeletes,
                        .visible_seq = std::move(result->token)});
}

absl::Status Execute(Front& front, std::string_view statement,
                     const std::map<std::string, std::string>& settings, ResultSink& sink,
                     const CallContext& context, const std::string& request_id) {
  RETURN_IF_ERROR(WithOverrides(front.settings(), settings).status());
  RETURN_IF_ERROR(context.Check());
  const absl::StatusOr<Statement> parsed = ParseStatement(statement);
  if (!parsed.ok()) return InStatement(parsed.status());
  const bool writes = std::holds_alternative<Insert>(*parsed) ||
                      std::holds_alternative<Update>(*parsed) ||
                      std::holds_alternative<Delete>(*parsed);
  if (!request_id.empty() && !writes) {
    return InField(absl::InvalidArgumentError(
                       "request_id is for INSERT, UPDATE and DELETE; leave it out elsewhere"),
                   "request_id");
  }
  const Execution run{front, settings, sink, context, request_id};
  return InStatement(std::visit([&](const auto& one) { return Run(run, one); }, *parsed));
}

}  // namespace ordinate::statement
