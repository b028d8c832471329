#include "tests/bench/engine/generators.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace ordinate::bench {
namespace {

constexpr uint32_t kIntrinsicDim = 16;
constexpr uint32_t kRowsPerCluster = 1'000;
constexpr uint32_t kMinClusters = 16;
constexpr float kSpread = 0.5f;  // of a cluster, where centres have 1
constexpr float kNoise = 0.05f;

std::vector<float> Normals(size_t count, float scale, NormalFloats& normal) {
  std::vector<float> out(count);
  for (float& x : out) x = scale * normal.Next();
  return out;
}

class ClusteredPoints {
 public:
  ClusteredPoints(const GeneratorOptions& options)
      : dim_(options.dim),
        clusters_(std::max(kMinClusters, options.rows / kRowsPerCluster)),
        normal_(options.seed),
        pick_(options.seed + 1),
        centres_(Normals(size_t{clusters_} * kIntrinsicDim, 1, normal_)),
        // Transposed: one row of dim floats per intrinsic dimension.
        mixing_(
            Normals(size_t{kIntrinsicDim} * dim_, 1 / std::sqrt(float{kIntrinsicDim}), normal_)) {}

  void Next(float* out) {
    const float* centre = centres_.data() + pick_() % clusters_ * kIntrinsicDim;
    for (uint32_t i = 0; i < dim_; ++i) out[i] = kNoise * normal_.Next();
    for (uint32_t j = 0; j < kIntrinsicDim; ++j) {
      const float factor = centre[j] + kSpread * normal_.Next();
      const float* direction = mixing_.data() + size_t{j} * dim_;
      for (uint32_t i = 0; i < dim_; ++i) out[i] += factor * direction[i];
    }
  }

 private:
  const uint32_t dim_;
  const uint32_t clusters_;
  NormalFloats normal_;
  std::mt19937_64 pick_;
  const std::vector<float> centres_;
  const std::vector<float> mixing_;
};

DataSet Empty(std::string_view kind, const GeneratorOptions& options) {
  DataSet set;
  set.name = absl::StrCat(std::string(kind), "-", ShortCount(options.rows), "-", options.dim);
  set.origin = absl::StrCat(std::string(kind), " v1 rows ", options.rows, " queries ",
                            options.queries, " dim ", options.dim, " seed ", options.seed);
  set.dim = options.dim;
  set.base.resize(size_t{options.rows} * options.dim);
  set.queries.resize(size_t{options.queries} * options.dim);
  return set;
}

}  // namespace

double NormalFloats::Unit() {
  return static_cast<double>(static_cast<int64_t>(random_()) >> 11) * 0x1p-52;
}

// Marsaglia's polar method.
float NormalFloats::Next() {
  if (has_spare_) {
    has_spare_ = false;
    return spare_;
  }
  double x, y, square;
  do {
    x = Unit();
    y = Unit();
    square = x * x + y * y;
  } while (square >= 1 || square == 0);
  const double scale = std::sqrt(-2 * std::log(square) / square);
  spare_ = static_cast<float>(y * scale);
  has_spare_ = true;
  return static_cast<float>(x * scale);
}

DataSet MakeClustered(const GeneratorOptions& options) {
  DataSet set = Empty("clustered", options);
  ClusteredPoints points(options);
  for (uint32_t i = 0; i < options.rows; ++i) points.Next(set.base.data() + size_t{i} * set.dim);
  for (uint32_t i = 0; i < options.queries; ++i) {
    points.Next(set.queries.data() + size_t{i} * set.dim);
  }
  return set;
}

DataSet MakeGaussian(const GeneratorOptions& options) {
  DataSet set = Empty("gaussian", options);
  NormalFloats normal(options.seed);
  for (float& x : set.base) x = normal.Next();
  for (float& x : set.queries) x = normal.Next();
  return set;
}

std::string ShortCount(uint64_t count) {
  if (count >= 1'000'000 && count % 1'000'000 == 0) return absl::StrCat(count / 1'000'000, "M");
  if (count >= 1'000 && count % 1'000 == 0) return absl::StrCat(count / 1'000, "k");
  return absl::StrCat(count);
}

}  // namespace ordinate::bench
