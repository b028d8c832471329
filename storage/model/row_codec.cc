#include "storage/model/row_codec.h"

#include <bit>
#include <cstring>
#include <limits>
#include <msgpack.hpp>
#include <utility>

#include "storage/base/text.h"

namespace ordinate {
namespace {

static_assert(std::endian::native == std::endian::little, "cells are copied as they lie in memory");

constexpr int8_t kTimestampExt = 1;

struct StringSink {
  std::string bytes;
  void write(const char* data, size_t size) { bytes.append(data, size); }
};
using Packer = msgpack::packer<StringSink>;

struct CellPacker {
  Packer& packer;
  StringSink& sink;

  void operator()(std::monostate) const { packer.pack_nil(); }
  void operator()(bool value) const { value ? packer.pack_true() : packer.pack_false(); }
  void operator()(int64_t value) const { packer.pack_int64(value); }
  void operator()(uint64_t value) const { packer.pack_uint64(value); }
  // By hand: the packer turns whole numbers into integers, and -0.0 into 0.
  void operator()(double value) const {
    const auto bits = std::bit_cast<uint64_t>(value);
    sink.bytes += '\xcb';
    for (int shift = 56; shift >= 0; shift -= 8) sink.bytes += static_cast<char>(bits >> shift);
  }
  void operator()(const std::string& value) const {
    packer.pack_str(static_cast<uint32_t>(value.size()));
    packer.pack_str_body(value.data(), static_cast<uint32_t>(value.size()));
  }
  void operator()(Timestamp value) const {
    packer.pack_ext(sizeof(value.micros), kTimestampExt);
    packer.pack_ext_body(reinterpret_cast<const char*>(&value.micros), sizeof(value.micros));
  }
  void operator()(const Vector& value) const {
    const auto size = static_cast<uint32_t>(value.size() * sizeof(float));
    packer.pack_bin(size);
    packer.pack_bin_body(reinterpret_cast<const char*>(value.data()), size);
  }
};

// Receives the parser's events and keeps the cells; every event it does not expect stops the
// parser. Memory is taken only for bytes that are there.
class CellReader {
 public:
  explicit CellReader(const TableDef& table) : table_(table) {}

  std::vector<Value> TakeCells() { return std::move(cells_); }
  const std::string& error() const { return error_; }

  bool start_array(uint32_t count) {
    if (in_array_) return Refuse("an array");
    if (count > kMaxColumns) {
      error_ = Concat(count, " cells; a table has at most ", kMaxColumns);
      return false;
    }
    in_array_ = true;
    cells_.reserve(table_.columns.size());
    return true;
  }
  bool start_array_item() { return true; }
  bool end_array_item() { return true; }
  bool end_array() { return true; }

  bool visit_nil() {
    if (!in_array_) return Refuse("nil");
    if (BeyondTable()) return true;
    if (Column().role == ColumnRole::kKey) return Refuse("nil");
    return Keep(std::monostate());
  }
  bool visit_boolean(bool value) {
    if (BeyondTable()) return true;
    return Takes(DataType::kBool) ? Keep(value) : Refuse("a bool");
  }
  bool visit_positive_integer(uint64_t value) {
    if (BeyondTable()) return true;
    if (Takes(DataType::kUint64)) return Keep(value);
    const bool fits = value <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    if (Takes(DataType::kInt64) && fits) return Keep(static_cast<int64_t>(value));
    return Refuse("an unsigned integer");
  }
  bool visit_negative_integer(int64_t value) {
    if (BeyondTable()) return true;
    return Takes(DataType::kInt64) ? Keep(value) : Refuse("a negative integer");
  }
  bool visit_float32(float) { return Refuse("a float32"); }
  bool visit_float64(double value) {
    if (BeyondTable()) return true;
    return Takes(DataType::kDouble) ? Keep(value) : Refuse("a float64");
  }
  bool visit_str(const char* data, uint32_t size) {
    if (BeyondTable()) return true;
    const bool takes =
        Takes(DataType::kString) || Takes(DataType::kBytes) || Takes(DataType::kJson);
    return takes ? Keep(std::string(data, size)) : Refuse("a string");
  }
  bool visit_bin(const char* data, uint32_t size) {
    if (BeyondTable()) return true;
    if (!Takes(DataType::kVector)) return Refuse("bytes");
    const uint32_t dim = Column().dim;
    if (size % sizeof(float) != 0 || (dim != 0 && size != dim * sizeof(float))) {
      return Refuse(Concat(size, " bytes"));
    }
    Vector vector(size / sizeof(float));
    if (size > 0) std::memcpy(vector.data(), data, size);
    return Keep(std::move(vector));
  }
  // `data` starts with the extension's type, which `size` counts.
  bool visit_ext(const char* data, uint32_t size) {
    if (BeyondTable()) return true;
    Timestamp time;
    if (!Takes(DataType::kTimestamp) || size != 1 + sizeof(time.micros) ||
        data[0] != kTimestampExt) {
      return Refuse("an extension");
    }
    std::memcpy(&time.micros, data + 1, sizeof(time.micros));
    return Keep(time);
  }
  bool start_map(uint32_t) { return Refuse("a map"); }
  bool start_map_key() { return false; }
  bool end_map_key() { return false; }
  bool start_map_value() { return false; }
  bool end_map_value() { return false; }
  bool end_map() { return false; }
  void parse_error(size_t, size_t error_offset) {
    error_ = Concat("no MessagePack at byte ", error_offset);
  }
  void insufficient_bytes(size_t, size_t error_offset) {
    error_ = Concat("cut off at byte ", error_offset);
  }
  bool referenced() const { return false; }
  void set_referenced(bool) {}

 private:
  // A cell of a column that this definition does not know yet.
  bool BeyondTable() const { return in_array_ && cells_.size() == table_.columns.size(); }
  const ColumnDef& Column() const { return table_.columns[cells_.size()]; }
  bool Takes(DataType type) const { return in_array_ && Column().type == type; }
  bool Keep(Value value) {
    cells_.push_back(std::move(value));
    return true;
  }
  bool Refuse(std::string_view found) {
    error_ = in_array_ && !BeyondTable() ? Concat(found, " in column '", Column().name,
                                                  "' of type ", DataTypeName(Column().type))
                                         : Concat(found, " where an array of cells starts");
    return false;
  }

  const TableDef& table_;
  bool in_array_ = false;
  std::vector<Value> cells_;
  std::string error_;
};

absl::Status Damaged(const TableDef& table, std::string_view what) {
  return absl::DataLossError(Concat("a stored row of table '", table.name, "' is damaged: ", what,
                                    "; restore the shard from a backup"));
}

}  // namespace

std::string EncodeCells(const std::vector<Value>& cells) {
  StringSink sink;
  Packer packer(sink);
  packer.pack_array(static_cast<uint32_t>(cells.size()));
  for (const Value& cell : cells) std::visit(CellPacker{packer, sink}, cell);
  return std::move(sink.bytes);
}

absl::StatusOr<std::vector<Value>> DecodeCells(const TableDef& table, std::string_view bytes) {
  if (bytes.empty()) return Damaged(table, "it is empty");
  CellReader reader(table);
  size_t offset = 0;
  if (!msgpack::parse(bytes.data(), bytes.size(), offset, reader)) {
    return Damaged(table, reader.error());
  }
  if (offset != bytes.size()) {
    return Damaged(table, Concat(bytes.size() - offset, " bytes follow the last cell"));
  }
  std::vector<Value> cells = reader.TakeCells();
  for (size_t i = cells.size(); i < table.columns.size(); ++i) {
    if (table.columns[i].role == ColumnRole::kKey) {
      return Damaged(table, Concat("it ends before key column '", table.columns[i].name, "'"));
    }
  }
  cells.resize(table.columns.size());
  return cells;
}

}  // namespace ordinate
