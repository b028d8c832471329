#include "service/server/parameters.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "service/server/config_file.h"
#include "service/server/data_directory.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

std::string EnvironmentOf(std::string_view name) {
  std::string variable = "ORDINATE_";
  for (const char c : name) {
    const bool lower = c >= 'a' && c <= 'z';
    variable += c == '-' ? '_' : lower ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return variable;
}

struct Range {
  uint64_t min;
  uint64_t max;
  std::string_view unit;
};

Parameter Whole(std::string_view name, Range range, std::string default_text, std::string_view help,
                std::function<void(ServeOptions&, uint64_t)> store) {
  Parameter parameter;
  parameter.name = name;
  parameter.environment = EnvironmentOf(name);
  parameter.takes =
      Concat("a whole number from ", range.min, " to ", range.max, " (", range.unit, ")");
  parameter.default_text = std::move(default_text);
  parameter.help = help;
  parameter.set = [range, store = std::move(store)](ServeOptions& options, std::string_view text) {
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc() && end == text.data() + text.size();
    if (!whole || value < range.min || value > range.max) return absl::InvalidArgumentError("");
    store(options, value);
    return absl::OkStatus();
  };
  return parameter;
}

Parameter Text(std::string_view name, std::string_view takes, std::string default_text,
               std::string_view help,
               std::function<absl::Status(ServeOptions&, std::string_view)> store) {
  Parameter parameter;
  parameter.name = name;
  parameter.environment = EnvironmentOf(name);
  parameter.takes = takes;
  parameter.default_text = std::move(default_text);
  parameter.help = help;
  parameter.set = std::move(store);
  return parameter;
}

bool OneOf(std::string_view value, std::initializer_list<std::string_view> choices) {
  return std::find(choices.begin(), choices.end(), value) != choices.end();
}

void AddStorage(const ServeOptions& defaults, std::vector<Parameter>& all) {
  all.push_back(Text("data-dir", "a path", defaults.standalone.data_dir,
                     "Directory of rows and indexes; created when missing.",
                     [](ServeOptions& options, std::string_view value) {
                       if (value.empty()) return absl::InvalidArgumentError("");
                       options.standalone.data_dir = value;
                       return absl::OkStatus();
                     }));
  all.push_back(Whole("shards", {1, kMaxShards, "shards"},
                      absl::StrCat("one per core (", AvailableCores(), " here)"),
                      "Shards of a new data directory; fixed from then on.",
                      [](ServeOptions& options, uint64_t value) {
                        options.standalone.shards = static_cast<uint32_t>(value);
                      }));
  all.push_back(Whole("query-threads", {1, 256, "threads"},
                      absl::StrCat("one per core (", AvailableCores(), " here)"),
                      "Threads that share the work of large queries.",
                      [](ServeOptions& options, uint64_t value) {
                        options.standalone.query_threads = static_cast<uint32_t>(value);
                      }));
  all.push_back(Whole("build-threads", {1, 256, "threads"},
                      absl::StrCat("one per core (", AvailableCores(), " here)"),
                      "Threads that build indexes.", [](ServeOptions& options, uint64_t value) {
                        options.standalone.build_threads = static_cast<uint32_t>(value);
                      }));
  all.push_back(Whole(
      "min-seal-rows", {1, 100'000'000, "rows"}, absl::StrCat(defaults.standalone.min_seal_rows),
      "New rows of a shard that are scanned exactly until so many of them are sealed into a "
      "segment. While sixteen times as many wait for that, writes of their table wait, too.",
      [](ServeOptions& options, uint64_t value) { options.standalone.min_seal_rows = value; }));
  all.push_back(Whole(
      "disk-reserve-bytes", {0, 1ull << 50, "bytes"},
      absl::StrCat(defaults.standalone.disk_reserve_bytes),
      "Free space that is left on the disk: with less, writes are refused and no index is built "
      "until there is more; reads go on.",
      [](ServeOptions& options, uint64_t value) {
        options.standalone.disk_reserve_bytes = value;
      }));
  all.push_back(Text(
      "verify-at-start", "true or false", defaults.standalone.verify_at_start ? "true" : "false",
      "Whether every byte of the index files is checked before they answer; otherwise vectors and "
      "codes are checked when they are first read. Damaged files are rebuilt either way.",
      [](ServeOptions& options, std::string_view value) {
        if (!OneOf(value, {"true", "false"})) return absl::InvalidArgumentError("");
        options.standalone.verify_at_start = value == "true";
        return absl::OkStatus();
      }));
}

void AddBackups(const ServeOptions& defaults, std::vector<Parameter>& all) {
  all.push_back(Text("backup-dir", "a path outside of --data-dir", "none",
                     "Directory of backups, for 'ordinate backup'; created when missing.",
                     [](ServeOptions& options, std::string_view value) {
                       if (value.empty()) return absl::InvalidArgumentError("");
                       options.standalone.backup_dir = value;
                       return absl::OkStatus();
                     }));
  // Not finer: a backup that is cancelled ends after the next MiB.
  all.push_back(Whole("backup-max-mib-per-second", {0, 1'000'000, "MiB a second; 0: unlimited"},
                      absl::StrCat(defaults.standalone.backup_max_mib_per_second),
                      "Rate at which a backup is written.",
                      [](ServeOptions& options, uint64_t value) {
                        options.standalone.backup_max_mib_per_second = value;
                      }));
}

void AddEndpoints(const ServeOptions& defaults, std::vector<Parameter>& all) {
  all.push_back(Text("listen", "an address host:port, port 0 for any free one",
                     defaults.grpc.listen, "Where gRPC is served.",
                     [](ServeOptions& options, std::string_view value) {
                       RETURN_IF_ERROR(CheckAddress(value));
                       options.grpc.listen = value;
                       return absl::OkStatus();
                     }));
  all.push_back(Text("metrics-listen", "an address host:port, or 'none'", defaults.metrics_listen,
                     "Where Prometheus metrics are served, at /metrics; 'none' for nowhere.",
                     [](ServeOptions& options, std::string_view value) {
                       if (value.empty() || value == "none") {
                         options.metrics_listen.clear();
                         return absl::OkStatus();
                       }
                       RETURN_IF_ERROR(CheckAddress(value));
                       options.metrics_listen = value;
                       return absl::OkStatus();
                     }));
}

void AddLimits(const ServeOptions& defaults, std::vector<Parameter>& all) {
  const GrpcOptions& grpc = defaults.grpc;
  all.push_back(
      Whole("max-message-bytes", {64 << 10, 1 << 30, "bytes"}, absl::StrCat(grpc.max_message_bytes),
            "Largest request taken.",
            [](ServeOptions& options, uint64_t value) { options.grpc.max_message_bytes = value; }));
  all.push_back(Whole("max-metadata-bytes", {1 << 10, 1 << 20, "bytes"},
                      absl::StrCat(grpc.max_metadata_bytes), "Largest metadata of a call.",
                      [](ServeOptions& options, uint64_t value) {
                        options.grpc.max_metadata_bytes = static_cast<uint32_t>(value);
                      }));
  all.push_back(Whole("max-concurrent-calls", {1, 10'000, "calls"},
                      absl::StrCat(grpc.max_concurrent_calls),
                      "Calls in work at once; more are refused with RESOURCE_EXHAUSTED.",
                      [](ServeOptions& options, uint64_t value) {
                        options.grpc.max_concurrent_calls = static_cast<uint32_t>(value);
                      }));
  all.push_back(Whole("max-concurrent-streams", {1, 10'000, "calls"},
                      absl::StrCat(grpc.max_concurrent_streams),
                      "Calls open at once on one connection; more wait at the client.",
                      [](ServeOptions& options, uint64_t value) {
                        options.grpc.max_concurrent_streams = static_cast<uint32_t>(value);
                      }));
  all.push_back(Whole("keepalive-seconds", {1, 86'400, "seconds"},
                      absl::StrCat(grpc.keepalive_seconds),
                      "Silence on a connection after which the peer is asked for a sign of life.",
                      [](ServeOptions& options, uint64_t value) {
                        options.grpc.keepalive_seconds = static_cast<uint32_t>(value);
                      }));
  all.push_back(Whole("max-connection-age-seconds", {0, 2'000'000, "seconds; 0: unlimited"},
                      absl::StrCat(grpc.max_connection_age_seconds),
                      "Age at which a connection takes no new calls, so that clients spread out "
                      "again; calls on it end first.",
                      [](ServeOptions& options, uint64_t value) {
                        options.grpc.max_connection_age_seconds = static_cast<uint32_t>(value);
                      }));
  all.push_back(
      Whole("stream-idle-seconds", {1, 86'400, "seconds"}, absl::StrCat(grpc.stream_idle_seconds),
            "Time after which a stream whose caller neither sends nor reads is ended with "
            "DEADLINE_EXCEEDED; what was acknowledged stays.",
            [](ServeOptions& options, uint64_t value) {
              options.grpc.stream_idle_seconds = static_cast<uint32_t>(value);
            }));
  all.push_back(
      Whole("drain-seconds", {0, 3'600, "seconds"}, absl::StrCat(defaults.drain_seconds),
            "Time that calls in work have to end after SIGTERM or SIGINT; a bulk upsert "
            "that waits for its caller is ended at once, and rows that nobody reads soon.",
            [](ServeOptions& options, uint64_t value) {
              options.drain_seconds = static_cast<uint32_t>(value);
            }));
  all.push_back(Whole(
      "recall-interval-seconds", {0, 604'800, "seconds"}, absl::StrCat(defaults.recall_seconds),
      "Time between measurements of the recall of every HNSW index, for the metrics; "
      "0: none. Each costs --recall-samples searches and exact scans.",
      [](ServeOptions& options, uint64_t value) {
        options.recall_seconds = static_cast<uint32_t>(value);
      }));
  all.push_back(Whole("recall-samples", {1, 10'000, "rows"}, absl::StrCat(defaults.recall_samples),
                      "Rows drawn from an index for such a measurement.",
                      [](ServeOptions& options, uint64_t value) {
                        options.recall_samples = static_cast<uint32_t>(value);
                      }));
}

void AddLogging(const ServeOptions& defaults, std::vector<Parameter>& all) {
  all.push_back(Text("log-level", "one of trace, debug, info, warn, error, off", defaults.log.level,
                     "Least severe log line that is written; each query is a line at debug.",
                     [](ServeOptions& options, std::string_view value) {
                       if (!OneOf(value, {"trace", "debug", "info", "warn", "error", "off"})) {
                         return absl::InvalidArgumentError("");
                       }
                       options.log.level = value;
                       return absl::OkStatus();
                     }));
  all.push_back(Text("log-format", "one of text, json", "text",
                     "Form of a log line on standard error: text, or a JSON object.",
                     [](ServeOptions& options, std::string_view value) {
                       if (!OneOf(value, {"text", "json"})) return absl::InvalidArgumentError("");
                       options.log.json = value == "json";
                       return absl::OkStatus();
                     }));
}

void AddSettings(std::vector<Parameter>& all) {
  for (const SettingInfo& info : AllSettings()) {
    Parameter parameter;
    parameter.name = info.flag;
    parameter.name.erase(0, 2);
    parameter.alias = info.name;
    parameter.environment = info.environment;
    parameter.takes =
        absl::StrFormat("%s from %g to %g (%s)", info.integral ? "a whole number" : "a number",
                        info.min, info.max, AbslView(info.unit));
    parameter.default_text = absl::StrFormat("%g", info.default_value);
    parameter.help = info.help;
    parameter.set = [name = info.name](ServeOptions& options, std::string_view value) {
      return ApplySetting(options.standalone.settings, name, value);
    };
    all.push_back(std::move(parameter));
  }
}

std::vector<Parameter> MakeParameters() {
  const ServeOptions defaults;
  std::vector<Parameter> all;
  AddStorage(defaults, all);
  AddBackups(defaults, all);
  AddEndpoints(defaults, all);
  AddLimits(defaults, all);
  AddLogging(defaults, all);
  AddSettings(all);
  return all;
}

absl::Status Apply(const Parameter& parameter, std::string_view value, std::string_view source,
                   ServeOptions& options) {
  if (parameter.set(options, value).ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      Concat(parameter.flag(), " is '", value, "'", source, "; it takes ", parameter.takes));
}

const Parameter* FindByKey(std::string_view key) {
  for (const Parameter& parameter : ServeParameters()) {
    if (key == parameter.name || (!parameter.alias.empty() && key == parameter.alias)) {
      return &parameter;
    }
  }
  return nullptr;
}

absl::Status ApplyFile(const std::string& path, ServeOptions& options) {
  ASSIGN_OR_RETURN(const std::vector<ConfigEntry> entries, ReadConfigFile(path));
  for (const ConfigEntry& entry : entries) {
    const Parameter* parameter = FindByKey(entry.key);
    if (parameter == nullptr) {
      std::string known;
      for (const Parameter& each : ServeParameters()) {
        absl::StrAppend(&known, known.empty() ? "" : ", ", each.name);
      }
      return absl::InvalidArgumentError(Concat("the configuration file ", path, " has the key '",
                                               entry.key, "', which is unknown; it takes ", known));
    }
    RETURN_IF_ERROR(Apply(*parameter, entry.value,
                          Concat(" (from the configuration file ", path, ")"), options));
  }
  return absl::OkStatus();
}

}  // namespace

uint32_t AvailableCores() { return std::max(1u, std::thread::hardware_concurrency()); }

const std::vector<Parameter>& ServeParameters() {
  static const auto& parameters = *new std::vector<Parameter>(MakeParameters());
  return parameters;
}

absl::StatusOr<ServeOptions> ResolveServeOptions(const ParameterSources& sources) {
  ServeOptions options;
  if (!sources.config_path.empty()) RETURN_IF_ERROR(ApplyFile(sources.config_path, options));
  for (const Parameter& parameter : ServeParameters()) {
    if (const auto given = sources.flags.find(parameter.name); given != sources.flags.end()) {
      RETURN_IF_ERROR(Apply(parameter, given->second, "", options));
    }
    if (!sources.environment) continue;
    if (const auto value = sources.environment(parameter.environment); value.has_value()) {
      RETURN_IF_ERROR(Apply(parameter, *value,
                            Concat(" (from the environment variable ", parameter.environment, ")"),
                            options));
    }
  }
  return options;
}

absl::Status CheckAddress(std::string_view address) {
  const size_t colon = address.rfind(':');
  const std::string_view host = address.substr(0, std::min(colon, address.size()));
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (colon == std::string_view::npos || host.empty() ||
      (!bracketed && host.find_first_of(":[] ,") != std::string_view::npos)) {
    return absl::InvalidArgumentError(Concat("'", address, "' is not an address host:port"));
  }
  const std::string_view port = address.substr(colon + 1);
  uint32_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size() || number > 65'535) {
    return absl::InvalidArgumentError(
        Concat("the port of '", address, "' is not a whole number from 0 to 65535"));
  }
  return absl::OkStatus();
}

}  // namespace ordinate
