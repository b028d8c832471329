#include "tests/index/faiss_graph_builder.h"

#include <faiss/IndexHNSW.h>
#include <faiss/impl/DistanceComputer.h>
#include <omp.h>

#include <algorithm>

#include "engine/index/build_matrix.h"
#include "engine/index/insertion_order.h"
#include "engine/search/kernels.h"
#include "storage/base/status_macros.h"

namespace ordinate {
namespace {

// Distances between rows of the matrix. One per thread.
class MatrixDistance : public faiss::DistanceComputer {
 public:
  explicit MatrixDistance(const BuildMatrix& matrix) : matrix_(matrix) {}

  void set_query(const float* x) override { query_ = x; }
  float operator()(idx_t i) override { return From(query_, i); }
  float symmetric_dis(idx_t i, idx_t j) override {
    return From(matrix_.row(static_cast<uint32_t>(i)), j);
  }

 private:
  float From(const float* x, idx_t i) const {
    const auto node = static_cast<uint32_t>(i);
    float distance = 0;
    matrix_.Distances(x, {&node, 1}, &distance);
    return distance;
  }

  const BuildMatrix& matrix_;
  const float* query_ = nullptr;
};

// The matrix as the library's storage: "adding" makes further rows of it visible.
class MatrixStorage : public faiss::Index {
 public:
  explicit MatrixStorage(const BuildMatrix& matrix)
      : faiss::Index(matrix.stride(), faiss::METRIC_L2), matrix_(matrix) {}

  void add(idx_t n, const float*) override { ntotal += n; }
  void reset() override { ntotal = 0; }
  void search(idx_t, const float*, idx_t, float*, idx_t*,
              const faiss::SearchParameters*) const override {}
  faiss::DistanceComputer* get_distance_computer() const override {
    return new MatrixDistance(matrix_);
  }

 private:
  const BuildMatrix& matrix_;
};

// The number of threads of this thread's parallel regions, set for a scope.
class ThreadCount {
 public:
  explicit ThreadCount(uint32_t threads) : before_(omp_get_max_threads()) {
#ifdef ORDINATE_THREAD_SANITIZER
    threads = 1;  // the OpenMP runtime is not instrumented: every region would look like a race
#endif
    omp_set_num_threads(static_cast<int>(std::clamp(threads, 1u, 1024u)));
  }
  ~ThreadCount() { omp_set_num_threads(before_); }
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  const int before_;
};

// Copies one block of links; unused slots get the node's own id.
void CopyLinks(const faiss::HNSW& hnsw, uint32_t node, int level, std::span<uint32_t> out) {
  size_t begin = 0, end = 0;
  hnsw.neighbor_range(node, level, &begin, &end);
  size_t count = 0;
  for (size_t i = begin; i < end && hnsw.neighbors[i] >= 0; ++i) {
    out[count++] = static_cast<uint32_t>(hnsw.neighbors[i]);
  }
  std::fill(out.begin() + static_cast<ptrdiff_t>(count), out.end(), node);
}

Graph EmptyGraph(uint32_t m, uint32_t nodes) {
  Graph graph;
  graph.degree0 = StrideOf(2 * m);
  graph.degree = m;
  graph.links0.resize(size_t{nodes} * graph.degree0);
  graph.levels.resize(nodes);
  graph.upper_offsets.assign(size_t{nodes} + 1, 0);
  return graph;
}

Graph Freeze(const faiss::HNSW& hnsw, uint32_t m, uint32_t nodes) {
  Graph graph = EmptyGraph(m, nodes);
  if (nodes == 0) return graph;
  graph.entry = static_cast<uint32_t>(hnsw.entry_point);
  graph.max_level = static_cast<uint32_t>(hnsw.max_level);
  for (uint32_t node = 0; node < nodes; ++node) {
    graph.levels[node] = static_cast<uint8_t>(hnsw.levels[node] - 1);
    graph.upper_offsets[node + 1] = graph.upper_offsets[node] + graph.levels[node];
  }
  graph.upper_links.resize(size_t{graph.upper_offsets[nodes]} * m);
  for (uint32_t node = 0; node < nodes; ++node) {
    const std::span<uint32_t> links0(graph.links0);
    CopyLinks(hnsw, node, 0, links0.subspan(size_t{node} * graph.degree0, graph.degree0));
    for (uint32_t level = 1; level <= graph.levels[node]; ++level) {
      const size_t block = size_t{graph.upper_offsets[node]} + level - 1;
      CopyLinks(hnsw, node, static_cast<int>(level),
                std::span<uint32_t>(graph.upper_links).subspan(block * m, m));
    }
  }
  return graph;
}

class FaissGraphBuilder : public GraphBuilder {
 public:
  absl::StatusOr<Graph> Build(const GraphParams& params, std::span<const float> vectors,
                              const CallContext& context,
                              const BuildProgress& progress) const override {
    ASSIGN_OR_RETURN(const BuildMatrix matrix,
                     BuildMatrix::Create(params.metric, params.stride, vectors, context));
    MatrixStorage storage(matrix);
    faiss::IndexHNSW index(&storage, static_cast<int>(params.m));
    index.hnsw.efConstruction = static_cast<int>(params.ef_build);
    for (const uint8_t level : DrawLevels(matrix.nodes(), params.m, params.seed)) {
      index.hnsw.levels.push_back(level + 1);  // taken as they are; the library counts from 1
    }
    const ThreadCount threads(params.threads);
    if (matrix.nodes() > 0) index.add(matrix.nodes(), matrix.row(0));
    if (progress) progress(matrix.nodes(), matrix.nodes());
    RETURN_IF_ERROR(context.Check());
    return Freeze(index.hnsw, params.m, matrix.nodes());
  }
};

}  // namespace

std::unique_ptr<GraphBuilder> MakeFaissGraphBuilder() {
  return std::make_unique<FaissGraphBuilder>();
}

}  // namespace ordinate
