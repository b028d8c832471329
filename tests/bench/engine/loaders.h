#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/bench/engine/data_set.h"

namespace ordinate::bench {

/// Vectors of one dim, row-major.
struct Matrix {
  uint32_t dim = 0;
  std::vector<float> values;

  uint32_t rows() const { return dim == 0 ? 0 : static_cast<uint32_t>(values.size() / dim); }
};

/// The readers below say in INVALID_ARGUMENT what is wrong with which file, and NOT_FOUND when
/// there is none.

/// Each vector: its dim as a little-endian int32, then that many floats.
absl::StatusOr<Matrix> ReadFvecs(const std::string& path);

/// NumPy's format, version 1 to 3: two dimensions of float32 or float64, little-endian, C order.
absl::StatusOr<Matrix> ReadNpy(const std::string& path);

/// A JSON object per line; its vector is the first member that is an array of numbers. Lines
/// without one are left out.
absl::StatusOr<Matrix> ReadJsonl(const std::string& path);

/// As ann-benchmarks publishes them: data sets `train` and `test`, attribute `distance`.
/// FAILED_PRECONDITION in a program built without HDF5.
struct AnnBenchmarksFile {
  Matrix train, test;
  Metric metric = Metric::kL2;
};
absl::StatusOr<AnnBenchmarksFile> ReadHdf5(const std::string& path);

/// NAME=FILE[,queries=FILE][,metric=l2|cosine|ip][,rows=N], FILE in one of the formats above by its
/// ending: .fvecs, .npy, .jsonl, .hdf5.
struct FileSpec {
  std::string name, path, queries_path;
  std::optional<Metric> metric;
  uint32_t max_rows = UINT32_MAX;
};
absl::StatusOr<FileSpec> ParseFileSpec(const std::string& text);

/// Queries are those of the file or of the queries file, the first `queries` of them; without any,
/// `queries` rows (a tenth of all at most), chosen by `seed`, are taken out of the base. The metric
/// is the spec's, the file's, or else COSINE for .jsonl and L2.
absl::StatusOr<DataSet> LoadSet(const FileSpec& spec, uint32_t queries, uint64_t seed);

/// Takes `count` rows, chosen by `seed`, out of `base`, the rest in their order.
Matrix HoldOut(Matrix& base, uint32_t count, uint64_t seed);

}  // namespace ordinate::bench
