#include "storage/vdata/index_manifest.h"

#include <charconv>
#include <cstdio>
#include <set>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "storage/base/status_macros.h"
#include "storage/files/checksum.h"
#include "storage/files/durable_file.h"
#include "storage/model/definition_json.h"
#include "storage/vdata/row_list.h"

namespace ordinate {
namespace {

using nlohmann::json;

// The file is kStart version kMiddle checksum kBody manifest kEnd, to the byte. The checksum is of
// the bytes between kBody and kEnd, as 16 hex digits.
constexpr std::string_view kStart = R"({"format":"ordinate.vindex","version":)";
constexpr std::string_view kMiddle = R"(,"checksum":")";
constexpr std::string_view kBody = R"(","manifest":)";
constexpr std::string_view kEnd = "}\n";
constexpr uint64_t kMaxBytes = 256u << 20;
constexpr int kVersionWithoutGone = 2;
constexpr int kVersionWithoutRevisions = 3;
constexpr size_t kMaxSegments = 100'000;
constexpr size_t kHexDigits = 16;
constexpr std::string_view kSuffix = ".vdata";
constexpr size_t kMaxFileName = 255;

std::string Hex(uint64_t value) {
  char text[kHexDigits + 1];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(value));
  return text;
}

/// Exactly 16 lower-case hex digits.
bool ParseHex(std::string_view text, uint64_t* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value, 16);
  return error == std::errc() && end == text.data() + text.size() && Hex(*value) == text;
}

bool IsPlainName(std::string_view name) {
  if (name.size() <= kSuffix.size() || name.size() > kMaxFileName || name.front() == '.' ||
      name.substr(name.size() - kSuffix.size()) != kSuffix) {
    return false;
  }
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.';
    if (!plain) return false;
  }
  return true;
}

absl::Status CheckManifest(const IndexManifest& manifest) {
  if (manifest.flavour < RowIdFlavour::kPkU64 || manifest.flavour > RowIdFlavour::kOrdinal) {
    return absl::InvalidArgumentError(
        absl::StrCat("row id flavour ", static_cast<int>(manifest.flavour), "; expected 1 to 3"));
  }
  if (manifest.generation == 0) {
    return absl::InvalidArgumentError("generation 0; generations start at 1");
  }
  if (manifest.segments.size() > kMaxSegments) {
    return absl::InvalidArgumentError(
        absl::StrCat(manifest.segments.size(), " segments; at most ", kMaxSegments));
  }
  std::set<std::string_view> names;
  if (manifest.revisions.has_value()) {
    const std::string& file = manifest.revisions->file;
    if (!IsPlainName(file) || !manifest.revisions->gone.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("file of revisions '", file, "'; expected a plain name, and no rows gone"));
    }
    names.insert(file);
  }
  for (const IndexManifest::Segment& segment : manifest.segments) {
    if (!IsPlainName(segment.file)) {
      return absl::InvalidArgumentError(
          absl::StrCat("segment file name '", segment.file,
                       "'; expected letters, digits, '-', '_' or '.', ending with .vdata"));
    }
    for (size_t i = 1; i < segment.gone.size(); ++i) {
      if (segment.gone[i - 1] < segment.gone[i]) continue;
      return absl::InvalidArgumentError(
          absl::StrCat("the rows gone from '", segment.file, "' do not ascend"));
    }
    if (!names.insert(segment.file).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("segment file '", segment.file, "' is listed twice"));
    }
  }
  return absl::OkStatus();
}

int VersionOf(const IndexManifest& manifest) {
  if (manifest.revisions.has_value()) return IndexManifest::kVersion;
  for (const IndexManifest::Segment& segment : manifest.segments) {
    if (!segment.gone.empty()) return kVersionWithoutRevisions;
  }
  return kVersionWithoutGone;
}

json EntryOf(const IndexManifest::Segment& segment) {
  json entry = {
      {"file", segment.file}, {"bytes", segment.bytes}, {"checksum", Hex(segment.checksum)}};
  if (!segment.gone.empty()) entry["gone"] = RowListToText(segment.gone);
  return entry;
}

std::string Body(const IndexManifest& manifest, const json& definition) {
  json segments = json::array();
  for (const IndexManifest::Segment& segment : manifest.segments) {
    segments.push_back(EntryOf(segment));
  }
  json body = {{"definition", definition},
               {"row_id_flavour", static_cast<uint64_t>(manifest.flavour)},
               {"generation", manifest.generation},
               {"seq", manifest.seq},
               {"build_time_ms", manifest.build_time_ms},
               {"segments", segments}};
  if (manifest.revisions.has_value()) body["revisions"] = EntryOf(*manifest.revisions);
  return body.dump(2, ' ', false, json::error_handler_t::replace);
}

absl::Status FieldError(std::string_view field) {
  return absl::DataLossError(absl::StrCat("field '", std::string(field), "' is missing or wrong"));
}

absl::StatusOr<uint64_t> Number(const json& object, const char* field) {
  const auto at = object.find(field);
  if (at == object.end() || !at->is_number_unsigned()) return FieldError(field);
  return at->get<uint64_t>();
}

absl::StatusOr<std::string> Text(const json& object, const char* field) {
  const auto at = object.find(field);
  if (at == object.end() || !at->is_string()) return FieldError(field);
  return at->get<std::string>();
}

absl::StatusOr<IndexManifest::Segment> SegmentFrom(const json& object) {
  const bool has_gone = object.is_object() && object.contains("gone");
  if (!object.is_object() || object.size() != (has_gone ? 4 : 3)) return FieldError("segments");
  IndexManifest::Segment segment;
  ASSIGN_OR_RETURN(segment.file, Text(object, "file"));
  ASSIGN_OR_RETURN(segment.bytes, Number(object, "bytes"));
  ASSIGN_OR_RETURN(const std::string checksum, Text(object, "checksum"));
  if (!ParseHex(checksum, &segment.checksum)) return FieldError("checksum");
  if (!has_gone) return segment;
  ASSIGN_OR_RETURN(const std::string gone, Text(object, "gone"));
  ASSIGN_OR_RETURN(segment.gone, RowListFromText(gone));
  if (segment.gone.empty()) return FieldError("gone");
  return segment;
}

absl::StatusOr<IndexManifest> ManifestFrom(std::string_view body) {
  const json object = json::parse(body, nullptr, /*allow_exceptions=*/false);
  const bool has_revisions = object.is_object() && object.contains("revisions");
  if (!object.is_object() || object.size() != (has_revisions ? 7 : 6)) {
    return absl::DataLossError("its manifest is not an object of the known fields");
  }
  IndexManifest manifest;
  const auto definition = object.find("definition");
  if (definition == object.end() || !definition->is_object()) return FieldError("definition");
  ASSIGN_OR_RETURN(manifest.definition,
                   IndexFromJson(definition->dump(-1, ' ', false, json::error_handler_t::replace)));
  ASSIGN_OR_RETURN(const uint64_t flavour, Number(object, "row_id_flavour"));
  if (flavour > UINT8_MAX) return FieldError("row_id_flavour");
  manifest.flavour = static_cast<RowIdFlavour>(flavour);
  ASSIGN_OR_RETURN(manifest.generation, Number(object, "generation"));
  ASSIGN_OR_RETURN(manifest.seq, Number(object, "seq"));
  ASSIGN_OR_RETURN(manifest.build_time_ms, Number(object, "build_time_ms"));
  const auto segments = object.find("segments");
  if (segments == object.end() || !segments->is_array()) return FieldError("segments");
  for (const json& entry : *segments) {
    ASSIGN_OR_RETURN(IndexManifest::Segment segment, SegmentFrom(entry));
    manifest.segments.push_back(std::move(segment));
  }
  if (has_revisions) {
    ASSIGN_OR_RETURN(manifest.revisions, SegmentFrom(object.at("revisions")));
  }
  RETURN_IF_ERROR(CheckManifest(manifest));
  return manifest;
}

/// Takes `part` off the front of `text`.
bool Skip(std::string_view& text, std::string_view part) {
  if (!text.starts_with(part)) return false;
  text.remove_prefix(part.size());
  return true;
}

/// Checks envelope, version, which goes to `version`, and checksum; returns the manifest's own
/// text.
absl::StatusOr<std::string_view> Unwrap(std::string_view text, int& version) {
  if (!Skip(text, kStart)) return absl::DataLossError("it does not start as an index manifest");
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), version);
  if (error != std::errc() || !text.starts_with(std::to_string(version))) {
    return absl::DataLossError("it has no version number");
  }
  if (version < kVersionWithoutGone || version > IndexManifest::kVersion) {
    return absl::FailedPreconditionError(absl::StrCat(
        "it has format version ", version, "; this server reads versions ", kVersionWithoutGone,
        " to ", IndexManifest::kVersion, ": rebuild the index with it"));
  }
  text.remove_prefix(end - text.data());
  uint64_t checksum = 0;
  if (!Skip(text, kMiddle) || text.size() < kHexDigits ||
      !ParseHex(text.substr(0, kHexDigits), &checksum)) {
    return absl::DataLossError("it has no checksum");
  }
  text.remove_prefix(kHexDigits);
  if (!Skip(text, kBody) || !text.ends_with(kEnd)) {
    return absl::DataLossError("it does not end as an index manifest");
  }
  text.remove_suffix(kEnd.size());
  if (Checksum64(text.data(), text.size()) != checksum) {
    return absl::DataLossError("its checksum is wrong");
  }
  return text;
}

absl::Status InFile(const std::string& path, const absl::Status& status) {
  const bool is_version = absl::IsFailedPrecondition(status);
  return absl::Status(is_version ? status.code() : absl::StatusCode::kDataLoss,
                      absl::StrCat("index manifest '", path, "': ", status.message()));
}

}  // namespace

absl::Status WriteIndexManifest(const std::string& path, const IndexManifest& manifest) {
  RETURN_IF_ERROR(CheckManifest(manifest));
  const json definition =
      json::parse(IndexToJson(manifest.definition), nullptr, /*allow_exceptions=*/false);
  const std::string body = Body(manifest, definition);
  // What could not be read back must not replace what can.
  if (const auto parsed = ManifestFrom(body); !parsed.ok()) {
    return absl::InvalidArgumentError(absl::StrCat("the manifest of index '",
                                                   manifest.definition.name,
                                                   "' is not valid: ", parsed.status().message()));
  }
  std::string text(kStart);
  absl::StrAppend(&text, VersionOf(manifest));
  text.append(kMiddle).append(Hex(Checksum64(body.data(), body.size())));
  text.append(kBody).append(body).append(kEnd);
  if (text.size() > kMaxBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the manifest has ", text.size(), " bytes; at most ", kMaxBytes));
  }
  return WriteFileDurably(path, text);
}

absl::StatusOr<IndexManifest> ReadIndexManifest(const std::string& path) {
  absl::StatusOr<std::string> text = ReadWholeFile(path, kMaxBytes);
  if (!text.ok()) {
    return absl::IsOutOfRange(text.status()) ? InFile(path, text.status()) : text.status();
  }
  int version = 0;
  const absl::StatusOr<std::string_view> body = Unwrap(*text, version);
  if (!body.ok()) return InFile(path, body.status());
  absl::StatusOr<IndexManifest> manifest = ManifestFrom(*body);
  if (!manifest.ok()) {
    // A wrong definition under a right checksum is damage all the same.
    return InFile(path, absl::DataLossError(manifest.status().message()));
  }
  if (version != VersionOf(*manifest)) {
    return InFile(path, absl::DataLossError("its version is not that of its content"));
  }
  return manifest;
}

}  // namespace ordinate
