#include "engine/query/plan.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_format.h"
#include "engine/query/column_lookup.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

// An index of so few rows over all shards is not worth a graph search.
constexpr uint64_t kSmallTableRows = 1'000;

// The cost model, in units of scoring one vector that a graph search meets (some 18 ns at dim 128);
// filter_plan_bench measures it. A graph search fetches ahead what a scan for matching rows comes
// upon. A scan matches many rows at a time, a graph search one by one, wherever they are in memory.
constexpr double kScoreInGraph = 1.0;
constexpr double kScoreInOrder = 1.5;
constexpr double kScoreMatching = 2.5;
constexpr double kMatchInGraph = 1.0;
constexpr double kMatchInScan = 0.01;
// Standard deviations by which more than k rows are expected to match among those preselected.
constexpr double kMargin = 3;
// A sample of the nearest rows costs this much; it pays where a scan costs so many times as much
// and fewer rows than this match.
constexpr double kNearbyCost = 200;
constexpr double kNearbyPays = 4;
constexpr double kNearbyShare = 0.3;
// How much W grows when an answer is not complete, and how many times as much a scan must cost: the
// larger W may not complete it either.
constexpr uint64_t kGrowth = 4;
constexpr double kGrowthPays = 2;

// The probes of all shards, summed.
struct Totals {
  uint64_t rows = 0;    // the index's
  double matching = 0;  // of them, estimated
  double selectivity = 1;
  std::optional<double> nearby;  // share of the rows nearest to the vector that match, where tried
  uint32_t unusable = 0;         // shards on which the index does not answer
  std::string problem;           // of the first of those

  double ShareNearby() const { return std::max(nearby.value_or(0), selectivity); }
};

// Why a path is taken.
struct Verdict {
  Reason reason;
  std::string sentence;
};

bool Sampled(const ShardProbe& probe) { return probe.sampled > 0; }

double SelectivityOf(const ShardProbe& probe) {
  return std::min(1.0,
                  static_cast<double>(probe.sample_matched) / static_cast<double>(probe.sampled));
}

// Each shard's share, weighted by its rows; 1, the careful guess, where no row was tried.
double Selectivity(const std::vector<ShardProbe>& probes) {
  double rows = 0;
  double matching = 0;
  for (const ShardProbe& probe : probes) {
    if (!Sampled(probe)) continue;
    const auto weight = static_cast<double>(std::max(probe.table_rows, probe.sampled));
    rows += weight;
    matching += weight * SelectivityOf(probe);
  }
  return rows > 0 ? matching / rows : 1;
}

double NearbyShareOf(const ShardProbe& probe) {
  if (probe.nearby == 0) return Sampled(probe) ? SelectivityOf(probe) : 1;
  return static_cast<double>(probe.nearby_matched) / static_cast<double>(probe.nearby);
}

std::optional<double> NearbyShare(const std::vector<ShardProbe>& probes) {
  double rows = 0;
  double matching = 0;
  bool tried = false;
  for (const ShardProbe& probe : probes) {
    const auto weight = static_cast<double>(std::max<uint64_t>(probe.index_rows, 1));
    rows += weight;
    matching += weight * NearbyShareOf(probe);
    tried |= probe.nearby > 0;
  }
  return tried ? std::optional(matching / rows) : std::nullopt;
}

Totals Sum(const QueryRequest& request, const std::vector<ShardProbe>& probes) {
  Totals totals;
  for (const ShardProbe& probe : probes) {
    totals.rows += probe.index_rows;
    if (!probe.index_usable && totals.unusable++ == 0) totals.problem = probe.index_problem;
  }
  if (request.filter.has_value()) {
    totals.selectivity = Selectivity(probes);
    totals.nearby = NearbyShare(probes);
  }
  totals.matching = totals.selectivity * static_cast<double>(totals.rows);
  return totals;
}

// A request's ef_search wins over the index's own, which wins over the server's (contract 3.2).
uint32_t EfSearch(const QueryRequest& request, const IndexDef& index, const Settings& settings,
                  uint64_t w) {
  const bool asked = request.settings.contains("vector.search.ef_search");
  const uint32_t ef = asked || index.ef_search == 0 ? settings.ef_search : index.ef_search;
  return static_cast<uint32_t>(std::max<uint64_t>(ef, w));
}

// With a filter: matches every row and scores those that match.
double ScanCost(double rows, double selectivity, bool filtered) {
  return rows * (filtered ? kMatchInScan + selectivity * kScoreMatching : kScoreInOrder);
}

// Each of the ef candidates costs about m scored neighbours.
double GraphCost(double ef, uint32_t m) { return ef * m * kScoreInGraph; }

// Matching neighbours alone are scored; 1 / selectivity nodes are tried for each, up to all.
double InGraphCost(double ef, uint32_t m, double selectivity, double rows) {
  const double tried = std::min(rows, ef * m / std::max(selectivity, 1e-9));
  return GraphCost(ef, m) + tried * kMatchInGraph;
}

// Nodes of any kind of which `rows` match, most likely, and no fewer than `w`.
double WidenedW(uint64_t w, uint64_t rows, double selectivity) {
  const auto wanted = static_cast<double>(rows);
  const double widened = (wanted + kMargin * std::sqrt(wanted)) / std::max(selectivity, 1e-9);
  return std::max(static_cast<double>(w), std::ceil(widened));
}

// By the cheaper of the two ways, on every shard.
double FilteredGraphCost(uint32_t ef, uint64_t w, uint64_t wanted, uint32_t m, double selectivity,
                         const std::vector<ShardProbe>& probes) {
  double cost = 0;
  for (const ShardProbe& probe : probes) {
    const auto rows = static_cast<double>(probe.index_rows);
    const double widened = std::max<double>(ef, WidenedW(w, wanted, selectivity));
    cost += std::min(InGraphCost(ef, m, selectivity, rows), GraphCost(widened, m));
  }
  return cost;
}

std::string NoIndexSentence(const QueryRequest& request, const IndexChoice& choice) {
  if (choice.reason == Reason::kNoIndex) {
    return Concat("there is no index on column ", Quoted(request.column));
  }
  const std::string subject = request.index.empty()
                                  ? Concat("no index on column ", Quoted(request.column))
                                  : Concat("not even index ", Quoted(request.index));
  const std::string what =
      choice.reason == Reason::kDimMismatch
          ? Concat("metric ", MetricName(choice.metric), " and dim ", request.vector.size())
          : Concat("metric ", MetricName(choice.metric));
  return Concat(subject, " has ", what);
}

// Why the ANN path cannot be taken at all, if it cannot.
std::optional<Verdict> WhyNot(const QueryRequest& request, const IndexChoice& choice,
                              const Totals& totals, const Plan& plan) {
  if (!IsNearestFirst(request, choice.metric)) {
    return Verdict{Reason::kDirection, "farthest first was asked for; an index finds the nearest"};
  }
  if (choice.index == nullptr) return Verdict{choice.reason, NoIndexSentence(request, choice)};
  const std::string name = Quoted(choice.index->name);
  if (totals.unusable > 0 || plan.shards == 0) {
    return Verdict{
        Reason::kIndexNotReady,
        Concat("index ", name, " does not answer on ", totals.unusable, " of ", plan.shards,
               " shards: ", totals.problem.empty() ? "not built yet" : totals.problem)};
  }
  if (choice.index->engine == Engine::kFlat) {
    return Verdict{Reason::kIndexMatch,
                   Concat("FLAT index ", name, ": every vector is scored exactly")};
  }
  if (request.group_by.has_value()) {
    return Verdict{Reason::kGroups, "groups are formed from every matching row"};
  }
  if (request.include_null_vectors && totals.rows < plan.k) {
    return Verdict{Reason::kUnderfilled,
                   Concat("rows without a vector were asked for too, and index ", name, " has ",
                          totals.rows, " rows of the ", plan.k, " wanted")};
  }
  return std::nullopt;
}

uint64_t Preselected(uint64_t w, const std::vector<ShardProbe>& probes) {
  uint64_t rows = 0;
  for (const ShardProbe& probe : probes) rows += std::min(w, probe.index_rows);
  return rows;
}

// Why the EXACT path costs less, if it does.
std::optional<Verdict> WhyCheaper(const QueryRequest& request, const IndexDef& index,
                                  const Totals& totals, const std::vector<ShardProbe>& probes,
                                  uint32_t ef, uint64_t w, uint64_t wanted) {
  if (totals.rows <= kSmallTableRows) {
    return Verdict{Reason::kSmallTable, Concat("the index has ", totals.rows, " rows; up to ",
                                               kSmallTableRows, " are scanned")};
  }
  if (request.filter.has_value() &&
      ScanCost(static_cast<double>(totals.rows), totals.selectivity, true) <
          FilteredGraphCost(ef, w, wanted, index.m, totals.ShareNearby(), probes)) {
    return Verdict{Reason::kSelectiveFilter,
                   absl::StrFormat("about %.4g%% of %d rows match the filter: scanning for them "
                                   "costs less than searching the graph",
                                   totals.selectivity * 100, totals.rows)};
  }
  if (w > kMaxW || Preselected(w, probes) >= totals.rows - totals.rows / 2) {
    return Verdict{Reason::kWNearRowCount,
                   Concat("preselecting ", w, " rows on each shard would take ",
                          Preselected(w, probes), " of ", totals.rows, " rows")};
  }
  return std::nullopt;
}

void NameIndex(const IndexDef& index, const Freshness& freshness,
               const std::vector<ShardProbe>& probes, Plan& plan) {
  plan.index = index.name;
  plan.index_id = index.id;
  plan.engine = index.engine;
  plan.lag_policy = ResolveLagPolicy(freshness, &index);
  for (uint32_t shard = 0; shard < probes.size(); ++shard) {
    if (probes[shard].index_usable) plan.generation_by_shard[shard] = probes[shard].generation;
  }
}

void TakeExact(Verdict verdict, bool filtered, Plan& plan) {
  plan.path = Path::kExact;
  plan.reason = verdict.reason;
  plan.sentence = std::move(verdict.sentence);
  plan.ef_search = 0;
  plan.alpha = 0;
  plan.w = 0;
  plan.filter_strategy = filtered ? FilterStrategy::kScanMatching : FilterStrategy::kNone;
}

// Preselecting more nodes of any kind finds k matching ones, and costs less than trying every node
// met while many match.
void ChooseFilterStrategy(uint32_t m, const Totals& totals, Plan& plan) {
  const double share = totals.ShareNearby();
  const double widened = WidenedW(plan.w, plan.k + plan.before, share);
  if (widened > static_cast<double>(kMaxW) ||
      GraphCost(std::max<double>(plan.ef_search, widened), m) >
          InGraphCost(plan.ef_search, m, share, static_cast<double>(totals.rows))) {
    plan.filter_strategy = FilterStrategy::kInGraph;
    return;
  }
  plan.filter_strategy = FilterStrategy::kLargerW;
  plan.w = static_cast<uint64_t>(widened);
  plan.ef_search = static_cast<uint32_t>(std::max<uint64_t>(plan.ef_search, plan.w));
}

uint64_t RowsToFind(const QueryRequest& request) {
  if (request.ties.form == TieForm::kWithinK) return request.ties.n;
  return request.limit + request.offset;
}

std::string AnnSentence(const IndexDef& index, bool forced, uint64_t w) {
  return Concat(forced ? "the caller asked for the ANN path; " : "", "index ", Quoted(index.name),
                " matches metric ", MetricName(index.metric), " and dim ", index.dim,
                " and preselects ", w, " rows on each shard");
}

}  // namespace

namespace {

// W before any filter, no more than one over the most allowed, whatever the page.
uint64_t FirstW(const QueryRequest& request, const Settings& settings, const Plan& plan) {
  if (request.preselect > 0) return request.preselect;
  const double rows = static_cast<double>(plan.k) + static_cast<double>(plan.before);
  const double w = std::ceil(settings.preselect_alpha * rows);
  return static_cast<uint64_t>(std::min(w, static_cast<double>(kMaxW) + 1));
}

}  // namespace

bool IsNearestFirst(const QueryRequest& request, Metric metric) {
  if (request.direction == Direction::kNearest) return true;
  return (request.direction == Direction::kDescending) == HigherIsBetter(metric);
}

bool WantsNearbySample(const ShardProbe& probe) {
  if (!Sampled(probe)) return false;
  const double share = SelectivityOf(probe);
  const double scan = ScanCost(static_cast<double>(probe.index_rows), share, true);
  return share < kNearbyShare && scan >= kNearbyPays * kNearbyCost;
}

LagPolicy ResolveLagPolicy(const Freshness& freshness, const IndexDef* index) {
  if (index == nullptr) return LagPolicy::kScanTail;
  const bool immediate = index->mode == FreshnessMode::kImmediate;
  return freshness.policy.value_or(immediate ? LagPolicy::kScanTail : LagPolicy::kSkipTail);
}

Plan MakePlan(const QueryRequest& request, const IndexChoice& choice, const Settings& settings,
              const std::vector<ShardProbe>& probes, uint64_t before) {
  const Totals totals = Sum(request, probes);
  const bool filtered = request.filter.has_value();
  Plan plan;
  plan.metric = choice.metric;
  plan.score_descending = IsNearestFirst(request, choice.metric) == HigherIsBetter(choice.metric);
  plan.k = RowsToFind(request);
  // The n of WITHIN_K are the same on every page.
  plan.before = request.ties.form == TieForm::kWithinK ? 0 : before;
  plan.ties = request.ties;
  plan.range = request.range;
  if (request.group_by.has_value()) plan.group_by = request.group_by->column;
  plan.selectivity = totals.selectivity;
  plan.nearby_selectivity = totals.nearby;
  plan.shards = static_cast<uint32_t>(probes.size());
  plan.warnings = choice.warnings;
  const bool readable = choice.index != nullptr && plan.shards > 0;
  if (readable) NameIndex(*choice.index, request.freshness, probes, plan);

  if (request.path == Path::kExact) {
    TakeExact({Reason::kForced, "the caller asked for the EXACT path"}, filtered, plan);
    return plan;
  }
  const bool forced = request.path == Path::kAnn;
  if (std::optional<Verdict> why = WhyNot(request, choice, totals, plan)) {
    TakeExact(*std::move(why), filtered, plan);
    if (forced) plan.warnings.push_back("the ANN path was asked for and cannot be taken");
    return plan;
  }
  const IndexDef& index = *choice.index;
  const uint64_t w = FirstW(request, settings, plan);
  const uint32_t ef = EfSearch(request, index, settings, w);
  if (forced && w > kMaxW) {
    TakeExact({Reason::kWNearRowCount,
               Concat("this page would preselect more than ", kMaxW, " rows on each shard")},
              filtered, plan);
    plan.warnings.push_back("the ANN path was asked for and cannot be taken");
    return plan;
  }
  if (!forced) {
    if (std::optional<Verdict> why =
            WhyCheaper(request, index, totals, probes, ef, w, plan.k + plan.before)) {
      TakeExact(*std::move(why), filtered, plan);
      return plan;
    }
  }
  plan.path = Path::kAnn;
  plan.reason = forced ? Reason::kForced : Reason::kIndexMatch;
  plan.ef_search = ef;
  plan.alpha = settings.preselect_alpha;
  plan.w = w;
  if (filtered) ChooseFilterStrategy(index.m, totals, plan);
  plan.sentence = AnnSentence(index, forced, plan.w);
  return plan;
}

RowOrder SelectionOrder(const Plan& plan, std::vector<SortKey> keys) {
  const double width = plan.ties.form == TieForm::kBucket ? plan.ties.width : 0;
  return RowOrder(plan.score_descending, std::move(keys), width);
}

namespace {

// What a plan's sentence ends with once W has grown.
constexpr std::string_view kGrew = "; to complete the answer W has grown to ";

}  // namespace

std::optional<Plan> WithLargerW(const Plan& plan, uint32_t m,
                                const std::vector<ShardProbe>& probes) {
  Plan larger = plan;
  larger.w = plan.w * kGrowth;
  uint64_t rows = 0;
  for (const ShardProbe& probe : probes) rows += probe.index_rows;
  const double search = GraphCost(static_cast<double>(Preselected(larger.w, probes)), m);
  const bool filtered = plan.filter_strategy != FilterStrategy::kNone;
  const double scan = ScanCost(static_cast<double>(rows), plan.selectivity, filtered);
  if (larger.w > kMaxW || kGrowthPays * search >= scan) return std::nullopt;
  larger.ef_search = static_cast<uint32_t>(std::max<uint64_t>(plan.ef_search, larger.w));
  larger.sentence = Concat(plan.sentence.substr(0, plan.sentence.find(kGrew)), kGrew, larger.w);
  return larger;
}

Plan WithoutLimit(const Plan& plan) {
  Plan exact = plan;
  if (plan.path == Path::kExact && plan.reason == Reason::kForced) return exact;
  TakeExact({Reason::kNoLimit, "every matching row was asked for, in order"},
            plan.filter_strategy != FilterStrategy::kNone, exact);
  return exact;
}

bool CanDoWithoutIndex(const Plan& plan) {
  return plan.index_id != 0 && plan.reason != Reason::kIndexNotReady;
}

Plan FallBack(const Plan& plan, Reason reason) {
  Plan exact = plan;
  Verdict verdict{reason, "the index could not complete the answer; every row is scored exactly"};
  if (reason == Reason::kTiesNotClosed) {
    verdict.sentence = Concat("rows tie at row ", plan.k,
                              " and a larger W did not part them; every row is scored exactly");
  } else if (reason == Reason::kUnderfilled) {
    verdict.sentence = Concat("the index found fewer than the ", plan.k,
                              " rows asked for; every row is scored exactly");
  } else if (reason == Reason::kSelectiveFilter) {
    verdict.sentence =
        "few of the rows near the vector match the filter; all that match are scored";
  } else if (reason == Reason::kWNearRowCount) {
    verdict.sentence =
        "preselecting the rows of a page would take most of the index; every row is scored exactly";
  } else if (reason == Reason::kIndexNotReady) {
    verdict.sentence = "the index stopped answering; every row is scored exactly";
  }
  TakeExact(std::move(verdict), plan.filter_strategy != FilterStrategy::kNone, exact);
  return exact;
}

}  // namespace ordinate
