#include "storage/rows/request_note.h"

#include "storage/rows/shard_keys.h"

namespace ordinate {
namespace {

// Takes parts off the front of some bytes; after one that is not there, all are 0 and empty.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::string_view Bytes(size_t size) {
    if (size > rest_.size()) {
      failed_ = true;
      rest_ = {};
      return {};
    }
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  uint32_t U32() { return ParseU32(Bytes(sizeof(uint32_t))).value_or(0); }
  uint64_t U64() { return ParseU64(Bytes(sizeof(uint64_t))).value_or(0); }

  bool failed() const { return failed_; }
  bool done() const { return !failed_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

}  // namespace

std::string EncodeRequestNote(const RequestNote& note) {
  std::string out = U32Bytes(static_cast<uint32_t>(note.id.size())) + note.id;
  out += U64Bytes(note.fingerprint) + U64Bytes(note.first_row_id) + U64Bytes(note.affected);
  out += U32Bytes(static_cast<uint32_t>(note.missing.size()));
  for (const uint32_t place : note.missing) out += U32Bytes(place);
  out += U32Bytes(static_cast<uint32_t>(note.displaced.size()));
  for (const auto& [place, row_id] : note.displaced) out += U32Bytes(place) + U64Bytes(row_id);
  return out;
}

std::optional<RequestNote> DecodeRequestNote(std::string_view bytes) {
  Reader reader(bytes);
  RequestNote note;
  note.id = std::string(reader.Bytes(reader.U32()));
  note.fingerprint = reader.U64();
  note.first_row_id = reader.U64();
  note.affected = reader.U64();
  const uint32_t missing = reader.U32();
  for (uint32_t i = 0; i < missing && !reader.failed(); ++i) note.missing.push_back(reader.U32());
  const uint32_t displaced = reader.U32();
  for (uint32_t i = 0; i < displaced && !reader.failed(); ++i) {
    const uint32_t place = reader.U32();
    note.displaced.emplace_back(place, reader.U64());
  }
  if (!reader.done() || note.id.empty()) return std::nullopt;
  return note;
}

}  // namespace ordinate
