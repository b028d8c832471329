#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace ordinate::cli {

/// The vectors of a file, of stdin or of another stream, one after the other. What the header says
/// is checked against a file's size before anything is allocated; of a stream no more than a vector
/// is held, and one that ends early or late is refused when it does. Not thread-safe.
class VectorFile {
 public:
  static constexpr uint32_t kMaxDim = 1u << 20;

  /// kFvecs: per vector its dim as int32 and its float32 components, every dim the same. kNpy:
  /// version 1 or 2, '<f4' or '<f8', C order, two dimensions; everything else is refused by name.
  enum class Format { kFvecs, kNpy };

  /// By the name's ending; nullopt for other names.
  static std::optional<Format> FormatOf(const std::string& path);
  /// "-" is stdin.
  static absl::StatusOr<std::unique_ptr<VectorFile>> Open(const std::string& path, Format format);
  ~VectorFile();
  VectorFile(const VectorFile&) = delete;
  VectorFile& operator=(const VectorFile&) = delete;

  /// nullopt when only the end will tell.
  std::optional<uint64_t> count() const { return shape_.count; }
  uint32_t dim() const { return shape_.dim; }
  /// "base.fvecs", or "stdin".
  const std::string& name() const { return name_; }
  /// 0 when not known.
  uint64_t total_bytes() const { return total_bytes_.value_or(0); }
  uint64_t bytes_read() const { return bytes_read_; }

  /// The next vector as packed little-endian f32; f64 components are rounded to the nearest f32.
  /// False after the last one.
  absl::StatusOr<bool> Next(std::string* packed_f32);

  /// What a header says, for both formats.
  struct Shape {
    std::optional<uint64_t> count;
    uint32_t dim = 0;
    uint32_t component_bytes = 4;
    uint32_t prefix_bytes = 0;  // before each vector
    uint64_t header_bytes = 0;  // before the first vector
  };

 private:
  VectorFile(std::FILE* file, std::string name, std::optional<uint64_t> total_bytes)
      : file_(file), name_(std::move(name)), total_bytes_(total_bytes) {}
  absl::Status ReadFvecsShape();
  absl::Status ReadNpyShape();
  /// Whether the last vector was read. What follows it is an error.
  absl::StatusOr<bool> AtEnd();
  /// Whether nothing is left to read.
  absl::StatusOr<bool> AtEndOfFile();
  /// Reads so many bytes more behind `out`.
  absl::Status ReadMore(size_t bytes, std::string* out);
  absl::Status Refuse(std::string_view problem) const;

  std::FILE* const file_;
  const std::string name_;
  const std::optional<uint64_t> total_bytes_;  // nullopt: a stream
  Shape shape_;
  uint64_t next_ = 0;
  uint64_t bytes_read_ = 0;
  std::string record_;  // before the first Next: the dim before the first vector of an fvecs
};

/// The shape a .npy header dictionary such as "{'descr': '<f4', 'fortran_order': False, 'shape':
/// (3, 2), }" gives. The error says which entry is not supported, and what is.
absl::StatusOr<VectorFile::Shape> ParseNpyHeader(std::string_view header);

}  // namespace ordinate::cli
