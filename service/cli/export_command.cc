#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

#include "service/cli/columns.h"
#include "service/cli/command.h"
#include "service/cli/json_row.h"
#include "service/cli/json_text.h"
#include "service/cli/progress.h"
#include "service/cli/text_table.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::cli {
namespace {

constexpr uint32_t kPageRows = 1000;

struct ExportOptions {
  ClientOptions client;
  std::string table, filter;
  std::string file = "-";
  bool with_row_id = false;
};

/// Whether something is there under the name that a file must not take the place of: a device, a
/// pipe, a link.
bool IsNoRegularFile(const std::string& path) {
  struct stat found = {};
  return ::lstat(path.c_str(), &found) == 0 && !S_ISREG(found.st_mode);
}

/// The file that rows go to. It appears under its name only when it is complete; what is no regular
/// file is written to as it is.
class Output {
 public:
  static absl::StatusOr<std::unique_ptr<Output>> Open(const std::string& path) {
    if (path == "-") return std::make_unique<Output>(stdout, path, "");
    std::string temporary = IsNoRegularFile(path) ? "" : path + ".partial";
    const std::string& opened = temporary.empty() ? path : temporary;
    std::FILE* const file = std::fopen(opened.c_str(), "wb");
    if (file == nullptr) return FileError(Concat(opened, ": ", std::strerror(errno)));
    return std::make_unique<Output>(file, path, std::move(temporary));
  }
  Output(std::FILE* file, std::string path, std::string temporary)
      : file_(file), path_(std::move(path)), temporary_(std::move(temporary)) {}
  ~Output() {
    if (file_ == nullptr || file_ == stdout) return;
    std::fclose(file_);
    if (!temporary_.empty()) std::remove(temporary_.c_str());
  }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  absl::Status Write(const std::string& text) {
    if (std::fwrite(text.data(), 1, text.size(), file_) == text.size()) return absl::OkStatus();
    return Failed();
  }
  absl::Status Close() {
    if (file_ == stdout) return absl::OkStatus();
    std::FILE* const file = std::exchange(file_, nullptr);
    const bool closed = std::fclose(file) == 0;
    if (closed && temporary_.empty()) return absl::OkStatus();
    if (closed && std::rename(temporary_.c_str(), path_.c_str()) == 0) return absl::OkStatus();
    const absl::Status failed = Failed();
    if (!temporary_.empty()) std::remove(temporary_.c_str());
    return failed;
  }

 private:
  absl::Status Failed() const {
    return FileError(Concat(path_, ": writing failed: ", std::strerror(errno)));
  }
  std::FILE* file_;
  const std::string path_;
  const std::string temporary_;  // renamed to path_ at the end; empty: path_ itself is written
};

/// {"__row_id": 7, "name": ...}, the id only when asked for.
void AppendLine(const v1::Row& row, const std::vector<std::string>& columns, bool with_row_id,
                std::string* out) {
  std::string cells;
  AppendCells(row, columns, &cells);
  if (with_row_id) {
    cells = Concat("{\"", kRowIdField, "\":", row.row_id(), cells == "{}" ? "" : ",",
                   std::string_view(cells).substr(1));
  }
  *out += cells;
  *out += '\n';
}

absl::Status Export(const ExportOptions& options) {
  ASSIGN_OR_RETURN(const auto client, Client::Connect(options.client));
  ASSIGN_OR_RETURN(const v1::Table table, client->GetTable(options.table));
  if (options.with_row_id && !KeyColumns(table).empty()) {
    return UsageError(Concat("--with-row-id: table '", options.table,
                             "' has a primary key, which its rows are found by"));
  }
  ASSIGN_OR_RETURN(const auto output, Output::Open(options.file));
  const auto columns = ShownColumns(table, {}, /*default_all=*/true);
  v1::ScanRequest request;
  request.set_table(options.table);
  request.set_page_size(kPageRows);
  if (!options.filter.empty()) request.mutable_filter()->set_text(options.filter);
  Progress progress(Concat("export ", options.table), "rows");
  uint64_t rows = 0;
  do {
    ASSIGN_OR_RETURN(const auto response, client->Call(&RowStub::Scan, request));
    std::string text;
    for (const v1::Row& row : response.rows()) {
      AppendLine(row, columns, options.with_row_id, &text);
    }
    RETURN_IF_ERROR(output->Write(text));
    rows += static_cast<uint64_t>(response.rows_size());
    const bool known = options.filter.empty() && table.row_count() > 0;
    progress.Update(
        rows, known ? static_cast<double>(rows) / static_cast<double>(table.row_count()) : -1);
    request.set_page_token(response.next_page_token());
  } while (!request.page_token().empty());
  RETURN_IF_ERROR(output->Close());
  progress.Say(Concat("exported ", Grouped(rows), " rows of ", options.table));
  return absl::OkStatus();
}

}  // namespace

void AddExportCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App& command =
      *app.add_subcommand("export", "Write rows as JSON lines that 'load' reads again");
  command.add_option("TABLE", options->table, "The table")->required();
  command.add_option("FILE", options->file, "Where to; '-': stdout")->capture_default_str();
  command.add_option("--filter", options->filter, "Rows to export; default: all");
  command.add_flag("--with-row-id", options->with_row_id,
                   "Tables without a key: write each row's id too, to load it over itself");
  AddClientOptions(command, &options->client);
  RunWith(command, exit_code, options, &Export);
}

}  // namespace ordinate::cli
