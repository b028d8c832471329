#include "storage/model/key.h"

#include <xxhash.h>

#include <bit>

namespace ordinate {
namespace {

// Consecutive multiples of it, modulo 2^64, are all different: it is odd.
constexpr uint64_t kStride = 0x9e3779b97f4a7c15;

// A bijection of 64-bit numbers that spreads every input bit over all output bits, so that
// consecutive ids do not follow each other over the shards. Part of the data's layout: never
// change it.
uint64_t Mix(uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9;
  x ^= x >> 27;
  x *= 0x94d049bb133111eb;
  x ^= x >> 31;
  return x;
}

void AppendLittleEndian(std::string& out, uint64_t number) {
  for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>(number >> shift);
}

}  // namespace

std::string EncodeKey(const TableDef& table, const std::vector<Value>& cells) {
  std::string out;
  for (const uint32_t position : table.key) {
    const Value& cell = cells.at(position);
    const DataType type = table.columns.at(position).type;
    out += static_cast<char>(type);
    if (type == DataType::kInt64) {
      AppendLittleEndian(out, std::bit_cast<uint64_t>(std::get<int64_t>(cell)));
    } else if (type == DataType::kUint64) {
      AppendLittleEndian(out, std::get<uint64_t>(cell));
    } else {
      const std::string& text = std::get<std::string>(cell);
      AppendLittleEndian(out, text.size());
      out += text;
    }
  }
  return out;
}

uint64_t DefaultKeyHash(std::string_view canonical_key) {
  return XXH3_64bits(canonical_key.data(), canonical_key.size());
}

RowId PreferredRowId(const TableDef& table, const std::vector<Value>& cells, KeyHash hash) {
  if (table.flavour() != RowIdFlavour::kPkU64) return hash(EncodeKey(table, cells));
  const Value& cell = cells.at(table.key.front());
  if (const auto* number = std::get_if<int64_t>(&cell)) return std::bit_cast<uint64_t>(*number);
  return std::get<uint64_t>(cell);
}

uint32_t ShardOf(RowId id, uint32_t shards) { return static_cast<uint32_t>(Mix(id) % shards); }

RowId DisplacedRowId(RowId preferred, uint32_t attempt, uint32_t shards) {
  // Candidates are pairwise different because Mix is a bijection of different inputs.
  const uint32_t shard = ShardOf(preferred, shards);
  uint64_t input = preferred;
  for (uint32_t found = 0;;) {
    input += kStride;
    const RowId candidate = Mix(input);
    if (candidate == preferred || ShardOf(candidate, shards) != shard) continue;
    if (++found == attempt) return candidate;
  }
}

}  // namespace ordinate
