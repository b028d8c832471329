#include "tests/bench/engine/report_text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace ordinate::bench {
namespace {

std::string RatioText(const std::optional<QpsAtRecall>& ratio) {
  if (!ratio.has_value()) return "never";
  return absl::StrFormat("%.2f%s", ratio->qps, ratio->above ? "+" : "");
}

std::string CurveTable(const DataSetResult& set, const MemoryFloor& floor) {
  std::string text = absl::StrFormat("  %-16s %5s %8s %10s %10s %8s %7s\n", "graph", "ef", "recall",
                                     "queries/s", "dist/query", "ns/dist", "floor");
  for (const ContenderResult& result : set.contenders) {
    const double least = floor.NanosPerDistance(result.bytes_per_distance);
    for (const GraphPoint& point : result.points) {
      const double nanos = point.nanos_per_distance();
      absl::StrAppendFormat(&text, "  %-16s %5u %8.4f %10.0f %10.0f %8.1f %6.0f%%\n", result.name,
                            point.ef, point.recall, point.qps, point.distances_per_query, nanos,
                            nanos > 0 ? 100 * least / nanos : 0);
    }
  }
  return text;
}

std::string RatioTable(const DataSetResult& set) {
  std::string text = absl::StrCat("  queries/s over ", kYardstick, "'s at recall");
  for (const double recall : kComparedRecalls) absl::StrAppendFormat(&text, "  %5.2f", recall);
  text += "\n";
  for (const ContenderResult& result : set.contenders) {
    if (!result.is_graph || result.name == kYardstick) continue;
    absl::StrAppendFormat(&text, "  %-33s", result.name);
    for (const double recall : kComparedRecalls) {
      absl::StrAppendFormat(&text, "  %5s", RatioText(RatioToYardstick(set, result, recall)));
    }
    text += "\n";
  }
  return text;
}

std::string CostTable(const DataSetResult& set) {
  std::string text =
      absl::StrFormat("  %-16s %16s %10s %10s %10s %9s %12s\n", "bytes per vector", "build s",
                      "file", "anonymous", "mapped", "open ms", "1st answer ms");
  const double rows = std::max(1u, set.rows);
  for (const ContenderResult& result : set.contenders) {
    const std::string build =
        absl::StrFormat("%.1f%s", result.build_seconds, result.from_cache ? " from cache" : "");
    absl::StrAppendFormat(&text, "  %-16s %16s %10.1f %10.1f %10.1f %9.2f %12.2f\n", result.name,
                          build, static_cast<double>(result.file_bytes) / rows,
                          static_cast<double>(result.anonymous_bytes) / rows,
                          static_cast<double>(result.mapped_bytes) / rows, result.open_millis,
                          result.first_answer_millis);
  }
  return text;
}

std::string LimitedTable(const DataSetResult& set) {
  std::string text;
  for (const ContenderResult& result : set.contenders) {
    const LimitedPoint& limited = result.limited;
    if (limited.share <= 0) continue;
    absl::StrAppendFormat(
        &text,
        "  %-16s ef %u in memory for %.0f%% of its file: %.0f queries/s, %.0f%% of "
        "%.0f without the limit\n",
        result.name, limited.ef, 100 * limited.share, limited.limited_qps,
        100 * limited.limited_qps / limited.free_qps, limited.free_qps);
  }
  return text;
}

std::string ScanTable(const DataSetResult& set, const MemoryFloor& floor) {
  std::string text;
  for (const ContenderResult& result : set.contenders) {
    if (result.is_graph) continue;
    if (text.empty()) {
      text = absl::StrFormat("  %-16s %14s %10s %20s %8s %8s\n", "exact scan", "1 query, GB/s",
                             "of stream", absl::StrCat("batch of ", kScanBatch, ", q/s"), "threads",
                             "recall");
    }
    absl::StrAppendFormat(&text, "  %-16s %14.2f %9.0f%% %20.0f %8u %8.4f\n", result.name,
                          result.scan.single_gb_per_second,
                          100 * result.scan.single_gb_per_second / floor.stream_gb_per_second,
                          result.scan.batch_qps, result.scan.threads, result.scan.recall);
  }
  return text;
}

}  // namespace

std::string DescribeRun(const Machine& machine, const MemoryFloor& floor) {
  return absl::StrFormat(
      "%s, %u cores, %.1f GiB; %s; compiler %s; transparent huge pages %s\n"
      "memory, one thread, %.0f MiB buffer%s: stream %.1f GB/s; a random 64-byte line %.1f ns "
      "when\n"
      "its address depends on the line before, %.1f ns when addresses are known ahead\n",
      machine.cpu, machine.cores, static_cast<double>(machine.memory_bytes) / (1 << 30),
      machine.kernel, machine.compiler, machine.huge_pages,
      static_cast<double>(floor.buffer_bytes) / (1 << 20), floor.huge_pages ? " on huge pages" : "",
      floor.stream_gb_per_second, floor.dependent_load_nanos, floor.independent_load_nanos);
}

std::string SetTable(const DataSetResult& set, const MemoryFloor& floor) {
  return absl::StrCat(
      absl::StrFormat("\n== %s: %u rows, dim %u, %s, %u queries, k %u; M %u, ef_build %u, %u build "
                      "threads, rescore %u, %u rounds, %s clock\n",
                      set.name, set.rows, set.dim, set.metric, set.queries, set.k, set.build.m,
                      set.build.ef_build, set.build.threads, set.rescore, set.rounds, set.clock),
      CurveTable(set, floor), RatioTable(set), CostTable(set), LimitedTable(set),
      ScanTable(set, floor));
}

std::string Summary(const BenchResult& result) {
  std::vector<std::string> names;
  for (const DataSetResult& set : result.sets) {
    for (const ContenderResult& contender : set.contenders) {
      if (!contender.is_graph || contender.name == kYardstick) continue;
      if (std::ranges::count(names, contender.name) == 0) names.push_back(contender.name);
    }
  }
  std::string text = absl::StrCat("\n== queries/s over ", kYardstick,
                                  "'s, geometric means over the sets; + marks a curve that starts "
                                  "above the recall\n");
  for (const std::string& name : names) {
    for (const double recall : kComparedRecalls) {
      std::vector<double> ratios;
      for (const DataSetResult& set : result.sets) {
        const ContenderResult* contender = set.Find(name);
        if (contender == nullptr) continue;
        if (const auto ratio = RatioToYardstick(set, *contender, recall)) {
          ratios.push_back(ratio->qps);
        }
      }
      if (ratios.empty()) continue;
      absl::StrAppendFormat(&text, "  %-16s at %.2f: mean %.2f, least %.2f over %d of %d sets\n",
                            name, recall, GeometricMean(ratios), *std::ranges::min_element(ratios),
                            ratios.size(), result.sets.size());
    }
  }
  return text;
}

}  // namespace ordinate::bench
