#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ordinate/v1/query_service.pb.h"
#include "service/front/front.h"

namespace ordinate {

/// What answering took (contract 4.2). REQUIRES: the question was analyzed.
void AnalysisToProto(const QueryResult& result, v1::Analysis* proto);

/// The stable text form: one fact per line, after the plan's.
std::string AnalysisText(const QueryResult& result);
/// Its lines about each shard and segment.
std::string ShardsText(const std::vector<ShardQueryStats>& shards, const SeqByShard& visible_seq);
std::string MillisText(int64_t nanos);  // "1.234 ms"

}  // namespace ordinate
