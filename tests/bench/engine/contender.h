#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/bench/engine/data_set.h"

namespace ordinate::bench {

/// What every graph is built with.
struct BuildParams {
  uint32_t m = 16;
  uint32_t ef_build = 200;
  uint32_t threads = 2;
  uint64_t seed = 1;
};

struct SearchParams {
  uint32_t k = 10;
  uint32_t ef = 10;      // graphs only
  uint32_t rescore = 2;  // quantized: candidates scored exactly, in multiples of k
  uint32_t threads = 1;  // exact scans of several queries
};

/// Stands for "fewer than k found".
inline constexpr uint32_t kNoRow = UINT32_MAX;

using Progress = std::function<void(uint64_t done, uint64_t total)>;

/// One index of one library. Built to a file, opened from it, searched on one thread, but
/// for a batch of an exact scan. One index is
/// open at a time per object. The errors are the library's.
class Contender {
 public:
  virtual ~Contender() = default;

  virtual std::string name() const = 0;
  /// Version and compile flags, for the report and in cache keys.
  virtual std::string version() const = 0;
  virtual bool is_graph() const = 0;
  /// Part of the file's cache key beside data set, parameters and version.
  virtual std::string code_id() const { return ""; }

  /// Builds over set.base, row i under id i, and writes the file. Returns the seconds from rows in
  /// memory to a searchable index; writing the file counts where searching needs it.
  virtual absl::StatusOr<double> Build(const DataSet& set, const BuildParams& params,
                                       const std::string& path, const Progress& progress) = 0;

  virtual absl::Status Open(const DataSet& set, const std::string& path) = 0;
  virtual void Close() = 0;

  /// out[i * k + j] is the j-th best row for query i, or kNoRow. `queries` holds whole vectors.
  virtual absl::Status Search(std::span<const float> queries, const SearchParams& params,
                              std::span<uint32_t> out) = 0;

  /// Distances computed by a search of the same queries, all in all. Not timed.
  virtual absl::StatusOr<uint64_t> CountDistances(std::span<const float> queries,
                                                  const SearchParams& params) = 0;

  /// Whether the index is searched in its file's mapped pages.
  virtual bool is_mapped() const { return false; }

  /// Bytes of a vector that one distance reads.
  virtual uint32_t BytesPerDistance(const DataSet& set) const {
    return set.dim * static_cast<uint32_t>(sizeof(float));
  }
};

}  // namespace ordinate::bench
