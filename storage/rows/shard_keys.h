#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/rows/row_store.h"

namespace ordinate {

/// Keys and values of a shard's database. Numbers in keys are big-endian, so that bytes sort as
/// the numbers do.
///
/// | family  | key                                     | value                                   |
/// |---------|-----------------------------------------|-----------------------------------------|
/// | rows    | table u32, row u64, complement of       | length of the row's key, u32; the key;  |
/// |         | the version u64: newest version first   | cells                                   |
/// | changes | table u32, sequence u64, row u64        | Mutation::Kind, 1 byte; time in µs u64  |
/// | log     | sequence u64                            | EncodeLogRecord                         |
/// | meta    | "format"                                | u32                                     |
/// |         | "applied"                               | sequence u64                            |
/// |         | "count", table u32                      | live rows u64                           |
/// |         | "removing", table u32                   | nothing, or which range u8, the first   |
/// |         |                                         | key that is left of it                  |
/// |         | "displaced", table u32, the row's key   | row u64                                 |
/// |         | "request", its id                       | sequence u64, time in µs u64,           |
/// |         |                                         | EncodeRequestNote                       |
/// |         | "asked", sequence u64                   | time in µs u64, the request's id        |
/// |         | "kept"                                  | requests remembered u64                 |
enum ShardFamily : size_t { kRowsFamily, kChangesFamily, kLogFamily, kMetaFamily, kShardFamilies };

/// Bytes of a rows key that name the row: what the bloom filters are built over.
inline constexpr size_t kRowPrefixBytes = 12;
inline constexpr size_t kRowKeyBytes = 20;
inline constexpr size_t kChangeKeyBytes = 20;
inline constexpr size_t kChangeValueBytes = 9;

std::string TablePrefix(uint32_t table_id);
/// The first key after every key with the table's prefix; empty when there is none.
std::string TablePrefixEnd(uint32_t table_id);
std::string RowPrefix(uint32_t table_id, RowId row_id);
std::string RowKey(uint32_t table_id, RowId row_id, uint64_t version);
std::string ChangeKey(uint32_t table_id, uint64_t seq, RowId row_id);
std::string LogKey(uint64_t seq);
std::string AppliedKey();
std::string FormatKey();
std::string CountPrefix();
std::string CountKey(uint32_t table_id);
/// The sequence after which a table's change list is complete.
std::string CompleteAfterPrefix();
std::string CompleteAfterKey(uint32_t table_id);
/// A table that is being removed: it has no count any more, and may have rows.
std::string RemovingPrefix();
std::string RemovingKey(uint32_t table_id);

/// How far the removal of a table is: all before is gone.
struct RemovalPlace {
  uint8_t range = 0;  // 0: its rows, 1: its changes, 2: its displaced keys
  std::string key;    // the first that is left; empty: the range is whole
};
inline constexpr uint8_t kRemovalRanges = 3;
std::optional<RemovalPlace> ParseRemoving(std::string_view value);
std::string RemovingValue(const RemovalPlace& place);

std::string DisplacedPrefix();
std::string DisplacedPrefix(uint32_t table_id);

/// Requests that are remembered, by id and in the order they were written.
std::string RequestPrefix();
std::string RequestKey(std::string_view id);
std::string AskedPrefix();
std::string AskedKey(uint64_t seq);
std::string KeptKey();

/// What a request's key holds. nullopt: not such a value.
std::optional<RememberedRequest> ParseRequest(std::string_view value);
std::string RequestValue(const RememberedRequest& request);

struct AskedParts {
  int64_t time_micros = 0;
  std::string id;
};
std::optional<AskedParts> ParseAsked(std::string_view value);
std::string AskedValue(int64_t time_micros, std::string_view id);

struct RowKeyParts {
  uint32_t table_id = 0;
  RowId row_id = 0;
  uint64_t version = 0;
};
std::optional<RowKeyParts> ParseRowKey(std::string_view key);

/// A key of the changes family; its value gives the kind. nullopt: not such a pair.
struct ChangeParts {
  uint32_t table_id = 0;
  Change change;
};
std::optional<ChangeParts> ParseChange(std::string_view key, std::string_view value);
std::string ChangeValue(Mutation::Kind kind, int64_t time_micros);

/// Big-endian numbers by themselves: log keys and values of meta. nullopt: another length.
std::optional<uint64_t> ParseU64(std::string_view bytes);
std::string U64Bytes(uint64_t number);
std::optional<uint32_t> ParseU32(std::string_view bytes);
std::string U32Bytes(uint32_t number);

std::string RowValue(std::string_view key, std::string_view cells);
/// The row's key and cells within `value`. False: `value` is not a RowValue.
bool SplitRowValue(std::string_view value, std::string_view& key, std::string_view& cells);

}  // namespace ordinate
