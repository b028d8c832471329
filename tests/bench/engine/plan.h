#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tests/bench/engine/data_set.h"
#include "tests/bench/engine/loaders.h"

namespace ordinate::bench {

/// One data set to measure, not made yet.
struct DataSpec {
  enum class Kind { kClustered, kGaussian, kFile };
  Kind kind = Kind::kClustered;
  uint32_t rows = 0;  // generated ones
  uint32_t dim = 0;
  uint32_t k = 10;
  FileSpec file;
};

/// The data sets of a preset: quick, default or full; the latter two begin with `packages`, when
/// not null. INVALID_ARGUMENT for another name.
absl::StatusOr<std::vector<DataSpec>> PresetSets(const std::string& preset,
                                                 const FileSpec* packages);

/// "clustered:100000x128" or "gaussian:10000x64", with ":k100" after it for another k.
absl::StatusOr<DataSpec> ParseGenerated(const std::string& text);

absl::StatusOr<DataSet> MakeSet(const DataSpec& spec, uint32_t queries, uint64_t seed);

}  // namespace ordinate::bench
