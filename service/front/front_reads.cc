#include <algorithm>
#include <utility>

#include "engine/shard/answer_size.h"
#include "service/front/front.h"
#include "service/front/gather.h"
#include "service/front/page_token.h"
#include "service/front/projection.h"
#include "service/front/row_address.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

absl::StatusOr<std::optional<Filter>> Bound(std::optional<Filter> filter, const TableDef& table) {
  if (!filter.has_value()) return filter;
  auto bound = BindFilter(*std::move(filter), table);
  if (!bound.ok()) return InField(bound.status(), "filter");
  return std::optional<Filter>(*std::move(bound));
}

uint64_t BytesOf(const Row& row) {
  uint64_t bytes = sizeof(Row);
  for (const Value& cell : row.cells) {
    bytes += sizeof(Value);
    if (const auto* text = std::get_if<std::string>(&cell)) bytes += text->size();
    if (const auto* vector = std::get_if<Vector>(&cell)) bytes += vector->size() * sizeof(float);
  }
  return bytes;
}

// Merges what the shards found into one page in row id order, which ends at the row that fills it,
// or where a shard stopped early: rows beyond that could have others, not read yet, before them.
// Returns whether rows may follow.
bool MergePage(std::vector<ShardScanResult>& shards, uint32_t page_size, std::vector<Row>& page) {
  std::vector<size_t> next(shards.size(), 0);
  uint64_t bytes = 0;
  while (true) {
    std::optional<size_t> least;
    for (size_t i = 0; i < shards.size(); ++i) {
      if (next[i] == shards[i].rows.size()) {
        if (shards[i].more) return true;
        continue;
      }
      if (!least || shards[i].rows[next[i]].id < shards[*least].rows[next[*least]].id) least = i;
    }
    if (!least.has_value()) return false;
    if (page.size() == page_size || bytes >= kMaxPageBytes) return true;
    Row& row = shards[*least].rows[next[*least]++];
    bytes += BytesOf(row);
    page.push_back(std::move(row));
  }
}

}  // namespace

absl::StatusOr<RowsResult> Front::Get(const std::string& table_name, std::vector<KeyInput> keys,
                                      const std::vector<std::string>& columns,
                                      const CallContext& context) {
  using Found = std::vector<std::pair<uint32_t, Row>>;
  ASSIGN_OR_RETURN(const TableDef table, FindTable(table_name));
  ASSIGN_OR_RETURN(std::vector<RowAddress> addresses, AddressesOf(table, keys, options_.key_hash));
  RowsResult result;
  ASSIGN_OR_RETURN(result.columns, ResolveColumns(table, columns, DefaultColumns::kAll));

  struct Part {
    uint32_t shard = 0;
    std::vector<RowAddress> addresses;
    std::vector<size_t> numbers;  // of the addresses in the request
  };
  std::map<uint32_t, Part> by_shard;
  for (size_t i = 0; i < addresses.size(); ++i) {
    const uint32_t shard = ShardOf(addresses[i].preferred_id, shard_count());
    Part& part = by_shard[shard];
    part.shard = shard;
    part.addresses.push_back(std::move(addresses[i]));
    part.numbers.push_back(i);
  }
  std::vector<Part> parts;
  for (auto& [shard, part] : by_shard) parts.push_back(std::move(part));
  ASSIGN_OR_RETURN(std::vector<Found> answers,
                   Gather<Found>(parts.size(), Spread::kInline, options_.executor, context,
                                 [&](size_t i, ShardClient::Done<Found> done) {
                                   shards_[parts[i].shard]->Get(
                                       table, std::move(parts[i].addresses), result.columns,
                                       context, std::move(done));
                                 }));
  std::vector<std::pair<size_t, Row>> found;
  for (size_t i = 0; i < parts.size(); ++i) {
    for (auto& [position, row] : answers[i]) {
      if (position >= parts[i].numbers.size()) {
        return absl::InternalError(Concat("shard ", parts[i].shard, " answered position ", position,
                                          " of ", parts[i].numbers.size()));
      }
      found.emplace_back(parts[i].numbers[position], std::move(row));
    }
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  uint64_t bytes = 0;
  for (auto& [number, row] : found) {
    bytes += RoughBytes(row);
    RETURN_IF_ERROR(CheckAnswerBytes(bytes, options_.max_answer_bytes));
    result.rows.push_back(std::move(row));
  }
  return result;
}

absl::StatusOr<RowsResult> Front::Scan(const std::string& table_name, std::optional<Filter> filter,
                                       const std::vector<std::string>& columns, uint32_t page_size,
                                       const std::string& page_token, const CallContext& context) {
  ASSIGN_OR_RETURN(const TableDef table, FindTable(table_name));
  RowsResult result;
  ASSIGN_OR_RETURN(result.columns, ResolveColumns(table, columns, DefaultColumns::kAll));
  if (page_size > kMaxPageSize) {
    return InField(
        absl::InvalidArgumentError(Concat("page_size is ", page_size, "; the range is 1 to ",
                                          kMaxPageSize, ", or 0 for ", kDefaultPageSize)),
        "page_size");
  }
  ShardScan scan{.table_id = table.id,
                 .columns = result.columns,
                 .max_rows = page_size == 0 ? kDefaultPageSize : page_size,
                 .max_bytes = kMaxPageBytes};
  ASSIGN_OR_RETURN(scan.filter, Bound(std::move(filter), table));
  if (!page_token.empty()) {
    ASSIGN_OR_RETURN(scan.after, ReadPageToken(page_token, table));
  }
  ASSIGN_OR_RETURN(
      std::vector<ShardScanResult> answers,
      Gather<ShardScanResult>(shards_.size(), Spread::kParallel, options_.executor, context,
                              [&](size_t shard, ShardClient::Done<ShardScanResult> done) {
                                shards_[shard]->Scan(table, scan, context, std::move(done));
                              }));
  if (!MergePage(answers, scan.max_rows, result.rows)) return result;
  if (result.rows.empty()) {
    return absl::InternalError("a shard ended its scan early without a row to go on from");
  }
  result.next_page_token = MakePageToken(table.id, result.rows.back().id);
  return result;
}

absl::StatusOr<uint64_t> Front::Count(const std::string& table_name, std::optional<Filter> filter,
                                      const CallContext& context) {
  ASSIGN_OR_RETURN(const TableDef table, FindTable(table_name));
  ASSIGN_OR_RETURN(const std::optional<Filter> bound, Bound(std::move(filter), table));
  ASSIGN_OR_RETURN(const std::vector<uint64_t> counts,
                   Gather<uint64_t>(shards_.size(), Spread::kParallel, options_.executor, context,
                                    [&](size_t shard, ShardClient::Done<uint64_t> done) {
                                      shards_[shard]->Count(table,
                                                            bound.has_value() ? &*bound : nullptr,
                                                            context, std::move(done));
                                    }));
  uint64_t total = 0;
  for (const uint64_t count : counts) total += count;
  return total;
}

}  // namespace ordinate
