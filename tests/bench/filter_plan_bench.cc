// What a filter costs: the planner's own choice against the two it could do without, on 100,000 x
// 128 rows under HNSW, for filters of five selectivities whose rows lie anywhere, near the question
// or far from it.
//
//   chosen      the request with its filter
//   scan        the same, EXACT: the matching rows are scored
//   unfiltered  the same without filter, its W and ef_search the smallest that reach the chosen
//               answer's recall, of the rows nearest without a filter
//   searched    likewise, the smallest whose answer reaches that recall once the rows that do not
//               match are struck from it: searching without the filter's help. Not under alpha * k,
//               which every search preselects
//
// In each round every way in its turn asks all questions, so that all find in the caches what a run
// of their own kind leaves there; Front::Query is timed. Figures are medians of the CPU time of
// this process, which on one query thread is the time a question takes on a machine with
// nothing else to do (`--clock wall` takes the clock on the wall). Two ratios are printed and
// judged: to the better of scan and unfiltered, and of scan and searched. No search of the graph
// finds rows far from the question as fast as those beside it, so the first is out of reach where
// rows lie far.
// `--data DIR` keeps the loaded rows and the index there for the next run; `--shards N`, `--threads
// N`.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "service/front/front.h"
#include "service/server/standalone.h"
#include "storage/base/text.h"
#include "tests/parity/filter_cases.h"
#include "tests/support/temp_dir.h"

namespace ordinate {
namespace {

constexpr uint64_t kSeed = 20'261'124;
constexpr uint32_t kRows = 100'000;
constexpr uint32_t kDim = 128;
constexpr uint32_t kClusters = 100;
constexpr uint32_t kQuestions = 100;
constexpr uint64_t kLimit = 10;
constexpr uint32_t kPreselected = 60;  // alpha * k at the default alpha
constexpr double kRecallWanted = 0.95;
constexpr double kRatioAllowed = 1.5;
constexpr int kRounds = 6;
constexpr double kRounding = 1e-9;  // of a mean of recalls
constexpr uint32_t kMatching[] = {kRows / 2, kRows / 10, kRows / 100, kRows / 1'000,
                                  kRows / 10'000};
constexpr uint32_t kPools[] = {12,  16,  24,  32,    48,    64,    96,    128,   192,  256,
                               384, 512, 768, 1'024, 1'536, 2'048, 3'072, 4'096, 8'192};

using Ids = std::vector<RowId>;

struct Timed {
  QueryResult result;
  double micros = 0;
};

double NowMicros(clockid_t clock) {
  timespec now = {};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

double Median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

Ids IdsOf(const QueryResult& result) {
  Ids ids;
  for (const RankedRow& row : result.ranked) ids.push_back(row.id);
  return ids;
}

double Recall(const Ids& found, const Ids& truth) {
  size_t hits = 0;
  for (const RowId id : found) hits += std::count(truth.begin(), truth.end(), id) > 0;
  return truth.empty() ? 1 : static_cast<double>(hits) / static_cast<double>(truth.size());
}

class Bench {
 public:
  Bench(const FilterCases& cases, const std::string& folder, uint32_t shards, uint32_t threads,
        clockid_t clock)
      : cases_(cases), shards_(shards), clock_(clock) {
    StandaloneOptions options;
    options.data_dir = Concat(folder, "/", shards, "-shards");
    options.shards = shards;
    options.query_threads = threads;
    options.min_seal_rows = 10 * kRows;  // one segment a shard, of the index's own build
    const bool loaded = std::filesystem::exists(options.data_dir);
    auto opened = Standalone::Open(options);
    Must(opened.status());
    server_ = *std::move(opened);
    if (!loaded) Load();
    while (front().GetIndex("idx")->total.state == IndexState::kBuilding) {
      std::this_thread::yield();
    }
    SearchWithoutFilter();
  }

  void Load() {
    const CallContext context;
    Must(front().CreateTable(cases_.Table()).status());
    for (uint32_t begin = 0; begin < cases_.rows(); begin += 1'000) {
      UpsertInput input;
      input.table = "items";
      for (uint32_t row = begin; row < begin + 1'000; ++row) {
        input.rows.push_back({cases_.Cells(row), 0});
      }
      Must(front().Upsert(std::move(input), context).status());
    }
    IndexDef index;
    index.name = "idx";
    Must(front().CreateIndex("items", "v", index).status());
  }

  void Run() {
    std::printf("\n%u shard%s\n%-9s %7s  %-24s %6s %5s  %9s %9s %16s %16s  %8s %8s\n", shards_,
                shards_ == 1 ? "" : "s", "rows lie", "match %", "plan", "recall", "rows",
                "chosen us", "scan us", "unfiltered us @W", "searched us @W", "ratio", "searched");
    for (const Lie lie : {Lie::kAnywhere, Lie::kNear, Lie::kFar}) {
      for (const uint32_t matching : kMatching) Measure(lie, matching);
    }
  }

  bool complete() const { return complete_; }
  bool recalled() const { return recalled_; }
  double worst_ratio() const { return worst_ratio_; }
  double worst_searched() const { return worst_searched_; }

 private:
  Front& front() { return server_->front(); }

  static void Must(const absl::Status& status) {
    if (status.ok()) return;
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    std::exit(1);
  }

  Timed Ask(const QueryRequest& request) {
    const CallContext context;
    const double start = NowMicros(clock_);
    auto result = front().Query(request, context);
    const double took = NowMicros(clock_) - start;
    Must(result.status());
    return {*std::move(result), took};
  }

  QueryRequest Request(const FilterCases::Question& question) const {
    QueryRequest request;
    request.table = "items";
    request.column = "v";
    request.vector = question.vector;
    request.limit = kLimit;
    return request;
  }
  QueryRequest Unfiltered(const FilterCases::Question& question, uint32_t pool) const {
    QueryRequest request = Request(question);
    request.path = Path::kAnn;
    request.preselect = pool;
    request.settings["vector.search.ef_search"] = std::to_string(pool);
    return request;
  }

  // What every W finds, and the truth, without a filter.
  void SearchWithoutFilter() {
    for (const auto& question : cases_.questions()) {
      QueryRequest request = Request(question);
      request.path = Path::kExact;
      truth_.push_back(IdsOf(Ask(request).result));
    }
    for (const uint32_t pool : kPools) {
      std::vector<Ids>& lists = found_[pool];
      double recall = 0;
      for (size_t q = 0; q < truth_.size(); ++q) {
        QueryRequest request = Unfiltered(cases_.questions()[q], pool + pool / 8 + 1);
        request.limit = pool;
        lists.push_back(IdsOf(Ask(request).result));
        Ids best = IdsOf(Ask(Unfiltered(cases_.questions()[q], pool)).result);
        recall += Recall(best, truth_[q]) / static_cast<double>(truth_.size());
      }
      recall_[pool] = recall;
      std::printf("W %u: recall without a filter %.4f\n", pool, recall);
    }
  }

  // The smallest W with at least `recall`; 0: none.
  uint32_t PoolFor(double recall) const {
    for (const auto& [pool, reached] : recall_) {
      if (reached >= recall - kRounding) return pool;
    }
    return 0;
  }
  uint32_t PoolFor(double recall, Lie lie, uint32_t matching, const std::vector<Ids>& truth) const {
    for (const auto& [pool, lists] : found_) {
      if (pool < kPreselected) continue;
      double sum = 0;
      for (size_t q = 0; q < lists.size(); ++q) {
        const FilterCases::Case one(cases_, cases_.questions()[q], lie, matching);
        Ids kept;
        for (const RowId id : lists[q]) {
          if (kept.size() < kLimit && one.Matches(id)) kept.push_back(id);
        }
        sum += Recall(kept, truth[q]);
      }
      if (sum / static_cast<double>(lists.size()) >= recall - kRounding) return pool;
    }
    return 0;
  }

  void Measure(Lie lie, uint32_t matching) {
    const auto& questions = cases_.questions();
    std::vector<Ids> truth;
    std::map<std::string, int> plans;
    double recall = 0;
    size_t fewest = kLimit;
    for (const auto& question : questions) {
      const FilterCases::Case one(cases_, question, lie, matching);
      QueryRequest request = Request(question);
      request.filter = one.filter();
      const QueryResult chosen = Ask(request).result;
      request.path = Path::kExact;
      truth.push_back(IdsOf(Ask(request).result));
      recall += Recall(IdsOf(chosen), truth.back()) / static_cast<double>(questions.size());
      fewest = std::min(fewest, chosen.ranked.size());
      ++plans[Concat(FilterStrategyName(chosen.plan.filter_strategy), " ",
                     ReasonName(chosen.plan.reason))];
    }
    const uint32_t own = PoolFor(recall), same = PoolFor(recall, lie, matching, truth);
    std::vector<double> times[4];
    for (int round = 0; round < kRounds; ++round) {
      for (size_t turn = 0; turn < 4; ++turn) {
        const size_t way = (turn + round) % 4;
        if ((way == 2 && own == 0) || (way == 3 && same == 0)) continue;
        for (const auto& question : questions) {
          QueryRequest request =
              way < 2 ? Request(question) : Unfiltered(question, way == 2 ? own : same);
          if (way < 2) request.filter = FilterCases::Case(cases_, question, lie, matching).filter();
          if (way == 1) request.path = Path::kExact;
          times[way].push_back(Ask(request).micros);
        }
      }
    }
    const double chosen = Median(times[0]), scan = Median(times[1]);
    const double unfiltered = Median(times[2]), searched = Median(times[3]);
    const double ratio = chosen / (own == 0 ? scan : std::min(scan, unfiltered));
    const double searched_ratio = chosen / (same == 0 ? scan : std::min(scan, searched));
    const auto plan =
        std::max_element(plans.begin(), plans.end(),
                         [](const auto& a, const auto& b) { return a.second < b.second; });
    std::printf("%-9s %7.2f  %-24s %6.4f %5zu  %9.1f %9.1f %10.1f @%4u %10.1f @%4u  %8.2f %8.2f\n",
                LieName(lie), 100.0 * matching / kRows, plan->first.c_str(), recall, fewest, chosen,
                scan, unfiltered, own, searched, same, ratio, searched_ratio);
    std::fflush(stdout);
    complete_ &= fewest == std::min<size_t>(kLimit, matching);
    recalled_ &= recall >= kRecallWanted;
    worst_ratio_ = std::max(worst_ratio_, ratio);
    worst_searched_ = std::max(worst_searched_, searched_ratio);
  }

  const FilterCases& cases_;
  const uint32_t shards_;
  const clockid_t clock_;
  std::unique_ptr<Standalone> server_;
  std::vector<Ids> truth_;                      // by question, without a filter
  std::map<uint32_t, std::vector<Ids>> found_;  // by W and question, without a filter
  std::map<uint32_t, double> recall_;           // by W
  bool complete_ = true, recalled_ = true;
  double worst_ratio_ = 0, worst_searched_ = 0;
};

int Main(int argc, char** argv) {
  const TempDir temporary;
  std::string folder = temporary.path();
  uint32_t threads = 1;
  std::vector<uint32_t> shards = {1, 2};
  clockid_t clock = CLOCK_PROCESS_CPUTIME_ID;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::strcmp(argv[i], "--threads") == 0) threads = std::strtoul(argv[i + 1], nullptr, 10);
    if (std::strcmp(argv[i], "--clock") == 0 && std::strcmp(argv[i + 1], "wall") == 0) {
      clock = CLOCK_MONOTONIC;
    }
    if (std::strcmp(argv[i], "--data") == 0) folder = argv[i + 1];
    if (std::strcmp(argv[i], "--shards") == 0) {
      shards = {static_cast<uint32_t>(std::strtoul(argv[i + 1], nullptr, 10))};
    }
  }
  std::printf("%u x %u rows, seed %llu, %u questions, k %llu, %u query thread%s\n", kRows, kDim,
              static_cast<unsigned long long>(kSeed), kQuestions,
              static_cast<unsigned long long>(kLimit), threads, threads == 1 ? "" : "s");
  const FilterCases cases(kSeed, kRows, kDim, kClusters, kQuestions);
  bool complete = true, recalled = true;
  double worst = 0, worst_searched = 0;
  for (const uint32_t count : shards) {
    Bench bench(cases, folder, count, threads, clock);
    bench.Run();
    complete &= bench.complete();
    recalled &= bench.recalled();
    worst = std::max(worst, bench.worst_ratio());
    worst_searched = std::max(worst_searched, bench.worst_searched());
  }
  const auto verdict = [](bool passed) { return passed ? "PASS" : "FAIL"; };
  std::printf("\n%s: min(k, matching) rows in every case\n", verdict(complete));
  std::printf("%s: recall@10 >= %.2f in every case\n", verdict(recalled), kRecallWanted);
  std::printf("%s: worst ratio to the better of scan and unfiltered %.2f, at most %.1f\n",
              verdict(worst <= kRatioAllowed), worst, kRatioAllowed);
  std::printf("%s: worst ratio to the better of scan and searched %.2f, at most %.1f\n",
              verdict(worst_searched <= kRatioAllowed), worst_searched, kRatioAllowed);
  return complete && recalled ? 0 : 1;
}

}  // namespace
}  // namespace ordinate

int main(int argc, char** argv) { return ordinate::Main(argc, argv); }
