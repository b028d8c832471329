#include "storage/rows/shard_keys.h"

#include "storage/rows/request_note.h"

namespace ordinate {
namespace {

template <typename Int>
void Append(std::string& out, Int number) {
  for (int shift = 8 * (sizeof(Int) - 1); shift >= 0; shift -= 8) {
    out += static_cast<char>(number >> shift);
  }
}

// REQUIRES: `bytes` holds the number at `offset`.
template <typename Int>
Int NumberAt(std::string_view bytes, size_t offset) {
  Int number = 0;
  for (size_t i = 0; i < sizeof(Int); ++i) {
    number = static_cast<Int>(number << 8 | static_cast<unsigned char>(bytes[offset + i]));
  }
  return number;
}

}  // namespace

std::string U64Bytes(uint64_t number) {
  std::string out;
  Append(out, number);
  return out;
}

std::string U32Bytes(uint32_t number) {
  std::string out;
  Append(out, number);
  return out;
}

std::optional<uint64_t> ParseU64(std::string_view bytes) {
  if (bytes.size() != sizeof(uint64_t)) return std::nullopt;
  return NumberAt<uint64_t>(bytes, 0);
}

std::optional<uint32_t> ParseU32(std::string_view bytes) {
  if (bytes.size() != sizeof(uint32_t)) return std::nullopt;
  return NumberAt<uint32_t>(bytes, 0);
}

std::string TablePrefix(uint32_t table_id) { return U32Bytes(table_id); }

std::string TablePrefixEnd(uint32_t table_id) {
  if (table_id == UINT32_MAX) return std::string(kRowKeyBytes + 1, '\xff');
  return U32Bytes(table_id + 1);
}

std::string RowPrefix(uint32_t table_id, RowId row_id) {
  std::string out;
  out.reserve(kRowKeyBytes);
  Append(out, table_id);
  Append(out, row_id);
  return out;
}

std::string RowKey(uint32_t table_id, RowId row_id, uint64_t version) {
  std::string out = RowPrefix(table_id, row_id);
  Append(out, ~version);
  return out;
}

std::string ChangeKey(uint32_t table_id, uint64_t seq, RowId row_id) {
  std::string out;
  out.reserve(kChangeKeyBytes);
  Append(out, table_id);
  Append(out, seq);
  Append(out, row_id);
  return out;
}

std::string LogKey(uint64_t seq) { return U64Bytes(seq); }

std::string AppliedKey() { return "applied"; }

std::string FormatKey() { return "format"; }

std::string CountPrefix() { return "count"; }

std::string CountKey(uint32_t table_id) { return CountPrefix() + U32Bytes(table_id); }

std::string CompleteAfterPrefix() { return "complete"; }

std::string CompleteAfterKey(uint32_t table_id) {
  return CompleteAfterPrefix() + U32Bytes(table_id);
}

std::string RemovingPrefix() { return "removing"; }

std::string RemovingKey(uint32_t table_id) { return RemovingPrefix() + U32Bytes(table_id); }

std::optional<RemovalPlace> ParseRemoving(std::string_view value) {
  if (value.empty()) return RemovalPlace();
  const auto range = static_cast<uint8_t>(value[0]);
  if (range >= kRemovalRanges) return std::nullopt;
  return RemovalPlace{.range = range, .key = std::string(value.substr(1))};
}

std::string RemovingValue(const RemovalPlace& place) {
  return static_cast<char>(place.range) + place.key;
}

std::string DisplacedPrefix() { return "displaced"; }

std::string DisplacedPrefix(uint32_t table_id) { return DisplacedPrefix() + U32Bytes(table_id); }

std::string RequestPrefix() { return "request"; }

std::string RequestKey(std::string_view id) { return RequestPrefix() + std::string(id); }

std::string AskedPrefix() { return "asked"; }

std::string AskedKey(uint64_t seq) { return AskedPrefix() + U64Bytes(seq); }

std::string KeptKey() { return "kept"; }

std::optional<RememberedRequest> ParseRequest(std::string_view value) {
  constexpr size_t kHead = 2 * sizeof(uint64_t);
  if (value.size() < kHead) return std::nullopt;
  auto note = DecodeRequestNote(value.substr(kHead));
  if (!note.has_value()) return std::nullopt;
  return RememberedRequest{
      .seq = NumberAt<uint64_t>(value, 0),
      .time_micros = static_cast<int64_t>(NumberAt<uint64_t>(value, sizeof(uint64_t))),
      .note = *std::move(note)};
}

std::string RequestValue(const RememberedRequest& request) {
  return U64Bytes(request.seq) + U64Bytes(static_cast<uint64_t>(request.time_micros)) +
         EncodeRequestNote(request.note);
}

std::optional<AskedParts> ParseAsked(std::string_view value) {
  if (value.size() <= sizeof(uint64_t)) return std::nullopt;
  return AskedParts{.time_micros = static_cast<int64_t>(NumberAt<uint64_t>(value, 0)),
                    .id = std::string(value.substr(sizeof(uint64_t)))};
}

std::string AskedValue(int64_t time_micros, std::string_view id) {
  return U64Bytes(static_cast<uint64_t>(time_micros)) + std::string(id);
}

std::optional<RowKeyParts> ParseRowKey(std::string_view key) {
  if (key.size() != kRowKeyBytes) return std::nullopt;
  return RowKeyParts{.table_id = NumberAt<uint32_t>(key, 0),
                     .row_id = NumberAt<uint64_t>(key, 4),
                     .version = ~NumberAt<uint64_t>(key, kRowPrefixBytes)};
}

std::optional<ChangeParts> ParseChange(std::string_view key, std::string_view value) {
  if (key.size() != kChangeKeyBytes || value.size() != kChangeValueBytes) {
    return std::nullopt;
  }
  const auto kind = static_cast<Mutation::Kind>(value[0]);
  if (kind != Mutation::Kind::kUpsert && kind != Mutation::Kind::kDelete) return std::nullopt;
  return ChangeParts{.table_id = NumberAt<uint32_t>(key, 0),
                     .change = {.seq = NumberAt<uint64_t>(key, 4),
                                .row_id = NumberAt<uint64_t>(key, 12),
                                .kind = kind,
                                .time_micros = static_cast<int64_t>(NumberAt<uint64_t>(value, 1))}};
}

std::string ChangeValue(Mutation::Kind kind, int64_t time_micros) {
  return static_cast<char>(kind) + U64Bytes(static_cast<uint64_t>(time_micros));
}

std::string RowValue(std::string_view key, std::string_view cells) {
  std::string out;
  out.reserve(sizeof(uint32_t) + key.size() + cells.size());
  Append(out, static_cast<uint32_t>(key.size()));
  out += key;
  out += cells;
  return out;
}

bool SplitRowValue(std::string_view value, std::string_view& key, std::string_view& cells) {
  if (value.size() < sizeof(uint32_t)) return false;
  const uint32_t key_bytes = NumberAt<uint32_t>(value, 0);
  value.remove_prefix(sizeof(uint32_t));
  if (value.size() < key_bytes) return false;
  key = value.substr(0, key_bytes);
  cells = value.substr(key_bytes);
  return true;
}

}  // namespace ordinate
