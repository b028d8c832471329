// engine_bench: this engine against hnswlib and FAISS on the same rows, queries, degree, ef_build
// and threads, in one run. `./dev bench engine` builds and runs it.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "storage/base/status_macros.h"
#include "tests/bench/engine/cache.h"
#include "tests/bench/engine/machine.h"
#include "tests/bench/engine/measure.h"
#include "tests/bench/engine/memory_floor.h"
#include "tests/bench/engine/ordinate_contender.h"
#include "tests/bench/engine/peer_contenders.h"
#include "tests/bench/engine/plan.h"
#include "tests/bench/engine/report_files.h"
#include "tests/bench/engine/report_text.h"

namespace ordinate::bench {
namespace {

struct Options {
  std::string preset = "default";
  std::vector<std::string> generated, files, contenders, rebuild;
  std::string packages, out, code_id, cache_dir = "build/bench-cache";
  uint32_t queries = 1'000;
  uint32_t k = 0;
  uint64_t seed = 1;
  uint64_t floor_mib = 1'024;
  MeasureOptions measure{.efs = {10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512}};
};

std::vector<std::unique_ptr<Contender>> ChosenContenders(const Options& options) {
  std::vector<std::unique_ptr<Contender>> all = OrdinateContenders(options.code_id);
  all.push_back(MakeHnswlib());
  all.push_back(MakeFaissHnsw());
  all.push_back(MakeFaissFlat());
  if (options.contenders.empty()) return all;
  std::erase_if(all, [&](const std::unique_ptr<Contender>& contender) {
    return std::ranges::none_of(options.contenders, [&](const std::string& name) {
      return contender->name().starts_with(name);
    });
  });
  return all;
}

void Print(const std::string& text, std::string& report) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  report += text;
}

absl::Status MeasureSet(const DataSet& set, uint32_t k, const Options& options, Cache& cache,
                        BenchResult& result, std::string& report) {
  MeasureOptions measure = options.measure;
  measure.k = k;
  if (measure.k > set.rows()) {
    return absl::InvalidArgumentError(
        absl::StrCat("k ", measure.k, " is more than the ", set.rows(), " rows of ", set.name));
  }
  std::erase_if(measure.efs, [&](uint32_t ef) { return ef < measure.k; });
  if (measure.efs.empty()) measure.efs = {measure.k};
  const auto contenders = ChosenContenders(options);
  if (contenders.empty()) return absl::InvalidArgumentError("--contenders names none there is");
  ASSIGN_OR_RETURN(DataSetResult measured, Measure(set, contenders, measure, cache));
  Print(SetTable(measured, result.floor), report);
  result.sets.push_back(std::move(measured));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<DataSpec>> ChosenSets(const Options& options) {
  std::vector<DataSpec> specs;
  for (const std::string& text : options.files) {
    DataSpec spec{.kind = DataSpec::Kind::kFile};
    ASSIGN_OR_RETURN(spec.file, ParseFileSpec(text));
    specs.push_back(std::move(spec));
  }
  for (const std::string& text : options.generated) {
    ASSIGN_OR_RETURN(specs.emplace_back(), ParseGenerated(text));
  }
  if (!specs.empty()) return specs;
  if (options.packages.empty()) return PresetSets(options.preset, nullptr);
  ASSIGN_OR_RETURN(const FileSpec packages,
                   ParseFileSpec(absl::StrCat("packages=", options.packages)));
  return PresetSets(options.preset, &packages);
}

absl::Status Run(const Options& options) {
  ASSIGN_OR_RETURN(const std::vector<DataSpec> specs, ChosenSets(options));
  ASSIGN_OR_RETURN(Cache cache, Cache::Open(options.cache_dir, options.rebuild));
  BenchResult result;
  result.machine = DescribeMachine();
  result.floor = MeasureMemoryFloor(options.floor_mib << 20);
  std::string report;
  Print(DescribeRun(result.machine, result.floor), report);
  for (const DataSpec& spec : specs) {
    ASSIGN_OR_RETURN(const DataSet set, MakeSet(spec, options.queries, options.seed));
    RETURN_IF_ERROR(
        MeasureSet(set, options.k == 0 ? spec.k : options.k, options, cache, result, report));
  }
  Print(Summary(result), report);
  if (options.out.empty()) return absl::OkStatus();
  return WriteReport(result, report, options.out);
}

// FAISS is measured at its best: one BLAS thread, and OpenMP threads that sleep between regions.
// The libraries read both when the process starts, so it starts anew with what is not set.
void RestartWithPeerSettings(char** argv) {
  if (getenv("OPENBLAS_NUM_THREADS") != nullptr && getenv("OMP_WAIT_POLICY") != nullptr) return;
  setenv("OPENBLAS_NUM_THREADS", "1", /*overwrite=*/0);
  setenv("OMP_WAIT_POLICY", "passive", /*overwrite=*/0);
  execv("/proc/self/exe", argv);
  std::perror("engine_bench: cannot start itself anew");
}

}  // namespace
}  // namespace ordinate::bench

int main(int argc, char** argv) {
  ordinate::bench::RestartWithPeerSettings(argv);
  ordinate::bench::Options options;
  CLI::App app("Compares the search engine with hnswlib and FAISS in one run.");
  app.add_option("--preset", options.preset, "Data sets: quick, default or full")
      ->capture_default_str();
  app.add_option("--generate", options.generated,
                 "Instead of the preset: clustered:ROWSxDIM or gaussian:ROWSxDIM, then :kK");
  app.add_option("--data", options.files,
                 "Instead of the preset: NAME=FILE[,queries=FILE][,metric=l2|cosine|ip][,rows=N]; "
                 "FILE ends in .fvecs, .npy, .jsonl or .hdf5");
  app.add_option("--packages", options.packages,
                 "FILE[,queries=FILE] of the packages set, for the presets default and full")
      ->take_last();
  app.add_option("--out", options.out, "Folder for the results as text, CSV, JSON and SVG");
  app.add_option("--contenders", options.contenders, "Only those whose names begin so")
      ->delimiter(',');
  app.add_option("--queries", options.queries, "Held-out queries per set")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  app.add_option("-k", options.k, "Neighbours wanted, instead of the set's own");
  app.add_option("-m", options.measure.build.m, "Links per node and upper level; level 0 has twice")
      ->capture_default_str();
  app.add_option("--ef-build", options.measure.build.ef_build, "Candidates while building")
      ->capture_default_str();
  app.add_option("--build-threads", options.measure.build.threads, "Threads of every build")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--ef", options.measure.efs,
                 "Candidates while searching; stops above recall 0.999")
      ->delimiter(',');
  app.add_option("--rescore", options.measure.rescore,
                 "Quantized: candidates scored exactly, in multiples of k")
      ->capture_default_str();
  app.add_option("--rounds", options.measure.rounds, "Interleaved rounds; medians are reported")
      ->check(CLI::Range(1, 1'000))
      ->capture_default_str();
  app.add_option("--scan-threads", options.measure.scan_threads,
                 "Threads of an exact scan for a batch")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  app.add_option("--memory-share", options.measure.memory_share,
                 "Also serve our graphs in a memory cgroup of this part of their file (as root)")
      ->check(CLI::Range(0.0, 1.0));
  app.add_option("--seed", options.seed, "Of generated data")->capture_default_str();
  app.add_option("--cache-dir", options.cache_dir, "Built indexes and ground truth")
      ->take_last()
      ->capture_default_str();
  app.add_option("--code-id", options.code_id, "Built indexes of another id are not reused")
      ->take_last();
  app.add_option("--floor-mib", options.floor_mib, "Buffer of the memory measurement, a power of 2")
      ->check(CLI::IsMember({64, 128, 256, 512, 1'024, 2'048, 4'096}))
      ->capture_default_str();
  CLI::Option* rebuild =
      app.add_option("--rebuild", options.rebuild,
                     "Build again what the cache holds: everything, or contenders so named")
          ->delimiter(',')
          ->expected(0, 1);
  app.add_option("--clock", options.measure.clock,
                 "wall: time passed; cpu: processor time of the searching thread")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, ordinate::bench::ClockKind>{
              {"wall", ordinate::bench::ClockKind::kWall},
              {"cpu", ordinate::bench::ClockKind::kCpu}},
          CLI::ignore_case));
  CLI11_PARSE(app, argc, argv);
  if (rebuild->count() > 0 && options.rebuild.empty()) options.rebuild = {""};
  if (const absl::Status status = ordinate::bench::Run(options); !status.ok()) {
    std::fprintf(stderr, "engine_bench: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  return 0;
}
