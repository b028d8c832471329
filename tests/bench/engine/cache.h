#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/bench/engine/contender.h"
#include "tests/bench/engine/ground_truth.h"

namespace ordinate::bench {

/// Built indexes and ground truth, kept between runs under names that hash everything they depend
/// on. One process at a time.
class Cache {
 public:
  /// Makes the folder. Indexes of contenders whose names begin with one of `rebuild` are built
  /// again, and the ground truth is scanned for again when one of them is empty.
  static absl::StatusOr<Cache> Open(const std::string& folder, std::vector<std::string> rebuild);

  struct BuiltIndex {
    std::string path;
    double seconds = 0;
    uint32_t threads = 0;
    bool from_cache = false;
  };

  /// The contender's index over the set, built unless it is there.
  absl::StatusOr<BuiltIndex> Index(Contender& contender, const DataSet& set,
                                   const BuildParams& params);

  absl::StatusOr<GroundTruth> Truth(const DataSet& set, uint32_t k, uint32_t threads);

 private:
  Cache(std::string folder, std::vector<std::string> rebuild)
      : folder_(std::move(folder)), rebuild_(std::move(rebuild)) {}

  bool Rebuilds(const std::string& name) const;

  std::string Path(const std::string& readable, const std::string& key,
                   const std::string& ending) const;

  std::string folder_;
  std::vector<std::string> rebuild_;
};

}  // namespace ordinate::bench
