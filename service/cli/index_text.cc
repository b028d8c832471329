#include "service/cli/index_text.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "service/cli/progress.h"
#include "service/cli/specs.h"
#include "service/cli/text_table.h"
#include "storage/base/text.h"

namespace ordinate::cli {
namespace {

using Facts = std::vector<std::pair<std::string, std::string>>;

double Seconds(const google::protobuf::Duration& duration) {
  return static_cast<double>(duration.seconds()) + duration.nanos() * 1e-9;
}

std::string StateName(const v1::IndexStatus& status) {
  return ShortEnumName(*v1::IndexState_descriptor(), status.state());
}

std::string Percent(double share) { return absl::StrFormat("%.1f%%", share * 100); }

// With rate and time left where a build is running.
std::string ProgressText(const v1::IndexStatus& status) {
  const std::string share = Percent(status.build_progress());
  if (!status.has_build_time_left()) return share;
  return Concat(share, ", ", Grouped(static_cast<uint64_t>(status.build_rows_per_second())),
                " rows/s, ", DurationText(Seconds(status.build_time_left())), " left");
}

std::string SequenceText(const v1::Token& token) {
  std::vector<std::pair<uint32_t, uint64_t>> entries(token.seq_by_shard().begin(),
                                                     token.seq_by_shard().end());
  std::sort(entries.begin(), entries.end());
  return absl::StrJoin(entries, ", ", [](std::string* out, const auto& entry) {
    *out += Concat("shard ", entry.first, ": ", entry.second);
  });
}

void AppendDefinition(const v1::Index& index, Facts* facts) {
  facts->insert(facts->end(), {{"index", index.name()},
                               {"table", index.table()},
                               {"column", index.column()},
                               {"engine", ShortEnumName(*v1::Engine_descriptor(), index.engine())},
                               {"metric", ShortEnumName(*v1::Metric_descriptor(), index.metric())},
                               {"dim", Concat(index.dim())}});
  if (index.engine() == v1::ENGINE_HNSW) {
    facts->insert(
        facts->end(),
        {{"m", Concat(index.m())},
         {"ef_build", Concat(index.ef_build())},
         {"ef_search", index.ef_search() == 0 ? "server's setting" : Concat(index.ef_search())}});
  }
  facts->insert(
      facts->end(),
      {{"mode", ShortEnumName(*v1::FreshnessMode_descriptor(), index.mode())},
       {"dim_policy", ShortEnumName(*v1::DimPolicy_descriptor(), index.dim_policy())},
       {"quantization", ShortEnumName(*v1::Quantization_descriptor(), index.quantization())}});
  if (index.mode() == v1::FRESHNESS_MODE_BATCHED) {
    facts->emplace_back("batch_rows", Grouped(index.batch_rows()));
    facts->emplace_back("batch_interval", DurationText(Seconds(index.batch_interval())));
  }
  if (index.mode() == v1::FRESHNESS_MODE_ASYNC) {
    facts->emplace_back("max_lag_rows", Grouped(index.max_lag_rows()));
  }
  if (index.has_rebuild_interval()) {
    facts->emplace_back("rebuild_interval", DurationText(Seconds(index.rebuild_interval())));
  }
}

void AppendStatus(const v1::IndexStatus& status, Facts* facts) {
  facts->insert(facts->end(),
                {{"state", StateName(status)},
                 {"reason", status.reason()},
                 {"rows_total", Grouped(status.rows_total())},
                 {"rows_indexed", Grouped(status.rows_indexed())},
                 {"rows_pending", Grouped(status.rows_pending())},
                 {"rows_null", Grouped(status.rows_null())},
                 {"rows_invalid", Grouped(status.rows_invalid())},
                 {"rows_deleted", Grouped(status.rows_deleted())},
                 {"bytes_memory", Bytes(status.bytes_memory())},
                 {"bytes_disk", Bytes(status.bytes_disk())},
                 {"build_time", DurationText(static_cast<double>(status.build_time_ms()) / 1000)},
                 {"build_progress", ProgressText(status)},
                 {"generation", Concat(status.generation())},
                 {"visible_seq", SequenceText(status.visible_seq())},
                 {"lag_rows", Grouped(status.lag_rows())},
                 {"lag", DurationText(Seconds(status.lag()))},
                 {"segments", Concat(status.segments())},
                 {"tail_rows", Grouped(status.tail_rows())},
                 {"last_error", status.last_error().empty() ? "none" : status.last_error()}});
}

std::string ShardTable(const v1::IndexInfo& info) {
  TextTable table{{{"SHARD", true},
                   {"STATE"},
                   {"TOTAL", true},
                   {"INDEXED", true},
                   {"PENDING", true},
                   {"NULL", true},
                   {"INVALID", true},
                   {"DELETED", true},
                   {"TAIL", true},
                   {"GENERATION", true},
                   {"BUILD", true},
                   {"DISK", true}},
                  {}};
  for (int shard = 0; shard < info.shards_size(); ++shard) {
    const v1::IndexStatus& status = info.shards(shard);
    table.rows.push_back({Concat(shard), StateName(status), Grouped(status.rows_total()),
                          Grouped(status.rows_indexed()), Grouped(status.rows_pending()),
                          Grouped(status.rows_null()), Grouped(status.rows_invalid()),
                          Grouped(status.rows_deleted()), Grouped(status.tail_rows()),
                          Concat(status.generation()), Percent(status.build_progress()),
                          Bytes(status.bytes_disk())});
  }
  return RenderTable(table, TerminalWidth());
}

}  // namespace

std::string IndexFacts(const v1::IndexInfo& info) {
  Facts facts;
  AppendDefinition(info.index(), &facts);
  AppendStatus(info.status(), &facts);
  std::string text = RenderFacts(facts);
  if (info.shards_size() > 1) text += Concat("\n", ShardTable(info));
  return text;
}

std::string IndexTable(const v1::ListIndexesResponse& response) {
  TextTable table{{{"TABLE"},
                   {"INDEX"},
                   {"COLUMN"},
                   {"ENGINE"},
                   {"METRIC"},
                   {"DIM", true},
                   {"MODE"},
                   {"STATE"},
                   {"INDEXED", true},
                   {"PENDING", true},
                   {"DISK", true}},
                  {}};
  for (const v1::IndexInfo& info : response.indexes()) {
    const v1::Index& index = info.index();
    table.rows.push_back(
        {index.table(), index.name(), index.column(),
         ShortEnumName(*v1::Engine_descriptor(), index.engine()),
         ShortEnumName(*v1::Metric_descriptor(), index.metric()), Concat(index.dim()),
         ShortEnumName(*v1::FreshnessMode_descriptor(), index.mode()), StateName(info.status()),
         Grouped(info.status().rows_indexed()), Grouped(info.status().rows_pending()),
         Bytes(info.status().bytes_disk())});
  }
  return RenderTable(table, TerminalWidth());
}

}  // namespace ordinate::cli
