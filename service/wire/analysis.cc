#include "service/wire/analysis.h"

#include "absl/strings/str_format.h"
#include "service/wire/durations.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

std::string Millis(int64_t nanos) {
  return absl::StrFormat("%.3f ms", static_cast<double>(nanos) / 1e6);
}

std::string SegmentText(const SegmentStats& segment) {
  std::string text =
      Concat(segment.segment, " ", PathName(segment.path), ", rescored ", segment.rescored);
  if (segment.path == Path::kAnn) {
    text += Concat(", nodes visited ", segment.nodes_visited, ", distances ", segment.distances,
                   ", candidates ", segment.candidates);
  }
  return Concat(text, ", ", Millis(segment.nanos));
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

uint64_t SeqOf(const QueryResult& result, uint32_t shard) {
  const auto found = result.visible_seq.find(shard);
  return found == result.visible_seq.end() ? 0 : found->second;
}

}  // namespace

std::string AnalysisText(const QueryResult& result) {
  std::string text = Concat("rows: ", result.ranked.size(), "\nw used: ", result.w_used,
                            "\nties closed: ", result.tie_closed ? "yes" : "no",
                            "\nserver time: ", Millis(result.server_nanos), "\n");
  for (uint32_t shard = 0; shard < result.shard_stats.size(); ++shard) {
    const ShardQueryStats& stats = result.shard_stats[shard];
    text += Concat("shard ", shard, ": visible sequence ", SeqOf(result, shard), ", rank ",
                   Millis(stats.rank_nanos), ", fetch ", Millis(stats.fetch_nanos), ", tail rows ",
                   stats.tail_rows, "\n");
    for (const SegmentStats& segment : stats.segments) {
      text += Concat("shard ", shard, " segment: ", SegmentText(segment), "\n");
    }
  }
  return text;
}

void AnalysisToProto(const QueryResult& result, v1::Analysis* proto) {
  for (uint32_t shard = 0; shard < result.shard_stats.size(); ++shard) {
    const ShardQueryStats& stats = result.shard_stats[shard];
    auto* out = proto->add_shards();
    out->set_shard(shard);
    out->set_visible_seq(SeqOf(result, shard));
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
