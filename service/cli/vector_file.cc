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
#include "storage/base/error_details.h"
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

absl::Status CheckDim(uint64_t dim) {
  if (dim >= 1 && dim <= VectorFile::kMaxDim) return absl::OkStatus();
  return FileError(Concat("the dim is ", dim, ", expected 1 to ", VectorFile::kMaxDim));
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
  uint64_t count = 0;
  uint64_t dim = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &count) ||
      !absl::SimpleAtoi(parts[1], &dim)) {
    return FileError(Concat("the header's shape is ", tuple.empty() ? "missing" : tuple,
                            ", expected two dimensions (vectors, components)"));
  }
  RETURN_IF_ERROR(CheckDim(dim));
  shape.count = count;
  shape.dim = static_cast<uint32_t>(dim);
  return shape;
}

std::optional<VectorFile::Format> VectorFile::FormatOf(const std::string& path) {
  if (path.ends_with(".fvecs")) return Format::kFvecs;
  if (path.ends_with(".npy")) return Format::kNpy;
  return std::nullopt;
}

absl::StatusOr<std::unique_ptr<VectorFile>> VectorFile::Open(const std::string& path,
                                                             Format format) {
  const bool from_stdin = path == "-";
  std::FILE* const file = from_stdin ? stdin : std::fopen(path.c_str(), "rb");
  if (file == nullptr) return FileError(Concat(path, ": ", std::strerror(errno)));
  struct stat info {};
  std::optional<uint64_t> total;
  // Stdin may be a file that another program has read a part of.
  if (!from_stdin && fstat(fileno(file), &info) == 0 && S_ISREG(info.st_mode)) {
    total = static_cast<uint64_t>(info.st_size);
  }
  auto opened = absl::WrapUnique(new VectorFile(file, from_stdin ? "stdin" : path, total));
  RETURN_IF_ERROR(format == Format::kNpy ? opened->ReadNpyShape() : opened->ReadFvecsShape());
  opened->bytes_read_ = opened->shape_.header_bytes;
  return opened;
}

VectorFile::~VectorFile() {
  if (file_ != stdin) std::fclose(file_);
}

absl::Status VectorFile::Refuse(std::string_view problem) const {
  return FileError(Concat(name_, ": ", problem));
}

absl::Status VectorFile::ReadMore(size_t bytes, std::string* out) {
  const size_t old = out->size();
  out->resize(old + bytes);
  const size_t got = std::fread(out->data() + old, 1, bytes, file_);
  if (got == bytes) return absl::OkStatus();
  if (std::ferror(file_) != 0) return Refuse(Concat("reading failed: ", std::strerror(errno)));
  return Refuse(Concat("it ends early, with ", got, " of the next ", bytes, " bytes"));
}

absl::StatusOr<bool> VectorFile::AtEndOfFile() {
  const int next = std::getc(file_);
  if (next != EOF) std::ungetc(next, file_);
  if (std::ferror(file_) != 0) return Refuse(Concat("reading failed: ", std::strerror(errno)));
  return next == EOF;
}

absl::Status VectorFile::ReadFvecsShape() {
  shape_.prefix_bytes = sizeof(uint32_t);
  ASSIGN_OR_RETURN(const bool empty, AtEndOfFile());
  if (empty) {
    shape_.count = 0;
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(ReadMore(sizeof(uint32_t), &record_));
  shape_.dim = Read<uint32_t>(record_.data());
  if (const absl::Status dim = CheckDim(shape_.dim); !dim.ok()) return Refuse(MessageOf(dim));
  if (!total_bytes_.has_value()) return absl::OkStatus();
  const uint64_t record = sizeof(uint32_t) + uint64_t{shape_.dim} * sizeof(float);
  if (*total_bytes_ % record != 0) {
    return Refuse(Concat(*total_bytes_, " bytes are not a whole number of vectors of dim ",
                         shape_.dim, " (", record,
                         " bytes each); the file is cut short, or its vectors differ in dim"));
  }
  shape_.count = *total_bytes_ / record;
  return absl::OkStatus();
}

absl::Status VectorFile::ReadNpyShape() {
  std::string head;
  RETURN_IF_ERROR(ReadMore(kNpyMagic.size() + 2, &head));
  if (!head.starts_with(kNpyMagic)) {
    return Refuse("does not start with \\x93NUMPY, so it is not a .npy file");
  }
  const int version = static_cast<unsigned char>(head[kNpyMagic.size()]);
  if (version != 1 && version != 2) {
    return Refuse(Concat(".npy version ", version, ", expected 1 or 2"));
  }
  std::string length;
  RETURN_IF_ERROR(ReadMore(version == 1 ? 2 : 4, &length));
  const uint64_t header_bytes =
      version == 1 ? Read<uint16_t>(length.data()) : Read<uint32_t>(length.data());
  if (header_bytes > kMaxNpyHeaderBytes) {
    return Refuse(
        Concat("the header has ", header_bytes, " bytes, expected at most ", kMaxNpyHeaderBytes));
  }
  std::string header;
  RETURN_IF_ERROR(ReadMore(header_bytes, &header));
  absl::StatusOr<Shape> shape = ParseNpyHeader(header);
  if (!shape.ok()) return Prefixed(Concat(name_, ": "), shape.status());
  shape_ = *shape;
  shape_.header_bytes = head.size() + length.size() + header_bytes;
  if (!total_bytes_.has_value()) return absl::OkStatus();
  const uint64_t record = uint64_t{shape_.dim} * shape_.component_bytes;
  const uint64_t data = *total_bytes_ - shape_.header_bytes;
  if (data % record != 0 || data / record != *shape_.count) {
    return Refuse(Concat("the header says ", *shape_.count, " vectors of dim ", shape_.dim, " (",
                         record, " bytes each), but ", data, " bytes follow it"));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> VectorFile::AtEnd() {
  if (!shape_.count.has_value()) {
    if (next_ == 0) return false;  // its dim is read
    return AtEndOfFile();
  }
  if (next_ < *shape_.count) return false;
  ASSIGN_OR_RETURN(const bool ended, AtEndOfFile());
  if (ended) return true;
  return Refuse(Concat("bytes follow the ", *shape_.count, " vectors that the header says"));
}

absl::StatusOr<bool> VectorFile::Next(std::string* packed_f32) {
  ASSIGN_OR_RETURN(const bool at_end, AtEnd());
  if (at_end) return false;
  const size_t bytes = shape_.prefix_bytes + size_t{shape_.dim} * shape_.component_bytes;
  if (next_ > 0) record_.clear();
  RETURN_IF_ERROR(ReadMore(bytes - record_.size(), &record_));
  bytes_read_ += bytes;
  ++next_;
  if (shape_.prefix_bytes > 0 && Read<uint32_t>(record_.data()) != shape_.dim) {
    return Refuse(Concat("vector ", next_ - 1, " says dim ", Read<uint32_t>(record_.data()),
                         ", expected ", shape_.dim, " as the first"));
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
