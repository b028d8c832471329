#include <faiss/IndexFlat.h>
#include <faiss/IndexHNSW.h>
#include <faiss/index_io.h>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <exception>

#include "absl/strings/str_cat.h"
#include "tests/bench/engine/peer_contenders.h"

namespace ordinate::bench {
namespace {

constexpr size_t kRowsPerPart = 10'000;  // of a build, between two reports

template <typename Body>
absl::Status Guarded(const Body& body) {
  try {
    body();
    return absl::OkStatus();
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("FAISS: ", error.what()));
  }
}

faiss::MetricType MetricOf(const DataSet& set) {
  return set.metric == Metric::kL2 ? faiss::METRIC_L2 : faiss::METRIC_INNER_PRODUCT;
}

// Threads are OpenMP's: those of a build, then those a search is given. A slice of queries is one
// call, so that what the library sets up per call is shared.
class Faiss : public Contender {
 public:
  std::string version() const override {
    return absl::StrCat(FAISS_VERSION_MAJOR, ".", FAISS_VERSION_MINOR, ".", FAISS_VERSION_PATCH,
                        ", Debian's build, OPENBLAS_NUM_THREADS=1, OMP_WAIT_POLICY=passive");
  }

  absl::StatusOr<double> Build(const DataSet& set, const BuildParams& params,
                               const std::string& path, const Progress& progress) override {
    const std::vector<float> base = UnitBase(set);
    double seconds = 0;
    const absl::Status status = Guarded([&] {
      omp_set_num_threads(static_cast<int>(params.threads));
      const auto start = std::chrono::steady_clock::now();
      const std::unique_ptr<faiss::Index> index = Make(set, params);
      for (size_t row = 0; row < set.rows(); row += kRowsPerPart) {
        const size_t count = std::min<size_t>(kRowsPerPart, set.rows() - row);
        index->add(static_cast<faiss::Index::idx_t>(count), base.data() + row * set.dim);
        progress(row + count, set.rows());
      }
      seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      faiss::write_index(index.get(), path.c_str());
    });
    omp_set_num_threads(1);
    if (!status.ok()) return status;
    return seconds;
  }

  absl::Status Open(const DataSet&, const std::string& path) override {
    return Guarded([&] { index_.reset(faiss::read_index(path.c_str())); });
  }
  void Close() override { index_.reset(); }

  absl::Status Search(std::span<const float> queries, const SearchParams& params,
                      std::span<uint32_t> out) override {
    return Guarded([&] {
      omp_set_num_threads(static_cast<int>(params.threads));
      SetEf(params.ef);
      const size_t count = queries.size() / static_cast<size_t>(index_->d);
      distances_.resize(count * params.k);
      labels_.resize(count * params.k);
      index_->search(static_cast<faiss::Index::idx_t>(count), queries.data(), params.k,
                     distances_.data(), labels_.data());
      std::ranges::transform(labels_, out.begin(), [](faiss::Index::idx_t label) {
        return label < 0 ? kNoRow : static_cast<uint32_t>(label);
      });
    });
  }

 protected:
  virtual std::unique_ptr<faiss::Index> Make(const DataSet& set,
                                             const BuildParams& params) const = 0;
  virtual void SetEf(uint32_t) {}

  std::unique_ptr<faiss::Index> index_;

 private:
  std::vector<float> distances_;
  std::vector<faiss::Index::idx_t> labels_;
};

class FaissHnsw final : public Faiss {
 public:
  std::string name() const override { return "faiss-hnsw"; }
  bool is_graph() const override { return true; }

  absl::StatusOr<uint64_t> CountDistances(std::span<const float> queries,
                                          const SearchParams& params) override {
    std::vector<uint32_t> out(queries.size() / static_cast<size_t>(index_->d) * params.k);
    faiss::hnsw_stats.reset();
    const absl::Status status = Search(queries, params, out);
    if (!status.ok()) return status;
    // This version counts them on level 0 alone, as n3.
    return faiss::hnsw_stats.ndis + faiss::hnsw_stats.n3;
  }

 protected:
  std::unique_ptr<faiss::Index> Make(const DataSet& set, const BuildParams& params) const override {
    auto index = std::make_unique<faiss::IndexHNSWFlat>(static_cast<int>(set.dim),
                                                        static_cast<int>(params.m), MetricOf(set));
    index->hnsw.efConstruction = static_cast<int>(params.ef_build);
    return index;
  }
  void SetEf(uint32_t ef) override {
    dynamic_cast<faiss::IndexHNSW&>(*index_).hnsw.efSearch = static_cast<int>(ef);
  }
};

class FaissFlat final : public Faiss {
 public:
  std::string name() const override { return "faiss-flat"; }
  bool is_graph() const override { return false; }

  absl::StatusOr<uint64_t> CountDistances(std::span<const float> queries,
                                          const SearchParams&) override {
    return queries.size() / static_cast<size_t>(index_->d) * static_cast<size_t>(index_->ntotal);
  }

 protected:
  std::unique_ptr<faiss::Index> Make(const DataSet& set, const BuildParams&) const override {
    return std::make_unique<faiss::IndexFlat>(set.dim, MetricOf(set));
  }
};

}  // namespace

std::unique_ptr<Contender> MakeFaissHnsw() { return std::make_unique<FaissHnsw>(); }
std::unique_ptr<Contender> MakeFaissFlat() { return std::make_unique<FaissFlat>(); }

}  // namespace ordinate::bench
