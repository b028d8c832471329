#include "service/cli/row_source.h"

#include <unordered_set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "service/cli/errors.h"
#include "service/cli/json_row.h"
#include "service/cli/line_reader.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/files/unique_name.h"

namespace ordinate::cli {
namespace {

class JsonlSource : public RowSource {
 public:
  JsonlSource(const v1::Table& table, std::unique_ptr<LineReader> lines)
      : parser_(table), lines_(std::move(lines)) {}

  absl::StatusOr<bool> Next(v1::Row* row) override {
    std::string_view line;
    ASSIGN_OR_RETURN(const bool more, lines_->Next(&line));
    if (!more) return false;
    const absl::Status parsed = parser_.Parse(line, row);
    if (!parsed.ok()) return Prefixed(Concat(PositionOf(number()), ": "), parsed);
    return true;
  }
  uint64_t number() const override { return lines_->line_number(); }
  std::string PositionOf(uint64_t number) const override {
    return Concat(lines_->name(), ":", number);
  }
  uint64_t bytes_read() const override { return lines_->bytes_read(); }
  uint64_t total_bytes() const override { return lines_->total_bytes(); }

 private:
  const RowParser parser_;
  const std::unique_ptr<LineReader> lines_;
};

class VectorSource : public RowSource {
 public:
  VectorSource(VectorSourceOptions options, std::unique_ptr<VectorFile> vectors,
               std::unique_ptr<RowSource> attributes)
      : options_(std::move(options)),
        vectors_(std::move(vectors)),
        attributes_(std::move(attributes)) {}

  absl::StatusOr<bool> Next(v1::Row* row) override {
    row->Clear();
    std::string packed;
    ASSIGN_OR_RETURN(const bool more, vectors_->Next(&packed));
    if (attributes_ != nullptr) {
      ASSIGN_OR_RETURN(const bool line, attributes_->Next(row));
      if (line != more) return Uneven(line);
    }
    if (!more) return false;
    v1::Value& cell = (*row->mutable_cells())[options_.column];
    cell.mutable_vector_value()->set_packed_f32(std::move(packed));
    if (!options_.id_column.empty()) {
      (*row->mutable_cells())[options_.id_column].set_int64_value(options_.first_id +
                                                                  static_cast<int64_t>(returned_));
    }
    ++returned_;
    return true;
  }
  uint64_t number() const override { return returned_ == 0 ? 0 : returned_ - 1; }
  std::string PositionOf(uint64_t number) const override {
    return Concat(vectors_->name(), ", vector ", number);
  }
  uint64_t bytes_read() const override { return vectors_->bytes_read(); }
  uint64_t total_bytes() const override { return vectors_->total_bytes(); }

 private:
  absl::Status Uneven(bool more_lines) const {
    const std::string lines = options_.attributes == "-" ? "stdin" : options_.attributes;
    return FileError(Concat(lines, " has ", more_lines ? "more" : "fewer", " lines than ",
                            vectors_->name(), " has vectors; it has ", returned_,
                            more_lines ? " vectors" : " lines", ", expected a line per vector"));
  }

  const VectorSourceOptions options_;
  const std::unique_ptr<VectorFile> vectors_;
  const std::unique_ptr<RowSource> attributes_;
  uint64_t returned_ = 0;
};

absl::Status CheckColumn(const v1::Table& table, const std::string& name, std::string_view option,
                         bool vector) {
  const RowParser parser(table);
  const v1::Column* const column = parser.FindColumn(name);
  if (column == nullptr) {
    return UsageError(Concat(option, ": table '", table.name(), "' has no column '", name,
                             "'; it has ", parser.ColumnNames()));
  }
  const bool fits =
      vector ? column->type() == v1::DATA_TYPE_VECTOR
             : column->type() == v1::DATA_TYPE_INT64 || column->type() == v1::DATA_TYPE_UINT64;
  if (fits) return absl::OkStatus();
  return UsageError(Concat(option, ": column '", name, "' is not of type ",
                           vector ? "VECTOR" : "INT64 or UINT64"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<RowSource>> OpenJsonlSource(const v1::Table& table,
                                                           const std::string& path) {
  ASSIGN_OR_RETURN(auto lines, LineReader::Open(path));
  return std::make_unique<JsonlSource>(table, std::move(lines));
}

absl::StatusOr<std::unique_ptr<RowSource>> OpenVectorSource(const v1::Table& table,
                                                            const VectorSourceOptions& options) {
  RETURN_IF_ERROR(CheckColumn(table, options.column, "--column", /*vector=*/true));
  if (!options.id_column.empty()) {
    RETURN_IF_ERROR(CheckColumn(table, options.id_column, "--id-column", /*vector=*/false));
  }
  if (options.path == "-" && options.attributes == "-") {
    return UsageError("FILE and --attributes are both stdin; expected one of them");
  }
  ASSIGN_OR_RETURN(auto vectors, VectorFile::Open(options.path, options.format));
  std::unique_ptr<RowSource> attributes;
  if (!options.attributes.empty()) {
    ASSIGN_OR_RETURN(attributes, OpenJsonlSource(table, options.attributes));
  }
  return std::make_unique<VectorSource>(options, std::move(vectors), std::move(attributes));
}

Batcher::Batcher(RowSource& source, const v1::Table& table, v1::OnInvalid on_invalid)
    : source_(source), table_(table.name()), on_invalid_(on_invalid) {
  for (const v1::Column& column : KeyColumns(table)) key_columns_.push_back(column.name());
}

std::string Batcher::KeyOf(const v1::Row& row) const {
  if (key_columns_.empty()) return row.row_id() == 0 ? "" : Concat(row.row_id());
  std::string key;
  for (const std::string& name : key_columns_) {
    const auto cell = row.cells().find(name);
    const std::string bytes = cell == row.cells().end() ? "" : cell->second.SerializeAsString();
    key += Concat(bytes.size(), ":", bytes);
  }
  return key;
}

absl::StatusOr<std::optional<Batcher::Batch>> Batcher::Next() {
  Batch batch;
  v1::UpsertRequest& upsert = *batch.request.mutable_upsert();
  std::unordered_set<std::string> keys;
  size_t bytes = 0;
  const auto add = [&](v1::Row&& row) {
    bytes += row.ByteSizeLong();
    batch.numbers.push_back(source_.number());
    batch.bytes_read = source_.bytes_read();
    upsert.mutable_rows()->Add(std::move(row));
  };
  if (held_.has_value()) {
    keys.insert(KeyOf(*held_));
    add(*std::exchange(held_, std::nullopt));
  }
  while (!ended_ && upsert.rows_size() < kMaxRows && bytes < kMaxBytes) {
    v1::Row row;
    const absl::StatusOr<bool> more = source_.Next(&row);
    if (!more.ok()) failed_ = more.status();
    if (!more.ok() || !*more) {
      ended_ = true;
      break;
    }
    const std::string key = KeyOf(row);
    if (!key.empty() && !keys.insert(key).second) {
      held_ = std::move(row);
      break;
    }
    add(std::move(row));
  }
  if (upsert.rows_size() == 0) {
    if (!failed_.ok()) return failed_;
    return std::nullopt;
  }
  upsert.set_table(table_);
  upsert.set_on_invalid(on_invalid_);
  // Sent again, rows that are durable on some shards are not applied twice. One row is on one
  // shard, and with a key, replaces itself.
  if (upsert.rows_size() > 1 || key_columns_.empty()) upsert.set_request_id(NewUuid());
  return batch;
}

}  // namespace ordinate::cli
