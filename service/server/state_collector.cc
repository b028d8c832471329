#include <functional>
#include <utility>

#include "service/server/metrics.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

struct IndexGauge {
  const char* name;
  const char* help;
  double (*read)(const ShardIndexStatus& status);
};

double Number(uint64_t value) { return static_cast<double>(value); }

constexpr IndexGauge kIndexGauges[] = {
    {"ordinate_index_total_rows", "Live rows of the index's table on the shard, in rows.",
     [](const ShardIndexStatus& s) { return Number(s.rows_total); }},
    {"ordinate_index_indexed_rows", "Rows whose newest version the index has, in rows.",
     [](const ShardIndexStatus& s) { return Number(s.rows_indexed); }},
    {"ordinate_index_pending_rows", "Rows whose newest version the index lacks, in rows.",
     [](const ShardIndexStatus& s) { return Number(s.rows_pending); }},
    {"ordinate_index_null_rows", "Rows without a vector for the index, in rows.",
     [](const ShardIndexStatus& s) { return Number(s.rows_null); }},
    {"ordinate_index_invalid_rows", "Rows left out of the index for their dim, in rows.",
     [](const ShardIndexStatus& s) { return Number(s.rows_invalid); }},
    {"ordinate_index_deleted_rows",
     "Rows in the index's files that are deleted or replaced, in rows.",
     [](const ShardIndexStatus& s) { return Number(s.rows_deleted); }},
    {"ordinate_index_tail_rows", "Rows scanned exactly, not in a sealed segment yet, in rows.",
     [](const ShardIndexStatus& s) { return Number(s.tail_rows); }},
    {"ordinate_index_lag_rows", "Rows written and not yet shown by the index, in rows.",
     [](const ShardIndexStatus& s) { return Number(s.lag_rows); }},
    {"ordinate_index_lag_seconds", "Age of the oldest row not yet shown, in seconds.",
     [](const ShardIndexStatus& s) { return static_cast<double>(s.lag_micros) / 1e6; }},
    {"ordinate_index_memory_bytes", "Anonymous memory the index holds, in bytes.",
     [](const ShardIndexStatus& s) { return Number(s.bytes_memory); }},
    {"ordinate_index_disk_bytes", "Size of the index's files, in bytes.",
     [](const ShardIndexStatus& s) { return Number(s.bytes_disk); }},
    {"ordinate_index_segments", "Sealed segments of the index, in segments.",
     [](const ShardIndexStatus& s) { return Number(s.segments); }},
    {"ordinate_index_generation",
     "Switches to newly built segments since the index was created, in switches.",
     [](const ShardIndexStatus& s) { return Number(s.generation); }},
    {"ordinate_index_build_progress_ratio",
     "Part of the running build that is done, as a ratio from 0 to 1; 1 when none is running.",
     [](const ShardIndexStatus& s) { return s.build_progress; }},
    {"ordinate_index_build_left_seconds",
     "How long the running build will take yet, in seconds; 0 when none is running, or nothing is "
     "known yet.",
     [](const ShardIndexStatus& s) {
       return static_cast<double>(s.build_left_micros.value_or(0)) / 1e6;
     }},
    {"ordinate_index_build_seconds", "Duration of the last finished build, in seconds.",
     [](const ShardIndexStatus& s) { return Number(s.build_time_ms) / 1e3; }},
    {"ordinate_index_visible_sequence",
     "Newest write that the index's answers show, as a sequence number of the shard.",
     [](const ShardIndexStatus& s) { return Number(s.visible_seq); }},
};

struct ShardGauge {
  const char* name;
  const char* help;
  uint64_t ShardWatermarks::*watermark;
};

constexpr ShardGauge kShardGauges[] = {
    {"ordinate_shard_accepted_sequence",
     "Newest write the shard has taken in, as a sequence number of the shard.",
     &ShardWatermarks::accepted},
    {"ordinate_shard_durable_sequence",
     "Newest write that is durable, as a sequence number of the shard.", &ShardWatermarks::durable},
    {"ordinate_shard_applied_sequence",
     "Newest write that is in the rows, as a sequence number of the shard.",
     &ShardWatermarks::applied},
    {"ordinate_shard_published_sequence",
     "Newest write that reads without an index see, as a sequence number of the shard.",
     &ShardWatermarks::published},
    {"ordinate_shard_remembered_requests",
     "Write requests with a request_id that the shard would know again, in requests.",
     &ShardWatermarks::remembered_requests},
    {"ordinate_shard_disk_full",
     "Whether the shard takes no writes because its disk has only the reserve left, as 1 or 0, "
     "without a unit.",
     &ShardWatermarks::disk_full},
    {"ordinate_shard_read_only",
     "Whether the shard takes no writes until the server is restarted because its store has "
     "failed, as 1 or 0, without a unit.",
     &ShardWatermarks::read_only},
    {"ordinate_shard_held_writes",
     "Writes that wait until the tail of an index is shorter, in requests.",
     &ShardWatermarks::held_writes},
};

MetricFamily GaugeFamily(const char* name, const char* help) {
  MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = MetricType::Gauge;
  return family;
}

void AddSample(MetricFamily& family, Labels labels, double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.gauge.value = value;
  family.metric.push_back(std::move(metric));
}

Labels IndexLabels(const IndexInfo& info, size_t shard) {
  return {{"table", info.table.name}, {"index", info.index.name}, {"shard", std::to_string(shard)}};
}

/// One sample per state, 1 for the state it is in.
MetricFamily StateFamily(const std::vector<IndexInfo>& indexes) {
  MetricFamily family = GaugeFamily(
      "ordinate_index_state",
      "Whether the index is in the state that the label names, as 1 or 0, without a unit.");
  for (const IndexInfo& info : indexes) {
    for (size_t shard = 0; shard < info.shards.size(); ++shard) {
      for (const IndexState state :
           {IndexState::kBuilding, IndexState::kReady, IndexState::kStale, IndexState::kFailed}) {
        Labels labels = IndexLabels(info, shard);
        labels.push_back({"state", std::string(IndexStateName(state))});
        AddSample(family, std::move(labels), info.shards[shard].state == state ? 1 : 0);
      }
    }
  }
  return family;
}

}  // namespace

std::vector<MetricFamily> StateCollector::Collect() const {
  std::vector<MetricFamily> families;
  for (const ShardGauge& gauge : kShardGauges) {
    families.push_back(GaugeFamily(gauge.name, gauge.help));
  }
  for (size_t shard = 0; shard < shards_.size(); ++shard) {
    const ShardWatermarks watermarks = shards_[shard]->GetWatermarks();
    for (size_t i = 0; i < std::size(kShardGauges); ++i) {
      AddSample(families[i], {{"shard", std::to_string(shard)}},
                Number(watermarks.*kShardGauges[i].watermark));
    }
  }
  MetricFamily tables = GaugeFamily("ordinate_tables", "Tables there are, in tables.");
  AddSample(tables, {}, Number(front_.definitions()->tables.size()));
  families.push_back(std::move(tables));

  const absl::StatusOr<std::vector<IndexInfo>> indexes = front_.ListIndexes("");
  if (!indexes.ok()) return families;  // an index dropped just now; the next scrape has the rest
  for (const IndexGauge& gauge : kIndexGauges) {
    MetricFamily family = GaugeFamily(gauge.name, gauge.help);
    for (const IndexInfo& info : *indexes) {
      for (size_t shard = 0; shard < info.shards.size(); ++shard) {
        AddSample(family, IndexLabels(info, shard), gauge.read(info.shards[shard]));
      }
    }
    families.push_back(std::move(family));
  }
  families.push_back(StateFamily(*indexes));
  return families;
}

}  // namespace ordinate
