#include "engine/search/batch_scan.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <functional>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "engine/search/node_distance.h"
#include "engine/search/query_tiles.h"
#include "storage/base/mutex.h"
#include "storage/base/status_macros.h"

namespace ordinate {
namespace {

// Queries of one pass: their tiles stay in the cache of a core.
constexpr size_t kMostQueries = 128;
// Rows that all queries are estimated for before the next ones: a multiple of what the kernels take
// at once, so many bytes at most, that stay in the cache of a core too.
constexpr uint32_t kRowStep = 12;
constexpr uint32_t kMostBlockRows = 96;
constexpr size_t kBlockBytes = 192 << 10;
// Rows of one task, about: a fraction of a millisecond.
constexpr uint32_t kTaskRows = 1'536;
// Rows scored exactly whose vectors are on their way.
constexpr size_t kFetchAhead = 4;
constexpr size_t kFetchBytes = 1'024;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

uint32_t BlockRows(const SegmentView& segment) {
  const size_t rows = kBlockBytes / (segment.stride * sizeof(float)) / kRowStep * kRowStep;
  return static_cast<uint32_t>(std::clamp<size_t>(rows, kRowStep, kMostBlockRows));
}

/// A node that may be among the k best of a query.
struct Candidate {
  float estimate = 0;
  float merit = 0;  // at least
  uint32_t node = 0;
};

/// One pass over a segment.
class Pass {
 public:
  Pass(const SegmentView& segment, const SegmentFile* file, std::span<ScanQuery> queries,
       const CallContext& context)
      : segment_(segment),
        file_(file),
        queries_(queries),
        context_(context),
        block_rows_(BlockRows(segment)),
        task_rows_(kTaskRows / block_rows_ * block_rows_),
        tiles_(segment, Vectors(queries)),
        states_(queries.size()) {
    for (size_t i = 0; i < queries.size(); ++i) {
      const std::optional<double> beyond = queries[i].target->FirstBeyond();
      if (beyond.has_value()) Raise(i, tiles_.MeritOf(i, *beyond));
    }
  }

  absl::Status Run(Executor* executor) {
    ForEach(executor, (segment_.nodes + task_rows_ - 1) / task_rows_, [&](size_t task) {
      if (!status().ok()) return;
      const auto first = static_cast<uint32_t>(task) * task_rows_;
      std::unique_ptr<Worker> worker = TakeWorker();
      Note(Estimate(*worker, first, std::min(segment_.nodes, first + task_rows_)));
      MutexLock lock(mutex_);
      idle_.push_back(std::move(worker));
    });
    RETURN_IF_ERROR(status());
    ForEach(executor, queries_.size(), [&](size_t query) { Note(Finish(query)); });
    return status();
  }

 private:
  using Body = std::function<void(size_t)>;

  /// What one thread works with at a time; its candidates stay with it until the end.
  struct Worker {
    std::vector<std::vector<Candidate>> found;  // by query
    std::vector<float> least;                   // by query: lower estimates are dropped
    std::vector<float> sums, bias, norms;       // of a block
    std::vector<uint32_t> rows, bits;           // of a block and tile: see tile_select
  };
  /// What all threads know of a query.
  struct State {
    std::atomic<float> least{-kInfinity};
    Mutex mutex;  // held while nodes are offered
  };

  static std::vector<std::span<const float>> Vectors(std::span<const ScanQuery> queries) {
    std::vector<std::span<const float>> vectors;
    for (const ScanQuery& query : queries) vectors.push_back(query.scorer->query());
    return vectors;
  }

  static void ForEach(Executor* executor, size_t count, const Body& body) {
    if (executor != nullptr && count > 1) return executor->ParallelFor(count, body);
    for (size_t i = 0; i < count; ++i) body(i);
  }

  void Note(const absl::Status& failed) {
    MutexLock lock(mutex_);
    status_.Update(failed);
  }
  absl::Status status() {
    MutexLock lock(mutex_);
    return status_;
  }

  std::unique_ptr<Worker> TakeWorker() {
    {
      MutexLock lock(mutex_);
      if (!idle_.empty()) {
        std::unique_ptr<Worker> worker = std::move(idle_.back());
        idle_.pop_back();
        return worker;
      }
    }
    auto worker = std::make_unique<Worker>();
    worker->found.resize(queries_.size());
    worker->least.assign(tiles_.tiles() * kTileQueries, kInfinity);
    worker->sums.resize(size_t{2} * block_rows_ * kTileQueries);
    for (auto* floats : {&worker->bias, &worker->norms}) floats->resize(block_rows_);
    for (auto* numbers : {&worker->rows, &worker->bits}) numbers->resize(block_rows_);
    return worker;
  }

  /// No node worse than one of this merit is needed any more.
  float Raise(size_t query, double merit) {
    std::atomic<float>& shared = states_[query].least;
    const float least = tiles_.LeastEstimate(query, merit);
    float known = shared.load(std::memory_order_relaxed);
    while (known < least && !shared.compare_exchange_weak(known, least)) {
    }
    return std::max(known, least);
  }

  absl::Status Estimate(Worker& worker, uint32_t first, uint32_t last) {
    for (size_t i = 0; i < queries_.size(); ++i) {
      worker.least[i] = states_[i].least.load(std::memory_order_relaxed);
    }
    for (uint32_t begin = first; begin < last; begin += block_rows_) {
      RETURN_IF_ERROR(context_.Check());
      const uint32_t end = std::min(last, begin + block_rows_);
      if (file_ != nullptr) RETURN_IF_ERROR(file_->EnsureVectors(begin, end));
      EstimateBlock(worker, begin, end - begin);
    }
    return absl::OkStatus();
  }

  void EstimateBlock(Worker& worker, uint32_t first, uint32_t count) {
    const float* const x = segment_.vectors.data() + size_t{first} * segment_.stride;
    const float* const scale =
        segment_.metric == Metric::kCosine ? segment_.inverse_norms.data() + first : nullptr;
    const bool biased = segment_.metric == Metric::kL2;
    if (biased) {
      kernels_.squared_norms(x, segment_.stride, count, worker.norms.data());
      for (uint32_t r = 0; r < count; ++r) worker.bias[r] = tiles_.BiasOf(worker.norms[r]);
    }
    for (size_t pair = 0; pair < tiles_.tiles(); pair += 2) {
      const size_t tiles = std::min<size_t>(2, tiles_.tiles() - pair);
      kernels_.tile_dots(tiles_.data(pair), tiles, x, segment_.stride, count, worker.sums.data());
      for (size_t t = 0; t < tiles; ++t) {
        float* const sums = worker.sums.data() + t * count * kTileQueries;
        const size_t query = (pair + t) * kTileQueries;
        const size_t found = kernels_.tile_select(
            sums, scale, biased ? worker.bias.data() : nullptr, worker.least.data() + query, count,
            worker.rows.data(), worker.bits.data());
        for (size_t i = 0; i < found; ++i) AddRow(worker, query, first, i, sums);
      }
    }
  }

  /// The i-th row that was found in a block that begins at node `first`, for the queries of the
  /// tile that begins with `query`.
  void AddRow(Worker& worker, size_t query, uint32_t first, size_t i, const float* sums) {
    const uint32_t row = worker.rows[i];
    for (uint32_t bits = worker.bits[i]; bits != 0; bits &= bits - 1) {
      const auto j = static_cast<size_t>(std::countr_zero(bits));
      if (query + j >= queries_.size()) return;
      Add(worker, query + j, sums[row * kTileQueries + j], worker.norms[row], first + row);
    }
  }

  void Add(Worker& worker, size_t query, float estimate, float norm, uint32_t node) {
    if (estimate < worker.least[query]) return;  // it has risen since
    if (!queries_[query].target->Accepts(node)) return;
    std::vector<Candidate>& found = worker.found[query];
    if (segment_.metric != Metric::kL2) norm = 0;
    found.push_back({estimate, tiles_.LeastMerit(query, estimate, norm), node});
    if (found.size() >= Most(query)) worker.least[query] = Shrink(query, found);
  }

  /// Candidates kept at most: enough that few of many are kept each time.
  size_t Most(size_t query) const { return 2 * queries_[query].k + 16; }

  /// Drops the candidates that k others are better than, and returns what an estimate has to be
  /// from now on. Where that leaves too many, all are offered.
  float Shrink(size_t query, std::vector<Candidate>& found) {
    float least = KeepBest(query, found);
    if (found.size() < Most(query) - queries_[query].k / 2) return least;
    MutexLock lock(states_[query].mutex);
    Offer(query, found);
    found.clear();
    const std::optional<double> beyond = queries_[query].target->FirstBeyond();
    if (beyond.has_value()) least = Raise(query, tiles_.MeritOf(query, *beyond));
    return least;
  }

  float KeepBest(size_t query, std::vector<Candidate>& found) {
    const size_t k = queries_[query].k;
    if (found.size() < k) return states_[query].least.load(std::memory_order_relaxed);
    const auto last = found.begin() + static_cast<ptrdiff_t>(k - 1);
    std::nth_element(found.begin(), last, found.end(),
                     [](const Candidate& a, const Candidate& b) { return a.merit > b.merit; });
    const float least = Raise(query, last->merit);
    std::erase_if(found,
                  [least](const Candidate& candidate) { return candidate.estimate < least; });
    return least;
  }

  void Offer(size_t query, std::span<const Candidate> found) {
    const auto vector = [&](const Candidate& candidate) {
      return segment_.vectors.data() + size_t{candidate.node} * segment_.stride;
    };
    const size_t bytes = std::min<size_t>(segment_.dim * sizeof(float), kFetchBytes);
    const auto fetch = [&](size_t i) {
      if (i < found.size()) PrefetchLines(vector(found[i]), bytes);
    };
    for (size_t i = 0; i < kFetchAhead; ++i) fetch(i);
    for (size_t i = 0; i < found.size(); ++i) {
      fetch(i + kFetchAhead);
      const double score = queries_[query].scorer->Score(vector(found[i]));
      queries_[query].target->Offer(found[i].node, score);
    }
    queries_[query].rescored += found.size();
  }

  /// Offers the best of what all threads have found.
  absl::Status Finish(size_t query) {
    RETURN_IF_ERROR(context_.Check());
    std::vector<Candidate> found;
    std::vector<Worker*> workers;
    {
      MutexLock lock(mutex_);
      for (const auto& worker : idle_) workers.push_back(worker.get());
    }
    for (Worker* worker : workers) {
      const std::vector<Candidate>& own = worker->found[query];
      found.insert(found.end(), own.begin(), own.end());
    }
    KeepBest(query, found);
    MutexLock lock(states_[query].mutex);
    Offer(query, found);
    return absl::OkStatus();
  }

  const SegmentView& segment_;
  const SegmentFile* const file_;
  const std::span<ScanQuery> queries_;
  const CallContext& context_;
  const Kernels& kernels_ = BestKernels();
  const uint32_t block_rows_;
  const uint32_t task_rows_;
  const QueryTiles tiles_;
  std::vector<State> states_;  // by query

  Mutex mutex_;
  std::vector<std::unique_ptr<Worker>> idle_ ORDINATE_GUARDED_BY(mutex_);
  absl::Status status_ ORDINATE_GUARDED_BY(mutex_);
};

}  // namespace

absl::Status ScanForMany(const SegmentView& segment, const SegmentFile* file,
                         std::span<ScanQuery> queries, Executor* executor,
                         const CallContext& context) {
  for (size_t first = 0; first < queries.size(); first += kMostQueries) {
    const size_t count = std::min(kMostQueries, queries.size() - first);
    RETURN_IF_ERROR(Pass(segment, file, queries.subspan(first, count), context).Run(executor));
  }
  return absl::OkStatus();
}

}  // namespace ordinate
