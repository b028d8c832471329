#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace ordinate::cli {

/// Lines of a file or of stdin, of any count, each at most kMaxLineBytes. Not thread-safe.
class LineReader {
 public:
  static constexpr size_t kMaxLineBytes = 64u << 20;

  /// "-" is stdin.
  static absl::StatusOr<std::unique_ptr<LineReader>> Open(const std::string& path);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  /// The next line that is not blank, without its end; valid until the next call. False at the end.
  absl::StatusOr<bool> Next(std::string_view* line);

  /// Of the line last returned, 1-based.
  uint64_t line_number() const { return line_number_; }
  /// Bytes of the lines returned so far.
  uint64_t bytes_read() const { return bytes_read_; }
  /// 0 when not known.
  uint64_t total_bytes() const { return total_bytes_; }
  /// "packages.jsonl", or "stdin".
  const std::string& name() const { return name_; }

 private:
  LineReader(std::FILE* file, std::string name, uint64_t total_bytes);
  /// Reads another chunk behind what is there. False at the end of the file.
  absl::StatusOr<bool> Fill();

  std::FILE* const file_;
  const std::string name_;
  const uint64_t total_bytes_;
  std::string buffer_;
  size_t begin_ = 0;     // of what is not returned yet
  size_t searched_ = 0;  // no line end in [begin_, searched_)
  uint64_t line_number_ = 0;
  uint64_t bytes_read_ = 0;
};

}  // namespace ordinate::cli
