#include "service/server/logging.h"

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/protobuf/stubs/logging.h"
#include "grpc/support/log.h"
#include "spdlog/formatter.h"
#include "spdlog/pattern_formatter.h"
#include "spdlog/sinks/stdout_sinks.h"
#include "spdlog/spdlog.h"
#include "storage/base/text.h"
#include "storage/rocks/rocks_log.h"

namespace ordinate {
namespace {

using Json = nlohmann::ordered_json;

/// Between the message and its facts, as JSON, in what LogEvent hands to spdlog.
constexpr char kFactsMark = '\x1f';

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

struct Parts {
  std::string message;
  Json facts = Json::object();
};

Parts Split(const spdlog::details::log_msg& line) {
  const std::string_view payload(line.payload.data(), line.payload.size());
  Parts parts;
  const size_t mark = payload.find(kFactsMark);
  if (mark != std::string_view::npos) {
    Json facts = Json::parse(payload.substr(mark + 1), nullptr, /*allow_exceptions=*/false);
    if (facts.is_object()) {
      parts.message = payload.substr(0, mark);
      parts.facts = std::move(facts);
      return parts;
    }
  }
  parts.message = payload;
  return parts;
}

std::string TimeText(spdlog::log_clock::time_point time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::FromChrono(time), absl::UTCTimeZone());
}

std::string_view LevelText(spdlog::level::level_enum level) {
  const auto& name = spdlog::level::to_string_view(level);
  return {name.data(), name.size()};
}

/// Control characters in outside input must not make a second line.
std::string OneLine(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  }
  return text;
}

class LineFormatter : public spdlog::formatter {
 public:
  explicit LineFormatter(bool json) : json_(json) {}

  void format(const spdlog::details::log_msg& line, spdlog::memory_buf_t& out) override {
    const std::string text = json_ ? JsonLine(line) : TextLine(line);
    out.append(text.data(), text.data() + text.size());
  }
  std::unique_ptr<spdlog::formatter> clone() const override {
    return std::make_unique<LineFormatter>(json_);
  }

 private:
  static std::string JsonLine(const spdlog::details::log_msg& line) {
    Parts parts = Split(line);
    Json object = {{"time", TimeText(line.time)},
                   {"level", std::string(LevelText(line.level))},
                   {"message", std::move(parts.message)}};
    for (auto& [name, value] : parts.facts.items()) object[name] = std::move(value);
    return Dump(object) + "\n";
  }
  static std::string TextLine(const spdlog::details::log_msg& line) {
    Parts parts = Split(line);
    std::string text =
        Concat(TimeText(line.time), " ", LevelText(line.level), " ", OneLine(parts.message));
    for (const auto& [name, value] : parts.facts.items()) {
      absl::StrAppend(&text, " ", name, "=", Dump(value));
    }
    return text + "\n";
  }

  const bool json_;
};

void LogOfLibrary(spdlog::level::level_enum level, const char* library, const char* file, int line,
                  std::string_view message) {
  LogEvent(level, message, {{"library", library}, {"file", file}, {"line", line}});
}

void LogOfGrpc(gpr_log_func_args* line) {
  const auto level = line->severity == GPR_LOG_SEVERITY_ERROR  ? spdlog::level::err
                     : line->severity == GPR_LOG_SEVERITY_INFO ? spdlog::level::info
                                                               : spdlog::level::debug;
  LogOfLibrary(level, "gRPC", line->file, line->line, line->message);
}

void LogOfProtobuf(google::protobuf::LogLevel severity, const char* file, int line,
                   const std::string& message) {
  constexpr spdlog::level::level_enum kLevels[] = {spdlog::level::info, spdlog::level::warn,
                                                   spdlog::level::err, spdlog::level::critical};
  LogOfLibrary(kLevels[severity], "Protobuf", file, line, message);
}

void LogOfRocks(bool is_error, std::string_view path, std::string_view message) {
  LogEvent(is_error ? spdlog::level::err : spdlog::level::warn, message,
           {{"library", "RocksDB"}, {"store", path}});
}

}  // namespace

absl::Status InitLogging(const LogOptions& options) {
  try {
    auto logger = std::make_shared<spdlog::logger>(
        "ordinate", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_formatter(std::make_unique<LineFormatter>(options.json));
    logger->set_level(spdlog::level::from_str(options.level));
    logger->flush_on(spdlog::level::warn);
    spdlog::set_default_logger(std::move(logger));
    gpr_set_log_function(&LogOfGrpc);
    google::protobuf::SetLogHandler(&LogOfProtobuf);
    SetRocksLogSink(&LogOfRocks);
  } catch (const std::exception& error) {
    return absl::InternalError(Concat("cannot set up logging: ", std::string_view(error.what())));
  }
  return absl::OkStatus();
}

void LogEvent(spdlog::level::level_enum level, std::string_view message, const Json& fields) {
  if (!spdlog::default_logger_raw()->should_log(level)) return;
  const std::string payload = Concat(message, std::string_view(&kFactsMark, 1), Dump(fields));
  spdlog::default_logger_raw()->log(level, spdlog::string_view_t(payload.data(), payload.size()));
}

}  // namespace ordinate
