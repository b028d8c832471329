#include "tests/bench/engine/ordinate_contender.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <deque>
#include <functional>
#include <limits>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "engine/index/segment_builder.h"
#include "engine/search/batch_scan.h"
#include "engine/search/exact_score.h"
#include "engine/search/graph_search.h"
#include "engine/search/node_distance.h"
#include "engine/search/node_scan.h"
#include "engine/search/query_tiles.h"
#include "storage/base/status_macros.h"
#include "storage/vdata/segment_file.h"

namespace ordinate::bench {
namespace {

enum class Kind { kF32, kSq8, kFlat };

struct ScoredRow {
  double score = 0;
  uint32_t node = 0;
};

/// By score and then node.
struct IsBetter {
  bool descending;
  bool operator()(const ScoredRow& a, const ScoredRow& b) const {
    if (a.score != b.score) return (a.score > b.score) == descending;
    return a.node < b.node;
  }
};

/// Keeps the `count` best first.
void SortBest(std::vector<ScoredRow>& rows, size_t count, bool descending) {
  count = std::min(count, rows.size());
  std::partial_sort(rows.begin(), rows.begin() + static_cast<ptrdiff_t>(count), rows.end(),
                    IsBetter{descending});
  rows.resize(count);
}

/// Rows of the best nodes, up to out.size() of them, and kNoRow after the last.
void WriteRows(const SegmentView& view, const std::vector<ScoredRow>& best,
               std::span<uint32_t> out) {
  size_t count = 0;
  for (const ScoredRow& scored : best) {
    for (uint32_t row = view.node_rows[scored.node];
         row < view.node_rows[scored.node + 1] && count < out.size(); ++row) {
      out[count++] = static_cast<uint32_t>(view.row_ids[row]);
    }
  }
  std::fill(out.begin() + static_cast<ptrdiff_t>(count), out.end(), kNoRow);
}

/// What the engine does for one query over one sealed segment: search the graph for `ef` nodes,
/// score the nearest `w` exactly, keep the best k.
absl::Status SearchOne(const SegmentFile& file, std::span<const float> query, uint32_t k,
                       uint32_t ef, uint32_t w, std::vector<ScoredRow>& scratch, GraphStats* stats,
                       std::span<uint32_t> out) {
  const CallContext context;
  const SegmentView& view = file.view();
  ASSIGN_OR_RETURN(const PreparedQuery prepared, PreparedQuery::Create(view, query));
  GraphQuery search;
  search.query = &prepared;
  search.ef = ef;
  search.file = &file;
  ASSIGN_OR_RETURN(const std::vector<GraphHit> hits, SearchGraph(view, search, context, stats));
  const ExactScorer scorer(view.metric, query);
  scratch.clear();
  constexpr size_t kFetchAhead = 8;
  const auto fetch = [&](size_t i) {
    if (i >= hits.size() || i >= w) return;
    PrefetchLines(view.vectors.data() + size_t{hits[i].node} * view.stride,
                  std::min<size_t>(view.stride * sizeof(float), 1'024));
  };
  for (size_t i = 0; i < kFetchAhead; ++i) fetch(i);
  const IsBetter is_better{HigherIsBetter(view.metric)};
  const BestScore best(view, prepared, query);
  for (size_t i = 0; i < hits.size() && i < w; ++i) {
    if (best.known() && scratch.size() == k) {
      const double bound = best.At(hits[i].distance);
      if (is_better.descending ? bound < scratch.back().score : bound > scratch.back().score) break;
    }
    fetch(i + kFetchAhead);
    const uint32_t node = hits[i].node;
    RETURN_IF_ERROR(file.EnsureVectors(node, node + 1));
    const ScoredRow row{scorer.Score(view.vectors.data() + size_t{node} * view.stride), node};
    if (scratch.size() == k) {
      if (!is_better(row, scratch.back())) continue;
      scratch.pop_back();
    }
    scratch.insert(std::upper_bound(scratch.begin(), scratch.end(), row, is_better), row);
  }
  WriteRows(view, scratch, out);
  return absl::OkStatus();
}

/// What the engine does for one query of an exact scan of one sealed segment.
absl::Status ScanOne(const SegmentFile& file, std::span<const float> query, uint32_t k,
                     std::vector<ScoredRow>& scratch, std::span<uint32_t> out) {
  constexpr uint32_t kPart = 256;
  const CallContext context;
  const SegmentView& view = file.view();
  const bool descending = HigherIsBetter(view.metric);
  const ExactScorer scorer(view.metric, query);
  NodeScan scan(view, &file, scorer);
  scratch.clear();
  std::optional<double> worst;
  for (uint32_t first = 0; first < view.nodes; first += kPart) {
    const uint32_t last = std::min(view.nodes, first + kPart);
    ASSIGN_OR_RETURN(const auto nodes, scan.Score(first, last, worst, context));
    for (const auto& [node, score] : nodes) {
      if (worst.has_value() && (descending ? score <= *worst : score >= *worst)) continue;
      scratch.push_back({score, node});
      if (scratch.size() < 2 * size_t{k} && scratch.size() != k) continue;
      SortBest(scratch, k, descending);
      worst = scratch.back().score;
    }
  }
  SortBest(scratch, k, descending);
  WriteRows(view, scratch, out);
  return absl::OkStatus();
}

/// The best k of one query of a batch scan.
class BestNodes final : public ScanTarget {
 public:
  BestNodes(size_t k, bool descending) : k_(k), descending_(descending) {}

  bool Accepts(uint32_t) const override { return true; }
  std::optional<double> FirstBeyond() const override {
    if (best_.size() < k_) return std::nullopt;
    const double infinity = std::numeric_limits<double>::infinity();
    return std::nextafter(best_.front().score, descending_ ? -infinity : infinity);
  }
  void Offer(uint32_t node, double score) override {
    best_.push_back({score, node});
    std::push_heap(best_.begin(), best_.end(), Before());
    if (best_.size() <= k_) return;
    std::pop_heap(best_.begin(), best_.end(), Before());
    best_.pop_back();
  }
  std::vector<ScoredRow>& Take() {
    std::sort_heap(best_.begin(), best_.end(), Before());
    return best_;
  }

 private:
  std::function<bool(const ScoredRow&, const ScoredRow&)> Before() const {
    return [descending = descending_](const ScoredRow& a, const ScoredRow& b) {
      return a.score != b.score ? (a.score > b.score) == descending : a.node < b.node;
    };
  }
  const size_t k_;
  const bool descending_;
  std::vector<ScoredRow> best_;  // worst first
};

/// What the engine does for several queries of an exact scan.
absl::Status ScanMany(const SegmentFile& file, std::span<const float> queries, uint32_t k,
                      Executor* executor, std::span<uint32_t> out) {
  const SegmentView& view = file.view();
  const size_t count = queries.size() / view.dim;
  const bool descending = HigherIsBetter(view.metric);
  std::deque<ExactScorer> scorers;
  std::deque<BestNodes> best;
  std::vector<ScanQuery> batch;
  for (size_t i = 0; i < count; ++i) {
    const std::span<const float> query = queries.subspan(i * view.dim, view.dim);
    if (!QueryTiles::Fits(view, query)) {
      return absl::OutOfRangeError("a vector is too long, or too short, for sums in f32");
    }
    batch.push_back(
        {&scorers.emplace_back(view.metric, query), k, &best.emplace_back(k, descending)});
  }
  RETURN_IF_ERROR(ScanForMany(view, &file, batch, executor, CallContext()));
  for (size_t i = 0; i < count; ++i) WriteRows(view, best[i].Take(), out.subspan(i * k, k));
  return absl::OkStatus();
}

class OrdinateContender final : public Contender {
 public:
  OrdinateContender(Kind kind, std::string code_id) : kind_(kind), code_id_(std::move(code_id)) {}

  std::string name() const override {
    switch (kind_) {
      case Kind::kF32:
        return "ordinate-f32";
      case Kind::kSq8:
        return "ordinate-sq8";
      case Kind::kFlat:
        break;
    }
    return "ordinate-flat";
  }
  std::string version() const override { return absl::StrCat("kernels ", BestKernels().name); }
  std::string code_id() const override { return code_id_; }
  bool is_graph() const override { return kind_ != Kind::kFlat; }
  bool is_mapped() const override { return true; }

  absl::StatusOr<double> Build(const DataSet& set, const BuildParams& params,
                               const std::string& path, const Progress& progress) override {
    const TableDef table{.id = 1,
                         .name = "bench",
                         .columns = {{.id = 1,
                                      .name = "v",
                                      .role = ColumnRole::kVector,
                                      .type = DataType::kVector,
                                      .nullable = true,
                                      .dim = set.dim}}};
    const auto start = std::chrono::steady_clock::now();
    ASSIGN_OR_RETURN(const auto builder, SegmentBuilder::Create(table, Index(set, params), 1));
    for (uint32_t i = 0; i < set.rows(); ++i) {
      const auto row = set.row(i);
      RETURN_IF_ERROR(builder->Add({i, 1, {Vector(row.begin(), row.end())}}));
    }
    std::unique_ptr<GraphBuilder> graphs;
    if (is_graph()) {
      ASSIGN_OR_RETURN(graphs, MakeGraphBuilder());
    }
    RETURN_IF_ERROR(builder
                        ->Finish(graphs.get(), {path, params.threads, params.seed}, CallContext(),
                                 [&](uint32_t done, uint32_t total) { progress(done, total); })
                        .status());
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  absl::Status Open(const DataSet&, const std::string& path) override {
    ASSIGN_OR_RETURN(file_, SegmentFile::Open(path));
    if (kind_ == Kind::kSq8 && file_->view().codes.codes.empty()) {
      return absl::FailedPreconditionError(absl::StrCat(path, " holds no codes"));
    }
    return absl::OkStatus();
  }
  void Close() override { file_.reset(); }

  absl::Status Search(std::span<const float> queries, const SearchParams& params,
                      std::span<uint32_t> out) override {
    return SearchAll(queries, params, nullptr, out);
  }

  absl::StatusOr<uint64_t> CountDistances(std::span<const float> queries,
                                          const SearchParams& params) override {
    const uint32_t dim = file_->view().dim;
    if (!is_graph()) return queries.size() / dim * file_->view().nodes;
    std::vector<uint32_t> out(queries.size() / dim * params.k);
    GraphStats stats;
    RETURN_IF_ERROR(SearchAll(queries, params, &stats, out));
    return stats.distances;
  }

  uint32_t BytesPerDistance(const DataSet& set) const override {
    return kind_ == Kind::kSq8 ? CodeStrideOf(set.dim) / 2 : StrideOf(set.dim) * sizeof(float);
  }

 private:
  IndexDef Index(const DataSet& set, const BuildParams& params) const {
    IndexDef index;
    index.id = 1;
    index.name = "bench";
    index.table_id = 1;
    index.column_id = 1;
    index.engine = is_graph() ? Engine::kHnsw : Engine::kFlat;
    index.metric = set.metric;
    index.dim = set.dim;
    index.m = params.m;
    index.ef_build = params.ef_build;
    if (kind_ == Kind::kSq8) index.quantization = Quantization::kSq8;
    return index;
  }

  absl::Status SearchAll(std::span<const float> queries, const SearchParams& params,
                         GraphStats* stats, std::span<uint32_t> out) {
    const uint32_t dim = file_->view().dim;
    if (!is_graph() && queries.size() == dim) {
      return ScanOne(*file_, queries, params.k, scratch_, out);
    }
    if (!is_graph()) {
      // The caller works too.
      if (params.threads > 1 && executor_ == nullptr) {
        executor_ = std::make_unique<Executor>(params.threads - 1);
      }
      return ScanMany(*file_, queries, params.k, params.threads > 1 ? executor_.get() : nullptr,
                      out);
    }
    const uint32_t w = kind_ == Kind::kSq8 ? params.rescore * params.k : params.k;
    for (size_t i = 0; i * dim < queries.size(); ++i) {
      RETURN_IF_ERROR(SearchOne(*file_, queries.subspan(i * dim, dim), params.k, params.ef, w,
                                scratch_, stats, out.subspan(i * params.k, params.k)));
    }
    return absl::OkStatus();
  }

  const Kind kind_;
  const std::string code_id_;
  std::unique_ptr<SegmentFile> file_;
  std::vector<ScoredRow> scratch_;
  std::unique_ptr<Executor> executor_;  // of batches
};

}  // namespace

std::vector<std::unique_ptr<Contender>> OrdinateContenders(const std::string& code_id) {
  std::vector<std::unique_ptr<Contender>> all;
  all.push_back(std::make_unique<OrdinateContender>(Kind::kF32, code_id));
  all.push_back(std::make_unique<OrdinateContender>(Kind::kSq8, code_id));
  all.push_back(std::make_unique<OrdinateContender>(Kind::kFlat, code_id));
  return all;
}

}  // namespace ordinate::bench
