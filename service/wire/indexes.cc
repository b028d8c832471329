#include "service/wire/indexes.h"

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

#include "service/wire/durations.h"
#include "service/wire/enums.h"
#include "service/wire/queries.h"
#include "service/wire/rows.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

// The domain's enums carry the API's numbers.
static_assert(static_cast<int>(DimPolicy::kSkip) == v1::DIM_POLICY_SKIP);
static_assert(static_cast<int>(FreshnessMode::kRebuildOnly) == v1::FRESHNESS_MODE_REBUILD_ONLY);
static_assert(static_cast<int>(Quantization::kSq8) == v1::QUANTIZATION_SQ8);
static_assert(static_cast<int>(IndexState::kFailed) == v1::INDEX_STATE_FAILED);

absl::Status EnumsFromProto(const v1::Index& proto, IndexDef& index) {
  if (!v1::Engine_IsValid(proto.engine())) {
    return EnumRefusal("index.engine", proto.engine(), "HNSW, FLAT");
  }
  if (!v1::Metric_IsValid(proto.metric())) {
    return EnumRefusal("index.metric", proto.metric(), "L2, COSINE, IP");
  }
  if (!v1::FreshnessMode_IsValid(proto.mode())) {
    return EnumRefusal("index.mode", proto.mode(), "IMMEDIATE, BATCHED, ASYNC, REBUILD_ONLY");
  }
  if (!v1::DimPolicy_IsValid(proto.dim_policy())) {
    return EnumRefusal("index.dim_policy", proto.dim_policy(), "ERROR, SKIP");
  }
  if (!v1::Quantization_IsValid(proto.quantization())) {
    return EnumRefusal("index.quantization", proto.quantization(), "NONE, SQ8");
  }
  if (proto.engine() != 0) index.engine = static_cast<Engine>(proto.engine());
  if (proto.metric() != 0) index.metric = static_cast<Metric>(proto.metric());
  if (proto.mode() != 0) index.mode = static_cast<FreshnessMode>(proto.mode());
  if (proto.dim_policy() != 0) index.dim_policy = static_cast<DimPolicy>(proto.dim_policy());
  if (proto.quantization() != 0) {
    index.quantization = static_cast<Quantization>(proto.quantization());
  }
  return absl::OkStatus();
}

// A number given for an engine that has no use for it is a mistake to tell of, not to drop.
absl::Status CheckGraphOptions(const v1::Index& proto, Engine engine) {
  if (engine == Engine::kHnsw) return absl::OkStatus();
  const std::pair<std::string_view, uint32_t> options[] = {
      {"m", proto.m()}, {"ef_build", proto.ef_build()}, {"ef_search", proto.ef_search()}};
  for (const auto& [name, value] : options) {
    if (value == 0) continue;
    return InField(absl::InvalidArgumentError(Concat("index.", name, " is ", value, "; ", name,
                                                     " does not apply to ", EngineName(engine),
                                                     ", leave it out")),
                   Concat("index.", name));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<IndexInput> IndexFromProto(const v1::Index& proto) {
  IndexInput input;
  input.table = proto.table();
  input.column = proto.column();
  IndexDef& index = input.index;
  index.name = proto.name();
  RETURN_IF_ERROR(EnumsFromProto(proto, index));
  RETURN_IF_ERROR(CheckGraphOptions(proto, index.engine));
  index.dim = proto.dim();
  index.m = proto.m();
  index.ef_build = proto.ef_build();
  index.ef_search = proto.ef_search();
  if (proto.batch_rows() != 0) index.batch_rows = proto.batch_rows();
  if (proto.max_lag_rows() != 0) index.max_lag_rows = proto.max_lag_rows();
  if (proto.has_batch_interval()) {
    const auto micros = MicrosFromProto(proto.batch_interval());
    if (!micros.ok()) return InField(micros.status(), "index.batch_interval");
    index.batch_interval_micros = *micros;
  }
  if (proto.has_rebuild_interval()) {
    const auto micros = MicrosFromProto(proto.rebuild_interval());
    if (!micros.ok()) return InField(micros.status(), "index.rebuild_interval");
    index.rebuild_interval_micros = *micros;
  }
  return input;
}

absl::StatusOr<std::function<void(IndexDef&)>> AlterationFromProto(
    const v1::AlterIndexRequest& proto, Engine engine) {
  if (!v1::FreshnessMode_IsValid(proto.mode())) {
    return EnumRefusal("mode", proto.mode(), "IMMEDIATE, BATCHED, ASYNC, REBUILD_ONLY");
  }
  if (!v1::DimPolicy_IsValid(proto.dim_policy())) {
    return EnumRefusal("dim_policy", proto.dim_policy(), "ERROR, SKIP");
  }
  if (!v1::Quantization_IsValid(proto.quantization())) {
    return EnumRefusal("quantization", proto.quantization(), "NONE, SQ8");
  }
  if (proto.mode() == 0 && proto.dim_policy() == 0 && !proto.has_ef_search() &&
      !proto.has_batch_rows() && !proto.has_batch_interval() && !proto.has_max_lag_rows() &&
      !proto.has_rebuild_interval() && !proto.has_m() && !proto.has_ef_build() &&
      proto.quantization() == 0) {
    return InField(
        absl::InvalidArgumentError("nothing is to change; give mode, ef_search, dim_policy, "
                                   "batch_rows, batch_interval, max_lag_rows, rebuild_interval, "
                                   "m, ef_build or quantization"),
        "mode");
  }
  const std::pair<const char*, bool> of_graphs[] = {{"ef_search", proto.has_ef_search()},
                                                    {"m", proto.has_m()},
                                                    {"ef_build", proto.has_ef_build()}};
  for (const auto& [name, given] : of_graphs) {
    if (!given || engine == Engine::kHnsw) continue;
    return InField(absl::InvalidArgumentError(
                       Concat(name, " does not apply to ", EngineName(engine), ", leave it out")),
                   name);
  }
  uint64_t interval_micros = 0;
  if (proto.has_batch_interval()) {
    const auto micros = MicrosFromProto(proto.batch_interval());
    if (!micros.ok()) return InField(micros.status(), "batch_interval");
    interval_micros = *micros;
  }
  uint64_t rebuild_micros = 0;
  if (proto.has_rebuild_interval()) {
    const auto micros = MicrosFromProto(proto.rebuild_interval());
    if (!micros.ok()) return InField(micros.status(), "rebuild_interval");
    rebuild_micros = *micros;
  }
  return [proto, interval_micros, rebuild_micros](IndexDef& index) {
    if (proto.mode() != 0) index.mode = static_cast<FreshnessMode>(proto.mode());
    if (proto.dim_policy() != 0) index.dim_policy = static_cast<DimPolicy>(proto.dim_policy());
    if (proto.has_ef_search()) index.ef_search = proto.ef_search();
    if (proto.has_batch_rows()) index.batch_rows = proto.batch_rows();
    if (proto.has_batch_interval()) index.batch_interval_micros = interval_micros;
    if (proto.has_max_lag_rows()) index.max_lag_rows = proto.max_lag_rows();
    if (proto.has_rebuild_interval()) index.rebuild_interval_micros = rebuild_micros;
    if (proto.has_m()) index.m = proto.m();
    if (proto.has_ef_build()) index.ef_build = proto.ef_build();
    if (proto.quantization() != 0) {
      index.quantization = static_cast<Quantization>(proto.quantization());
    }
  };
}

void IndexToProto(const IndexDef& index, const TableDef& table, v1::Index* proto) {
  proto->set_name(index.name);
  proto->set_table(table.name);
  const auto column =
      std::find_if(table.columns.begin(), table.columns.end(),
                   [&](const ColumnDef& candidate) { return candidate.id == index.column_id; });
  if (column != table.columns.end()) proto->set_column(column->name);
  proto->set_engine(EngineToProto(index.engine));
  proto->set_metric(MetricToProto(index.metric));
  proto->set_dim(index.dim);
  if (index.engine == Engine::kHnsw) {
    proto->set_m(index.m);
    proto->set_ef_build(index.ef_build);
    proto->set_ef_search(index.ef_search);
  }
  proto->set_mode(static_cast<v1::FreshnessMode>(index.mode));
  proto->set_dim_policy(static_cast<v1::DimPolicy>(index.dim_policy));
  proto->set_quantization(static_cast<v1::Quantization>(index.quantization));
  proto->set_batch_rows(index.batch_rows);
  MicrosToProto(static_cast<int64_t>(index.batch_interval_micros), proto->mutable_batch_interval());
  proto->set_max_lag_rows(index.max_lag_rows);
  if (index.rebuild_interval_micros != 0) {
    MicrosToProto(static_cast<int64_t>(index.rebuild_interval_micros),
                  proto->mutable_rebuild_interval());
  }
}

void IndexStatusToProto(const ShardIndexStatus& status, const SeqByShard& visible_seq,
                        v1::IndexStatus* proto) {
  proto->set_state(static_cast<v1::IndexState>(status.state));
  proto->set_reason(status.reason);
  proto->set_rows_total(status.rows_total);
  proto->set_rows_indexed(status.rows_indexed);
  proto->set_rows_pending(status.rows_pending);
  proto->set_rows_null(status.rows_null);
  proto->set_rows_invalid(status.rows_invalid);
  proto->set_rows_deleted(status.rows_deleted);
  proto->set_bytes_memory(status.bytes_memory);
  proto->set_bytes_disk(status.bytes_disk);
  proto->set_build_time_ms(status.build_time_ms);
  proto->set_build_progress(status.build_progress);
  proto->set_build_rows_per_second(status.build_rows_per_second);
  if (status.build_left_micros.has_value()) {
    MicrosToProto(*status.build_left_micros, proto->mutable_build_time_left());
  }
  proto->set_generation(status.generation);
  TokenToProto(visible_seq, proto->mutable_visible_seq());
  proto->set_lag_rows(status.lag_rows);
  MicrosToProto(status.lag_micros, proto->mutable_lag());
  proto->set_segments(status.segments);
  proto->set_tail_rows(status.tail_rows);
  proto->set_last_error(status.last_error);
}

void IndexInfoToProto(const IndexInfo& info, v1::IndexInfo* proto) {
  IndexToProto(info.index, info.table, proto->mutable_index());
  IndexStatusToProto(info.total, info.visible_seq, proto->mutable_status());
  for (uint32_t shard = 0; shard < info.shards.size(); ++shard) {
    const ShardIndexStatus& status = info.shards[shard];
    IndexStatusToProto(status, {{shard, status.visible_seq}}, proto->add_shards());
  }
}

RebuildGate GateFromProto(const v1::RebuildGate& proto) {
  RebuildGate gate;
  gate.min_recall = proto.min_recall();
  if (proto.k() != 0) gate.k = proto.k();
  if (proto.samples() != 0) gate.samples = proto.samples();
  return gate;
}

RecallQuestion RecallFromProto(const v1::MeasureRecallRequest& proto) {
  RecallQuestion question;
  question.index = proto.name();
  if (proto.samples() != 0) question.samples = proto.samples();
  if (proto.k() != 0) question.k = proto.k();
  question.seed = proto.seed();
  question.settings.insert(proto.settings().begin(), proto.settings().end());
  return question;
}

void RecallToProto(const RecallAnswer& answer, uint32_t k, v1::MeasureRecallResponse* proto) {
  proto->set_samples(answer.samples);
  proto->set_k(k);
  proto->set_recall(answer.recall);
  proto->set_recall_low(answer.low);
  proto->set_recall_high(answer.high);
  proto->set_worst(answer.worst);
  NanosToProto(answer.ann_nanos, proto->mutable_ann_time());
  NanosToProto(answer.exact_nanos, proto->mutable_exact_time());
  proto->set_ef_search(answer.plan.ef_search);
  proto->set_w(answer.plan.w);
}

}  // namespace ordinate
