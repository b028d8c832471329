#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "tests/bench/engine/data_set.h"

namespace ordinate::bench {

/// Standard normal floats from a seed, the same with every standard library.
class NormalFloats {
 public:
  explicit NormalFloats(uint64_t seed) : random_(seed) {}
  float Next();

 private:
  double Unit();  // uniform in (-1, 1)

  std::mt19937_64 random_;
  bool has_spare_ = false;
  float spare_ = 0;
};

struct GeneratorOptions {
  uint32_t rows = 10'000;
  uint32_t queries = 1'000;
  uint32_t dim = 64;
  uint64_t seed = 1;
};

/// Clustered data of low intrinsic dimension, as embeddings are. A point is
///
///   A (c + 0.5 z) + 0.05 e
///
/// where c is one of max(16, rows / 1000) cluster centres, drawn once from N(0, I) in 16
/// dimensions, z ~ N(0, I) in those 16, A a dim × 16 matrix of N(0, 1/16) entries drawn once, and
/// e ~ N(0, I) in all dims. Queries are further points of the same clusters. Metric L2.
DataSet MakeClustered(const GeneratorOptions& options);

/// The hard case: every coordinate of every point from N(0, 1), no structure to find. Metric L2.
DataSet MakeGaussian(const GeneratorOptions& options);

/// "100k", "1M", "12,345" without the comma: the short form of a count in a data set's name.
std::string ShortCount(uint64_t count);

}  // namespace ordinate::bench
