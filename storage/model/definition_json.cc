#include "storage/model/definition_json.h"

#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

using Json = nlohmann::json;

// Version of both documents. A reader refuses any other.
constexpr uint64_t kFormat = 1;

std::string_view ColumnRoleName(ColumnRole role) {
  switch (role) {
    case ColumnRole::kKey:
      return "KEY";
    case ColumnRole::kAttribute:
      return "ATTRIBUTE";
    case ColumnRole::kVector:
      return "VECTOR";
    case ColumnRole::kPayload:
      return "PAYLOAD";
  }
  return "UNKNOWN";
}

// Reads the fields of one object, checking each, and refuses fields nobody asked for. Errors name
// the field by its path.
class FieldReader {
 public:
  FieldReader(const Json& object, std::string path) : object_(object), path_(std::move(path)) {}

  absl::Status Read(const char* name, std::string& out) {
    ASSIGN_OR_RETURN(const Json* field, Find(name));
    if (!field->is_string()) return Wrong(name, "a string", *field);
    out = field->get_ref<const std::string&>();
    return absl::OkStatus();
  }

  absl::Status Read(const char* name, bool& out) {
    ASSIGN_OR_RETURN(const Json* field, Find(name));
    if (!field->is_boolean()) return Wrong(name, "true or false", *field);
    out = *field->get_ptr<const bool*>();
    return absl::OkStatus();
  }

  absl::Status Read(const char* name, uint64_t& out) {
    ASSIGN_OR_RETURN(const Json* field, Find(name));
    if (!field->is_number_unsigned()) return Wrong(name, "a whole number >= 0", *field);
    out = *field->get_ptr<const uint64_t*>();
    return absl::OkStatus();
  }

  /// Definitions of earlier versions do not have the field.
  absl::Status ReadIfThere(const char* name, uint64_t& out) {
    return object_.contains(name) ? Read(name, out) : absl::OkStatus();
  }

  absl::Status Read(const char* name, uint32_t& out) {
    uint64_t wide = 0;
    RETURN_IF_ERROR(Read(name, wide));
    if (wide > std::numeric_limits<uint32_t>::max()) {
      return Wrong(name, "a whole number below 2^32", Json(wide));
    }
    out = static_cast<uint32_t>(wide);
    return absl::OkStatus();
  }

  /// An enum by its name; `values` are all it may be.
  template <typename Enum>
  absl::Status Read(const char* name, std::initializer_list<Enum> values,
                    std::string_view (*name_of)(Enum), Enum& out) {
    std::string text;
    RETURN_IF_ERROR(Read(name, text));
    std::string expected;
    for (const Enum value : values) {
      if (name_of(value) == text) {
        out = value;
        return absl::OkStatus();
      }
      expected += Concat(expected.empty() ? "" : ", ", name_of(value));
    }
    return Wrong(name, Concat("one of ", expected), Json(text));
  }

  absl::StatusOr<const Json*> Array(const char* name, size_t limit) {
    ASSIGN_OR_RETURN(const Json* field, Find(name));
    if (!field->is_array() || field->size() > limit) {
      return Wrong(name, Concat("an array of at most ", limit), *field);
    }
    return field;
  }

  /// OK when every field was read.
  absl::Status Finish() const {
    for (const auto& [name, value] : object_.items()) {
      if (!seen_.contains(name)) {
        return absl::DataLossError(Concat("field '", path_, name, "' is not known"));
      }
    }
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<const Json*> Find(const char* name) {
    seen_.insert(name);
    const auto found = object_.find(name);
    if (found == object_.end()) {
      return absl::DataLossError(Concat("field '", path_, name, "' is missing"));
    }
    return &*found;
  }

  absl::Status Wrong(std::string_view name, std::string_view expected, const Json& found) const {
    constexpr size_t kShown = 60;
    const std::string text = found.dump(-1, ' ', false, Json::error_handler_t::replace);
    return absl::DataLossError(
        Concat("field '", path_, name, "' is ", text.substr(0, kShown), "; expected ", expected));
  }

  const Json& object_;
  const std::string path_;
  std::set<std::string, std::less<>> seen_;
};

absl::StatusOr<Json> ParseObject(std::string_view what, std::string_view text) {
  Json json = Json::parse(text.begin(), text.end(), /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return absl::DataLossError(Concat("a ", what, " definition is not a JSON object"));
  }
  return json;
}

absl::Status CheckFormat(FieldReader& fields) {
  uint64_t format = 0;
  RETURN_IF_ERROR(fields.Read("format", format));
  if (format == kFormat) return absl::OkStatus();
  return absl::DataLossError(Concat("field 'format' is ", format, "; this version reads ", kFormat,
                                    "; use the version that wrote it"));
}

Json ColumnJson(const ColumnDef& column) {
  return Json{{"id", column.id},
              {"name", column.name},
              {"role", ColumnRoleName(column.role)},
              {"type", DataTypeName(column.type)},
              {"nullable", column.nullable},
              {"dim", column.dim}};
}

absl::StatusOr<ColumnDef> ReadColumn(const Json& json, std::string path) {
  if (!json.is_object()) {
    return absl::DataLossError(Concat("field '", path, "' is not an object"));
  }
  FieldReader fields(json, path + ".");
  ColumnDef column;
  RETURN_IF_ERROR(fields.Read("id", column.id));
  RETURN_IF_ERROR(fields.Read("name", column.name));
  RETURN_IF_ERROR(fields.Read<ColumnRole>(
      "role", {ColumnRole::kKey, ColumnRole::kAttribute, ColumnRole::kVector, ColumnRole::kPayload},
      ColumnRoleName, column.role));
  RETURN_IF_ERROR(fields.Read<DataType>(
      "type",
      {DataType::kBool, DataType::kInt64, DataType::kUint64, DataType::kDouble, DataType::kString,
       DataType::kTimestamp, DataType::kVector, DataType::kBytes, DataType::kJson},
      DataTypeName, column.type));
  RETURN_IF_ERROR(fields.Read("nullable", column.nullable));
  RETURN_IF_ERROR(fields.Read("dim", column.dim));
  RETURN_IF_ERROR(fields.Finish());
  return column;
}

absl::Status ReadColumns(FieldReader& fields, TableDef& table) {
  ASSIGN_OR_RETURN(const Json* columns, fields.Array("columns", kMaxColumns));
  std::set<uint32_t> ids;
  for (size_t i = 0; i < columns->size(); ++i) {
    const std::string path = Concat("columns[", i, "]");
    ASSIGN_OR_RETURN(ColumnDef column, ReadColumn((*columns)[i], path));
    if (column.id == 0 || !ids.insert(column.id).second) {
      return absl::DataLossError(Concat("field '", path, ".id' is ", column.id,
                                        "; expected a number > 0 no other column has"));
    }
    table.columns.push_back(std::move(column));
  }
  return absl::OkStatus();
}

absl::Status ReadKey(FieldReader& fields, TableDef& table) {
  ASSIGN_OR_RETURN(const Json* key, fields.Array("key", kMaxColumns));
  for (size_t i = 0; i < key->size(); ++i) {
    const auto* position = (*key)[i].get_ptr<const uint64_t*>();
    if (position == nullptr || *position >= table.columns.size()) {
      return absl::DataLossError(Concat("field 'key[", i, "]' is ", (*key)[i].dump(),
                                        "; expected a column position below ",
                                        table.columns.size()));
    }
    table.key.push_back(static_cast<uint32_t>(*position));
  }
  return absl::OkStatus();
}

absl::Status ReadIndexEnums(FieldReader& fields, IndexDef& index) {
  RETURN_IF_ERROR(
      fields.Read<Engine>("engine", {Engine::kHnsw, Engine::kFlat}, EngineName, index.engine));
  RETURN_IF_ERROR(fields.Read<Metric>("metric", {Metric::kL2, Metric::kCosine, Metric::kIp},
                                      MetricName, index.metric));
  RETURN_IF_ERROR(fields.Read<FreshnessMode>("mode",
                                             {FreshnessMode::kImmediate, FreshnessMode::kBatched,
                                              FreshnessMode::kAsync, FreshnessMode::kRebuildOnly},
                                             FreshnessModeName, index.mode));
  RETURN_IF_ERROR(fields.Read<DimPolicy>("dim_policy", {DimPolicy::kError, DimPolicy::kSkip},
                                         DimPolicyName, index.dim_policy));
  return fields.Read<Quantization>("quantization", {Quantization::kNone, Quantization::kSq8},
                                   QuantizationName, index.quantization);
}

absl::Status ReadIndexNumbers(FieldReader& fields, IndexDef& index) {
  RETURN_IF_ERROR(fields.Read("id", index.id));
  RETURN_IF_ERROR(fields.Read("table_id", index.table_id));
  RETURN_IF_ERROR(fields.Read("column_id", index.column_id));
  RETURN_IF_ERROR(fields.Read("dim", index.dim));
  RETURN_IF_ERROR(fields.Read("m", index.m));
  RETURN_IF_ERROR(fields.Read("ef_build", index.ef_build));
  RETURN_IF_ERROR(fields.Read("ef_search", index.ef_search));
  RETURN_IF_ERROR(fields.Read("batch_rows", index.batch_rows));
  RETURN_IF_ERROR(fields.Read("batch_interval_micros", index.batch_interval_micros));
  RETURN_IF_ERROR(fields.Read("max_lag_rows", index.max_lag_rows));
  return fields.ReadIfThere("rebuild_interval_micros", index.rebuild_interval_micros);
}

// What a column the index could be on looks like, to check the index's own options by themselves.
absl::Status CheckIndexAlone(const IndexDef& index) {
  TableDef table;
  table.name = "t";
  table.columns.push_back(
      {.id = index.column_id, .name = "v", .role = ColumnRole::kVector, .type = DataType::kVector});
  return ValidateIndex(index, table);
}

absl::Status AsDataLoss(const absl::Status& status) {
  return status.ok() ? status : absl::DataLossError(status.message());
}

}  // namespace

std::string TableToJson(const TableDef& table) {
  Json columns = Json::array();
  for (const ColumnDef& column : table.columns) columns.push_back(ColumnJson(column));
  const Json json{{"format", kFormat},
                  {"id", table.id},
                  {"name", table.name},
                  {"columns", std::move(columns)},
                  {"key", table.key}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<TableDef> TableFromJson(std::string_view json) {
  ASSIGN_OR_RETURN(const Json object, ParseObject("table", json));
  FieldReader fields(object, "");
  TableDef table;
  RETURN_IF_ERROR(CheckFormat(fields));
  RETURN_IF_ERROR(fields.Read("id", table.id));
  RETURN_IF_ERROR(fields.Read("name", table.name));
  RETURN_IF_ERROR(ReadColumns(fields, table));
  RETURN_IF_ERROR(ReadKey(fields, table));
  RETURN_IF_ERROR(fields.Finish());
  RETURN_IF_ERROR(AsDataLoss(ValidateTable(table)));
  return table;
}

std::string IndexToJson(const IndexDef& index) {
  Json json{{"format", kFormat},
            {"id", index.id},
            {"name", index.name},
            {"table_id", index.table_id},
            {"column_id", index.column_id},
            {"engine", EngineName(index.engine)},
            {"metric", MetricName(index.metric)},
            {"dim", index.dim},
            {"m", index.m},
            {"ef_build", index.ef_build},
            {"ef_search", index.ef_search},
            {"mode", FreshnessModeName(index.mode)},
            {"dim_policy", DimPolicyName(index.dim_policy)},
            {"quantization", QuantizationName(index.quantization)},
            {"batch_rows", index.batch_rows},
            {"batch_interval_micros", index.batch_interval_micros},
            {"max_lag_rows", index.max_lag_rows}};
  if (index.rebuild_interval_micros != 0) {
    json["rebuild_interval_micros"] = index.rebuild_interval_micros;
  }
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

absl::StatusOr<IndexDef> IndexFromJson(std::string_view json) {
  ASSIGN_OR_RETURN(const Json object, ParseObject("index", json));
  FieldReader fields(object, "");
  IndexDef index;
  RETURN_IF_ERROR(CheckFormat(fields));
  RETURN_IF_ERROR(fields.Read("name", index.name));
  RETURN_IF_ERROR(ReadIndexNumbers(fields, index));
  RETURN_IF_ERROR(ReadIndexEnums(fields, index));
  RETURN_IF_ERROR(fields.Finish());
  RETURN_IF_ERROR(AsDataLoss(CheckIndexAlone(index)));
  return index;
}

}  // namespace ordinate
