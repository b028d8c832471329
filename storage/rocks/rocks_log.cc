#include "storage/rocks/rocks_log.h"

#include <rocksdb/env.h>

#include <atomic>
#include <cstdarg>
#include <cstdio>
#include <utility>

namespace ordinate {
namespace {

constexpr size_t kMaxMessageBytes = 2'000;

std::atomic<RocksLogSink> log_sink{nullptr};

class SinkLogger final : public rocksdb::Logger {
 public:
  explicit SinkLogger(std::string path)
      : Logger(rocksdb::InfoLogLevel::WARN_LEVEL), path_(std::move(path)) {}

  using Logger::Logv;
  void LogHeader(const char*, va_list) override {}
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    const RocksLogSink sink = log_sink.load();
    if (sink == nullptr || level < GetInfoLogLevel()) return;
    char text[kMaxMessageBytes];
    const int length = std::vsnprintf(text, sizeof(text), format, arguments);
    if (length < 0) return;
    sink(level >= rocksdb::InfoLogLevel::ERROR_LEVEL, path_, text);
  }

 private:
  const std::string path_;
};

}  // namespace

void SetRocksLogSink(RocksLogSink sink) { log_sink.store(sink); }

std::shared_ptr<rocksdb::Logger> MakeRocksLogger(std::string path) {
  return std::make_shared<SinkLogger>(std::move(path));
}

}  // namespace ordinate
