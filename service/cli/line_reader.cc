#include "service/cli/line_reader.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "absl/memory/memory.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "service/cli/errors.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::cli {
namespace {

constexpr size_t kChunkBytes = 1u << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<LineReader>> LineReader::Open(const std::string& path) {
  if (path == "-") return absl::WrapUnique(new LineReader(stdin, "stdin", 0));
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return FileError(Concat(path, ": ", std::strerror(errno)));
  struct stat info {};
  const bool known = fstat(fileno(file), &info) == 0;
  if (known && S_ISDIR(info.st_mode)) {
    std::fclose(file);
    return FileError(Concat(path, ": is a directory, expected a file"));
  }
  const bool regular = known && S_ISREG(info.st_mode);
  return absl::WrapUnique(
      new LineReader(file, path, regular ? static_cast<uint64_t>(info.st_size) : 0));
}

LineReader::LineReader(std::FILE* file, std::string name, uint64_t total_bytes)
    : file_(file), name_(std::move(name)), total_bytes_(total_bytes) {}

LineReader::~LineReader() {
  if (file_ != stdin) std::fclose(file_);
}

absl::StatusOr<bool> LineReader::Fill() {
  if (buffer_.size() - begin_ > kMaxLineBytes) {
    return FileError(Concat(name_, ":", line_number_ + 1, ": the line is longer than ",
                            kMaxLineBytes >> 20, " MiB"));
  }
  buffer_.erase(0, begin_);
  searched_ -= begin_;
  begin_ = 0;
  const size_t old = buffer_.size();
  buffer_.resize(old + kChunkBytes);
  const size_t got = std::fread(buffer_.data() + old, 1, kChunkBytes, file_);
  buffer_.resize(old + got);
  if (got == 0 && std::ferror(file_) != 0) {
    return FileError(Concat(name_, ": reading failed: ", std::strerror(errno)));
  }
  return got > 0;
}

absl::StatusOr<bool> LineReader::Next(std::string_view* line) {
  while (true) {
    size_t end = buffer_.find('\n', searched_);
    size_t next = end + 1;
    if (end == std::string::npos) {
      searched_ = buffer_.size();
      ASSIGN_OR_RETURN(const bool more, Fill());
      if (more) continue;
      if (begin_ == buffer_.size()) return false;
      end = next = buffer_.size();
    }
    *line = std::string_view(buffer_).substr(begin_, end - begin_);
    bytes_read_ += next - begin_;
    begin_ = searched_ = next;
    ++line_number_;
    if (!absl::StripAsciiWhitespace(AbslView(*line)).empty()) return true;
  }
}

}  // namespace ordinate::cli
