#include "service/cli/vector_file.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <vector>

#include "absl/memory/memory.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "service/cli/errors.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::cli {
namespace {

constexpr std::string_view kNpyMagic = "\x93NUMPY";
constexpr uint64_t kMaxNpyHeaderBytes = 1u << 16;

template <typename Number>
Number Read(const char* bytes) {
  Number value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

absl::Status ReadExactly(std::FILE* file, const std::string& path, size_t bytes, std::string* out) {
  out->resize(bytes);
  if (std::fread(out->data(), 1, bytes, file) == bytes) return absl::OkStatus();
  if (std::ferror(file) != 0) {
    return FileError(Concat(path, ": reading failed: ", std::strerror(errno)));
  }
  return FileError(
      Concat(path, ": the file ends early, inside ", bytes, " bytes at ", std::ftell(file)));
}

absl::Status CheckDim(const std::string& path, uint64_t dim) {
  if (dim >= 1 && dim <= VectorFile::kMaxDim) return absl::OkStatus();
  return FileError(Concat(path, ": the dim is ", dim, ", expected 1 to ", VectorFile::kMaxDim));
}

absl::StatusOr<VectorFile::Shape> ReadFvecsShape(std::FILE* file, const std::string& path,
                                                 uint64_t total) {
  VectorFile::Shape shape;
  shape.prefix_bytes = sizeof(uint32_t);
  if (total == 0) return shape;
  std::string head;
  RETURN_IF_ERROR(ReadExactly(file, path, sizeof(uint32_t), &head));
  shape.dim = Read<uint32_t>(head.data());
  RETURN_IF_ERROR(CheckDim(path, shape.dim));
  const uint64_t record = sizeof(uint32_t) + uint64_t{shape.dim} * sizeof(float);
  if (total % record != 0) {
    return FileError(Concat(path, ": ", total, " bytes are not a whole number of vectors of dim ",
                            shape.dim, " (", record,
                            " bytes each); the file is cut short, or "
                            "its vectors differ in dim"));
  }
  shape.count = total / record;
  return shape;
}

absl::StatusOr<VectorFile::Shape> ReadNpyShape(std::FILE* file, const std::string& path,
                                               uint64_t total) {
  std::string head;
  RETURN_IF_ERROR(ReadExactly(file, path, kNpyMagic.size() + 2, &head));
  if (!head.starts_with(kNpyMagic)) {
    return FileError(Concat(path, ": does not start with \\x93NUMPY, so it is not a .npy file"));
  }
  const int version = static_cast<unsigned char>(head[kNpyMagic.size()]);
  if (version != 1 && version != 2) {
    return FileError(Concat(path, ": .npy version ", version, ", expected 1 or 2"));
  }
  std::string length;
  RETURN_IF_ERROR(ReadExactly(file, path, version == 1 ? 2 : 4, &length));
  const uint64_t header_bytes =
      version == 1 ? Read<uint16_t>(length.data()) : Read<uint32_t>(length.data());
  if (header_bytes > kMaxNpyHeaderBytes) {
    return FileError(Concat(path, ": the header has ", header_bytes, " bytes, expected at most ",
                            kMaxNpyHeaderBytes));
  }
  std::string header;
  RETURN_IF_ERROR(ReadExactly(file, path, header_bytes, &header));
  absl::StatusOr<VectorFile::Shape> shape = ParseNpyHeader(header);
  if (!shape.ok()) return Prefixed(Concat(path, ": "), shape.status());
  shape->header_bytes = head.size() + length.size() + header_bytes;
  const uint64_t record = uint64_t{shape->dim} * shape->component_bytes;
  const uint64_t data = total - shape->header_bytes;
  if (data % record != 0 || data / record != shape->count) {
    return FileError(Concat(path, ": the header says ", shape->count, " vectors of dim ",
                            shape->dim, " (", record, " bytes each), but ", data,
                            " bytes follow it"));
  }
  return shape;
}

std::string_view Stripped(std::string_view text) {
  const absl::string_view stripped = absl::StripAsciiWhitespace(AbslView(text));
  return {stripped.data(), stripped.size()};
}

/// The text of entry `name` up to the comma or brace that ends it; "" when it is not there.
std::string_view NpyEntry(std::string_view header, std::string_view name) {
  size_t at = header.find(Concat("'", name, "'"));
  if (at == std::string_view::npos) return "";
  at = header.find(':', at);
  if (at == std::string_view::npos) return "";
  std::string_view rest = Stripped(header.substr(at + 1));
  if (rest.starts_with('(')) {
    const size_t end = rest.find(')');
    return end == std::string_view::npos ? "" : rest.substr(0, end + 1);
  }
  return Stripped(rest.substr(0, rest.find_first_of(",}")));
}

}  // namespace

absl::StatusOr<VectorFile::Shape> ParseNpyHeader(std::string_view header) {
  VectorFile::Shape shape;
  const std::string_view type = NpyEntry(header, "descr");
  if (type != "'<f4'" && type != "'<f8'") {
    return FileError(Concat("the header's descr is ", type.empty() ? "missing" : type,
                            ", expected '<f4' or '<f8' (little-endian floats)"));
  }
  shape.component_bytes = type == "'<f4'" ? 4 : 8;
  const std::string_view order = NpyEntry(header, "fortran_order");
  if (order != "False") {
    return FileError(Concat("the header's fortran_order is ", order.empty() ? "missing" : order,
                            ", expected False; save it with numpy.ascontiguousarray"));
  }
  const std::string_view tuple = NpyEntry(header, "shape");
  std::vector<std::string> parts;
  if (tuple.size() > 2) {
    parts =
        absl::StrSplit(AbslView(tuple.substr(1, tuple.size() - 2)), ',', absl::SkipWhitespace());
  }
  uint64_t dim = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &shape.count) ||
      !absl::SimpleAtoi(parts[1], &dim)) {
    return FileError(Concat("the header's shape is ", tuple.empty() ? "missing" : tuple,
                            ", expected two dimensions (vectors, components)"));
  }
  RETURN_IF_ERROR(CheckDim("the header's shape", dim));
  shape.dim = static_cast<uint32_t>(dim);
  return shape;
}

bool VectorFile::IsVectorFile(const std::string& path) {
  return path.ends_with(".fvecs") || path.ends_with(".npy");
}

absl::StatusOr<std::unique_ptr<VectorFile>> VectorFile::Open(const std::string& path) {
  if (!IsVectorFile(path)) {
    return FileError(Concat(path, ": the name ends neither in .fvecs nor in .npy"));
  }
  std::FILE* const file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return FileError(Concat(path, ": ", std::strerror(errno)));
  struct stat info {};
  const bool regular = fstat(fileno(file), &info) == 0 && S_ISREG(info.st_mode);
  const uint64_t total = regular ? static_cast<uint64_t>(info.st_size) : 0;
  auto opened = absl::WrapUnique(new VectorFile(file, path, total));
  if (!regular) return FileError(Concat(path, ": is not a regular file"));
  if (path.ends_with(".npy")) {
    ASSIGN_OR_RETURN(opened->shape_, ReadNpyShape(file, path, total));
  } else {
    ASSIGN_OR_RETURN(opened->shape_, ReadFvecsShape(file, path, total));
    std::rewind(file);
  }
  opened->bytes_read_ = opened->shape_.header_bytes;
  return opened;
}

VectorFile::~VectorFile() { std::fclose(file_); }

absl::StatusOr<bool> VectorFile::Next(std::string* packed_f32) {
  if (next_ == shape_.count) return false;
  const size_t bytes = shape_.prefix_bytes + size_t{shape_.dim} * shape_.component_bytes;
  RETURN_IF_ERROR(ReadExactly(file_, path_, bytes, &record_));
  bytes_read_ += bytes;
  ++next_;
  if (shape_.prefix_bytes > 0 && Read<uint32_t>(record_.data()) != shape_.dim) {
    return FileError(Concat(path_, ": vector ", next_ - 1, " says dim ",
                            Read<uint32_t>(record_.data()), ", expected ", shape_.dim,
                            " as the first"));
  }
  if (shape_.component_bytes == sizeof(float)) {
    packed_f32->assign(record_, shape_.prefix_bytes);
    return true;
  }
  packed_f32->resize(size_t{shape_.dim} * sizeof(float));
  for (uint32_t i = 0; i < shape_.dim; ++i) {
    // Overflow rounds to infinity in IEEE 754, which the server refuses by row and column.
    const auto component = static_cast<float>(Read<double>(&record_[i * sizeof(double)]));
    std::memcpy(&(*packed_f32)[i * sizeof(float)], &component, sizeof(component));
  }
  return true;
}

}  // namespace ordinate::cli
