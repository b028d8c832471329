#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_join.h"
#include "service/front/front.h"
#include "service/front/gather.h"
#include "service/front/row_address.h"
#include "service/front/row_check.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {

/// The rows of one request by shard, in request order within each.
class Front::ShardWrites {
 public:
  explicit ShardWrites(uint32_t shards) : shards_(shards) {}

  /// INVALID_ARGUMENT when a row of the same address was added before (contract 1.6).
  absl::Status Add(RowWrite row, std::string_view what) {
    const auto number = static_cast<uint32_t>(added_++);
    const auto [first, fresh] = seen_.try_emplace({row.preferred_id, row.key}, number);
    if (!fresh) {
      return InField(
          absl::InvalidArgumentError(Concat(what, " ", number, " has the same key as ", what, " ",
                                            first->second, "; a request may name a key once")),
          Concat(what, "s[", number, "]"));
    }
    Part& part = parts_[ShardOf(row.preferred_id, shards_)];
    part.rows.push_back(std::move(row));
    part.numbers.push_back(number);
    return absl::OkStatus();
  }

  struct Part {
    std::vector<RowWrite> rows;
    std::vector<uint32_t> numbers;  // of the rows in the request
  };
  std::map<uint32_t, Part>& parts() { return parts_; }  // by shard; none is empty

 private:
  const uint32_t shards_;
  size_t added_ = 0;
  std::map<uint32_t, Part> parts_;
  absl::flat_hash_map<std::pair<RowId, std::string>, uint32_t> seen_;
};

namespace {

absl::Status RowIdRefused(size_t row, RowId id, std::string_view problem) {
  return InField(absl::InvalidArgumentError(Concat("row ", row, " (row_id = ", id, "): ", problem)),
                 Concat("rows[", row, "].row_id"));
}

std::vector<std::string> KeyColumnNames(const TableDef& table) {
  std::vector<std::string> names;
  for (const uint32_t position : table.key) names.push_back(table.columns[position].name);
  return names;
}

std::vector<std::string> Notices(const std::vector<const IndexDef*>& indexes) {
  std::vector<std::string> notices;
  for (const IndexDef* index : indexes) {
    if (index->mode == FreshnessMode::kImmediate) continue;
    const std::string_view mode = FreshnessModeName(index->mode);
    notices.push_back(
        Concat("index '", index->name, "' (", mode, ") shows this write only after a rebuild",
               index->mode == FreshnessMode::kRebuildOnly
                   ? ""
                   : Concat(": this version applies ", mode, " writes at REBUILD only")));
  }
  return notices;
}

}  // namespace

absl::Status Front::CheckRowIds(const TableDef& table, const UpsertInput& input,
                                const CallContext& context) {
  std::vector<KeyInput> given;
  for (size_t i = 0; i < input.rows.size(); ++i) {
    const RowId id = input.rows[i].row_id;
    if (id == 0) continue;
    if (!table.key.empty()) {
      return RowIdRefused(i, id,
                          Concat("row_id is given, but table '", table.name,
                                 "' has a primary key; leave row_id out"));
    }
    given.push_back({.row_id = id});
  }
  if (given.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const RowsResult found,
                   Get(table.name, std::move(given), {table.columns.front().name}, context));
  std::set<RowId> live;
  for (const Row& row : found.rows) live.insert(row.id);
  for (size_t i = 0; i < input.rows.size(); ++i) {
    const RowId id = input.rows[i].row_id;
    if (id != 0 && live.count(id) == 0) {
      return RowIdRefused(i, id,
                          "it names no row; expected that of a live row, or 0 for a new one");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<RowId>> Front::AssignRowIds(const TableDef& table,
                                                       const UpsertInput& input) {
  std::vector<RowId> ids(input.rows.size());
  if (!table.key.empty()) return ids;
  uint64_t fresh = 0;
  for (const auto& row : input.rows) fresh += row.row_id == 0;
  RowId next = 0;
  if (fresh > 0) {
    ASSIGN_OR_RETURN(next, definitions_.AllocateRowIds(table.id, fresh));
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    ids[i] = input.rows[i].row_id != 0 ? input.rows[i].row_id : next++;
  }
  return ids;
}

absl::StatusOr<std::vector<ShardWriteResult>> Front::Send(const TableDef& table,
                                                          ShardWrites& writes,
                                                          const CallContext& context) {
  RETURN_IF_ERROR(context.Check());
  std::vector<std::pair<uint32_t, std::vector<RowWrite>>> parts;
  for (auto& [shard, part] : writes.parts()) parts.emplace_back(shard, std::move(part.rows));
  auto answers = GatherEach<ShardWriteResult>(
      parts.size(), Spread::kInline, options_.executor,
      [&](size_t i, ShardClient::Done<ShardWriteResult> done) {
        shards_[parts[i].first]->Write(table, std::move(parts[i].second), context, std::move(done));
      });
  std::vector<ShardWriteResult> results;
  std::vector<std::string> written;
  absl::Status first;
  uint32_t failed = 0;
  for (size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].ok()) {
      written.push_back(Concat(parts[i].first, " (sequence ", answers[i]->seq, ")"));
      results.push_back(*std::move(answers[i]));
    } else if (first.ok()) {
      first = answers[i].status();
      failed = parts[i].first;
    }
  }
  if (first.ok()) return results;
  if (answers.size() == 1) return first;
  const std::string others = written.empty() ? "no other shard acknowledged its rows"
                                             : Concat("the rows of these shards were written: ",
                                                      absl::StrJoin(written, ", "));
  return WithMessage(first, Concat("shard ", failed, ": ", first.message(), "; ", others));
}

absl::StatusOr<UpsertResult> Front::Upsert(UpsertInput input, const CallContext& context) {
  const auto set = definitions_.Current();
  ASSIGN_OR_RETURN(const TableDef table, FindTable(input.table));
  const std::vector<const IndexDef*> indexes = set->IndexesOf(table.id);
  UpsertResult result;
  ASSIGN_OR_RETURN(result.nulled_rows, CheckRows(table, indexes, input));
  RETURN_IF_ERROR(CheckRowIds(table, input, context));
  ASSIGN_OR_RETURN(result.row_ids, AssignRowIds(table, input));

  ShardWrites writes(shard_count());
  for (size_t i = 0; i < input.rows.size(); ++i) {
    RowWrite row{.kind = Mutation::Kind::kUpsert, .preferred_id = result.row_ids[i]};
    if (!table.key.empty()) {
      RowAddress address = AddressOfCells(table, input.rows[i].cells, options_.key_hash);
      row.preferred_id = address.preferred_id;
      row.key = std::move(address.key);
    }
    row.must_exist = input.rows[i].row_id != 0;
    row.cells = std::move(input.rows[i].cells);
    RETURN_IF_ERROR(writes.Add(std::move(row), "row"));
  }
  ASSIGN_OR_RETURN(const std::vector<ShardWriteResult> answers, Send(table, writes, context));
  size_t next = 0;
  for (const auto& [shard, part] : writes.parts()) {
    const ShardWriteResult& answer = answers[next++];
    result.token[shard] = answer.seq;
    if (answer.row_ids.size() != part.numbers.size()) {
      return absl::InternalError(Concat("shard ", shard, " answered ", answer.row_ids.size(),
                                        " row ids for ", part.numbers.size(), " rows"));
    }
    for (size_t i = 0; i < part.numbers.size(); ++i) {
      result.row_ids[part.numbers[i]] = answer.row_ids[i];
    }
  }
  result.notices = Notices(indexes);
  return result;
}

absl::Status Front::AddressByKey(const TableDef& table, std::vector<KeyInput>& keys,
                                 const CallContext& context) {
  std::map<RowId, std::vector<KeyInput*>> by_id;
  for (KeyInput& key : keys) {
    if (key.cells.empty()) by_id[key.row_id].push_back(&key);
  }
  const bool mixed =
      std::any_of(keys.begin(), keys.end(), [](const KeyInput& key) { return !key.cells.empty(); });
  if (table.flavour() != RowIdFlavour::kPkHashed || !mixed || by_id.empty()) {
    return absl::OkStatus();
  }
  std::vector<KeyInput> ids;
  for (const auto& [id, named] : by_id) ids.push_back({.cells = {}, .row_id = id});
  ASSIGN_OR_RETURN(RowsResult found,
                   Get(table.name, std::move(ids), KeyColumnNames(table), context));
  for (const Row& row : found.rows) {
    for (KeyInput* key : by_id[row.id]) key->cells = row.cells;
  }
  return absl::OkStatus();
}

absl::StatusOr<DeleteResult> Front::Delete(const std::string& table_name,
                                           std::vector<KeyInput> keys, const CallContext& context) {
  ASSIGN_OR_RETURN(const TableDef table, FindTable(table_name));
  RETURN_IF_ERROR(CheckCount("keys", keys.size(), kMaxKeysPerRead));
  RETURN_IF_ERROR(AddressByKey(table, keys, context));
  ASSIGN_OR_RETURN(std::vector<RowAddress> addresses, AddressesOf(table, keys, options_.key_hash));
  ShardWrites writes(shard_count());
  for (RowAddress& address : addresses) {
    RETURN_IF_ERROR(writes.Add({.kind = Mutation::Kind::kDelete,
                                .preferred_id = address.preferred_id,
                                .key = std::move(address.key)},
                               "key"));
  }
  ASSIGN_OR_RETURN(const std::vector<ShardWriteResult> answers, Send(table, writes, context));
  DeleteResult result;
  size_t next = 0;
  for (const auto& [shard, part] : writes.parts()) {
    result.token[shard] = answers[next].seq;
    result.deleted += answers[next++].deleted;
  }
  return result;
}

absl::StatusOr<DeleteResult> Front::DeleteWhere(const std::string& table_name, const Filter& filter,
                                                const CallContext& context) {
  ASSIGN_OR_RETURN(const TableDef table, FindTable(table_name));
  std::vector<std::string> columns = KeyColumnNames(table);
  if (columns.empty()) columns.push_back(table.columns.front().name);  // none would be all
  DeleteResult result;
  const auto delete_page = [&](RowsResult& page) -> absl::Status {
    std::vector<KeyInput> keys;
    keys.reserve(page.rows.size());
    for (Row& row : page.rows) {
      KeyInput key{.cells = {}, .row_id = row.id};
      if (!table.key.empty()) key = {.cells = std::move(row.cells), .row_id = 0};
      keys.push_back(std::move(key));
    }
    ASSIGN_OR_RETURN(const DeleteResult deleted, Delete(table_name, std::move(keys), context));
    result.deleted += deleted.deleted;
    for (const auto& [shard, seq] : deleted.token) result.token[shard] = seq;
    return absl::OkStatus();
  };
  std::string page_token;
  do {
    absl::StatusOr<RowsResult> page =
        Scan(table_name, filter, columns, kMaxPageSize, page_token, context);
    absl::Status status = page.status();
    if (status.ok() && !page->rows.empty()) status = delete_page(*page);
    if (!status.ok()) {
      if (result.deleted == 0) return status;
      return WithMessage(status, Concat(MessageOf(status), "; ", result.deleted,
                                        " rows were deleted before that"));
    }
    page_token = std::move(page->next_page_token);
  } while (!page_token.empty());
  return result;
}

}  // namespace ordinate
