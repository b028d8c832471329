#include <cstdio>
#include <string>
#include <vector>

#include "service/cli/columns.h"
#include "service/cli/command.h"
#include "service/cli/json_row.h"
#include "service/cli/proto_json.h"
#include "service/cli/specs.h"
#include "service/cli/text_table.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::cli {
namespace {

constexpr uint64_t kPageRows = 1000;

struct RowOptions {
  ClientOptions client;
  std::string table, filter, columns;
  std::vector<std::string> keys, json_keys;
  std::vector<uint64_t> row_ids;
  uint64_t limit = 0;
  std::vector<std::string> rows;
  std::string request_id;
  uint64_t if_version = 0;
};

absl::StatusOr<std::vector<v1::RowKey>> ReadKeys(const RowOptions& options,
                                                 const v1::Table& table) {
  std::vector<v1::RowKey> keys;
  if (KeyColumns(table).size() > 1 && !options.keys.empty()) {
    // Of a composite key the words are one key together.
    ASSIGN_OR_RETURN(keys.emplace_back(), ParseKeyWords(table, options.keys));
  } else {
    for (const std::string& word : options.keys) {
      ASSIGN_OR_RETURN(keys.emplace_back(), ParseKeyWords(table, {word}));
    }
  }
  for (const std::string& json : options.json_keys) {
    ASSIGN_OR_RETURN(keys.emplace_back(), ParseKeyJson(table, json));
  }
  for (const uint64_t id : options.row_ids) keys.emplace_back().set_row_id(id);
  if (keys.empty()) return UsageError("no key is given: KEY..., --key-json or --row-id");
  return keys;
}

absl::StatusOr<std::vector<std::string>> AskedColumns(const RowOptions& options) {
  if (options.columns.empty()) return std::vector<std::string>();
  return ParseNames(options.columns);
}

void PrintRows(const ClientOptions& client, const std::vector<const v1::Row*>& rows,
               const std::vector<std::string>& columns) {
  if (!client.json()) {
    TextTable table = RowsTable(columns, rows);
    table.columns.insert(table.columns.begin(), {"ROW_ID", true});
    for (size_t i = 0; i < rows.size(); ++i) {
      table.rows[i].insert(table.rows[i].begin(), Concat(rows[i]->row_id()));
    }
    Print(RenderTable(table, TerminalWidth()));
    return;
  }
  std::string out;
  for (const v1::Row* row : rows) {
    AppendRow(*row, columns, &out);
    out += '\n';
  }
  Print(out);
}

absl::Status GetRows(const RowOptions& options) {
  ASSIGN_OR_RETURN(const auto asked, AskedColumns(options));
  ASSIGN_OR_RETURN(const auto client, Client::Connect(options.client));
  ASSIGN_OR_RETURN(const v1::Table table, client->GetTable(options.table));
  ASSIGN_OR_RETURN(const auto keys, ReadKeys(options, table));
  v1::GetRequest request;
  request.set_table(options.table);
  request.mutable_keys()->Add(keys.begin(), keys.end());
  const auto columns = ShownColumns(table, asked, /*default_all=*/true);
  request.mutable_columns()->Add(columns.begin(), columns.end());
  ASSIGN_OR_RETURN(const auto response, client->Call(&RowStub::Get, request));
  std::vector<const v1::Row*> rows;
  for (const v1::Row& row : response.rows()) rows.push_back(&row);
  PrintRows(options.client, rows, columns);
  if (rows.size() < keys.size()) {
    std::fprintf(stderr, "%zu of %zu keys were found\n", rows.size(), keys.size());
  }
  return absl::OkStatus();
}

absl::Status ScanRows(const RowOptions& options) {
  ASSIGN_OR_RETURN(const auto asked, AskedColumns(options));
  ASSIGN_OR_RETURN(const auto client, Client::Connect(options.client));
  ASSIGN_OR_RETURN(const v1::Table table, client->GetTable(options.table));
  const auto columns = ShownColumns(table, asked, /*default_all=*/true);
  v1::ScanRequest request;
  request.set_table(options.table);
  request.mutable_columns()->Add(columns.begin(), columns.end());
  if (!options.filter.empty()) request.mutable_filter()->set_text(options.filter);
  uint64_t printed = 0;
  do {
    const uint64_t left = options.limit == 0 ? kPageRows : options.limit - printed;
    request.set_page_size(static_cast<uint32_t>(std::min(left, kPageRows)));
    ASSIGN_OR_RETURN(const auto response, client->Call(&RowStub::Scan, request));
    std::vector<const v1::Row*> rows;
    for (const v1::Row& row : response.rows()) rows.push_back(&row);
    if (!rows.empty() || printed == 0) PrintRows(options.client, rows, columns);
    printed += rows.size();
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty() && (options.limit == 0 || printed < options.limit));
  return absl::OkStatus();
}

absl::Status CountRows(const RowOptions& options) {
  ASSIGN_OR_RETURN(const auto client, Client::Connect(options.client));
  v1::CountRequest request;
  request.set_table(options.table);
  if (!options.filter.empty()) request.mutable_filter()->set_text(options.filter);
  ASSIGN_OR_RETURN(const auto response, client->Call(&RowStub::Count, request));
  Print(options.client.json() ? Concat("{\"count\":", response.count(), "}\n")
                              : Concat(response.count(), "\n"));
  return absl::OkStatus();
}

/// What --request-id and --if-version say of a write of `count` rows.
template <typename Request>
absl::Status AddWriteOptions(const RowOptions& options, size_t count, Request& request) {
  request.set_request_id(options.request_id);
  if (options.if_version == 0) return absl::OkStatus();
  if (count != 1) return UsageError("--if-version goes with one row, named by its key");
  request.add_conditions()->set_version(options.if_version);
  return absl::OkStatus();
}

absl::Status UpdateRows(const RowOptions& options) {
  ASSIGN_OR_RETURN(const auto client, Client::Connect(options.client));
  ASSIGN_OR_RETURN(const v1::Table table, client->GetTable(options.table));
  const RowParser parser(table);
  v1::UpdateRequest request;
  request.set_table(options.table);
  for (size_t i = 0; i < options.rows.size(); ++i) {
    const absl::Status parsed = parser.Parse(options.rows[i], request.add_rows());
    if (!parsed.ok()) return UsageError(Concat("row ", i, ": ", parsed.message()));
  }
  RETURN_IF_ERROR(AddWriteOptions(options, options.rows.size(), request));
  ASSIGN_OR_RETURN(const auto response, client->Call(&RowStub::Update, request));
  Print(options.client.json()
            ? MessageToJson(response).dump() + "\n"
            : Concat(response.updated(), " of ", options.rows.size(), " rows updated\n"));
  for (const std::string& notice : response.notices()) {
    std::fprintf(stderr, "%s\n", notice.c_str());
  }
  return absl::OkStatus();
}

absl::Status DeleteRows(const RowOptions& options) {
  ASSIGN_OR_RETURN(const auto client, Client::Connect(options.client));
  ASSIGN_OR_RETURN(const v1::Table table, client->GetTable(options.table));
  v1::DeleteRequest request;
  request.set_table(options.table);
  if (options.filter.empty()) {
    ASSIGN_OR_RETURN(const auto keys, ReadKeys(options, table));
    request.mutable_keys()->Add(keys.begin(), keys.end());
  } else if (!options.keys.empty() || !options.json_keys.empty() || !options.row_ids.empty()) {
    return UsageError("keys and --filter are both given; expected one of them");
  } else {
    request.mutable_filter()->set_text(options.filter);
  }
  const auto keys = static_cast<size_t>(request.keys_size());
  RETURN_IF_ERROR(AddWriteOptions(options, keys, request));
  ASSIGN_OR_RETURN(const auto response, client->Call(&RowStub::Delete, request));
  const std::string of = request.has_filter() ? "" : Concat(" of ", keys);
  Print(options.client.json() ? MessageToJson(response).dump() + "\n"
                              : Concat(response.deleted(), of, " rows deleted\n"));
  return absl::OkStatus();
}

void AddWriteFlags(CLI::App& command, RowOptions* options) {
  command.add_option("--request-id", options->request_id,
                     "Makes a retry safe: the same command with the same id is applied once");
  command
      .add_option("--if-version", options->if_version,
                  "Write only if the row has this version, as get --output json shows it")
      ->check(CLI::PositiveNumber);
}

void AddKeyOptions(CLI::App& command, RowOptions* options) {
  command.add_option("KEY", options->keys,
                     "Keys; of a composite key, its values; row ids in a table without a key. Put "
                     "-- before a negative one");
  command
      .add_option("--key-json", options->json_keys,
                  "A key as a JSON array, such as '[\"a\", 1]'; repeatable")
      ->expected(1)
      ->allow_extra_args(false)
      ->take_all();
  command.add_option("--row-id", options->row_ids, "A row id; repeatable")->expected(1)->take_all();
}

}  // namespace

void AddRowCommands(CLI::App& app, int* exit_code) {
  const auto add = [&](const char* name, const char* help, absl::Status (*run)(const RowOptions&)) {
    auto options = std::make_shared<RowOptions>();
    CLI::App* const command = app.add_subcommand(name, help);
    command->add_option("TABLE", options->table, "The table")->required();
    AddClientOptions(*command, &options->client);
    RunWith(*command, exit_code, options, run);
    return std::make_pair(command, options);
  };
  const auto [get, got] = add("get", "Rows by key", &GetRows);
  AddKeyOptions(*get, got.get());
  get->add_option("--columns", got->columns, "Columns to return, by commas; default: all");
  const auto [scan, scanned] = add("scan", "Rows in row id order", &ScanRows);
  scan->add_option("--filter", scanned->filter, "Rows to return; default: all");
  scan->add_option("--columns", scanned->columns, "Columns to return, by commas; default: all");
  scan->add_option("--limit", scanned->limit, "Rows at most; default: all");
  const auto [count, counted] = add("count", "The number of rows", &CountRows);
  count->add_option("--filter", counted->filter, "Rows to count; default: all");
  const auto [remove, removed] = add("delete", "Delete rows by key or filter", &DeleteRows);
  AddKeyOptions(*remove, removed.get());
  remove->add_option("--filter", removed->filter, "Rows to delete, instead of keys");
  AddWriteFlags(*remove, removed.get());
  const auto [update, updated] = add("update", "Change columns of rows", &UpdateRows);
  update
      ->add_option("ROW", updated->rows,
                   "A row as a JSON object, as load takes it: its key, and the columns to change")
      ->required();
  AddWriteFlags(*update, updated.get());
}

}  // namespace ordinate::cli
