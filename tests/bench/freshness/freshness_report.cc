#include "tests/bench/freshness/freshness_report.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace ordinate::bench {

double Quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<size_t>(at)];
}

void FreshnessReport::Begin(uint64_t index_bytes) {
  index_bytes_ = static_cast<double>(index_bytes);
  all_["index_bytes"] = index_bytes;
  std::printf("%-12s %7s %7s | %7s %7s %7s %6s %6s | %7s %7s | %4s %6s %6s %6s | %6s\n", "phase",
              "asked/s", "rows/s", "p50 ms", "p99", "p99.9", "x p50", "x p99", "ack p99", "see p99",
              "segs", "tail", "index", "store", "recall");
}

void FreshnessReport::Add(const PhaseResult& result) {
  const LoadResult& queries = result.queries;
  const WriteResult& writes = result.writes;
  const double p50 = Quantile(queries.millis, 0.5), p99 = Quantile(queries.millis, 0.99);
  if (idle_p99_ == 0) {
    idle_p50_ = p50;
    idle_p99_ = p99;
  }
  const double asked = static_cast<double>(queries.millis.size()) / queries.seconds;
  const double wrote = writes.seconds == 0 ? 0 : static_cast<double>(writes.rows) / writes.seconds;
  nlohmann::json phase = {
      {"phase", result.plan.name},
      {"offered_queries_per_second", result.plan.queries_per_second},
      {"queries_per_second", asked},
      {"offered_rows_per_second", result.plan.rows_per_second},
      {"rows_per_second", wrote},
      {"p50_ms", p50},
      {"p99_ms", p99},
      {"p999_ms", Quantile(queries.millis, 0.999)},
      {"p50_to_idle", p50 / idle_p50_},
      {"p99_to_idle", p99 / idle_p99_},
      {"acknowledged_p99_ms", Quantile(writes.write_millis, 0.99)},
      {"visible_p99_ms", Quantile(writes.visible_millis, 0.99)},
      {"segments_max", result.most.segments},
      {"tail_rows_max", result.most.tail_rows},
      {"index_bytes_max", result.most.index_bytes},
      {"index_bytes_to_built", static_cast<double>(result.most.index_bytes) / index_bytes_},
      {"store_bytes_max", result.most.store_bytes},
      {"recall_min", result.least_recall},
      {"short_answers", queries.short_answers},
      {"deleted_rows_returned", queries.deleted_returned},
  };
  std::printf(
      "%-12s %7.0f %7.0f | %7.3f %7.3f %7.2f %6.2f %6.2f | %7.2f %7.3f | %4lu %6lu %6.2f %6.2f | "
      "%6.4f\n",
      result.plan.name.c_str(), asked, wrote, p50, p99, Quantile(queries.millis, 0.999),
      p50 / idle_p50_, p99 / idle_p99_, Quantile(writes.write_millis, 0.99),
      Quantile(writes.visible_millis, 0.99), result.most.segments, result.most.tail_rows,
      static_cast<double>(result.most.index_bytes) / index_bytes_,
      static_cast<double>(result.most.store_bytes) / index_bytes_, result.least_recall);
  if (queries.short_answers + queries.deleted_returned > 0) {
    std::printf("  %lu answers were short, %lu rows in answers had been deleted\n",
                queries.short_answers, queries.deleted_returned);
  }
  std::fflush(stdout);
  all_["phases"].push_back(std::move(phase));
}

void FreshnessReport::AddRounds(std::vector<PhaseResult> phases) {
  idle_p99_ = 0;
  for (PhaseResult& phase : phases) {
    phase.plan.name = "all " + phase.plan.name;
    Add(phase);
  }
}

void FreshnessReport::Note(const std::string& name, double value, std::string_view unit) {
  std::printf("  %s: %.4g %.*s\n", name.c_str(), value, static_cast<int>(unit.size()), unit.data());
  std::fflush(stdout);
  all_["figures"][name] = {{"value", value}, {"unit", unit}};
}

void FreshnessReport::Write(const std::string& path) const {
  std::ofstream file(path);
  file << all_.dump(2) << '\n';
  file.close();
  if (file) return;
  std::fprintf(stderr, "cannot write %s\n", path.c_str());
  std::exit(1);
}

}  // namespace ordinate::bench
