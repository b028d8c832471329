#include "service/front/query_token.h"

#include <bit>
#include <string_view>

#include "absl/strings/escaping.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/model/key.h"
#include "storage/model/row_codec.h"

namespace ordinate {
namespace {

constexpr uint8_t kVersion = 3;
constexpr size_t kMaxKeyBytes = 64 << 10;
constexpr size_t kMaxTokenText = 256 << 10;
constexpr size_t kMaxShards = 4096;
constexpr uint64_t kMaxRowsBefore = uint64_t{1} << 48;

void Append(uint64_t value, size_t bytes, std::string& out) {
  for (size_t i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
}

/// Reads little-endian numbers off the front of a text; zeroes, and not ok(), past its end.
class Reader {
 public:
  explicit Reader(std::string_view rest) : rest_(rest) {}
  uint64_t Next(size_t bytes) {
    if (rest_.size() < bytes) {
      ok_ = false;
      return 0;
    }
    uint64_t value = 0;
    for (size_t i = bytes; i > 0; --i) value = value << 8 | static_cast<uint8_t>(rest_[i - 1]);
    rest_.remove_prefix(bytes);
    return value;
  }
  bool ok() const { return ok_; }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
  bool ok_ = true;
};

absl::Status Refuse(std::string_view what) {
  return InField(absl::InvalidArgumentError(Concat(
                     "page_token ", what,
                     "; pass the next_page_token of the page before, or nothing to start over")),
                 "page_token");
}

// The table with every cell nullable: of a row, a token has the sort keys only.
TableDef WithoutKey(TableDef table) {
  table.key.clear();
  for (ColumnDef& column : table.columns) {
    column.nullable = true;
    if (column.role == ColumnRole::kKey) column.role = ColumnRole::kAttribute;
  }
  return table;
}

std::string NumberText(const std::optional<double>& number) {
  return number.has_value() ? Concat(std::bit_cast<uint64_t>(*number)) : "-";
}

}  // namespace

uint64_t QueryFingerprint(const QueryRequest& request, const TableDef& table) {
  std::string text = Concat(
      table.id, "\n", request.column, "\n",
      request.metric.has_value() ? static_cast<int>(*request.metric) : 0, " ",
      static_cast<int>(request.direction), " ", static_cast<int>(request.ties.form), " ",
      NumberText(request.ties.width), " ", request.ties.n, " ", NumberText(request.range.min), " ",
      NumberText(request.range.max), " ", request.include_null_vectors ? 1 : 0, " ", request.index,
      "\n", request.freshness.policy.has_value() ? static_cast<int>(*request.freshness.policy) : 0,
      "\n");
  for (const SortKey& key : request.order_by) {
    text +=
        Concat(key.column, key.descending ? " desc" : " asc", key.nulls_first ? " f" : " l", "\n");
  }
  if (request.filter.has_value()) text += FilterText(*request.filter);
  if (request.like.has_value()) {
    text += Concat("\nlike ", request.like->row_id, " ", EncodeCells(request.like->key));
    return DefaultKeyHash(text);
  }
  text += "\nvector ";
  text.append(reinterpret_cast<const char*>(request.vector.data()),
              request.vector.size() * sizeof(float));
  return DefaultKeyHash(text);
}

absl::StatusOr<std::string> MakeQueryToken(const TableDef& table, uint64_t fingerprint,
                                           const std::vector<SortKey>& keys,
                                           const QueryCursor& cursor) {
  std::string bytes(1, static_cast<char>(kVersion));
  Append(table.id, 4, bytes);
  Append(fingerprint, 8, bytes);
  Append(cursor.rows_before, 8, bytes);
  Append(cursor.last.score.has_value() ? 1 : 0, 1, bytes);
  Append(std::bit_cast<uint64_t>(cursor.last.score.value_or(0)), 8, bytes);
  Append(cursor.last.id, 8, bytes);
  Append(cursor.snapshot_ids.size(), 2, bytes);
  for (const uint64_t id : cursor.snapshot_ids) Append(id, 8, bytes);
  Append(cursor.index_id, 4, bytes);
  Append(static_cast<uint64_t>(cursor.lag_policy), 1, bytes);
  Append(cursor.like_id, 8, bytes);
  Append(cursor.like_vector.size(), 4, bytes);
  for (const float x : cursor.like_vector) Append(std::bit_cast<uint32_t>(x), 4, bytes);
  std::vector<Value> cells(table.columns.size());
  for (size_t i = 0; i < keys.size(); ++i) cells[keys[i].column_position] = cursor.last.keys[i];
  const std::string encoded = EncodeCells(cells);
  if (encoded.size() > kMaxKeyBytes) {
    return InField(absl::InvalidArgumentError(
                       Concat("the sort keys of the page's last row take ", encoded.size(),
                              " bytes; a page token holds at most ", kMaxKeyBytes,
                              "; order by shorter columns, or use offset")),
                   "order_by");
  }
  bytes += encoded;
  Append(DefaultKeyHash(bytes), 8, bytes);
  return absl::WebSafeBase64Escape(bytes);
}

absl::StatusOr<QueryCursor> ReadQueryToken(const std::string& token, const TableDef& table,
                                           uint64_t fingerprint, const std::vector<SortKey>& keys) {
  std::string bytes;
  if (token.size() > kMaxTokenText || !absl::WebSafeBase64Unescape(token, &bytes) ||
      bytes.size() < 9 || static_cast<uint8_t>(bytes[0]) != kVersion) {
    return Refuse("is not one this server gave");
  }
  const std::string_view body = std::string_view(bytes).substr(0, bytes.size() - 8);
  if (Reader(std::string_view(bytes).substr(body.size())).Next(8) != DefaultKeyHash(body)) {
    return Refuse("is damaged");
  }
  Reader reader(body.substr(1));
  if (reader.Next(4) != table.id) {
    return Refuse(Concat("is of another table than '", table.name, "'"));
  }
  if (reader.Next(8) != fingerprint) {
    return Refuse(
        "is of another question: only limit, columns, settings and path may change from page to "
        "page");
  }
  QueryCursor cursor;
  cursor.rows_before = reader.Next(8);
  const bool has_score = reader.Next(1) != 0;
  const double score = std::bit_cast<double>(reader.Next(8));
  if (has_score) cursor.last.score = score;
  cursor.last.id = reader.Next(8);
  const uint64_t shards = reader.Next(2);
  if (shards > kMaxShards || cursor.rows_before > kMaxRowsBefore) return Refuse("is damaged");
  for (uint64_t i = 0; i < shards; ++i) cursor.snapshot_ids.push_back(reader.Next(8));
  cursor.index_id = static_cast<uint32_t>(reader.Next(4));
  const uint64_t policy = reader.Next(1);
  if (policy < 1 || policy > static_cast<uint64_t>(LagPolicy::kFail)) return Refuse("is damaged");
  cursor.lag_policy = static_cast<LagPolicy>(policy);
  cursor.like_id = reader.Next(8);
  const uint64_t dim = reader.Next(4);
  if (dim > kMaxDim) return Refuse("is damaged");
  for (uint64_t i = 0; i < dim; ++i) {
    cursor.like_vector.push_back(std::bit_cast<float>(static_cast<uint32_t>(reader.Next(4))));
  }
  if (!reader.ok()) return Refuse("is damaged");
  const auto cells = DecodeCells(WithoutKey(table), reader.rest());
  if (!cells.ok()) return Refuse("is damaged");
  for (const SortKey& key : keys) {
    cursor.last.keys.push_back(key.column_position < cells->size() ? (*cells)[key.column_position]
                                                                   : Value());
  }
  return cursor;
}

}  // namespace ordinate
