#include "service/wire/analysis.h"

#include "absl/strings/str_format.h"
#include "service/wire/durations.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

std::string SegmentText(const SegmentStats& segment) {
  std::string text =
      Concat(segment.segment, " ", PathName(segment.path), ", rescored ", segment.rescored);
  if (segment.path == Path::kAnn) {
    text += Concat(", nodes visited ", segment.nodes_visited, ", distances ", segment.distances,
                   ", candidates ", segment.candidates);
  }
  return Concat(text, ", ", MillisText(segment.nanos));
}

void SegmentToProto(const SegmentStats& segment, v1::SegmentAnalysis* proto) {
  proto->set_segment(segment.segment);
  proto->set_path(static_cast<v1::Path>(segment.path));
  proto->set_nodes_visited(segment.nodes_visited);
  proto->set_distances(segment.distances);
  proto->set_candidates(segment.candidates);
  proto->set_rescored(segment.rescored);
  NanosToProto(segment.nanos, proto->mutable_time());
}

uint64_t SeqOf(const SeqByShard& visible_seq, uint32_t shard) {
  const auto found = visible_seq.find(shard);
  return found == visible_seq.end() ? 0 : found->second;
}

}  // namespace

std::string MillisText(int64_t nanos) {
  return absl::StrFormat("%.3f ms", static_cast<double>(nanos) / 1e6);
}

std::string ShardsText(const std::vector<ShardQueryStats>& shards, const SeqByShard& visible_seq) {
  std::string text;
  for (uint32_t shard = 0; shard < shards.size(); ++shard) {
    const ShardQueryStats& stats = shards[shard];
    text += Concat("shard ", shard, ": visible sequence ", SeqOf(visible_seq, shard), ", rank ",
                   MillisText(stats.rank_nanos), ", fetch ", MillisText(stats.fetch_nanos),
                   ", tail rows ", stats.tail_rows, "\n");
    for (const SegmentStats& segment : stats.segments) {
      text += Concat("shard ", shard, " segment: ", SegmentText(segment), "\n");
    }
  }
  return text;
}

std::string AnalysisText(const QueryResult& result) {
  return Concat("rows: ", result.ranked.size(), "\nw used: ", result.w_used,
                "\nties closed: ", result.tie_closed ? "yes" : "no",
                "\nserver time: ", MillisText(result.server_nanos), "\n",
                ShardsText(result.shard_stats, result.visible_seq));
}

void AnalysisToProto(const QueryResult& result, v1::Analysis* proto) {
  for (uint32_t shard = 0; shard < result.shard_stats.size(); ++shard) {
    const ShardQueryStats& stats = result.shard_stats[shard];
    auto* out = proto->add_shards();
    out->set_shard(shard);
    out->set_visible_seq(SeqOf(result.visible_seq, shard));
    NanosToProto(stats.rank_nanos, out->mutable_rank_time());
    NanosToProto(stats.fetch_nanos, out->mutable_fetch_time());
    out->set_tail_rows(stats.tail_rows);
    for (const SegmentStats& segment : stats.segments) {
      SegmentToProto(segment, out->add_segments());
    }
  }
  proto->set_rows(result.ranked.size());
  proto->set_w_used(result.w_used);
  proto->set_tie_closed(result.tie_closed);
  NanosToProto(result.server_nanos, proto->mutable_server_time());
  proto->set_text(AnalysisText(result));
}

}  // namespace ordinate
