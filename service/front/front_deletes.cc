#include <algorithm>
#include <map>
#include <utility>

#include "service/front/fingerprint.h"
#include "service/front/front.h"
#include "service/front/gather.h"
#include "service/front/row_address.h"
#include "service/front/row_check.h"
#include "service/front/shard_writes.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

std::vector<std::string> KeyColumnNames(const TableDef& table) {
  std::vector<std::string> names;
  for (const uint32_t position : table.key) names.push_back(table.columns[position].name);
  return names;
}

}  // namespace

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
                                           std::vector<KeyInput> keys, const CallContext& context,
                                           const std::string& request_id) {
  ASSIGN_OR_RETURN(const TableDef table, FindTable(table_name));
  RETURN_IF_ERROR(CheckRequestId(request_id));
  RETURN_IF_ERROR(CheckCount("keys", keys.size(), kMaxKeysPerRead));
  const uint64_t fingerprint = request_id.empty() ? 0 : FingerprintOf("delete", table, keys);
  RETURN_IF_ERROR(AddressByKey(table, keys, context));
  ASSIGN_OR_RETURN(std::vector<RowAddress> addresses, AddressesOf(table, keys, options_.key_hash));
  ShardWrites writes(shard_count(), "key");
  for (size_t i = 0; i < addresses.size(); ++i) {
    RETURN_IF_ERROR(writes.Add({.kind = Mutation::Kind::kDelete,
                                .preferred_id = addresses[i].preferred_id,
                                .key = std::move(addresses[i].key),
                                .condition = keys[i].condition}));
  }
  if (!request_id.empty()) {
    writes.Remember(request_id, fingerprint, 0, FirstShardOf(request_id));
  }
  ASSIGN_OR_RETURN(const std::vector<ShardWriteResult> answers, Send(table, writes, context));
  DeleteResult result;
  size_t next = 0;
  for (const auto& [shard, part] : writes.parts()) {
    result.token[shard] = answers[next].seq;
    result.deleted += answers[next++].affected;
  }
  return result;
}

}  // namespace ordinate
