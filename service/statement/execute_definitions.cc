#include <algorithm>

#include "service/statement/execution.h"
#include "service/statement/show_create.h"
#include "service/statement/translate.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::statement {
namespace {

constexpr double kMicrosPerSecond = 1e6;

std::string SeqText(const SeqByShard& seqs) {
  std::string text = "{";
  for (const auto& [shard, seq] : seqs) {
    text += Concat(text.size() == 1 ? "\"" : ",\"", shard, "\":", seq);
  }
  return text + "}";
}

std::string ColumnOf(const IndexInfo& info) {
  const auto column = std::find_if(
      info.table.columns.begin(), info.table.columns.end(),
      [&](const ColumnDef& candidate) { return candidate.id == info.index.column_id; });
  return column == info.table.columns.end() ? "" : column->name;
}

// A fact of an index: its column in the answer, and its value.
struct Fact {
  std::string_view name;
  DataType type;
  Value value;
};
Fact TextFact(std::string_view name, std::string_view text) {
  return {name, DataType::kString, std::string(text)};
}
Fact NumberFact(std::string_view name, uint64_t number) {
  return {name, DataType::kUint64, number};
}

// contract 6.3
std::vector<Fact> FactsOf(const IndexInfo& info) {
  const IndexDef& index = info.index;
  const ShardIndexStatus& status = info.total;
  return {
      TextFact("index", index.name),
      TextFact("table", info.table.name),
      TextFact("column", ColumnOf(info)),
      TextFact("state", IndexStateName(status.state)),
      TextFact("reason", status.reason),
      TextFact("engine", EngineName(index.engine)),
      TextFact("metric", MetricName(index.metric)),
      NumberFact("dim", index.dim),
      NumberFact("m", index.engine == Engine::kHnsw ? index.m : 0),
      NumberFact("ef_build", index.engine == Engine::kHnsw ? index.ef_build : 0),
      NumberFact("ef_search", index.ef_search),
      TextFact("mode", FreshnessModeName(index.mode)),
      TextFact("dim_policy", DimPolicyName(index.dim_policy)),
      NumberFact("rows_total", status.rows_total),
      NumberFact("rows_indexed", status.rows_indexed),
      NumberFact("rows_pending", status.rows_pending),
      NumberFact("rows_null", status.rows_null),
      NumberFact("rows_invalid", status.rows_invalid),
      NumberFact("rows_deleted", status.rows_deleted),
      NumberFact("bytes_memory", status.bytes_memory),
      NumberFact("bytes_disk", status.bytes_disk),
      NumberFact("build_time_ms", status.build_time_ms),
      {"build_progress", DataType::kDouble, status.build_progress},
      {"build_rows_per_second", DataType::kDouble, status.build_rows_per_second},
      {"build_seconds_left", DataType::kDouble,
       status.build_left_micros.has_value()
           ? Value(static_cast<double>(*status.build_left_micros) / kMicrosPerSecond)
           : Value()},
      NumberFact("generation", status.generation),
      {"visible_seq", DataType::kJson, SeqText(info.visible_seq)},
      NumberFact("lag_rows", status.lag_rows),
      {"lag_seconds", DataType::kDouble, static_cast<double>(status.lag_micros) / kMicrosPerSecond},
      NumberFact("segments", status.segments),
      NumberFact("tail_rows", status.tail_rows),
      TextFact("last_error", status.last_error)};
}

absl::Status SendIndexes(const Execution& run, const std::vector<IndexInfo>& infos) {
  std::vector<RowOutput::Column> columns;
  for (const Fact& fact : FactsOf(IndexInfo())) {
    columns.push_back({std::string(fact.name), fact.type});
  }
  std::vector<std::vector<Value>> rows;
  for (const IndexInfo& info : infos) {
    std::vector<Value>& row = rows.emplace_back();
    for (Fact& fact : FactsOf(info)) row.push_back(std::move(fact.value));
  }
  return SendAll(run, columns, std::move(rows));
}

// Numbers that the statement does not give are the session's, if it has some.
absl::Status FillGraphOptions(const Execution& run, NewIndex& made) {
  ASSIGN_OR_RETURN(const Settings settings, WithOverrides(run.front.settings(), run.settings));
  if (made.index.m == 0) made.index.m = settings.hnsw_m;
  if (made.index.ef_build == 0) made.index.ef_build = settings.hnsw_ef_build;
  return absl::OkStatus();
}

}  // namespace

absl::Status Run(const Execution& run, const CreateTable& create) {
  ASSIGN_OR_RETURN(TableDef table, ToTable(create));
  RETURN_IF_ERROR(run.front.CreateTable(std::move(table)).status());
  return run.Say(Concat("table '", create.table, "' created"));
}

absl::Status Run(const Execution& run, const AddColumn& add) {
  ASSIGN_OR_RETURN(ColumnDef column, ToColumn(add));
  RETURN_IF_ERROR(run.front.AddColumn(add.table, std::move(column)).status());
  return run.Say(Concat("column '", add.column.name, "' added to table '", add.table, "'"));
}

absl::Status Run(const Execution& run, const DropTable& drop) {
  RETURN_IF_ERROR(run.front.DropTable(drop.table));
  return run.Say(Concat("table '", drop.table, "' dropped"));
}

absl::Status Run(const Execution& run, const ShowTables&) {
  std::vector<std::vector<Value>> rows;
  for (const auto& [name, table] : run.front.definitions()->tables) {
    const absl::StatusOr<TableInfo> info = run.front.GetTable(name, run.context);
    if (absl::IsNotFound(info.status())) continue;  // dropped meanwhile
    RETURN_IF_ERROR(info.status());
    rows.push_back({name, info->rows});
  }
  return SendAll(run, {{"table", DataType::kString}, {"rows", DataType::kUint64}}, std::move(rows));
}

absl::Status Run(const Execution& run, const ShowCreateTable& show) {
  ASSIGN_OR_RETURN(const TableDef table, run.front.FindTable(show.table));
  return SendTexts(run, "statement", {ShowCreateText(table)});
}

absl::Status Run(const Execution& run, const CreateIndex& create) {
  ASSIGN_OR_RETURN(NewIndex made, ToIndex(create));
  RETURN_IF_ERROR(FillGraphOptions(run, made));
  RETURN_IF_ERROR(run.front.CreateIndex(made.table, made.column, std::move(made.index)).status());
  return run.Say(Concat("index '", create.index, "' created; its build is running"));
}

absl::Status Run(const Execution& run, const AlterIndex& alter) {
  ASSIGN_OR_RETURN(const IndexChange change, ToChange(alter));
  ASSIGN_OR_RETURN(const IndexInfo info, run.front.FindIndex(change.index));
  RETURN_IF_ERROR(CheckOptionsApply(change.given, info.index.engine));
  const absl::StatusOr<IndexDef> altered = run.front.AlterIndex(
      change.index, [&](IndexDef& index) { index = Apply(change, std::move(index)); });
  RETURN_IF_ERROR(altered.status());
  IndexDef before = info.index;
  const bool built = TakeStructure(*altered, before);
  return run.Say(Concat("index '", alter.index, "' altered",
                        built ? "; it is built anew where its files have other options" : ""));
}

absl::Status Run(const Execution& run, const RebuildIndex& rebuild) {
  ASSIGN_OR_RETURN(const std::optional<RebuildGate> gate, ToGate(rebuild));
  RETURN_IF_ERROR(run.front.RebuildIndex(rebuild.index, gate));
  return run.Say(Concat("index '", rebuild.index, "': the build is running"));
}

absl::Status Run(const Execution& run, const CancelRebuild& cancel) {
  RETURN_IF_ERROR(run.front.CancelRebuild(cancel.index));
  return run.Say(Concat("index '", cancel.index, "': the rebuild is cancelled"));
}

absl::Status Run(const Execution& run, const DropIndex& drop) {
  RETURN_IF_ERROR(run.front.DropIndex(drop.index));
  return run.Say(Concat("index '", drop.index, "' dropped"));
}

absl::Status Run(const Execution& run, const ShowIndex& show) {
  if (show.index.empty()) return Run(run, ShowIndexes());
  ASSIGN_OR_RETURN(IndexInfo info, run.front.GetIndex(show.index));
  return SendIndexes(run, {std::move(info)});
}

absl::Status Run(const Execution& run, const ShowIndexes& show) {
  ASSIGN_OR_RETURN(const std::vector<IndexInfo> infos, run.front.ListIndexes(show.table));
  return SendIndexes(run, infos);
}

absl::Status Run(const Execution& run, const ShowCreateIndex& show) {
  ASSIGN_OR_RETURN(const IndexInfo info, run.front.FindIndex(show.index));
  return SendTexts(run, "statement", {ShowCreateText(info.index, info.table)});
}

}  // namespace ordinate::statement
