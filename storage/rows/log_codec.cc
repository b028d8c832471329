#include "storage/rows/log_codec.h"

#include <limits>
#include <msgpack.hpp>
#include <utility>

#include "storage/base/text.h"
#include "storage/rows/request_note.h"

namespace ordinate {
namespace {

constexpr size_t kHeadItems = 2;  // sequence and time
// Then the mutations, and at most one item: the request.
enum Field : size_t { kKind, kTable, kRow, kKey, kCells, kFields };

struct StringSink {
  std::string bytes;
  void write(const char* data, size_t size) { bytes.append(data, size); }
};

void PackBytes(msgpack::packer<StringSink>& packer, const std::string& bytes) {
  packer.pack_bin(static_cast<uint32_t>(bytes.size()));
  packer.pack_bin_body(bytes.data(), static_cast<uint32_t>(bytes.size()));
}

// Receives the parser's events; every event it does not expect stops the parser. Memory grows
// with the bytes read, not with the counts they claim.
class RecordReader {
 public:
  LogRecord TakeRecord() { return std::move(record_); }
  const std::string& error() const { return error_; }

  bool start_array(uint32_t count) {
    if (in_array_ || count < kHeadItems) return Refuse("an array");
    const size_t rest = (count - kHeadItems) % kFields;
    if (rest > 1) return Refuse("an array");
    if (rest == 1) request_item_ = count - 1;
    in_array_ = true;
    return true;
  }
  bool start_array_item() { return true; }
  bool end_array_item() { return true; }
  bool end_array() { return true; }

  bool visit_positive_integer(uint64_t value) {
    if (!in_array_ || item_ == request_item_) return Refuse("an integer");
    const size_t item = item_++;
    if (item == 0) {
      record_.seq = value;
      return true;
    }
    if (item == 1) {
      if (value > INT64_MAX) return Refuse("a time");
      record_.time_micros = static_cast<int64_t>(value);
      return true;
    }
    const size_t field = (item - kHeadItems) % kFields;
    if (field == kKind) return StartMutation(value);
    if (field == kTable && value <= std::numeric_limits<uint32_t>::max()) {
      record_.mutations.back().table_id = static_cast<uint32_t>(value);
      return true;
    }
    if (field != kRow) return Refuse("an integer");
    record_.mutations.back().row_id = value;
    return true;
  }
  bool visit_bin(const char* data, uint32_t size) {
    if (!in_array_ || item_ < kHeadItems) return Refuse("bytes");
    if (item_ == request_item_) return ReadRequest({data, size});
    const size_t field = (item_++ - kHeadItems) % kFields;
    if (field == kKey) {
      record_.mutations.back().key.assign(data, size);
    } else if (field == kCells) {
      record_.mutations.back().cells.assign(data, size);
    } else {
      return Refuse("bytes");
    }
    return true;
  }
  bool visit_nil() { return Refuse("nil"); }
  bool visit_boolean(bool) { return Refuse("a bool"); }
  bool visit_negative_integer(int64_t) { return Refuse("a negative integer"); }
  bool visit_float32(float) { return Refuse("a float"); }
  bool visit_float64(double) { return Refuse("a float"); }
  bool visit_str(const char*, uint32_t) { return Refuse("a string"); }
  bool visit_ext(const char*, uint32_t) { return Refuse("an extension"); }
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
  bool StartMutation(uint64_t value) {
    const auto kind = static_cast<Mutation::Kind>(value);
    const bool known = value == static_cast<uint64_t>(Mutation::Kind::kUpsert) ||
                       value == static_cast<uint64_t>(Mutation::Kind::kDelete);
    if (!known) return Refuse("an unknown kind of mutation");
    record_.mutations.emplace_back().kind = kind;
    return true;
  }
  bool ReadRequest(std::string_view bytes) {
    record_.request = DecodeRequestNote(bytes);
    if (!record_.request.has_value()) return Refuse("a request");
    ++item_;
    return true;
  }
  bool Refuse(std::string_view found) {
    error_ = Concat("unexpected ", found, " at item ", item_);
    return false;
  }

  bool in_array_ = false;
  size_t item_ = 0;                                           // items of the array seen
  size_t request_item_ = std::numeric_limits<size_t>::max();  // which one it is; this: none
  LogRecord record_;
  std::string error_;
};

}  // namespace

std::string EncodeLogRecord(const LogRecord& record) {
  StringSink sink;
  msgpack::packer<StringSink> packer(sink);
  const size_t items =
      kHeadItems + kFields * record.mutations.size() + (record.request.has_value() ? 1 : 0);
  packer.pack_array(static_cast<uint32_t>(items));
  packer.pack_uint64(record.seq);
  packer.pack_uint64(static_cast<uint64_t>(record.time_micros));
  for (const Mutation& mutation : record.mutations) {
    packer.pack_uint8(static_cast<uint8_t>(mutation.kind));
    packer.pack_uint32(mutation.table_id);
    packer.pack_uint64(mutation.row_id);
    PackBytes(packer, mutation.key);
    PackBytes(packer, mutation.cells);
  }
  if (record.request.has_value()) PackBytes(packer, EncodeRequestNote(*record.request));
  return std::move(sink.bytes);
}

absl::StatusOr<LogRecord> DecodeLogRecord(std::string_view bytes) {
  RecordReader reader;
  size_t offset = 0;
  if (bytes.empty() || !msgpack::parse(bytes.data(), bytes.size(), offset, reader)) {
    return absl::DataLossError(Concat("a log record of ", bytes.size(),
                                      " bytes is damaged: ", std::string_view(reader.error())));
  }
  if (offset != bytes.size()) {
    return absl::DataLossError(Concat("a log record is damaged: ", bytes.size() - offset,
                                      " bytes follow its last mutation"));
  }
  return reader.TakeRecord();
}

}  // namespace ordinate
