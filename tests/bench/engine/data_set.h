#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "storage/model/schema.h"

namespace ordinate::bench {

/// Rows to index and queries that are not among them, row-major.
struct DataSet {
  std::string name;
  /// Everything the floats depend on, in words: two data sets of one origin are the same.
  std::string origin;
  Metric metric = Metric::kL2;
  uint32_t dim = 0;
  std::vector<float> base;
  std::vector<float> queries;

  uint32_t rows() const { return dim == 0 ? 0 : static_cast<uint32_t>(base.size() / dim); }
  uint32_t query_count() const {
    return dim == 0 ? 0 : static_cast<uint32_t>(queries.size() / dim);
  }
  std::span<const float> row(uint32_t i) const { return {base.data() + size_t{i} * dim, dim}; }
  std::span<const float> query(uint32_t i) const { return {queries.data() + size_t{i} * dim, dim}; }
};

/// set.base, scaled to length 1 under COSINE, for libraries that know no cosine.
std::vector<float> UnitBase(const DataSet& set);

}  // namespace ordinate::bench
