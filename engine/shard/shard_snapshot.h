#pragma once

#include <cstdint>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "engine/shard/shard_index.h"
#include "storage/rows/row_store.h"

namespace ordinate {

/// A shard at one moment, taken once by a reader. Immutable.
struct ShardSnapshot {
  uint64_t seq = 0;                                       // every write up to here is applied
  std::shared_ptr<const RowStore::View> rows;             // of the same moment
  absl::flat_hash_map<uint32_t, PublishedIndex> indexes;  // by index id

  const PublishedIndex* FindIndex(uint32_t index_id) const {
    const auto found = indexes.find(index_id);
    return found == indexes.end() ? nullptr : &found->second;
  }
};

}  // namespace ordinate
