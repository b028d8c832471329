#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "google/protobuf/util/time_util.h"
#include "service/backup/backup_description.h"
#include "service/backup/backup_lock.h"
#include "service/backup/restore.h"
#include "service/cli/command.h"
#include "service/cli/interrupts.h"
#include "service/cli/progress.h"
#include "service/cli/proto_json.h"
#include "service/cli/text_table.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::cli {
namespace {

// A backup is one call, however large the data.
constexpr double kBackupTimeoutSeconds = 86'400;

struct BackupOptions {
  ClientOptions client;
  uint64_t keep = 0;
  uint64_t id = 0;
};

struct VerifyBackupOptions {
  std::string backup_dir;
  uint64_t id = 0;  // 0: all
  std::string output = "table";
};

std::string TimeOf(const v1::Backup& backup) {
  return google::protobuf::util::TimeUtil::ToString(backup.time());
}

absl::StatusOr<v1::Backup> FollowBackup(Client& client, const v1::CreateBackupRequest& request) {
  std::optional<v1::Backup> made;
  grpc::ClientContext context;
  Progress progress("backup", "bytes");
  {
    // Without the call's end the server would go on.
    const OnInterrupt on_interrupt([&context] { context.TryCancel(); });
    RETURN_IF_ERROR(client.CreateBackup(request, context, [&](v1::CreateBackupResponse& response) {
      if (response.has_backup()) {
        made = std::move(*response.mutable_backup());
      } else {
        const v1::BackupProgress& state = response.progress();
        progress.Update(state.bytes_copied(),
                        static_cast<double>(state.parts_done()) / std::max(1u, state.parts()));
      }
    }));
  }
  if (made.has_value()) return *std::move(made);
  return absl::InternalError("the server said that the backup is done, and not which it is");
}

absl::Status CreateBackup(const BackupOptions& options) {
  ASSIGN_OR_RETURN(const auto client, Client::Connect(options.client));
  v1::CreateBackupRequest request;
  request.set_keep(options.keep);
  ASSIGN_OR_RETURN(const v1::Backup backup, FollowBackup(*client, request));
  if (options.client.json()) {
    Print(MessageToJson(backup).dump() + "\n");
  } else {
    Print(Concat("backup ", backup.id(), " made: ", Bytes(backup.bytes()), ", of which ",
                 Bytes(backup.new_bytes()), " are new\n"));
  }
  return absl::OkStatus();
}

absl::Status ListBackups(const BackupOptions& options) {
  ASSIGN_OR_RETURN(const auto client, Client::Connect(options.client));
  ASSIGN_OR_RETURN(const auto response,
                   client->Call(&AdminStub::ListBackups, v1::ListBackupsRequest()));
  if (options.client.json()) {
    Print(MessageToJson(response).dump() + "\n");
    return absl::OkStatus();
  }
  TextTable text{
      {{"BACKUP", true}, {"TIME"}, {"VERSION"}, {"SHARDS", true}, {"SIZE", true}, {"NEW", true}},
      {}};
  for (const v1::Backup& backup : response.backups()) {
    text.rows.push_back({Concat(backup.id()), TimeOf(backup), backup.version(),
                         Grouped(static_cast<uint64_t>(backup.shards_size())),
                         Bytes(backup.bytes()), Bytes(backup.new_bytes())});
  }
  Print(RenderTable(text, TerminalWidth()));
  for (const std::string& problem : response.problems()) {
    Print(Concat("DAMAGED  ", Printable(problem), "\n"));
  }
  return absl::OkStatus();
}

absl::Status DeleteBackup(const BackupOptions& options) {
  ASSIGN_OR_RETURN(const auto client, Client::Connect(options.client));
  v1::DeleteBackupRequest request;
  request.set_id(options.id);
  RETURN_IF_ERROR(client->Call(&AdminStub::DeleteBackup, request).status());
  Print(options.client.json() ? nlohmann::json{{"deleted", options.id}}.dump() + "\n"
                              : Concat("backup ", options.id, " deleted\n"));
  return absl::OkStatus();
}

/// Verifies the backups; returns the sentences on what is damaged.
std::vector<std::string> VerifyEach(const VerifyBackupOptions& options, const BackupList& list) {
  std::vector<std::string> problems = list.problems;
  uint64_t bytes = 0;
  Progress progress("verify", "bytes");
  for (const BackupDescription& backup : list.backups) {
    const auto told = [&](const std::string&, uint64_t done) { progress.Update(bytes + done, -1); };
    for (const std::string& problem : VerifyBackup(options.backup_dir, backup, told)) {
      problems.push_back(Concat("backup ", backup.id, ": ", problem));
    }
    bytes += backup.bytes();
  }
  return problems;
}

absl::Status VerifyBackups(const VerifyBackupOptions& options) {
  const auto lock = BackupLock::Take(options.backup_dir, BackupLock::Kind::kReader);
  if (!lock.ok()) return FileError(MessageOf(lock.status()));
  BackupList list;
  if (options.id != 0) {
    auto backup = ReadDescription(options.backup_dir, options.id);
    if (absl::IsNotFound(backup.status())) return FileError(MessageOf(backup.status()));
    if (backup.ok()) {
      list.backups.push_back(*std::move(backup));
    } else {
      list.problems.emplace_back(MessageOf(backup.status()));
    }
  } else {
    auto all = ListDescriptions(options.backup_dir);
    if (!all.ok()) return FileError(MessageOf(all.status()));
    list = *std::move(all);
  }
  const std::vector<std::string> problems = VerifyEach(options, list);
  if (options.output == "json") {
    Print(nlohmann::ordered_json{{"clean", problems.empty()},
                                 {"backups", list.backups.size() + list.unreadable.size()},
                                 {"problems", problems}}
              .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) +
          "\n");
  } else {
    for (const std::string& problem : problems) {
      Print(Concat("DAMAGED  ", Printable(problem), "\n"));
    }
    if (problems.empty()) Print(Concat(Grouped(list.backups.size()), " backups are whole\n"));
  }
  if (problems.empty()) return absl::OkStatus();
  return Finding(Concat(options.backup_dir, ": ", problems.size(), " problems"));
}

void AddVerifyBackups(CLI::App& group, int* exit_code) {
  auto options = std::make_shared<VerifyBackupOptions>();
  CLI::App& command =
      *group.add_subcommand("verify", "Read every file of backups, without a server");
  command.add_option("--backup-dir", options->backup_dir, "The server's directory of backups")
      ->envname("ORDINATE_BACKUP_DIR")
      ->required();
  command.add_option("--backup", options->id, "This one only; without it: all");
  command.add_option("--output", options->output, "table for people, json for programs")
      ->envname("ORDINATE_OUTPUT")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  RunWith(command, exit_code, options, &VerifyBackups);
}

}  // namespace

void AddBackupCommands(CLI::App& app, int* exit_code) {
  CLI::App& group = *app.add_subcommand(
      "backup", "Make, list, delete and verify backups of a server's data directory");
  group.require_subcommand(1);
  const auto add = [&](const char* name, const char* help, double timeout_seconds,
                       absl::Status (*run)(const BackupOptions&)) {
    auto options = std::make_shared<BackupOptions>();
    options->client.timeout_seconds = timeout_seconds;
    CLI::App* const command = group.add_subcommand(name, help);
    AddClientOptions(*command, &options->client);
    RunWith(*command, exit_code, options, run);
    return std::make_pair(command, options);
  };
  const double usual = ClientOptions().timeout_seconds;
  const auto [create, created] =
      add("create", "Make a backup while the server works", kBackupTimeoutSeconds, &CreateBackup);
  create->add_option("--keep", created->keep,
                     "Then delete all but so many of the newest; without it: none");
  add("list", "List backups, oldest first", usual, &ListBackups);
  const auto [remove, removed] =
      add("delete", "Delete a backup, and files that no other has", usual, &DeleteBackup);
  remove->add_option("BACKUP", removed->id, "Its number")->required();
  AddVerifyBackups(group, exit_code);
}

}  // namespace ordinate::cli
