#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "ordinate/v1/index_service.pb.h"
#include "service/front/front.h"
#include "storage/model/schema.h"

namespace ordinate {

/// What CreateIndex is asked for. Options left out are 0 in `index` where the front fills them
/// (dim, m, ef_build), and the definition's defaults elsewhere.
struct IndexInput {
  std::string table;
  std::string column;
  IndexDef index;
};

/// INVALID_ARGUMENT names the option that is unknown or not a duration.
absl::StatusOr<IndexInput> IndexFromProto(const v1::Index& proto);
void IndexToProto(const IndexDef& index, const TableDef& table, v1::Index* proto);

/// Checks a change of an index's options; returns what changes `index` so, to be called any number
/// of times. INVALID_ARGUMENT names the option that is unknown, not a duration or of no use to the
/// engine, or says that none is given.
absl::StatusOr<std::function<void(IndexDef&)>> AlterationFromProto(
    const v1::AlterIndexRequest& proto, Engine engine);

/// 0 is left as the default, but of min_recall.
RebuildGate GateFromProto(const v1::RebuildGate& proto);

/// 0 is left as the front's default.
RecallQuestion RecallFromProto(const v1::MeasureRecallRequest& proto);
void RecallToProto(const RecallAnswer& answer, uint32_t k, v1::MeasureRecallResponse* proto);

/// `visible_seq`: of the shards the status speaks of.
void IndexStatusToProto(const ShardIndexStatus& status, const SeqByShard& visible_seq,
                        v1::IndexStatus* proto);
void IndexInfoToProto(const IndexInfo& info, v1::IndexInfo* proto);

}  // namespace ordinate
