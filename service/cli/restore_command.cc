#include <optional>
#include <string>

#include "engine/verify/verify.h"
#include "service/backup/backup_description.h"
#include "service/backup/backup_lock.h"
#include "service/backup/restore.h"
#include "service/cli/command.h"
#include "service/cli/progress.h"
#include "service/cli/text_table.h"
#include "service/cli/verify_report.h"
#include "service/server/data_directory.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::cli {
namespace {

struct RestoreOptions {
  std::string backup_dir;
  std::string data_dir;
  uint64_t id = 0;  // 0: the newest
  std::string output = "table";
};

/// The backup that is asked for. One that cannot be read is never passed over in silence.
absl::StatusOr<BackupDescription> Choose(const RestoreOptions& options) {
  if (options.id != 0) return ReadDescription(options.backup_dir, options.id);
  ASSIGN_OR_RETURN(BackupList list, ListDescriptions(options.backup_dir));
  const uint64_t newest = list.backups.empty() ? 0 : list.backups.back().id;
  if (!list.unreadable.empty() && list.unreadable.back() > newest) {
    return absl::DataLossError(Concat("the newest backup is damaged: ", list.problems.back(),
                                      "; say which other one is to be restored with --backup"));
  }
  if (newest == 0) {
    return absl::NotFoundError(Concat("there is no backup in ", options.backup_dir));
  }
  return std::move(list.backups.back());
}

absl::Status RestoreInto(const RestoreOptions& options, const BackupDescription& backup,
                         DataDirectory& directory) {
  RestoreTarget target;
  target.catalog = directory.CatalogPath();
  for (uint32_t shard = 0; shard < directory.shards(); ++shard) {
    target.rows.push_back(directory.ShardPath(shard) + "/rows");
  }
  Progress progress("restore", "bytes");
  const auto total = static_cast<double>(backup.bytes());
  RETURN_IF_ERROR(
      RestoreBackup(options.backup_dir, backup, target, [&](const std::string&, uint64_t done) {
        progress.Update(done, static_cast<double>(done) / total);
      }));
  return directory.FinishCreation();
}

void PrintResult(const RestoreOptions& options, const BackupDescription& backup,
                 const VerifyReport& report) {
  if (options.output == "json") {
    nlohmann::ordered_json json;
    json["backup"] = backup.id;
    json["time"] = TimeText(backup.time_micros);
    json["shards"] = backup.shards.size();
    json["tables"] = report.tables;
    json["indexes"] = report.indexes;
    json["rows"] = report.rows;
    json["clean"] = report.clean();
    json["problems"] = ProblemsJson(report);
    Print(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
    return;
  }
  Print(RenderFacts({{"backup", Concat(backup.id)},
                     {"made", TimeText(backup.time_micros)},
                     {"shards", Grouped(backup.shards.size())},
                     {"tables", Grouped(report.tables)},
                     {"indexes", Grouped(report.indexes)},
                     {"rows", Grouped(report.rows)},
                     {"problems", Grouped(report.problems.size())}}));
  PrintProblems(report);
  if (report.clean()) Print(Concat("restored to ", options.data_dir, ", and everything agrees\n"));
}

absl::Status Restore(const RestoreOptions& options) {
  const auto lock = BackupLock::Take(options.backup_dir, BackupLock::Kind::kReader);
  if (!lock.ok()) return FileError(MessageOf(lock.status()));
  const auto backup = Choose(options);
  if (absl::IsDataLoss(backup.status())) return Finding(MessageOf(backup.status()));
  if (!backup.ok()) return FileError(MessageOf(backup.status()));
  const auto directory =
      DataDirectory::MakeToRestore(options.data_dir, static_cast<uint32_t>(backup->shards.size()));
  if (!directory.ok()) return FileError(MessageOf(directory.status()));

  if (const absl::Status restored = RestoreInto(options, *backup, **directory); !restored.ok()) {
    const std::string message =
        Concat(MessageOf(restored), ". ", options.data_dir,
               " is no data directory: remove it, and restore another backup, or this one again");
    return absl::IsDataLoss(restored) ? Finding(message) : FileError(message);
  }
  const VerifyReport report = VerifyDirectory(**directory);
  PrintResult(options, *backup, report);
  if (report.clean()) return absl::OkStatus();
  return Finding(Concat("backup ", backup->id, " is restored to ", options.data_dir, ", with ",
                        report.problems.size(), " problems; the first: ", report.problems[0].file));
}

}  // namespace

void AddRestoreCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<RestoreOptions>();
  CLI::App& command = *app.add_subcommand(
      "restore", "Make a data directory from a backup, and verify it, without a server");
  command.add_option("--backup-dir", options->backup_dir, "The server's directory of backups")
      ->envname("ORDINATE_BACKUP_DIR")
      ->required();
  command.add_option("--backup", options->id, "The backup's number; without it: the newest");
  command.add_option("--data-dir", options->data_dir, "An empty or a new directory")
      ->envname("ORDINATE_DATA_DIR")
      ->required();
  command.add_option("--output", options->output, "table for people, json for programs")
      ->envname("ORDINATE_OUTPUT")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  RunWith(command, exit_code, options, &Restore);
}

}  // namespace ordinate::cli
