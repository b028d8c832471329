#include <string>

#include "service/cli/command.h"
#include "service/cli/text_table.h"
#include "service/cli/verify_report.h"
#include "service/server/data_directory.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::cli {
namespace {

struct VerifyOptions {
  std::string data_dir;
  std::string output = "table";
};

void PrintJson(const VerifyReport& report) {
  nlohmann::ordered_json json;
  json["clean"] = report.clean();
  json["tables"] = report.tables;
  json["indexes"] = report.indexes;
  json["rows"] = report.rows;
  json["segments"] = report.segments;
  json["bytes"] = report.bytes;
  json["problems"] = ProblemsJson(report);
  json["notes"] = report.notes;
  Print(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

void PrintText(const VerifyReport& report) {
  Print(RenderFacts({{"tables", Grouped(report.tables)},
                     {"indexes", Grouped(report.indexes)},
                     {"rows", Grouped(report.rows)},
                     {"segments", Grouped(report.segments)},
                     {"checked", Bytes(report.bytes)},
                     {"problems", Grouped(report.problems.size())}}));
  PrintProblems(report);
  for (const std::string& note : report.notes) Print(Concat("note  ", Printable(note), "\n"));
  if (report.clean()) Print("everything agrees\n");
}

absl::Status Verify(const VerifyOptions& options) {
  // Held while the check runs, so no server can start on it.
  const auto directory = DataDirectory::OpenExisting(options.data_dir);
  if (!directory.ok()) return FileError(std::string(directory.status().message()));
  const VerifyReport report = VerifyDirectory(**directory);
  if (options.output == "json") {
    PrintJson(report);
  } else {
    PrintText(report);
  }
  if (report.clean()) return absl::OkStatus();
  return Finding(Concat(options.data_dir, ": ", report.problems.size(),
                        " problems; the first: ", report.problems[0].file));
}

}  // namespace

void AddVerifyCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App& command = *app.add_subcommand(
      "verify", "Check a data directory: every checksum, and that indexes and rows agree");
  command
      .add_option("--data-dir", options->data_dir, "The data directory; no server may be using it")
      ->envname("ORDINATE_DATA_DIR")
      ->required();
  command.add_option("--output", options->output, "table for people, json for programs")
      ->envname("ORDINATE_OUTPUT")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  RunWith(command, exit_code, options, &Verify);
}

}  // namespace ordinate::cli
