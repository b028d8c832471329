#include "service/cli/json_row.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "service/cli/errors.h"
#include "service/cli/json_text.h"
#include "service/cli/specs.h"
#include "service/cli/text_table.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::cli {
namespace {

using Json = nlohmann::json;

/// Of a value quoted in an error.
constexpr size_t kShownCharacters = 40;

std::string TypeName(const v1::Column& column) {
  return ShortEnumName(*v1::DataType_descriptor(), column.type());
}

/// Rebuilds compact JSON text from parse events, numbers as they were written.
class TextBuilder {
 public:
  void Scalar(std::string_view text) {
    Separate();
    text_ += text;
  }
  void String(const std::string& value) {
    Separate();
    AppendJsonString(value, &text_);
  }
  void Open(char bracket) {
    Separate();
    text_ += bracket;
    ++depth_;
  }
  void Close(char bracket) {
    text_ += bracket;
    --depth_;
  }
  void Key(const std::string& name) {
    Separate();
    AppendJsonString(name, &text_);
    text_ += ':';
  }
  bool complete() const { return depth_ == 0; }
  std::string Take() { return std::exchange(text_, ""); }

 private:
  void Separate() {
    if (text_.empty()) return;
    const char last = text_.back();
    if (last != '[' && last != '{' && last != ':') text_ += ',';
  }
  std::string text_;
  int depth_ = 0;
};

/// Collects the components of a vector as packed f32.
class VectorBuilder {
 public:
  void Add(double value) {
    // Rounds as IEEE 754 does, like the server: the shortest text of the largest f32 stands for it,
    // and beyond is infinity, which the server refuses by row and column.
    const auto component = static_cast<float>(value);
    char bytes[sizeof(component)];
    std::memcpy(bytes, &component, sizeof(component));
    packed_.append(bytes, sizeof(bytes));
  }
  std::string Take() { return std::exchange(packed_, ""); }

 private:
  std::string packed_;
};

/// The events of one row's JSON object. Each returns false to stop, after setting the status.
class RowEvents : public nlohmann::json_sax<Json> {
 public:
  RowEvents(const RowParser& parser, bool has_key, v1::Row* row)
      : parser_(parser), has_key_(has_key), row_(row) {}

  const absl::Status& status() const { return status_; }

  bool null() override {
    if (InJson()) return JsonScalar("null");
    if (in_vector_) return AddComponent(std::numeric_limits<double>::quiet_NaN());
    return Cell("null") && Done();
  }
  bool boolean(bool value) override {
    if (InJson()) return JsonScalar(value ? "true" : "false");
    if (!Cell("a boolean")) return false;
    if (column_->type() != v1::DATA_TYPE_BOOL) return Mismatch("a boolean");
    value_->set_bool_value(value);
    return Done();
  }
  bool number_integer(number_integer_t value) override {
    if (InJson()) return JsonScalar(Concat(value));
    if (in_vector_) return AddComponent(static_cast<double>(value));
    if (!Cell("a number")) return false;
    if (!IsNumeric()) return Mismatch("a number");
    value_->set_int64_value(value);
    return Done();
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (InJson()) return JsonScalar(Concat(value));
    if (in_vector_) return AddComponent(static_cast<double>(value));
    if (column_ == nullptr && depth_ == 1 && expects_row_id_) {
      row_->set_row_id(value);
      return true;
    }
    if (!Cell("a number")) return false;
    if (!IsNumeric()) return Mismatch("a number");
    value_->set_uint64_value(value);
    return Done();
  }
  bool number_float(number_float_t value, const string_t& text) override {
    if (InJson()) return JsonScalar(text);
    if (in_vector_) return AddComponent(value);
    if (!Cell("a number")) return false;
    if (!IsNumeric()) return Mismatch("a number");
    value_->set_double_value(value);
    return Done();
  }
  bool string(string_t& text) override {
    if (in_json_nulls_) {
      json_nulls_.push_back(text);
      return true;
    }
    if (InJson()) {
      json_.String(text);
      return FinishJson();
    }
    return Cell("a string") && SetFromString(text) && Done();
  }
  bool binary(binary_t&) override { return Fail("binary data is not JSON"); }

  bool start_object(std::size_t) override {
    if (depth_ == 0) {
      depth_ = 1;
      return true;
    }
    if (!InJson()) return Cell("an object") && Mismatch("an object");
    json_.Open('{');
    return true;
  }
  bool end_object() override {
    if (!InJson()) {
      depth_ = 0;
      return SetJsonNulls();
    }
    json_.Close('}');
    return FinishJson();
  }
  bool start_array(std::size_t) override {
    if (InJson()) {
      json_.Open('[');
      return true;
    }
    if (in_vector_) return Mismatch("a nested array");
    if (expects_json_nulls_ && !in_json_nulls_) {
      in_json_nulls_ = true;
      return true;
    }
    if (!Cell("an array")) return false;
    if (column_->type() != v1::DATA_TYPE_VECTOR) return Mismatch("an array");
    in_vector_ = true;
    return true;
  }
  bool end_array() override {
    if (InJson()) {
      json_.Close(']');
      return FinishJson();
    }
    if (in_json_nulls_) {
      in_json_nulls_ = false;
      return true;
    }
    in_vector_ = false;
    value_->mutable_vector_value()->set_packed_f32(vector_.Take());
    return Done();
  }
  bool key(string_t& name) override {
    if (InJson()) {
      json_.Key(name);
      return true;
    }
    return StartCell(name);
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    // The library's text starts with its own tag: "[json.exception.parse_error.101] ".
    std::string_view text = error.what();
    if (const size_t tag = text.find("] "); tag != std::string_view::npos)
      text.remove_prefix(tag + 2);
    return Fail(Concat("not valid JSON at byte ", position, ": ", text));
  }

 private:
  bool InJson() const { return column_ != nullptr && column_->type() == v1::DATA_TYPE_JSON; }
  bool IsNumeric() const {
    return column_->type() == v1::DATA_TYPE_INT64 || column_->type() == v1::DATA_TYPE_UINT64 ||
           column_->type() == v1::DATA_TYPE_DOUBLE;
  }
  bool Fail(std::string_view message) {
    status_ = FileError(message);
    return false;
  }
  bool Mismatch(std::string_view found) {
    return Fail(Concat("column '", column_->name(), "': found ", found, ", expected ", Expected()));
  }
  std::string Expected() const {
    switch (column_->type()) {
      case v1::DATA_TYPE_VECTOR:
        return "VECTOR, an array of numbers";
      case v1::DATA_TYPE_TIMESTAMP:
        return "TIMESTAMP, a string such as \"2026-01-31T12:00:00Z\"";
      case v1::DATA_TYPE_BYTES:
        return "BYTES, a string in base64";
      default:
        return TypeName(*column_);
    }
  }
  bool StartCell(const std::string& name) {
    column_ = parser_.FindColumn(name);
    expects_row_id_ = column_ == nullptr && name == kRowIdField && !has_key_;
    expects_json_nulls_ = column_ == nullptr && name == kJsonNullField;
    if (expects_row_id_ || expects_json_nulls_) return true;
    if (column_ == nullptr) {
      return Fail(Concat("the table has no column '", name, "'; it has ", parser_.ColumnNames()));
    }
    const auto [cell, added] = row_->mutable_cells()->insert({name, v1::Value()});
    if (!added) return Fail(Concat("column '", name, "' is there twice"));
    value_ = &cell->second;
    return true;
  }
  /// Whether a scalar or array may come here.
  bool Cell(std::string_view found) {
    if (depth_ == 0) return Fail(Concat("found ", found, ", expected an object"));
    if (expects_json_nulls_) {
      return Fail(Concat("'", kJsonNullField, "': found ", found,
                         ", expected an array of names of columns"));
    }
    if (column_ == nullptr) {
      return Fail(Concat("'", kRowIdField, "': found ", found, ", expected an integer from 0"));
    }
    if (in_vector_) return Mismatch(Concat(found, " among the components"));
    return true;
  }
  bool AddComponent(double value) {
    vector_.Add(value);
    return true;
  }
  bool JsonScalar(std::string_view text) {
    json_.Scalar(text);
    return FinishJson();
  }
  /// A JSON column's null is NULL, not the JSON text null; that is told by kJsonNullField.
  bool FinishJson() {
    if (!json_.complete()) return true;
    std::string text = json_.Take();
    if (text != "null") value_->set_json_value(std::move(text));
    return Done();
  }
  bool SetJsonNulls() {
    for (const std::string& name : json_nulls_) {
      const v1::Column* const column = parser_.FindColumn(name);
      v1::Value& cell = (*row_->mutable_cells())[name];
      if (column == nullptr || column->type() != v1::DATA_TYPE_JSON || cell.has_json_value()) {
        return Fail(Concat("'", kJsonNullField, "' names '", name,
                           "'; expected JSON columns that are null in this row, each once"));
      }
      cell.set_json_value("null");
    }
    return true;
  }
  bool SetFromString(const std::string& text);
  bool Done() {
    column_ = nullptr;
    return true;
  }

  const RowParser& parser_;
  const bool has_key_;
  v1::Row* const row_;
  int depth_ = 0;
  bool expects_row_id_ = false;
  bool expects_json_nulls_ = false;
  bool in_json_nulls_ = false;
  std::vector<std::string> json_nulls_;
  const v1::Column* column_ = nullptr;  // of the value being read
  v1::Value* value_ = nullptr;
  bool in_vector_ = false;
  VectorBuilder vector_;
  TextBuilder json_;
  absl::Status status_;
};

bool SetTimestamp(const std::string& text, v1::Value* value) {
  absl::Time time;
  std::string ignored;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &ignored) ||
      time == absl::InfiniteFuture() || time == absl::InfinitePast()) {
    return false;
  }
  const int64_t seconds = absl::ToUnixSeconds(time);
  auto* stamp = value->mutable_timestamp_value();
  stamp->set_seconds(seconds);
  stamp->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
  return true;
}

bool SetSpecialDouble(const std::string& text, v1::Value* value) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (text == "NaN") value->set_double_value(std::numeric_limits<double>::quiet_NaN());
  if (text == "Infinity") value->set_double_value(kInfinity);
  if (text == "-Infinity") value->set_double_value(-kInfinity);
  return value->has_double_value();
}

bool RowEvents::SetFromString(const std::string& text) {
  const std::string found = Concat("the string '", Truncated(text, kShownCharacters), "'");
  switch (column_->type()) {
    case v1::DATA_TYPE_STRING:
      value_->set_string_value(text);
      return true;
    case v1::DATA_TYPE_TIMESTAMP:
      return SetTimestamp(text, value_) || Mismatch(found);
    case v1::DATA_TYPE_DOUBLE:
      return SetSpecialDouble(text, value_) || Mismatch(found);
    case v1::DATA_TYPE_BYTES: {
      std::string bytes;
      if (!absl::Base64Unescape(text, &bytes)) return Mismatch(found);
      value_->set_bytes_value(std::move(bytes));
      return true;
    }
    default:
      return Mismatch(found);
  }
}

absl::Status SetKeyCell(const v1::Column& column, const std::string& word, v1::Value* value) {
  if (column.type() == v1::DATA_TYPE_STRING) {
    value->set_string_value(word);
    return absl::OkStatus();
  }
  int64_t integer = 0;
  uint64_t natural = 0;
  if (column.type() == v1::DATA_TYPE_INT64 && absl::SimpleAtoi(word, &integer)) {
    value->set_int64_value(integer);
    return absl::OkStatus();
  }
  if (column.type() == v1::DATA_TYPE_UINT64 && absl::SimpleAtoi(word, &natural)) {
    value->set_uint64_value(natural);
    return absl::OkStatus();
  }
  return UsageError(
      Concat("key column '", column.name(), "': found '", word, "', expected ", TypeName(column)));
}

absl::StatusOr<v1::Vector> VectorFromJson(const Json& json, std::string_view what) {
  if (!json.is_array()) return FileError(Concat(what, " is not an array of numbers"));
  VectorBuilder builder;
  for (const Json& component : json) {
    if (!component.is_number()) {
      return FileError(Concat(what, " holds ", component.type_name(), ", expected numbers"));
    }
    builder.Add(component.get<double>());
  }
  v1::Vector vector;
  vector.set_packed_f32(builder.Take());
  return vector;
}

absl::StatusOr<Json> ParseJson(std::string_view text, std::string_view what) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return FileError(Concat(what, " is not valid JSON"));
  return json;
}

}  // namespace

RowParser::RowParser(const v1::Table& table) {
  for (const v1::Column& column : table.columns()) columns_[column.name()] = column;
  has_key_ = !KeyColumns(table).empty();
}

absl::Status RowParser::Parse(std::string_view json, v1::Row* row) const {
  row->Clear();
  RowEvents events(*this, has_key_, row);
  Json::sax_parse(json.begin(), json.end(), &events);
  return events.status();
}

const v1::Column* RowParser::FindColumn(std::string_view name) const {
  const auto found = columns_.find(name);
  return found == columns_.end() ? nullptr : &found->second;
}

std::string RowParser::ColumnNames() const {
  return absl::StrJoin(columns_, ", ",
                       [](std::string* out, const auto& entry) { *out += entry.first; });
}

absl::StatusOr<v1::Vector> ParseVectorJson(std::string_view json) {
  ASSIGN_OR_RETURN(const Json parsed, ParseJson(json, "the vector"));
  return VectorFromJson(parsed, "the vector");
}

absl::StatusOr<v1::Vector> ParseQueryLine(std::string_view json, std::string_view field) {
  ASSIGN_OR_RETURN(const Json parsed, ParseJson(json, "the line"));
  if (parsed.is_array()) return VectorFromJson(parsed, "the line");
  if (!parsed.is_object()) return FileError("the line is neither an object nor an array");
  const auto found = parsed.find(field);
  if (found == parsed.end()) return FileError(Concat("there is no field '", field, "'"));
  return VectorFromJson(*found, Concat("field '", field, "'"));
}

std::vector<v1::Column> KeyColumns(const v1::Table& table) {
  std::vector<v1::Column> key;
  for (const v1::Column& column : table.columns()) {
    if (column.role() == v1::COLUMN_ROLE_KEY) key.push_back(column);
  }
  return key;
}

absl::StatusOr<v1::RowKey> ParseKeyWords(const v1::Table& table,
                                         const std::vector<std::string>& words) {
  const std::vector<v1::Column> columns = KeyColumns(table);
  v1::RowKey key;
  if (columns.empty()) {
    uint64_t id = 0;
    if (words.size() != 1 || !absl::SimpleAtoi(words[0], &id)) {
      return UsageError(Concat("table '", table.name(), "' has no primary key: '",
                               absl::StrJoin(words, " "), "' must be a row id"));
    }
    key.set_row_id(id);
    return key;
  }
  if (words.size() != columns.size()) {
    return UsageError(Concat("table '", table.name(), "' has a key of ", columns.size(),
                             " columns, found ", words.size(),
                             " values; give each key as --key-json '[value, ...]'"));
  }
  for (size_t i = 0; i < words.size(); ++i) {
    RETURN_IF_ERROR(SetKeyCell(columns[i], words[i], key.mutable_cells()->add_values()));
  }
  return key;
}

absl::StatusOr<v1::RowKey> ParseKeyJson(const v1::Table& table, std::string_view json) {
  const Json parsed = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_array()) {
    return UsageError(Concat("--key-json '", json, "'; expected a JSON array"));
  }
  std::vector<std::string> words;
  for (const Json& value : parsed) {
    if (!value.is_string() && !value.is_number_integer()) {
      return UsageError(Concat("--key-json '", json, "'; expected strings and integers"));
    }
    words.push_back(value.is_string() ? value.get<std::string>() : value.dump());
  }
  return ParseKeyWords(table, words);
}

}  // namespace ordinate::cli
