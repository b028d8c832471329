#include "engine/shard/rebuild_note.h"

#include <cstdint>

#include "nlohmann/json.hpp"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/files/checksum.h"
#include "storage/files/durable_file.h"
#include "storage/files/folder.h"

namespace ordinate {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxBytes = 4'096;

std::string PathOf(const std::string& folder) { return Concat(folder, "/", kRebuildNote); }

/// Of all else that the note says.
uint64_t ChecksumOf(const json& note) {
  const std::string text = note.dump();
  return Checksum64(text.data(), text.size());
}

std::optional<RebuildGate> GateFrom(const json& note) {
  if (!note.contains("gate")) return std::nullopt;
  const json& gate = note.at("gate");
  return RebuildGate{.min_recall = gate.at("min_recall").get<double>(),
                     .k = gate.at("k").get<uint32_t>(),
                     .samples = gate.at("samples").get<uint32_t>(),
                     .ef_search = gate.at("ef_search").get<uint32_t>(),
                     .alpha = gate.at("alpha").get<double>()};
}

}  // namespace

absl::Status WriteRebuildNote(const std::string& folder, const std::optional<RebuildGate>& gate) {
  json note = json::object();
  if (gate.has_value()) {
    note["gate"] = {{"min_recall", gate->min_recall},
                    {"k", gate->k},
                    {"samples", gate->samples},
                    {"ef_search", gate->ef_search},
                    {"alpha", gate->alpha}};
  }
  note["checksum"] = ChecksumOf(note);
  return WriteFileDurably(PathOf(folder), note.dump() + "\n");
}

absl::StatusOr<std::optional<RebuildGate>> ReadRebuildNote(const std::string& folder) {
  ASSIGN_OR_RETURN(const std::string text, ReadWholeFile(PathOf(folder), kMaxBytes));
  try {
    json note = json::parse(text);
    const auto checksum = note.at("checksum").get<uint64_t>();
    note.erase("checksum");
    if (ChecksumOf(note) != checksum) {
      return absl::DataLossError(Concat("'", PathOf(folder), "': its checksum is wrong"));
    }
    return GateFrom(note);
  } catch (const json::exception& error) {
    return absl::DataLossError(Concat("'", PathOf(folder), "': ", error.what()));
  }
}

absl::Status RemoveRebuildNote(const std::string& folder) {
  RETURN_IF_ERROR(RemoveName(PathOf(folder)));
  return SyncFolder(folder);
}

}  // namespace ordinate
