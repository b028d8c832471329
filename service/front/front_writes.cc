#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"
#include "engine/shard/other_content.h"
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

absl::Status RowIdRefused(size_t row, RowId id, std::string_view problem) {
  return InField(absl::InvalidArgumentError(Concat("row ", row, " (row_id = ", id, "): ", problem)),
                 Concat("rows[", row, "].row_id"));
}

// A shard's refusal in the request's terms: which of its rows, or keys, have another version.
void AddConflicts(const absl::Status& refusal, const std::vector<uint32_t>& numbers,
                  std::map<uint32_t, std::string>& conflicts) {
  for (const PreconditionViolation& violation : PreconditionViolations(refusal)) {
    uint32_t position = 0;
    if (absl::SimpleAtoi(violation.subject, &position) && position < numbers.size()) {
      conflicts[numbers[position]] = violation.description;
    }
  }
}

}  // namespace

uint32_t Front::FirstShardOf(const std::string& request_id) const {
  return ShardOf(DefaultKeyHash(request_id), shard_count());
}

absl::StatusOr<std::optional<RequestNote>> Front::FindRequest(const std::string& request_id) {
  if (request_id.empty()) return std::nullopt;
  RETURN_IF_ERROR(CheckRequestId(request_id));
  using Found = std::optional<RequestNote>;
  auto found = GatherEach<Found>(
      1, Spread::kInline, options_.executor, [&](size_t, ShardClient::Done<Found> done) {
        shards_[FirstShardOf(request_id)]->FindRequest(request_id, std::move(done));
      });
  return std::move(found.front());
}

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
                                                       const UpsertInput& input, RowId& first) {
  std::vector<RowId> ids(input.rows.size());
  if (!table.key.empty()) return ids;
  uint64_t fresh = 0;
  for (const auto& row : input.rows) fresh += row.row_id == 0;
  if (fresh > 0 && first == 0) {
    ASSIGN_OR_RETURN(first, definitions_.AllocateRowIds(table.id, fresh));
  }
  RowId next = first;
  for (size_t i = 0; i < ids.size(); ++i) {
    ids[i] = input.rows[i].row_id != 0 ? input.rows[i].row_id : next++;
  }
  return ids;
}

absl::StatusOr<std::vector<ShardWriteResult>> Front::Send(const TableDef& table,
                                                          ShardWrites& writes,
                                                          const CallContext& context) {
  RETURN_IF_ERROR(context.Check());
  std::vector<uint32_t> shards;
  std::vector<ShardWrite> parts;
  size_t first = 0;  // the place of the first shard, of a request that is remembered
  for (auto& [shard, part] : writes.parts()) {
    if (shard == writes.first_shard()) first = shards.size();
    shards.push_back(shard);
    parts.push_back(writes.Take(shard));
  }
  std::vector<absl::StatusOr<ShardWriteResult>> answers(
      shards.size(), absl::AbortedError("the rows of this shard were not sent"));
  const auto send = [&](const std::vector<size_t>& places) {
    auto sent = GatherEach<ShardWriteResult>(
        places.size(), Spread::kInline, options_.executor,
        [&](size_t i, ShardClient::Done<ShardWriteResult> done) {
          const size_t place = places[i];
          shards_[shards[place]]->Write(table, std::move(parts[place]), context, std::move(done));
        });
    for (size_t i = 0; i < places.size(); ++i) answers[places[i]] = std::move(sent[i]);
  };
  std::vector<size_t> rest;
  for (size_t i = 0; i < shards.size(); ++i) {
    if (!writes.remembered() || i != first) rest.push_back(i);
  }
  if (writes.remembered()) send({first});
  if (writes.remembered() && answers[first].ok() &&
      answers[first]->first_row_id != writes.first_row_id()) {
    return absl::AbortedError("another call with this request_id is at work; try again");
  }
  if (!writes.remembered() || answers[first].ok()) send(rest);
  return AllOrError(writes, std::move(answers), writes.remembered() ? first : 0);
}

absl::StatusOr<std::vector<ShardWriteResult>> Front::AllOrError(
    ShardWrites& writes, std::vector<absl::StatusOr<ShardWriteResult>> answers, size_t first) {
  std::vector<ShardWriteResult> results;
  std::vector<std::string> written;
  std::map<uint32_t, std::string> conflicts;
  std::optional<size_t> failed;
  std::vector<uint32_t> shards;
  for (const auto& [shard, part] : writes.parts()) {
    const absl::StatusOr<ShardWriteResult>& answer = answers[shards.size()];
    if (answer.ok()) {
      written.push_back(Concat(shard, " (sequence ", answer->seq, ")"));
      results.push_back(*answer);
    } else {
      AddConflicts(answer.status(), part.numbers, conflicts);
      // The first shard's error says why the others were not even sent theirs.
      if (!failed.has_value() || shards.size() == first) failed = shards.size();
    }
    shards.push_back(shard);
  }
  if (!failed.has_value()) return results;
  absl::Status why = answers[*failed].status();
  if (!conflicts.empty()) {
    std::vector<PreconditionViolation> violations;
    for (const auto& [number, text] : conflicts) {
      violations.push_back({std::string(ShardClient::kRowVersion), writes.FieldOf(number), text});
    }
    const auto& [number, text] = *conflicts.begin();
    const size_t more = conflicts.size() - 1;
    why = WithPreconditions(
        absl::AbortedError(Concat(writes.what(), " ", number, ": found ", text,
                                  more == 0 ? "" : Concat("; and ", more, " more"))),
        violations);
  }
  if (answers.size() == 1) return why;
  const std::string others = written.empty() ? "no other shard acknowledged its rows"
                                             : Concat("the rows of these shards were written: ",
                                                      absl::StrJoin(written, ", "));
  return WithMessage(why, Concat("shard ", shards[*failed], ": ", MessageOf(why), "; ", others));
}

absl::StatusOr<UpsertResult> Front::Upsert(UpsertInput input, const CallContext& context) {
  const auto set = definitions_.Current();
  ASSIGN_OR_RETURN(const TableDef table, FindTable(input.table));
  const std::vector<const IndexDef*> indexes = set->IndexesOf(table.id);
  ASSIGN_OR_RETURN(const std::optional<RequestNote> known, FindRequest(input.request_id));
  const uint64_t fingerprint = input.request_id.empty() ? 0 : FingerprintOf("upsert", table, input);
  if (known.has_value() && known->fingerprint != fingerprint) return OtherContent();
  UpsertResult result;
  ASSIGN_OR_RETURN(result.nulled_rows, CheckRows(table, indexes, input));
  // A retry's rows were there when it was first sent.
  if (!known.has_value()) RETURN_IF_ERROR(CheckRowIds(table, input, context));
  RowId first_row_id = known.has_value() ? known->first_row_id : 0;
  ASSIGN_OR_RETURN(result.row_ids, AssignRowIds(table, input, first_row_id));

  ShardWrites writes(shard_count(), "row");
  for (size_t i = 0; i < input.rows.size(); ++i) {
    RowWrite row{.kind = Mutation::Kind::kUpsert, .preferred_id = result.row_ids[i]};
    if (!table.key.empty()) {
      RowAddress address = AddressOfCells(table, input.rows[i].cells, options_.key_hash);
      row.preferred_id = address.preferred_id;
      row.key = std::move(address.key);
    }
    row.must_exist = input.rows[i].row_id != 0;
    row.condition = input.rows[i].condition;
    row.cells = std::move(input.rows[i].cells);
    RETURN_IF_ERROR(writes.Add(std::move(row)));
  }
  if (!input.request_id.empty()) {
    writes.Remember(input.request_id, fingerprint, first_row_id, FirstShardOf(input.request_id));
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
  result.notices = NoticesOf(indexes);
  return result;
}

absl::StatusOr<UpdateResult> Front::Update(UpsertInput input, const CallContext& context) {
  const auto set = definitions_.Current();
  ASSIGN_OR_RETURN(const TableDef table, FindTable(input.table));
  const std::vector<const IndexDef*> indexes = set->IndexesOf(table.id);
  RETURN_IF_ERROR(CheckRequestId(input.request_id));
  const uint64_t fingerprint = input.request_id.empty() ? 0 : FingerprintOf("update", table, input);
  UpdateResult result;
  ASSIGN_OR_RETURN(result.nulled_rows, CheckUpdates(table, indexes, input));
  ShardWrites writes(shard_count(), "row");
  for (UpsertInput::InputRow& given : input.rows) {
    RowWrite row{.kind = Mutation::Kind::kUpsert, .preferred_id = given.row_id};
    if (!table.key.empty()) {
      RowAddress address = AddressOfCells(table, given.cells, options_.key_hash);
      row.preferred_id = address.preferred_id;
      row.key = std::move(address.key);
    }
    row.partial = true;
    row.condition = given.condition;
    row.columns = WithoutKey(table, given.columns);
    row.cells = std::move(given.cells);
    RETURN_IF_ERROR(writes.Add(std::move(row)));
  }
  if (!input.request_id.empty()) {
    writes.Remember(input.request_id, fingerprint, 0, FirstShardOf(input.request_id));
  }
  ASSIGN_OR_RETURN(const std::vector<ShardWriteResult> answers, Send(table, writes, context));
  size_t next = 0;
  for (const auto& [shard, part] : writes.parts()) {
    const ShardWriteResult& answer = answers[next++];
    result.token[shard] = answer.seq;
    result.updated += answer.affected;
    for (const uint32_t position : answer.missing) {
      if (position < part.numbers.size()) result.missing_rows.push_back(part.numbers[position]);
    }
  }
  std::sort(result.missing_rows.begin(), result.missing_rows.end());
  result.notices = NoticesOf(indexes);
  return result;
}

}  // namespace ordinate
