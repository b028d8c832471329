#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/query/filter.h"
#include "engine/query/order.h"
#include "storage/model/schema.h"

namespace ordinate {

enum class Path : uint8_t { kAuto = 0, kAnn = 1, kExact = 2 };
enum class Direction : uint8_t { kNearest = 0, kAscending = 1, kDescending = 2 };

inline constexpr uint32_t kMaxLimit = 10'000;
inline constexpr uint32_t kMaxOffset = 100'000;

/// A question as asked: names not yet resolved, nothing validated.
struct QueryRequest {
  std::string table;
  std::string column;
  Vector vector;
  std::optional<Metric> metric;
  uint64_t limit = 0;
  uint64_t offset = 0;
  Direction direction = Direction::kNearest;
  std::vector<SortKey> order_by;
  std::optional<Filter> filter;
  std::vector<std::string> columns;  // empty: key columns; "*": all
  std::string index;
  Path path = Path::kAuto;
  std::map<std::string, std::string> settings;
  bool include_null_vectors = false;
};

}  // namespace ordinate
