#include "tests/bench/engine/loaders.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/files/checksum.h"

namespace ordinate::bench {
namespace {

static_assert(std::endian::native == std::endian::little, "the files' numbers are little-endian");

absl::Status Bad(const std::string& path, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", what));
}

absl::StatusOr<std::string> ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  std::string bytes(static_cast<size_t>(file.tellg()), '\0');
  file.seekg(0);
  if (!file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) {
    return absl::NotFoundError(absl::StrCat("cannot read ", path));
  }
  return bytes;
}

// What follows `'key':` in a header like {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)}.
std::string NpyField(const std::string& header, const std::string& key) {
  const size_t at = header.find(absl::StrCat("'", key, "':"));
  if (at == std::string::npos) return "";
  const size_t begin = header.find_first_not_of(' ', at + key.size() + 3);
  if (begin == std::string::npos) return "";
  const char ending = header[begin] == '(' ? ')' : ',';
  return header.substr(begin, header.find(ending, begin) - begin);
}

absl::StatusOr<std::pair<uint64_t, uint64_t>> NpyShape(const std::string& path,
                                                       const std::string& header) {
  const std::string text = NpyField(header, "shape");
  const std::vector<std::string> parts =
      absl::StrSplit(text.empty() ? text : text.substr(1), ',', absl::SkipWhitespace());
  uint64_t rows = 0, dim = 0;
  if (parts.size() != 2 || !absl::SimpleAtoi(parts[0], &rows) ||
      !absl::SimpleAtoi(parts[1], &dim) || dim == 0 || dim > kMaxDim || rows > UINT32_MAX) {
    return Bad(path,
               absl::StrCat("its shape ", text, ") is not (rows, dim) with dim 1 to ", kMaxDim));
  }
  return std::pair(rows, dim);
}

// The values of a file whose header ends at `begin`.
template <typename T>
absl::StatusOr<std::vector<float>> NpyValues(const std::string& path, const std::string& bytes,
                                             size_t begin, uint64_t count) {
  if (bytes.size() - begin != count * sizeof(T)) {
    return Bad(path, absl::StrCat("its header promises ", count * sizeof(T), " bytes of numbers; ",
                                  bytes.size() - begin, " follow"));
  }
  std::vector<float> values(count);
  for (uint64_t i = 0; i < count; ++i) {
    T value;
    std::memcpy(&value, bytes.data() + begin + i * sizeof(T), sizeof(T));
    values[i] = static_cast<float>(value);
  }
  return values;
}

absl::StatusOr<Matrix> ReadMatrix(const std::string& path) {
  if (path.ends_with(".fvecs")) return ReadFvecs(path);
  if (path.ends_with(".npy")) return ReadNpy(path);
  if (path.ends_with(".jsonl")) return ReadJsonl(path);
  return Bad(path, "a data file ends in .fvecs, .npy, .jsonl or .hdf5");
}

absl::StatusOr<Metric> ParseMetric(const std::string& text) {
  const std::string name = absl::AsciiStrToUpper(text);
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kIp}) {
    if (name == MetricName(metric)) return metric;
  }
  return absl::InvalidArgumentError(absl::StrCat("no metric '", text, "': l2, cosine or ip"));
}

absl::Status CheckFinite(const std::string& path, const std::vector<float>& values) {
  if (std::ranges::all_of(values, [](float x) { return std::isfinite(x); })) {
    return absl::OkStatus();
  }
  return Bad(path, "it holds a number that is not finite");
}

void Truncate(Matrix& matrix, uint32_t rows) {
  if (rows < matrix.rows()) matrix.values.resize(size_t{rows} * matrix.dim);
}

std::string Origin(const DataSet& set) {
  const auto sum = [](const std::vector<float>& values) {
    return Checksum64(values.data(), values.size() * sizeof(float));
  };
  return absl::StrFormat("floats dim %u base %016x queries %016x", set.dim, sum(set.base),
                         sum(set.queries));
}

}  // namespace

absl::StatusOr<Matrix> ReadFvecs(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadAll(path));
  Matrix matrix;
  for (size_t at = 0; at < bytes.size();) {
    uint32_t dim = 0;
    if (bytes.size() - at < sizeof(dim)) return Bad(path, "it ends inside a vector's dim");
    std::memcpy(&dim, bytes.data() + at, sizeof(dim));
    at += sizeof(dim);
    if (dim == 0 || dim > kMaxDim || (matrix.dim != 0 && dim != matrix.dim)) {
      return Bad(path, absl::StrCat("vector ", matrix.rows(), " has dim ", dim));
    }
    matrix.dim = dim;
    const size_t length = size_t{dim} * sizeof(float);
    if (bytes.size() - at < length) {
      return Bad(path, absl::StrCat("it ends inside vector ", matrix.rows()));
    }
    matrix.values.resize(matrix.values.size() + dim);
    std::memcpy(&matrix.values[matrix.values.size() - dim], bytes.data() + at, length);
    at += length;
  }
  return matrix;
}

absl::StatusOr<Matrix> ReadNpy(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string bytes, ReadAll(path));
  const bool is_npy = bytes.starts_with("\x93NUMPY") && bytes.size() >= 12;
  const int version = is_npy ? bytes[6] : 0;
  if (version < 1 || version > 3) return Bad(path, "it is not a NumPy file of version 1 to 3");
  uint32_t length = 0;  // two bytes in version 1, four later
  const size_t length_bytes = version == 1 ? 2 : 4;
  std::memcpy(&length, bytes.data() + 8, length_bytes);
  const size_t begin = 8 + length_bytes + length;
  if (begin > bytes.size()) return Bad(path, "it ends inside its header");
  const std::string header = bytes.substr(8 + length_bytes, length);
  if (NpyField(header, "fortran_order") != "False") return Bad(path, "it is not in C order");
  ASSIGN_OR_RETURN(const auto shape, NpyShape(path, header));
  const uint64_t count = shape.first * shape.second;
  Matrix matrix{.dim = static_cast<uint32_t>(shape.second)};
  const std::string type = NpyField(header, "descr");
  if (type == "'<f4'") {
    ASSIGN_OR_RETURN(matrix.values, NpyValues<float>(path, bytes, begin, count));
  } else if (type == "'<f8'") {
    ASSIGN_OR_RETURN(matrix.values, NpyValues<double>(path, bytes, begin, count));
  } else {
    return Bad(path, absl::StrCat("its numbers are ", type, ", not '<f4' or '<f8'"));
  }
  return matrix;
}

absl::StatusOr<Matrix> ReadJsonl(const std::string& path) {
  std::ifstream file(path);
  if (!file) return absl::NotFoundError(absl::StrCat("cannot read ", path));
  Matrix matrix;
  size_t number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.empty()) continue;
    const auto row = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!row.is_object()) return Bad(path, absl::StrCat("line ", number, " is no JSON object"));
    const auto vector = std::ranges::find_if(row, [](const nlohmann::json& member) {
      return member.is_array() && !member.empty() && member[0].is_number();
    });
    if (vector == row.end()) continue;
    if (matrix.dim == 0) matrix.dim = static_cast<uint32_t>(vector->size());
    if (vector->size() != matrix.dim) {
      return Bad(path, absl::StrCat("line ", number, " has dim ", vector->size(), ", earlier ones ",
                                    matrix.dim));
    }
    for (const nlohmann::json& value : *vector) {
      if (!value.is_number()) return Bad(path, absl::StrCat("line ", number, ": not a number"));
      matrix.values.push_back(value.get<float>());
    }
  }
  return matrix;
}

absl::StatusOr<FileSpec> ParseFileSpec(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, ',');
  FileSpec spec;
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::pair<std::string, std::string> pair =
        absl::StrSplit(parts[i], absl::MaxSplits('=', 1));
    if (pair.first.empty() || pair.second.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "'", text, "' is not NAME=FILE[,queries=FILE][,metric=l2|cosine|ip][,rows=N]"));
    }
    if (i == 0) {
      spec.name = pair.first;
      spec.path = pair.second;
    } else if (pair.first == "queries") {
      spec.queries_path = pair.second;
    } else if (pair.first == "metric") {
      ASSIGN_OR_RETURN(spec.metric, ParseMetric(pair.second));
    } else if (pair.first != "rows" || !absl::SimpleAtoi(pair.second, &spec.max_rows) ||
               spec.max_rows == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("'", parts[i], "' in '", text, "' is not queries=, metric= or rows="));
    }
  }
  return spec;
}

Matrix HoldOut(Matrix& base, uint32_t count, uint64_t seed) {
  std::vector<uint32_t> order(base.rows());
  std::iota(order.begin(), order.end(), 0);
  std::mt19937_64 random(seed);
  count = std::min(count, base.rows());
  std::vector<bool> chosen(base.rows());
  for (uint32_t i = 0; i < count; ++i) {
    std::swap(order[i], order[i + random() % (order.size() - i)]);
    chosen[order[i]] = true;
  }
  Matrix held{.dim = base.dim}, rest{.dim = base.dim};
  for (uint32_t row = 0; row < base.rows(); ++row) {
    std::vector<float>& to = chosen[row] ? held.values : rest.values;
    const auto from = base.values.begin() + static_cast<ptrdiff_t>(size_t{row} * base.dim);
    to.insert(to.end(), from, from + base.dim);
  }
  base = std::move(rest);
  return held;
}

absl::StatusOr<DataSet> LoadSet(const FileSpec& spec, uint32_t queries, uint64_t seed) {
  Matrix base, held;
  DataSet set;
  set.metric = spec.path.ends_with(".jsonl") ? Metric::kCosine : Metric::kL2;
  if (spec.path.ends_with(".hdf5")) {
    ASSIGN_OR_RETURN(AnnBenchmarksFile file, ReadHdf5(spec.path));
    base = std::move(file.train);
    held = std::move(file.test);
    set.metric = file.metric;
  } else {
    ASSIGN_OR_RETURN(base, ReadMatrix(spec.path));
  }
  Truncate(base, spec.max_rows);
  if (!spec.queries_path.empty()) {
    ASSIGN_OR_RETURN(held, ReadMatrix(spec.queries_path));
  }
  if (held.rows() == 0) held = HoldOut(base, std::min(queries, base.rows() / 10), seed);
  if (base.rows() == 0 || held.rows() == 0) return Bad(spec.path, "too few vectors");
  if (held.dim != base.dim) {
    return Bad(spec.path, absl::StrCat("rows have dim ", base.dim, ", queries ", held.dim));
  }
  Truncate(held, queries);
  RETURN_IF_ERROR(CheckFinite(spec.path, base.values));
  RETURN_IF_ERROR(CheckFinite(spec.path, held.values));
  set.name = spec.name;
  set.metric = spec.metric.value_or(set.metric);
  set.dim = base.dim;
  set.base = std::move(base.values);
  set.queries = std::move(held.values);
  set.origin = Origin(set);
  return set;
}

}  // namespace ordinate::bench
