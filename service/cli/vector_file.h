#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace ordinate::cli {

/// The vectors of an .fvecs or .npy file, one after the other. What the header says is checked
/// against the file's size before anything is allocated. Not thread-safe.
class VectorFile {
 public:
  static constexpr uint32_t kMaxDim = 1u << 20;

  /// By the name's ending. fvecs: per vector its dim as int32 and its float32 components, every dim
  /// the same. npy: version 1 or 2, '<f4' or '<f8', C order, two dimensions; everything else is
  /// refused by name.
  static absl::StatusOr<std::unique_ptr<VectorFile>> Open(const std::string& path);
  ~VectorFile();
  VectorFile(const VectorFile&) = delete;
  VectorFile& operator=(const VectorFile&) = delete;

  /// True for names that Open knows.
  static bool IsVectorFile(const std::string& path);

  uint64_t count() const { return shape_.count; }
  uint32_t dim() const { return shape_.dim; }
  const std::string& path() const { return path_; }
  uint64_t total_bytes() const { return total_bytes_; }
  uint64_t bytes_read() const { return bytes_read_; }

  /// The next vector as packed little-endian f32; f64 components are rounded to the nearest f32.
  /// False after the last one.
  absl::StatusOr<bool> Next(std::string* packed_f32);

  /// What a header says, for both formats.
  struct Shape {
    uint64_t count = 0;
    uint32_t dim = 0;
    uint32_t component_bytes = 4;
    uint32_t prefix_bytes = 0;  // before each vector
    uint64_t header_bytes = 0;  // before the first vector
  };

 private:
  VectorFile(std::FILE* file, std::string path, uint64_t total_bytes)
      : file_(file), path_(std::move(path)), total_bytes_(total_bytes) {}

  std::FILE* const file_;
  const std::string path_;
  const uint64_t total_bytes_;
  Shape shape_;
  uint64_t next_ = 0;
  uint64_t bytes_read_ = 0;
  std::string record_;
};

/// The shape a .npy header dictionary such as "{'descr': '<f4', 'fortran_order': False, 'shape':
/// (3, 2), }" gives. The error says which entry is not supported, and what is.
absl::StatusOr<VectorFile::Shape> ParseNpyHeader(std::string_view header);

}  // namespace ordinate::cli
