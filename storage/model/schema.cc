#include "storage/model/schema.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

std::string Quoted(std::string_view name) {
  constexpr size_t kShown = 64;
  if (name.size() <= kShown) return Concat("'", absl::CHexEscape(AbslView(name)), "'");
  return Concat("'", absl::CHexEscape(AbslView(name.substr(0, kShown))), "...'");
}

std::string_view RoleName(ColumnRole role) {
  switch (role) {
    case ColumnRole::kKey:
      return "key";
    case ColumnRole::kAttribute:
      return "attribute";
    case ColumnRole::kVector:
      return "vector";
    case ColumnRole::kPayload:
      return "payload";
  }
  return "unknown";
}

// The types a role takes, for the check and for the refusal.
struct RoleTypes {
  std::vector<DataType> types;
  std::string_view text;
};

RoleTypes TypesOf(ColumnRole role) {
  switch (role) {
    case ColumnRole::kKey:
      return {{DataType::kInt64, DataType::kUint64, DataType::kString}, "INT64, UINT64 or STRING"};
    case ColumnRole::kAttribute:
      return {{DataType::kBool, DataType::kInt64, DataType::kDouble, DataType::kString,
               DataType::kTimestamp},
              "BOOL, INT64, DOUBLE, STRING or TIMESTAMP"};
    case ColumnRole::kVector:
      return {{DataType::kVector}, "VECTOR"};
    case ColumnRole::kPayload:
      return {{DataType::kBytes, DataType::kJson}, "BYTES or JSON"};
  }
  return {{}, "nothing: the role is unknown"};
}

// `field`: a member of the definition that is checked.
absl::Status Refuse(std::string_view field, const std::string& problem) {
  return InField(absl::InvalidArgumentError(problem), field);
}

absl::Status ValidateColumn(const ColumnDef& column) {
  RETURN_IF_ERROR(InField(ValidateName("column", column.name), "name"));
  const RoleTypes allowed = TypesOf(column.role);
  if (std::find(allowed.types.begin(), allowed.types.end(), column.type) == allowed.types.end()) {
    return Refuse("type",
                  Concat("column ", Quoted(column.name), " is of type ", DataTypeName(column.type),
                         "; a column of role ", RoleName(column.role), " takes ", allowed.text));
  }
  if (column.role == ColumnRole::kKey && column.nullable) {
    return Refuse("not_null",
                  Concat("column ", Quoted(column.name),
                         " is part of the primary key and nullable; declare it NOT NULL"));
  }
  if (column.role != ColumnRole::kVector && column.dim != 0) {
    return Refuse("dim", Concat("column ", Quoted(column.name), " has dim ", column.dim,
                                "; only VECTOR columns have one"));
  }
  if (column.dim > kMaxDim) {
    return Refuse("dim", Concat("column ", Quoted(column.name), " has dim ", column.dim,
                                "; the largest is ", kMaxDim));
  }
  return absl::OkStatus();
}

absl::Status ValidateTableKey(const TableDef& table) {
  std::set<uint32_t> listed;
  for (const uint32_t position : table.key) {
    if (position >= table.columns.size()) {
      return absl::InvalidArgumentError(Concat("table ", Quoted(table.name),
                                               ": the primary key names column position ", position,
                                               " of ", table.columns.size(), " columns"));
    }
    const ColumnDef& column = table.columns[position];
    if (!listed.insert(position).second) {
      return absl::InvalidArgumentError(Concat("table ", Quoted(table.name), ": column ",
                                               Quoted(column.name),
                                               " is in the primary key twice"));
    }
    if (column.role != ColumnRole::kKey) {
      return absl::InvalidArgumentError(
          Concat("table ", Quoted(table.name), ": column ", Quoted(column.name),
                 " is in the primary key but of role ", RoleName(column.role)));
    }
  }
  for (uint32_t i = 0; i < table.columns.size(); ++i) {
    if (table.columns[i].role == ColumnRole::kKey && !listed.contains(i)) {
      return absl::InvalidArgumentError(
          Concat("table ", Quoted(table.name), ": column ", Quoted(table.columns[i].name),
                 " is of role key but not listed in the primary key"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckRange(const IndexDef& index, std::string_view option, uint64_t value,
                        uint64_t low, uint64_t high, std::string_view unit = "") {
  if (value >= low && value <= high) return absl::OkStatus();
  return Refuse(option, Concat("index ", Quoted(index.name), ": ", option, " is ", value, unit,
                               "; the range is ", low, " to ", high));
}

absl::Status CheckEnums(const IndexDef& index) {
  const auto unknown = [&](std::string_view option, auto value) {
    return Refuse(option, Concat("index ", Quoted(index.name), ": ", option, " ",
                                 static_cast<int>(value), " is not known"));
  };
  if (EngineName(index.engine) == "UNKNOWN") return unknown("engine", index.engine);
  if (MetricName(index.metric) == "UNKNOWN") return unknown("metric", index.metric);
  if (DimPolicyName(index.dim_policy) == "UNKNOWN") return unknown("dim_policy", index.dim_policy);
  if (FreshnessModeName(index.mode) == "UNKNOWN") return unknown("mode", index.mode);
  if (QuantizationName(index.quantization) == "UNKNOWN") {
    return unknown("quantization", index.quantization);
  }
  return absl::OkStatus();
}

absl::Status CheckOptions(const IndexDef& index) {
  RETURN_IF_ERROR(CheckRange(index, "dim", index.dim, 1, kMaxDim));
  RETURN_IF_ERROR(CheckRange(index, "m", index.m, kMinM, kMaxM));
  RETURN_IF_ERROR(CheckRange(index, "ef_build", index.ef_build, kMinEfBuild, kMaxEfBuild));
  RETURN_IF_ERROR(CheckRange(index, "ef_search", index.ef_search, 0, kMaxEfSearch));
  RETURN_IF_ERROR(CheckRange(index, "batch_rows", index.batch_rows, 1, kMaxBatchRows));
  RETURN_IF_ERROR(CheckRange(index, "batch_interval", index.batch_interval_micros,
                             kMinBatchIntervalMicros, kMaxBatchIntervalMicros, " microseconds"));
  RETURN_IF_ERROR(CheckRange(index, "max_lag_rows", index.max_lag_rows, 1, kMaxLagRows));
  if (index.rebuild_interval_micros != 0) {
    RETURN_IF_ERROR(CheckRange(index, "rebuild_interval", index.rebuild_interval_micros,
                               kMinRebuildIntervalMicros, kMaxRebuildIntervalMicros,
                               " microseconds, or 0 for never"));
  }
  if (index.quantization == Quantization::kSq8 && index.engine == Engine::kFlat) {
    return Refuse("quantization",
                  Concat("index ", Quoted(index.name),
                         ": quantization SQ8 is for engine HNSW; a FLAT index scores every stored "
                         "vector exactly: use quantization NONE"));
  }
  return absl::OkStatus();
}

}  // namespace

std::string_view RowIdFlavourName(RowIdFlavour flavour) {
  switch (flavour) {
    case RowIdFlavour::kPkU64:
      return "PK_U64";
    case RowIdFlavour::kPkHashed:
      return "PK_HASHED";
    case RowIdFlavour::kOrdinal:
      return "ORDINAL";
  }
  return "UNKNOWN";
}

std::string_view EngineName(Engine engine) {
  switch (engine) {
    case Engine::kHnsw:
      return "HNSW";
    case Engine::kFlat:
      return "FLAT";
  }
  return "UNKNOWN";
}

std::string_view MetricName(Metric metric) {
  switch (metric) {
    case Metric::kL2:
      return "L2";
    case Metric::kCosine:
      return "COSINE";
    case Metric::kIp:
      return "IP";
  }
  return "UNKNOWN";
}

std::string_view DimPolicyName(DimPolicy policy) {
  switch (policy) {
    case DimPolicy::kError:
      return "ERROR";
    case DimPolicy::kSkip:
      return "SKIP";
  }
  return "UNKNOWN";
}

std::string_view FreshnessModeName(FreshnessMode mode) {
  switch (mode) {
    case FreshnessMode::kImmediate:
      return "IMMEDIATE";
    case FreshnessMode::kBatched:
      return "BATCHED";
    case FreshnessMode::kAsync:
      return "ASYNC";
    case FreshnessMode::kRebuildOnly:
      return "REBUILD_ONLY";
  }
  return "UNKNOWN";
}

bool TakeStructure(const IndexDef& other, IndexDef& index) {
  const IndexDef before = index;
  index.m = other.m;
  index.ef_build = other.ef_build;
  index.quantization = other.quantization;
  return !(index == before);
}

std::string_view QuantizationName(Quantization quantization) {
  switch (quantization) {
    case Quantization::kNone:
      return "NONE";
    case Quantization::kSq8:
      return "SQ8";
  }
  return "UNKNOWN";
}

RowIdFlavour TableDef::flavour() const {
  if (key.empty()) return RowIdFlavour::kOrdinal;
  if (key.size() == 1 && key[0] < columns.size() && columns[key[0]].type != DataType::kString) {
    return RowIdFlavour::kPkU64;
  }
  return RowIdFlavour::kPkHashed;
}

std::optional<uint32_t> TableDef::FindColumn(std::string_view column_name) const {
  for (uint32_t i = 0; i < columns.size(); ++i) {
    if (columns[i].name == column_name) return i;
  }
  return std::nullopt;
}

absl::Status ValidateName(std::string_view what, std::string_view name) {
  const auto refuse = [&](std::string_view why) {
    return absl::InvalidArgumentError(Concat(what, " name ", Quoted(name), " ", why));
  };
  if (name.empty()) return refuse("is empty; it needs at least one character");
  if (name.size() > kMaxNameLength) {
    return refuse(Concat("has ", name.size(), " bytes; the most is ", kMaxNameLength));
  }
  if (name.starts_with("__")) return refuse("starts with '__', which is reserved");
  if (!absl::ascii_isalpha(name[0]) && name[0] != '_') {
    return refuse("must start with a letter or '_'");
  }
  const bool clean = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '_' || c == '-' || c == '.';
  });
  if (!clean) return refuse("may hold letters, digits, '_', '-' and '.' only");
  return absl::OkStatus();
}

absl::Status ValidateTable(const TableDef& table) {
  RETURN_IF_ERROR(InField(ValidateName("table", table.name), "name"));
  if (table.columns.empty() || table.columns.size() > kMaxColumns) {
    return Refuse("columns", Concat("table ", Quoted(table.name), " has ", table.columns.size(),
                                    " columns; the range is 1 to ", kMaxColumns));
  }
  std::set<std::string_view> names;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const ColumnDef& column = table.columns[i];
    const std::string field = Concat("columns[", i, "]");
    RETURN_IF_ERROR(UnderField(ValidateColumn(column), field));
    if (!names.insert(column.name).second) {
      return Refuse(field + ".name", Concat("table ", Quoted(table.name), ": column ",
                                            Quoted(column.name), " is declared twice"));
    }
  }
  return InField(ValidateTableKey(table), "columns");
}

absl::StatusOr<TableDef> WithColumn(TableDef table, ColumnDef column) {
  RETURN_IF_ERROR(UnderField(ValidateColumn(column), "column"));
  if (column.role == ColumnRole::kKey) {
    return Refuse("column.role", Concat("column ", Quoted(column.name),
                                        ": the primary key never changes; add it as an attribute"));
  }
  if (!column.nullable) {
    return Refuse("column.not_null",
                  Concat("column ", Quoted(column.name),
                         " is NOT NULL, but the rows that are there will read NULL in it"));
  }
  if (table.FindColumn(column.name).has_value()) {
    return absl::AlreadyExistsError(
        Concat("table ", Quoted(table.name), " has a column ", Quoted(column.name), " already"));
  }
  if (table.columns.size() >= kMaxColumns) {
    return absl::ResourceExhaustedError(Concat("table ", Quoted(table.name), " has ",
                                               table.columns.size(), " columns; the most is ",
                                               kMaxColumns));
  }
  column.id = 0;
  for (const ColumnDef& other : table.columns) column.id = std::max(column.id, other.id);
  ++column.id;
  table.columns.push_back(std::move(column));
  return table;
}

absl::Status ValidateIndex(const IndexDef& index, const TableDef& table) {
  RETURN_IF_ERROR(InField(ValidateName("index", index.name), "name"));
  RETURN_IF_ERROR(CheckEnums(index));
  const auto column =
      std::find_if(table.columns.begin(), table.columns.end(),
                   [&](const ColumnDef& candidate) { return candidate.id == index.column_id; });
  if (column == table.columns.end()) {
    return Refuse("column", Concat("index ", Quoted(index.name), ": table ", Quoted(table.name),
                                   " has no column with id ", index.column_id));
  }
  if (column->role != ColumnRole::kVector) {
    return Refuse("column", Concat("index ", Quoted(index.name), ": column ", Quoted(column->name),
                                   " is of type ", DataTypeName(column->type),
                                   "; a vector index needs a VECTOR column"));
  }
  RETURN_IF_ERROR(CheckOptions(index));
  if (column->dim != 0 && column->dim != index.dim) {
    return Refuse("dim",
                  Concat("index ", Quoted(index.name), ": dim is ", index.dim, " but column ",
                         Quoted(column->name), " has dim ", column->dim, "; use that one"));
  }
  return absl::OkStatus();
}

}  // namespace ordinate
