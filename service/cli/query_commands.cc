#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "service/cli/columns.h"
#include "service/cli/command.h"
#include "service/cli/json_text.h"
#include "service/cli/proto_json.h"
#include "service/cli/query_options.h"
#include "service/cli/text_table.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::cli {
namespace {

double Millis(const google::protobuf::Duration& duration) {
  return static_cast<double>(duration.seconds()) * 1e3 + duration.nanos() * 1e-6;
}

std::string PlanLines(const v1::Plan& plan) {
  return plan.text().ends_with('\n') ? plan.text() : plan.text() + "\n";
}

std::string QueryJson(const v1::QueryResponse& response, const std::vector<std::string>& columns) {
  std::string out = "{\"rows\":[";
  for (const v1::ResultRow& row : response.rows()) {
    if (!out.ends_with('[')) out += ',';
    out += "{\"score\":";
    if (row.has_score()) {
      AppendJsonDouble(row.score(), &out);
    } else {
      out += "null";
    }
    out += Concat(",\"row_id\":", row.row().row_id(), ",\"version\":", row.row().version(),
                  ",\"columns\":");
    AppendCells(row.row(), columns, &out);
    out += '}';
  }
  out += "]";
  if (response.has_plan()) out += Concat(",\"plan\":", MessageToJson(response.plan()).dump());
  out += Concat(",\"visible_seq\":", MessageToJson(response.visible_seq()).dump());
  out += Concat(",\"server_time_ms\":", Millis(response.server_time()), "}\n");
  return out;
}

std::string QueryTable(const v1::QueryResponse& response, const std::vector<std::string>& columns) {
  std::vector<const v1::Row*> rows;
  for (const v1::ResultRow& row : response.rows()) rows.push_back(&row.row());
  TextTable table = RowsTable(columns, rows);
  table.columns.insert(table.columns.begin(), {"SCORE", true});
  if (columns.empty()) table.columns.push_back({"ROW_ID", true});
  for (int i = 0; i < response.rows_size(); ++i) {
    const v1::ResultRow& row = response.rows(i);
    auto& line = table.rows[static_cast<size_t>(i)];
    line.insert(line.begin(), row.has_score() ? absl::StrFormat("%.6f", row.score()) : "NULL");
    if (columns.empty()) line.push_back(Concat(row.row().row_id()));
  }
  return RenderTable(table, TerminalWidth());
}

absl::Status RunQuery(const QueryOptions& options) {
  ASSIGN_OR_RETURN(v1::QueryRequest request, BuildQuery(options));
  ASSIGN_OR_RETURN(*request.mutable_vector(), ReadQueryVector(options));
  ASSIGN_OR_RETURN(const auto client, Client::Connect(options.client));
  ASSIGN_OR_RETURN(const v1::Table table, client->GetTable(options.table));
  ASSIGN_OR_RETURN(const auto response, client->Call(&QueryStub::Query, request));
  const auto columns = ShownColumns(table, {request.columns().begin(), request.columns().end()},
                                    /*default_all=*/false);
  if (options.client.json()) {
    Print(QueryJson(response, columns));
    return absl::OkStatus();
  }
  Print(QueryTable(response, columns));
  Print(absl::StrFormat("%d rows, %.2f ms in the server\n", response.rows_size(),
                        Millis(response.server_time())));
  if (response.has_plan()) Print(Concat("\n", PlanLines(response.plan())));
  return absl::OkStatus();
}

absl::Status RunExplain(const QueryOptions& options) {
  v1::ExplainRequest request;
  ASSIGN_OR_RETURN(*request.mutable_query(), BuildQuery(options));
  ASSIGN_OR_RETURN(*request.mutable_query()->mutable_vector(), ReadQueryVector(options));
  ASSIGN_OR_RETURN(const auto client, Client::Connect(options.client));
  ASSIGN_OR_RETURN(const auto response, client->Call(&QueryStub::Explain, request));
  Print(options.client.json() ? MessageToJson(response.plan()).dump() + "\n"
                              : PlanLines(response.plan()));
  return absl::OkStatus();
}

std::shared_ptr<QueryOptions> AddCommand(CLI::App& app, int* exit_code, const char* name,
                                         const char* help,
                                         absl::Status (*run)(const QueryOptions&)) {
  auto options = std::make_shared<QueryOptions>();
  CLI::App& command = *app.add_subcommand(name, help);
  AddQueryOptions(command, options.get());
  command.add_option("--vector-json", options->vector_json, "The query vector, as [0.1, 0.2, ...]");
  command.add_option(
      "--vector-file", options->vector_file,
      "A file with it: a JSON array ('-': stdin), or the first one of .npy or .fvecs");
  command.add_flag("--plan", options->plan, "Print the plan too");
  AddClientOptions(command, &options->client);
  RunWith(command, exit_code, options, run);
  return options;
}

}  // namespace

void AddQueryCommands(CLI::App& app, int* exit_code) {
  AddCommand(app, exit_code, "query", "The nearest rows, in order", &RunQuery);
  AddCommand(app, exit_code, "explain", "The plan of a query, without running it", &RunExplain);
}

}  // namespace ordinate::cli
