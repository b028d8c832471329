#include <faiss/IndexHNSW.h>
#include <faiss/impl/DistanceComputer.h>
#include <omp.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <new>
#include <random>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/index/build_matrix.h"
#include "engine/index/graph_builder.h"
#include "engine/search/kernels.h"
#include "storage/base/status_macros.h"

namespace ordinate {
namespace {

// Nodes added by one call of the library: between two calls a build can be cancelled. Large enough
// that the few nodes of upper levels, which one thread adds, do not matter.
constexpr uint32_t kNodesPerPart = 4096;
constexpr uint32_t kMaxNodes = 1u << 30;
constexpr int kMaxLevel = 32;

// Squared L2 between rows of the matrix, by the fastest kernel of this machine. One per thread.
class MatrixDistance : public faiss::DistanceComputer {
 public:
  explicit MatrixDistance(const BuildMatrix& matrix) : matrix_(matrix), l2sq_(BestKernels().l2sq) {}

  void set_query(const float* x) override { query_ = x; }
  float operator()(idx_t i) override {
    return l2sq_(query_, matrix_.row(static_cast<uint32_t>(i)), matrix_.stride());
  }
  float symmetric_dis(idx_t i, idx_t j) override {
    return l2sq_(matrix_.row(static_cast<uint32_t>(i)), matrix_.row(static_cast<uint32_t>(j)),
                 matrix_.stride());
  }

 private:
  const BuildMatrix& matrix_;
  float (*const l2sq_)(const float*, const float*, size_t);
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
#ifdef __SANITIZE_THREAD__
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

// Levels as HNSW draws them: geometric with factor 1/m, from a seeded generator whose output the
// standard fixes.
class LevelGenerator {
 public:
  LevelGenerator(uint64_t seed, uint32_t m, int max_level)
      : random_(seed), scale_(1 / std::log(double{static_cast<double>(m)})), max_(max_level) {}

  int Next() {
    const double unit = (static_cast<double>(random_() >> 11) + 1) * 0x1p-53;  // in (0, 1]
    return std::min(static_cast<int>(-std::log(unit) * scale_), max_);
  }

 private:
  std::mt19937_64 random_;
  const double scale_;
  const int max_;
};

absl::Status Validate(const GraphParams& params, std::span<const float> vectors) {
  if (params.dim == 0 || params.dim > kMaxDim || params.stride != StrideOf(params.dim)) {
    return absl::InvalidArgumentError(absl::StrCat("a graph of dim ", params.dim, " with stride ",
                                                   params.stride, " cannot be built: dim is 1 to ",
                                                   kMaxDim, ", stride the next multiple of 16"));
  }
  if (params.m < kMinM || params.m > kMaxM || params.ef_build < 1 ||
      params.ef_build > kMaxEfBuild) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a graph of m ", params.m, " and ef_build ", params.ef_build, " cannot be built: m is ",
        kMinM, " to ", kMaxM, ", ef_build 1 to ", kMaxEfBuild));
  }
  if (vectors.size() % params.stride != 0 || vectors.size() / params.stride > kMaxNodes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a graph over ", vectors.size(), " floats cannot be built: they must be whole ",
        "vectors of stride ", params.stride, ", at most ", kMaxNodes));
  }
  return absl::OkStatus();
}

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
    RETURN_IF_ERROR(Validate(params, vectors));
    RETURN_IF_ERROR(context.Check());
    try {
      return BuildOrThrow(params, vectors, context, progress);
    } catch (const std::bad_alloc&) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "memory ran out while a graph of ", vectors.size() / params.stride, " vectors of dim ",
          params.dim, " was built: give the process more memory, or split the index"));
    } catch (const std::exception& error) {
      return absl::InternalError(absl::StrCat("the graph library failed: ", error.what()));
    }
  }

 private:
  static absl::StatusOr<Graph> BuildOrThrow(const GraphParams& params,
                                            std::span<const float> vectors,
                                            const CallContext& context,
                                            const BuildProgress& progress) {
    const BuildMatrix matrix(params.metric, params.dim, params.stride, vectors);
    MatrixStorage storage(matrix);
    faiss::IndexHNSW index(&storage, static_cast<int>(params.m));
    index.hnsw.efConstruction = static_cast<int>(params.ef_build);
    const int table_levels = static_cast<int>(index.hnsw.cum_nneighbor_per_level.size()) - 2;
    LevelGenerator levels(params.seed, params.m, std::min(table_levels, kMaxLevel));
    const ThreadCount threads(params.threads);
    for (uint32_t done = 0; done < matrix.nodes();) {
      const uint32_t part = std::min(matrix.nodes() - done, kNodesPerPart);
      // Levels given beforehand are taken as they are; the library counts them from 1.
      for (uint32_t i = 0; i < part; ++i) index.hnsw.levels.push_back(levels.Next() + 1);
      index.add(part, matrix.row(done));
      done += part;
      if (progress) progress(done, matrix.nodes());
      RETURN_IF_ERROR(context.Check());
    }
    return Freeze(index.hnsw, params.m, matrix.nodes());
  }
};

}  // namespace

absl::StatusOr<std::unique_ptr<GraphBuilder>> MakeGraphBuilder() {
  return std::make_unique<FaissGraphBuilder>();
}

}  // namespace ordinate
