#include <map>
#include <string>
#include <vector>

#include "service/cli/command.h"
#include "service/cli/proto_json.h"
#include "service/cli/specs.h"
#include "service/cli/text_table.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::cli {
namespace {

struct TableOptions {
  ClientOptions client;
  std::string name;
  std::vector<std::string> keys, attributes, vectors, payloads;
};

std::string ColumnType(const v1::Column& column) {
  std::string type = ShortEnumName(*v1::DataType_descriptor(), column.type());
  if (column.type() == v1::DATA_TYPE_VECTOR && column.dim() > 0) {
    type += Concat("(", column.dim(), ")");
  }
  return type;
}

std::string Definition(const v1::Table& table) {
  TextTable columns{{{"COLUMN"}, {"ROLE"}, {"TYPE"}, {"NULL"}}, {}};
  for (const v1::Column& column : table.columns()) {
    const bool not_null = column.not_null() || column.role() == v1::COLUMN_ROLE_KEY;
    columns.rows.push_back({column.name(),
                            ShortEnumName(*v1::ColumnRole_descriptor(), column.role()),
                            ColumnType(column), not_null ? "no" : "yes"});
  }
  return RenderTable(columns, TerminalWidth());
}

absl::StatusOr<v1::Table> BuildTable(const TableOptions& options) {
  v1::Table table;
  table.set_name(options.name);
  for (const std::string& spec : options.keys) {
    ASSIGN_OR_RETURN(*table.add_columns(), ParseColumn(spec, v1::COLUMN_ROLE_KEY));
  }
  for (const std::string& spec : options.attributes) {
    ASSIGN_OR_RETURN(*table.add_columns(), ParseColumn(spec, v1::COLUMN_ROLE_ATTRIBUTE));
  }
  for (const std::string& spec : options.vectors) {
    ASSIGN_OR_RETURN(*table.add_columns(), ParseVectorColumn(spec));
  }
  for (const std::string& spec : options.payloads) {
    ASSIGN_OR_RETURN(*table.add_columns(), ParseColumn(spec, v1::COLUMN_ROLE_PAYLOAD));
  }
  return table;
}

absl::Status CreateTable(const TableOptions& options) {
  v1::CreateTableRequest request;
  ASSIGN_OR_RETURN(*request.mutable_table(), BuildTable(options));
  ASSIGN_OR_RETURN(const auto client, Client::Connect(options.client));
  ASSIGN_OR_RETURN(const auto response, client->Call(&TableStub::CreateTable, request));
  if (options.client.json()) {
    Print(MessageToJson(response.table()).dump() + "\n");
  } else {
    Print(Concat("table ", response.table().name(), " created\n"));
  }
  return absl::OkStatus();
}

absl::Status AddColumn(const TableOptions& options) {
  ASSIGN_OR_RETURN(const v1::Table columns, BuildTable(options));
  if (columns.columns_size() != 1) {
    return UsageError("expected one column: --attr, --vector or --payload, once");
  }
  v1::AddColumnRequest request;
  request.set_table(options.name);
  *request.mutable_column() = columns.columns(0);
  ASSIGN_OR_RETURN(const auto client, Client::Connect(options.client));
  ASSIGN_OR_RETURN(const auto response, client->Call(&TableStub::AddColumn, request));
  if (options.client.json()) {
    Print(MessageToJson(response.table()).dump() + "\n");
  } else {
    Print(Concat("column ", request.column().name(), " added to ", options.name, "\n"));
  }
  return absl::OkStatus();
}

absl::Status ShowTable(const TableOptions& options) {
  ASSIGN_OR_RETURN(const auto client, Client::Connect(options.client));
  ASSIGN_OR_RETURN(const v1::Table table, client->GetTable(options.name));
  if (options.client.json()) {
    Print(MessageToJson(table).dump() + "\n");
    return absl::OkStatus();
  }
  Print(RenderFacts(
      {{"table", table.name()},
       {"rows", Grouped(table.row_count())},
       {"row ids", ShortEnumName(*v1::RowIdFlavour_descriptor(), table.row_id_flavour())}}));
  Print(Concat("\n", Definition(table)));
  return absl::OkStatus();
}

absl::Status ListTables(const TableOptions& options) {
  ASSIGN_OR_RETURN(const auto client, Client::Connect(options.client));
  ASSIGN_OR_RETURN(const auto response,
                   client->Call(&TableStub::ListTables, v1::ListTablesRequest()));
  if (options.client.json()) {
    Print(MessageToJson(response).dump() + "\n");
    return absl::OkStatus();
  }
  TextTable text{{{"TABLE"}, {"COLUMNS"}}, {}};
  for (const v1::Table& table : response.tables()) {
    std::string columns;
    for (const v1::Column& column : table.columns()) {
      columns += Concat(columns.empty() ? "" : ", ", column.name(), " ", ColumnType(column));
    }
    text.rows.push_back({table.name(), columns});
  }
  Print(RenderTable(text, TerminalWidth()));
  return absl::OkStatus();
}

absl::Status DropTable(const TableOptions& options) {
  ASSIGN_OR_RETURN(const auto client, Client::Connect(options.client));
  v1::DropTableRequest request;
  request.set_name(options.name);
  RETURN_IF_ERROR(client->Call(&TableStub::DropTable, request).status());
  if (options.client.json()) {
    Print(nlohmann::json{{"dropped", options.name}}.dump() + "\n");
  } else {
    Print(Concat("table ", options.name, " dropped\n"));
  }
  return absl::OkStatus();
}

}  // namespace

void AddTableCommands(CLI::App& app, int* exit_code) {
  CLI::App& group = *app.add_subcommand("table", "Create, list, show and drop tables");
  group.require_subcommand(1);
  const auto add = [&](const char* name, const char* help,
                       absl::Status (*run)(const TableOptions&)) {
    auto options = std::make_shared<TableOptions>();
    CLI::App* const command = group.add_subcommand(name, help);
    AddClientOptions(*command, &options->client);
    RunWith(*command, exit_code, options, run);
    return std::make_pair(command, options);
  };
  const auto [create, definition] = add("create", "Create an empty table", &CreateTable);
  create->add_option("TABLE", definition->name, "Its name")->required();
  const auto columns = [&create = create](const char* option, std::vector<std::string>* into,
                                          const char* help) {
    create->add_option(option, *into, help)->allow_extra_args(false)->take_all();
  };
  columns("--key", &definition->keys,
          "Key column NAME:TYPE (INT64, UINT64, STRING); repeat for a composite key; none: row ids "
          "are the key");
  columns("--attr", &definition->attributes,
          "Attribute NAME:TYPE (BOOL, INT64, DOUBLE, STRING, TIMESTAMP); '!' behind it: NOT NULL");
  columns("--vector", &definition->vectors, "Vector column NAME:DIM, or NAME:any; '!': NOT NULL");
  columns("--payload", &definition->payloads, "Payload NAME:TYPE (BYTES, JSON); '!': NOT NULL");
  const auto [extend, added] = add("add-column", "Add a column to a table", &AddColumn);
  extend->add_option("TABLE", added->name, "Its name")->required();
  const auto column = [&extend = extend](const char* option, std::vector<std::string>* into,
                                         const char* help) {
    extend->add_option(option, *into, help)->allow_extra_args(false)->take_all();
  };
  column("--attr", &added->attributes, "Attribute NAME:TYPE");
  column("--vector", &added->vectors, "Vector column NAME:DIM, or NAME:any");
  column("--payload", &added->payloads, "Payload NAME:TYPE");
  add("list", "List all tables", &ListTables);
  const auto [show, shown] = add("show", "Show a table's columns and row count", &ShowTable);
  show->add_option("TABLE", shown->name, "Its name")->required();
  const auto [drop, dropped] = add("drop", "Drop a table with its rows and indexes", &DropTable);
  drop->add_option("TABLE", dropped->name, "Its name")->required();
}

}  // namespace ordinate::cli
