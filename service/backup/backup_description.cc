#include "service/backup/backup_description.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <numeric>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "service/backup/checked_json.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/files/durable_file.h"
#include "storage/files/file_error.h"

namespace ordinate {
namespace {

constexpr int64_t kFormatVersion = 1;
constexpr uint64_t kMaxDescriptionBytes = 1 << 20;
constexpr std::string_view kPrefix = "backup-";
constexpr std::string_view kSuffix = ".json";

nlohmann::json PartJson(const StoreBackup& part) {
  return {{"id", part.id},
          {"sequence", part.sequence},
          {"bytes", part.bytes},
          {"new_bytes", part.new_bytes}};
}

// What the checksum vouches for is of these types, unless a program wrote it wrongly.
std::optional<StoreBackup> PartOf(const nlohmann::json& json) {
  if (!json.is_object()) return std::nullopt;
  StoreBackup part;
  const auto read = [&json](const char* name, auto& into) {
    const auto member = json.find(name);
    if (member == json.end() || !member->is_number_unsigned()) return false;
    member->get_to(into);
    return true;
  };
  const bool whole = read("id", part.id) && read("sequence", part.sequence) &&
                     read("bytes", part.bytes) && read("new_bytes", part.new_bytes);
  return whole ? std::optional(part) : std::nullopt;
}

std::optional<BackupDescription> DescriptionOf(const nlohmann::json& json) {
  BackupDescription backup;
  const auto id = json.find("id");
  const auto time = json.find("time_micros");
  const auto version = json.find("version");
  const auto shards = json.find("shards");
  const auto catalog = json.find("catalog");
  for (const auto& member : {id, time, version, shards, catalog}) {
    if (member == json.end()) return std::nullopt;
  }
  if (!id->is_number_unsigned() || !time->is_number_integer() || !version->is_string() ||
      !shards->is_array() || shards->empty()) {
    return std::nullopt;
  }
  backup.id = id->get<uint64_t>();
  backup.time_micros = time->get<int64_t>();
  backup.version = version->get<std::string>();
  for (const nlohmann::json& shard : *shards) {
    const auto part = PartOf(shard);
    if (!part) return std::nullopt;
    backup.shards.push_back(*part);
  }
  const auto part = PartOf(*catalog);
  if (!part) return std::nullopt;
  backup.catalog = *part;
  return backup;
}

/// The id in a description's name; nullopt for another name.
std::optional<uint64_t> IdOfName(std::string_view name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  const std::string_view digits =
      name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size());
  uint64_t id = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
  const bool whole = error == std::errc() && end == digits.data() + digits.size();
  // One name for each id: none with zeros before it.
  if (!whole || id == 0 || digits.front() == '0') return std::nullopt;
  return id;
}

uint64_t SumOf(const BackupDescription& backup, uint64_t StoreBackup::*member) {
  uint64_t sum = backup.catalog.*member;
  for (const StoreBackup& shard : backup.shards) sum += shard.*member;
  return sum;
}

}  // namespace

uint64_t BackupDescription::bytes() const { return SumOf(*this, &StoreBackup::bytes); }
uint64_t BackupDescription::new_bytes() const { return SumOf(*this, &StoreBackup::new_bytes); }

std::string DescriptionPath(const std::string& directory, uint64_t id) {
  return Concat(directory, "/", kPrefix, id, kSuffix);
}

std::string ShardPartPath(const std::string& directory, size_t shard) {
  return absl::StrFormat("%s/shard-%04d", directory, shard);
}

std::string CatalogPartPath(const std::string& directory) { return directory + "/catalog"; }

std::string TimeText(int64_t time_micros) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E*SZ", absl::FromUnixMicros(time_micros),
                          absl::UTCTimeZone());
}

absl::Status WriteDescription(const std::string& directory, const BackupDescription& backup) {
  nlohmann::json json = {{"format_version", kFormatVersion},
                         {"id", backup.id},
                         {"time", TimeText(backup.time_micros)},
                         {"time_micros", backup.time_micros},
                         {"version", backup.version},
                         {"shards", nlohmann::json::array()},
                         {"catalog", PartJson(backup.catalog)}};
  for (const StoreBackup& shard : backup.shards) json["shards"].push_back(PartJson(shard));
  json["checksum"] = ChecksumOf(json);
  return WriteFileDurably(DescriptionPath(directory, backup.id), json.dump(2) + "\n");
}

absl::StatusOr<BackupDescription> ReadDescription(const std::string& directory, uint64_t id) {
  const std::string path = DescriptionPath(directory, id);
  const auto text = ReadWholeFile(path, kMaxDescriptionBytes);
  if (absl::IsNotFound(text.status())) {
    return absl::NotFoundError(Concat("there is no backup ", id, " in ", directory));
  }
  if (!text.ok()) return text.status();
  const nlohmann::json json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  const auto damaged = [&path](std::string_view why) {
    return absl::DataLossError(Concat("the file ", path, " is damaged: ", why,
                                      "; restore another backup, and delete this one"));
  };
  if (!HasItsChecksum(json)) return damaged("its checksum does not match");
  const auto format = json.find("format_version");
  if (format == json.end() || *format != kFormatVersion) {
    return absl::FailedPreconditionError(Concat(
        "the backup ", path, " has format version ", format == json.end() ? "none" : format->dump(),
        "; this program knows version ", kFormatVersion, ", so use a newer program"));
  }
  std::optional<BackupDescription> backup = DescriptionOf(json);
  if (!backup) return damaged("a member is missing or of another type");
  if (backup->id != id) return damaged(Concat("it is of backup ", backup->id));
  return *std::move(backup);
}

absl::StatusOr<BackupList> ListDescriptions(const std::string& directory) {
  std::vector<uint64_t> ids;
  std::error_code error;
  std::filesystem::directory_iterator files(directory, error);
  if (error == std::errc::no_such_file_or_directory) return BackupList();
  for (; !error && files != std::filesystem::directory_iterator(); files.increment(error)) {
    if (const auto id = IdOfName(files->path().filename().string())) ids.push_back(*id);
  }
  if (error) return FileError(error.value(), "read directory", directory);
  std::ranges::sort(ids);
  BackupList list;
  for (const uint64_t id : ids) {
    auto backup = ReadDescription(directory, id);
    if (backup.ok()) {
      list.backups.push_back(*std::move(backup));
    } else {
      list.unreadable.push_back(id);
      list.problems.emplace_back(backup.status().message());
    }
  }
  return list;
}

}  // namespace ordinate
