#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/model/value.h"

namespace ordinate {

/// What a column is for (contract 1.1).
enum class ColumnRole : uint8_t {
  kKey = 1,        // part of the primary key; INT64, UINT64 or STRING; never NULL
  kAttribute = 2,  // filtered, sorted on, captured in index segments
  kVector = 3,
  kPayload = 4,  // returned only; BYTES or JSON
};

struct ColumnDef {
  uint32_t id = 0;  // unique in its table, never reused; 1-based
  std::string name;
  ColumnRole role = ColumnRole::kAttribute;
  DataType type = DataType::kInt64;
  bool nullable = true;  // key columns: false
  uint32_t dim = 0;      // vectors only; 0 takes any dim

  bool operator==(const ColumnDef&) const = default;
};

/// How a table's row ids come about (contract 1.2). Numbers are stored in files.
enum class RowIdFlavour : uint8_t {
  kPkU64 = 1,     // the single integral key, bit for bit
  kPkHashed = 2,  // XXH3-64 of the canonical key encoding; see storage/model/key.h
  kOrdinal = 3,   // no primary key: assigned once
};
std::string_view RowIdFlavourName(RowIdFlavour flavour);

struct TableDef {
  uint32_t id = 0;  // unique in the catalog, never reused
  std::string name;
  std::vector<ColumnDef> columns;  // position in here = position of a row's cell
  std::vector<uint32_t> key;       // positions of the key columns, in key order; empty: ORDINAL

  RowIdFlavour flavour() const;
  /// Position of the column, or nullopt.
  std::optional<uint32_t> FindColumn(std::string_view column_name) const;
  bool operator==(const TableDef&) const = default;
};

enum class Engine : uint8_t { kHnsw = 1, kFlat = 2 };
enum class Metric : uint8_t { kL2 = 1, kCosine = 2, kIp = 3 };
enum class DimPolicy : uint8_t { kError = 1, kSkip = 2 };
enum class FreshnessMode : uint8_t { kImmediate = 1, kBatched = 2, kAsync = 3, kRebuildOnly = 4 };
enum class Quantization : uint8_t { kNone = 1, kSq8 = 2 };

std::string_view EngineName(Engine engine);              // "HNSW"
std::string_view MetricName(Metric metric);              // "L2"
std::string_view DimPolicyName(DimPolicy policy);        // "ERROR"
std::string_view FreshnessModeName(FreshnessMode mode);  // "IMMEDIATE"
std::string_view QuantizationName(Quantization quantization);

/// True when a higher score is a nearer row (COSINE, IP).
inline bool HigherIsBetter(Metric metric) { return metric != Metric::kL2; }

/// A vector index (contract 1.3).
struct IndexDef {
  uint32_t id = 0;   // unique in the catalog, never reused
  std::string name;  // unique among all indexes
  uint32_t table_id = 0;
  uint32_t column_id = 0;  // ColumnDef::id of a vector column
  Engine engine = Engine::kHnsw;
  Metric metric = Metric::kL2;
  uint32_t dim = 0;
  uint32_t m = 16;          // HNSW: links per node above level 0; level 0 has 2m
  uint32_t ef_build = 200;  // HNSW: candidates kept while a row is inserted
  uint32_t ef_search = 0;   // HNSW: the index's own default; 0: the server's setting
  FreshnessMode mode = FreshnessMode::kImmediate;
  DimPolicy dim_policy = DimPolicy::kError;
  Quantization quantization = Quantization::kNone;
  uint64_t batch_rows = 1000;                  // BATCHED
  uint64_t batch_interval_micros = 1'000'000;  // BATCHED
  uint64_t max_lag_rows = 100'000;             // ASYNC
  uint64_t rebuild_interval_micros = 0;        // 0: rebuilt when asked to

  bool operator==(const IndexDef&) const = default;
};

/// Gives `index` the options of `other` that its files are built with: m, ef_build, quantization.
/// Whether one was different.
bool TakeStructure(const IndexDef& other, IndexDef& index);

/// Limits of names and definitions, each named in the refusal.
inline constexpr size_t kMaxNameLength = 128;
inline constexpr size_t kMaxColumns = 256;
inline constexpr uint32_t kMaxDim = 16'384;
inline constexpr uint32_t kMinM = 4, kMaxM = 128;
inline constexpr uint32_t kMinEfBuild = 8, kMaxEfBuild = 4'000;
inline constexpr uint32_t kMaxEfSearch = 10'000;
inline constexpr uint64_t kMaxBatchRows = 10'000'000;
inline constexpr uint64_t kMinBatchIntervalMicros = 1'000;           // 1 ms
inline constexpr uint64_t kMaxBatchIntervalMicros = 86'400'000'000;  // 24 h
inline constexpr uint64_t kMaxLagRows = 1'000'000'000;
inline constexpr uint64_t kMinRebuildIntervalMicros = 1'000'000;           // 1 s
inline constexpr uint64_t kMaxRebuildIntervalMicros = 31'536'000'000'000;  // 365 days

/// Names: a letter or '_', then letters, digits, '_', '-' or '.'; at most kMaxNameLength bytes; not
/// starting with "__" (reserved). INVALID_ARGUMENT names `what` and the name.
absl::Status ValidateName(std::string_view what, std::string_view name);

/// Checks names, roles, types, dims, the key and duplicates. INVALID_ARGUMENT naming the culprit
/// and its field, such as columns[2].dim.
absl::Status ValidateTable(const TableDef& table);

/// The table with `column` behind its others, under an id of its own (the one in `column` is
/// ignored). INVALID_ARGUMENT naming the culprit and its field under "column": what ValidateTable
/// says, a key column, or one that is NOT NULL, since older rows read NULL. ALREADY_EXISTS: a
/// column of that name. RESOURCE_EXHAUSTED: kMaxColumns.
absl::StatusOr<TableDef> WithColumn(TableDef table, ColumnDef column);

/// Checks an index against its table: column, dim, ranges of every option. INVALID_ARGUMENT naming
/// the option, which is the field.
absl::Status ValidateIndex(const IndexDef& index, const TableDef& table);

/// One row of a table. `cells` is parallel to TableDef::columns; it may be shorter when columns
/// were added after the row was written: the missing ones read NULL.
using RowId = uint64_t;
struct Row {
  RowId id = 0;
  uint64_t version = 0;  // sequence of the write that made this version
  std::vector<Value> cells;
};

}  // namespace ordinate
