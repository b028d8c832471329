// micro_bench: flat against HNSW over sizes, dims and k, and the kernels, on Google Benchmark.
// `./dev bench micro` builds and runs it. Indexes are built at first use and kept.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "storage/base/status_macros.h"
#include "tests/bench/engine/cache.h"
#include "tests/bench/engine/generators.h"
#include "tests/bench/engine/ground_truth.h"
#include "tests/bench/engine/micro.h"
#include "tests/bench/engine/ordinate_contender.h"

namespace ordinate::bench {
namespace {

constexpr uint32_t kQueries = 200;
constexpr uint32_t kEf = 128;  // at least every k below

std::string FromEnvironment(const char* name, const char* otherwise) {
  const char* value = getenv(name);
  return value == nullptr ? otherwise : value;
}

/// The set of one size; only the last one is kept.
const DataSet& SetOf(uint32_t rows, uint32_t dim) {
  static DataSet set;
  static std::pair<uint32_t, uint32_t> made;
  if (made != std::pair(rows, dim)) set = MakeClustered({rows, kQueries, dim, /*seed=*/1});
  made = {rows, dim};
  return set;
}

absl::Status SearchOverAndOver(benchmark::State& state, Contender& contender, uint32_t rows,
                               uint32_t dim, uint32_t k) {
  const DataSet& set = SetOf(rows, dim);
  ASSIGN_OR_RETURN(Cache cache,
                   Cache::Open(FromEnvironment("ORDINATE_BENCH_CACHE", "build/bench-cache"), {}));
  const BuildParams build;
  ASSIGN_OR_RETURN(const GroundTruth truth, cache.Truth(set, k, build.threads));
  ASSIGN_OR_RETURN(const auto built, cache.Index(contender, set, build));
  RETURN_IF_ERROR(contender.Open(set, built.path));
  const SearchParams params{.k = k, .ef = kEf};
  std::vector<uint32_t> answers(size_t{kQueries} * k);
  uint32_t query = 0;
  for (auto _ : state) {
    RETURN_IF_ERROR(contender.Search(set.query(query), params,
                                     std::span(answers).subspan(size_t{query} * k, k)));
    query = (query + 1) % kQueries;
  }
  RETURN_IF_ERROR(contender.Search(set.queries, params, answers));
  state.counters["recall"] = Recall(set, truth, k, 0, answers);
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
  contender.Close();
  return absl::OkStatus();
}

void RegisterSearchBenchmarks() {
  static const auto contenders = OrdinateContenders(FromEnvironment("ORDINATE_BENCH_CODE_ID", ""));
  for (const uint32_t rows : {10'000u, 100'000u}) {
    for (const uint32_t dim : {64u, 384u, 768u}) {
      for (const uint32_t k : {10u, 100u}) {
        for (const auto& contender : contenders) {
          const std::string name = "search/" + contender->name() + "/" + ShortCount(rows) + "/dim" +
                                   std::to_string(dim) + "/k" + std::to_string(k);
          benchmark::RegisterBenchmark(
              name.c_str(), [rows, dim, k, of = contender.get()](benchmark::State& state) {
                const absl::Status status = SearchOverAndOver(state, *of, rows, dim, k);
                if (!status.ok()) state.SkipWithError(std::string(status.message()).c_str());
              });
        }
      }
    }
  }
}

}  // namespace
}  // namespace ordinate::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  ordinate::bench::RegisterSearchBenchmarks();
  ordinate::bench::RegisterKernelBenchmarks();
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
