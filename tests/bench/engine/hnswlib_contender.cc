// Compiled with -O3 -march=native, as hnswlib's own builds are; nothing else is in here.
#include <hnswlib/hnswlib.h>

#include <atomic>
#include <chrono>
#include <exception>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/bench/engine/peer_contenders.h"

namespace ordinate::bench {
namespace {

// Counts what it passes on.
hnswlib::DISTFUNC<float> counted_function = nullptr;
uint64_t counted = 0;
float CountingDistance(const void* a, const void* b, const void* dim) {
  ++counted;
  return counted_function(a, b, dim);
}

template <typename Body>
absl::Status Guarded(const Body& body) {
  try {
    body();
    return absl::OkStatus();
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("hnswlib: ", error.what()));
  }
}

class Hnswlib final : public Contender {
 public:
  std::string name() const override { return "hnswlib"; }
  std::string version() const override { return "0.6.2, -O3 -march=native"; }
  bool is_graph() const override { return true; }

  absl::StatusOr<double> Build(const DataSet& set, const BuildParams& params,
                               const std::string& path, const Progress& progress) override {
    const std::vector<float> base = UnitBase(set);
    double seconds = 0;
    const absl::Status status = Guarded([&] {
      MakeSpace(set);
      hnswlib::HierarchicalNSW<float> index(space_.get(), set.rows(), params.m, params.ef_build,
                                            params.seed);
      const auto start = std::chrono::steady_clock::now();
      AddAll(index, base, set.dim, params.threads, progress);
      seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
      index.saveIndex(path);
    });
    if (!status.ok()) return status;
    return seconds;
  }

  absl::Status Open(const DataSet& set, const std::string& path) override {
    return Guarded([&] {
      MakeSpace(set);
      index_ = std::make_unique<hnswlib::HierarchicalNSW<float>>(space_.get(), path);
    });
  }
  void Close() override { index_.reset(); }

  absl::Status Search(std::span<const float> queries, const SearchParams& params,
                      std::span<uint32_t> out) override {
    return Guarded([&] {
      index_->setEf(params.ef);
      uint32_t* rows = out.data();
      for (size_t i = 0; i * dim_ < queries.size(); ++i, rows += params.k) {
        auto found = index_->searchKnn(queries.data() + i * dim_, params.k);
        std::fill(rows, rows + params.k, kNoRow);
        for (size_t at = found.size(); at > 0; found.pop()) {
          rows[--at] = static_cast<uint32_t>(found.top().second);
        }
      }
    });
  }

  absl::StatusOr<uint64_t> CountDistances(std::span<const float> queries,
                                          const SearchParams& params) override {
    std::vector<uint32_t> out(queries.size() / dim_ * params.k);
    counted = 0;
    counted_function = index_->fstdistfunc_;
    index_->fstdistfunc_ = CountingDistance;
    const absl::Status status = Search(queries, params, out);
    index_->fstdistfunc_ = counted_function;
    if (!status.ok()) return status;
    return counted;
  }

 private:
  void MakeSpace(const DataSet& set) {
    dim_ = set.dim;
    if (set.metric == Metric::kL2) {
      space_ = std::make_unique<hnswlib::L2Space>(set.dim);
    } else {
      space_ = std::make_unique<hnswlib::InnerProductSpace>(set.dim);
    }
  }

  static void AddAll(hnswlib::HierarchicalNSW<float>& index, const std::vector<float>& base,
                     uint32_t dim, uint32_t threads, const Progress& progress) {
    const size_t rows = base.size() / dim;
    if (rows == 0) return;
    index.addPoint(base.data(), 0);
    std::atomic<size_t> next{1};
    const auto work = [&](bool reports) {
      for (size_t i = next++; i < rows; i = next++) {
        index.addPoint(base.data() + i * dim, i);
        if (reports && i % 64 == 0) progress(i, rows);
      }
    };
    std::vector<std::thread> others;
    for (uint32_t i = 1; i < threads; ++i) others.emplace_back(work, false);
    work(true);
    for (std::thread& thread : others) thread.join();
  }

  size_t dim_ = 0;
  std::unique_ptr<hnswlib::SpaceInterface<float>> space_;
  std::unique_ptr<hnswlib::HierarchicalNSW<float>> index_;
};

}  // namespace

std::unique_ptr<Contender> MakeHnswlib() { return std::make_unique<Hnswlib>(); }

}  // namespace ordinate::bench
