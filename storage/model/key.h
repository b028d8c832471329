#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "storage/model/schema.h"

namespace ordinate {

/// The canonical encoding of a row's primary key: equal keys and only equal keys give equal bytes.
/// Per key column, in key order: a type byte (DataType), then INT64/UINT64 as 8 bytes little-endian
/// (two's complement), STRING as its length in 8 bytes little-endian and its bytes.
/// REQUIRES: the key cells are present and of their columns' types.
std::string EncodeKey(const TableDef& table, const std::vector<Value>& cells);

/// Hashes a canonical key to a 64-bit row id. XXH3-64, seed 0, unless a test passes another.
using KeyHash = uint64_t (*)(std::string_view canonical_key);
uint64_t DefaultKeyHash(std::string_view canonical_key);

/// The row id a key asks for, before collisions are resolved (contract 1.2): the key's value bit
/// for bit under kPkU64, the hash under kPkHashed. REQUIRES: the table has a key.
RowId PreferredRowId(const TableDef& table, const std::vector<Value>& cells, KeyHash hash);

/// The shard that owns a row: a mix of the row id, modulo `shards`. A displaced key (one whose
/// preferred id another key holds) gets an id that maps to the same shard, so a row id and its key
/// always route alike.
uint32_t ShardOf(RowId id, uint32_t shards);

/// The `attempt`-th (1-based) replacement for a taken `preferred` id, on the same shard.
RowId DisplacedRowId(RowId preferred, uint32_t attempt, uint32_t shards);

}  // namespace ordinate
