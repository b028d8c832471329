#include <chrono>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string>

#include "absl/strings/str_format.h"
#include "service/cli/bulk_load.h"
#include "service/cli/command.h"
#include "service/cli/progress.h"
#include "service/cli/row_source.h"
#include "service/cli/text_table.h"
#include "service/cli/vector_file.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::cli {
namespace {

constexpr double kSecondsBetweenWaits = 10;  // that are told

struct LoadOptions {
  ClientOptions client;
  std::string table;
  VectorSourceOptions source;
  std::string format;  // empty: by the name's ending
  std::string on_invalid = "error";
  double retry_seconds = 60;
};

LoadPatience PatienceOf(const LoadOptions& options) {
  LoadPatience patience;
  patience.refused = std::chrono::milliseconds(std::llround(options.retry_seconds * 1'000));
  return patience;
}

/// nullopt: JSON lines.
std::optional<VectorFile::Format> FormatOf(const LoadOptions& options) {
  if (options.format == "fvecs") return VectorFile::Format::kFvecs;
  if (options.format == "npy") return VectorFile::Format::kNpy;
  if (options.format == "jsonl") return std::nullopt;
  return VectorFile::FormatOf(options.source.path);
}

absl::StatusOr<std::unique_ptr<RowSource>> OpenSource(const LoadOptions& options,
                                                      const v1::Table& table) {
  const std::optional<VectorFile::Format> format = FormatOf(options);
  if (format.has_value()) {
    if (options.source.column.empty()) {
      return UsageError("a file of vectors needs --column, the column that takes them");
    }
    VectorSourceOptions source = options.source;
    source.format = *format;
    return OpenVectorSource(table, source);
  }
  if (!options.source.column.empty() || !options.source.attributes.empty() ||
      !options.source.id_column.empty()) {
    return UsageError(
        Concat("--column, --attributes and --id-column go with vectors, and '", options.source.path,
               "' is read as JSON lines; vectors from it need --format fvecs or --format npy"));
  }
  return OpenJsonlSource(table, options.source.path);
}

void PrintJson(const LoadResult& result, double seconds) {
  nlohmann::ordered_json json;
  json["rows"] = result.rows;
  json["seconds"] = seconds;
  json["nulled_rows"] = result.nulled_rows;
  nlohmann::ordered_json token = nlohmann::ordered_json::object();
  for (const auto& [shard, seq] : result.token) token[Concat(shard)] = seq;
  json["token"] = token;
  json["notices"] = result.notices;
  Print(json.dump() + "\n");
}

absl::Status Describe(const LoadResult& result) {
  if (result.status.ok()) return absl::OkStatus();
  const std::string rows = Grouped(result.rows);
  return WithDetail(result.status, result.rows == 0 ? "no rows acknowledged"
                                                    : Concat(rows, " rows acknowledged, up to ",
                                                             result.last_position, "; they stay"));
}

absl::Status Load(const LoadOptions& options) {
  if (!std::isfinite(options.retry_seconds)) {
    return UsageError("--retry-seconds takes a number of seconds, 0 to 86400");
  }
  ASSIGN_OR_RETURN(const auto client, Client::Connect(options.client));
  ASSIGN_OR_RETURN(const v1::Table table, client->GetTable(options.table));
  ASSIGN_OR_RETURN(const auto source, OpenSource(options, table));
  Batcher batches(*source, table,
                  options.on_invalid == "null" ? v1::ON_INVALID_NULL : v1::ON_INVALID_ERROR);
  LoadResult result;
  double seconds = 0;
  {
    Progress progress(Concat("load ", options.table), "rows");
    const auto total = static_cast<double>(source->total_bytes());
    const auto on_progress = [&](uint64_t rows, uint64_t bytes) {
      progress.Update(rows, total > 0 ? static_cast<double>(bytes) / total : -1);
    };
    double next = 0;  // seconds
    const auto on_wait = [&](const absl::Status& refused) {
      if (progress.seconds() < next) return;
      next = progress.seconds() + kSecondsBetweenWaits;
      progress.Say(Concat("waiting, to send again what was refused: ", MessageOf(refused)));
    };
    result = BulkLoad(client->rows(), batches, PatienceOf(options), on_progress, on_wait);
    seconds = progress.seconds();
    if (result.status.ok()) {
      progress.Say(absl::StrFormat(
          "loaded %s rows into %s in %s (%s rows/s)", Grouped(result.rows), options.table,
          DurationText(seconds),
          Grouped(static_cast<uint64_t>(static_cast<double>(result.rows) / seconds))));
    }
  }
  if (result.nulled_rows > 0) {
    std::fprintf(stderr, "%s rows had an invalid vector, stored as NULL\n",
                 Grouped(result.nulled_rows).c_str());
  }
  for (const std::string& notice : result.notices) {
    std::fprintf(stderr, "notice: %s\n", notice.c_str());
  }
  if (options.client.json() && result.status.ok()) PrintJson(result, seconds);
  return Describe(result);
}

}  // namespace

void AddLoadCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<LoadOptions>();
  CLI::App& load = *app.add_subcommand("load", "Load rows from JSON lines, .fvecs or .npy");
  load.add_option("TABLE", options->table, "The table")->required();
  load.add_option("FILE", options->source.path,
                  "A file of JSON objects, one a line, or of vectors (.fvecs, .npy); '-': stdin")
      ->required();
  load.add_option("--format", options->format,
                  "What FILE holds; by default its name's ending says, and jsonl is the rest")
      ->check(CLI::IsMember({"jsonl", "fvecs", "npy"}));
  load.add_option("--column", options->source.column, "Vectors: the column that takes them");
  load.add_option("--attributes", options->source.attributes,
                  "Vectors: JSON lines with the other columns, a line per vector ('-': stdin)");
  load.add_option("--id-column", options->source.id_column,
                  "Vectors: the integer column that takes the vector's number");
  load.add_option("--first-id", options->source.first_id, "Vectors: the number of the first one")
      ->capture_default_str();
  load.add_option("--on-invalid", options->on_invalid,
                  "Invalid vectors: error ends the load, null stores NULL instead")
      ->check(CLI::IsMember({"error", "null"}))
      ->capture_default_str();
  load.add_option("--retry-seconds", options->retry_seconds,
                  "How long to send again what the server refuses for now, from its first refusal "
                  "until it takes something; 0: not at all")
      ->check(CLI::Range(0.0, 86400.0))
      ->capture_default_str();
  AddClientOptions(load, &options->client);
  RunWith(load, exit_code, options, &Load);
}

}  // namespace ordinate::cli
