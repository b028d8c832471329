// Updates and deletes by filter: on each shard, the rows that match in one snapshot are written as
// their ids, a page at a time; the shard tests a row that was changed since once more.
#include <atomic>
#include <memory>
#include <utility>

#include "engine/shard/other_content.h"
#include "service/front/fingerprint.h"
#include "service/front/front.h"
#include "service/front/gather.h"
#include "service/front/row_check.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

// An update's rows carry all new cells, so fewer of them are under way at once.
constexpr uint32_t kUpdatePage = 1'000;

template <typename T>
absl::StatusOr<T> AnswerOf(const std::function<void(ShardClient::Done<T>)>& call) {
  auto answers = GatherEach<T>(1, Spread::kInline, nullptr,
                               [&](size_t, ShardClient::Done<T> done) { call(std::move(done)); });
  return std::move(answers.front());
}

absl::StatusOr<std::shared_ptr<const Filter>> Bound(const Filter& filter, const TableDef& table) {
  auto bound = BindFilter(filter, table);
  if (!bound.ok()) return InField(bound.status(), "filter");
  return std::make_shared<const Filter>(*std::move(bound));
}

}  // namespace

struct Front::WriteWhere {
  TableDef table;
  RowWrite row;  // as every row that matches is written, with the filter
  uint32_t page_rows = kMaxPageSize;
  std::string request_id;
  uint64_t fingerprint = 0;
  std::atomic<uint64_t> acknowledged{0};  // rows, on all shards
};

absl::StatusOr<ShardWriteResult> Front::WriteMatching(uint32_t shard, WriteWhere& write,
                                                      ShardScan& scan, const CallContext& context) {
  ShardClient& client = *shards_[shard];
  ShardWriteResult total;
  bool more = true;
  while (more) {
    RETURN_IF_ERROR(context.Check());
    ASSIGN_OR_RETURN(const ShardScanResult page,
                     AnswerOf<ShardScanResult>([&](ShardClient::Done<ShardScanResult> done) {
                       client.Scan(write.table, scan, context, std::move(done));
                     }));
    scan.snapshot_id = page.snapshot_id;
    more = page.more && !page.rows.empty();
    if (more) scan.after = page.rows.back().id;
    ShardWrite part{.rows = std::vector<RowWrite>(page.rows.size(), write.row)};
    for (size_t i = 0; i < page.rows.size(); ++i) {
      part.rows[i].preferred_id = page.rows[i].id;
      part.rows[i].matched = page.rows[i].version;
    }
    if (!more && !write.request_id.empty()) {
      part.request_id = write.request_id;
      part.fingerprint = write.fingerprint;
      part.affected_before = total.affected;
    }
    if (part.rows.empty() && part.request_id.empty()) break;
    const uint64_t before = total.affected;
    const bool last = !part.request_id.empty();
    ASSIGN_OR_RETURN(const ShardWriteResult answer,
                     AnswerOf<ShardWriteResult>([&](ShardClient::Done<ShardWriteResult> done) {
                       client.Write(write.table, std::move(part), context, std::move(done));
                     }));
    total.seq = answer.seq;
    total.affected = last ? answer.affected : before + answer.affected;
    write.acknowledged += total.affected - before;
  }
  return total;
}

absl::StatusOr<ShardWriteResult> Front::WriteMatchingOnce(uint32_t shard, WriteWhere& write,
                                                          const CallContext& context) {
  ShardClient& client = *shards_[shard];
  if (!write.request_id.empty()) {
    using Found = std::optional<RequestNote>;
    ASSIGN_OR_RETURN(const Found known, AnswerOf<Found>([&](ShardClient::Done<Found> done) {
                       client.FindRequest(write.request_id, std::move(done));
                     }));
    if (known.has_value() && known->fingerprint != write.fingerprint) return OtherContent();
    if (known.has_value()) {
      ShardWrite again{.request_id = write.request_id, .fingerprint = write.fingerprint};
      return AnswerOf<ShardWriteResult>([&](ShardClient::Done<ShardWriteResult> done) {
        client.Write(write.table, std::move(again), context, std::move(done));
      });
    }
  }
  ShardScan scan{.table_id = write.table.id,
                 .filter = *write.row.filter,
                 .max_rows = write.page_rows,
                 .max_bytes = kMaxPageBytes,
                 .whole_rows = true,
                 .hold = true};
  absl::StatusOr<ShardWriteResult> result = WriteMatching(shard, write, scan, context);
  if (scan.snapshot_id != 0) client.ReleaseSnapshot(scan.snapshot_id);
  return result;
}

absl::StatusOr<DeleteResult> Front::RunWhere(WriteWhere& write, const CallContext& context) {
  RETURN_IF_ERROR(context.Check());
  const auto run = [&](const std::vector<uint32_t>& shards) {
    return GatherEach<ShardWriteResult>(shards.size(), Spread::kParallel, options_.executor,
                                        [&](size_t i, ShardClient::Done<ShardWriteResult> done) {
                                          done(WriteMatchingOnce(shards[i], write, context));
                                        });
  };
  DeleteResult result;
  absl::Status failed;
  const auto note = [&](const std::vector<uint32_t>& shards) {
    std::vector<absl::StatusOr<ShardWriteResult>> answers = run(shards);
    for (size_t i = 0; i < shards.size(); ++i) {
      if (!answers[i].ok()) {
        if (failed.ok()) failed = answers[i].status();
        continue;
      }
      result.deleted += answers[i]->affected;
      if (answers[i]->seq != 0) result.token[shards[i]] = answers[i]->seq;
    }
  };
  std::vector<uint32_t> rest;
  const bool remembered = !write.request_id.empty();
  for (uint32_t shard = 0; shard < shard_count(); ++shard) {
    if (!remembered || shard != FirstShardOf(write.request_id)) rest.push_back(shard);
  }
  if (remembered) note({FirstShardOf(write.request_id)});
  if (failed.ok()) note(rest);
  if (failed.ok()) return result;
  const uint64_t done = write.acknowledged.load();
  if (done == 0) return failed;
  const std::string_view what = write.row.kind == Mutation::Kind::kDelete ? "deleted" : "updated";
  return WithMessage(failed,
                     Concat(MessageOf(failed), "; ", done, " rows were ", what, " before that"));
}

absl::StatusOr<DeleteResult> Front::DeleteWhere(const std::string& table_name, const Filter& filter,
                                                const CallContext& context,
                                                const std::string& request_id) {
  RETURN_IF_ERROR(CheckRequestId(request_id));
  WriteWhere write;
  ASSIGN_OR_RETURN(write.table, FindTable(table_name));
  ASSIGN_OR_RETURN(write.row.filter, Bound(filter, write.table));
  write.row.kind = Mutation::Kind::kDelete;
  write.request_id = request_id;
  write.fingerprint = FingerprintOf("delete where", write.table, filter, nullptr);
  return RunWhere(write, context);
}

absl::StatusOr<UpdateResult> Front::UpdateWhere(const std::string& table_name,
                                                UpsertInput::InputRow row, const Filter& filter,
                                                const CallContext& context,
                                                const std::string& request_id) {
  RETURN_IF_ERROR(CheckRequestId(request_id));
  const auto set = definitions_.Current();
  WriteWhere write;
  ASSIGN_OR_RETURN(write.table, FindTable(table_name));
  const std::vector<const IndexDef*> indexes = set->IndexesOf(write.table.id);
  write.fingerprint = FingerprintOf("update where", write.table, filter, &row);
  RETURN_IF_ERROR(CheckChange(write.table, indexes, row));
  ASSIGN_OR_RETURN(write.row.filter, Bound(filter, write.table));
  write.row.partial = true;
  write.row.columns = std::move(row.columns);
  write.row.cells = std::move(row.cells);
  write.page_rows = kUpdatePage;
  write.request_id = request_id;
  ASSIGN_OR_RETURN(DeleteResult done, RunWhere(write, context));
  return UpdateResult{
      .token = std::move(done.token), .updated = done.deleted, .notices = NoticesOf(indexes)};
}

}  // namespace ordinate
