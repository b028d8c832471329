#include "tests/bench/engine/report_files.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "storage/base/status_macros.h"
#include "tests/bench/engine/svg_plot.h"

namespace ordinate::bench {
namespace {

using Json = nlohmann::ordered_json;

Json MachineJson(const Machine& machine) {
  return {{"cpu", machine.cpu},
          {"cores", machine.cores},
          {"memory_bytes", machine.memory_bytes},
          {"l3_bytes_as_reported", machine.l3_bytes},
          {"kernel", machine.kernel},
          {"compiler", machine.compiler},
          {"transparent_huge_pages", machine.huge_pages}};
}

Json FloorJson(const MemoryFloor& floor) {
  return {{"buffer_bytes", floor.buffer_bytes},
          {"huge_pages", floor.huge_pages},
          {"stream_gb_per_second", floor.stream_gb_per_second},
          {"dependent_load_nanos", floor.dependent_load_nanos},
          {"independent_load_nanos", floor.independent_load_nanos}};
}

Json PointJson(const GraphPoint& point, double least_nanos) {
  const double nanos = point.nanos_per_distance();
  return {{"ef", point.ef},
          {"recall", point.recall},
          {"queries_per_second", point.qps},
          {"rounds", point.round_qps},
          {"distances_per_query", point.distances_per_query},
          {"nanos_per_distance", nanos},
          {"floor_fraction", nanos > 0 ? least_nanos / nanos : 0}};
}

Json RatioJson(const DataSetResult& set, const ContenderResult& contender) {
  Json ratios = Json::array();
  for (const double recall : kComparedRecalls) {
    const auto ratio = RatioToYardstick(set, contender, recall);
    ratios.push_back({{"recall", recall},
                      {"ratio", ratio.has_value() ? Json(ratio->qps) : Json()},
                      {"starts_above", ratio.has_value() && ratio->above}});
  }
  return ratios;
}

Json ContenderJson(const DataSetResult& set, const ContenderResult& result,
                   const MemoryFloor& floor) {
  Json json = {{"name", result.name},
               {"version", result.version},
               {"build_seconds", result.build_seconds},
               {"build_threads", result.build_threads},
               {"build_from_cache", result.from_cache},
               {"file_bytes", result.file_bytes},
               {"anonymous_bytes", result.anonymous_bytes},
               {"mapped_bytes", result.mapped_bytes},
               {"open_millis", result.open_millis},
               {"first_answer_millis", result.first_answer_millis},
               {"bytes_per_distance", result.bytes_per_distance}};
  if (result.is_graph) {
    json["points"] = Json::array();
    for (const GraphPoint& point : result.points) {
      json["points"].push_back(PointJson(point, floor.NanosPerDistance(result.bytes_per_distance)));
    }
    json["over_yardstick"] = RatioJson(set, result);
    if (result.limited.share > 0) {
      json["limited_memory"] = {{"share_of_file", result.limited.share},
                                {"ef", result.limited.ef},
                                {"queries_per_second", result.limited.limited_qps},
                                {"queries_per_second_unlimited", result.limited.free_qps}};
    }
  } else {
    json["scan"] = {
        {"single_gb_per_second", result.scan.single_gb_per_second},
        {"stream_fraction", result.scan.single_gb_per_second / floor.stream_gb_per_second},
        {"batch", kScanBatch},
        {"batch_threads", result.scan.threads},
        {"batch_queries_per_second", result.scan.batch_qps},
        {"recall", result.scan.recall}};
  }
  return json;
}

Json SetJson(const DataSetResult& set, const MemoryFloor& floor) {
  Json json = {{"name", set.name},
               {"origin", set.origin},
               {"metric", set.metric},
               {"rows", set.rows},
               {"queries", set.queries},
               {"dim", set.dim},
               {"k", set.k},
               {"m", set.build.m},
               {"ef_build", set.build.ef_build},
               {"seed", set.build.seed},
               {"rescore", set.rescore},
               {"rounds", set.rounds},
               {"clock", set.clock},
               {"yardstick", kYardstick}};
  json["contenders"] = Json::array();
  for (const ContenderResult& result : set.contenders) {
    json["contenders"].push_back(ContenderJson(set, result, floor));
  }
  return json;
}

absl::Status Write(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) return absl::InternalError(absl::StrCat("cannot write ", path));
  return absl::OkStatus();
}

std::string PlotOf(const DataSetResult& set) {
  std::vector<PlotLine> lines;
  for (const ContenderResult& result : set.contenders) {
    if (result.is_graph) lines.push_back({result.name, result.Curve()});
  }
  return RecallPlot(absl::StrFormat("%s, %s, recall@%u, one thread", set.name, set.metric, set.k),
                    lines);
}

}  // namespace

std::string ResultJson(const BenchResult& result) {
  Json json = {{"machine", MachineJson(result.machine)}, {"memory", FloorJson(result.floor)}};
  json["sets"] = Json::array();
  for (const DataSetResult& set : result.sets) json["sets"].push_back(SetJson(set, result.floor));
  return json.dump(1) + "\n";
}

std::string ResultCsv(const BenchResult& result) {
  std::string text =
      "set,rows,dim,metric,k,contender,ef,recall,queries_per_second,distances_per_query,"
      "nanos_per_distance,build_seconds,build_threads,build_from_cache,file_bytes,anonymous_bytes,"
      "mapped_bytes,open_millis,first_answer_millis,single_scan_gb_per_second\n";
  const auto line = [&text](const DataSetResult& set, const ContenderResult& contender,
                            const GraphPoint& point) {
    absl::StrAppendFormat(&text, "%s,%u,%u,%s,%u,%s,%u,%.5f,%.1f,%.1f,%.2f,%.2f,%u,%d,%u,%d,%d,",
                          set.name, set.rows, set.dim, set.metric, set.k, contender.name, point.ef,
                          point.recall, point.qps, point.distances_per_query,
                          point.nanos_per_distance(), contender.build_seconds,
                          contender.build_threads, contender.from_cache, contender.file_bytes,
                          contender.anonymous_bytes, contender.mapped_bytes);
    absl::StrAppendFormat(&text, "%.3f,%.3f,%.2f\n", contender.open_millis,
                          contender.first_answer_millis, contender.scan.single_gb_per_second);
  };
  for (const DataSetResult& set : result.sets) {
    for (const ContenderResult& contender : set.contenders) {
      for (const GraphPoint& point : contender.points) line(set, contender, point);
      if (contender.is_graph) continue;
      line(set, contender,
           {.recall = contender.scan.recall,
            .distances_per_query = static_cast<double>(set.rows),
            .qps = contender.scan.batch_qps});
    }
  }
  return text;
}

absl::Status WriteReport(const BenchResult& result, const std::string& text,
                         const std::string& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return absl::InternalError(absl::StrCat("cannot make ", folder, ": ", error.message()));
  }
  RETURN_IF_ERROR(Write(folder + "/engine.txt", text));
  RETURN_IF_ERROR(Write(folder + "/engine.json", ResultJson(result)));
  RETURN_IF_ERROR(Write(folder + "/engine.csv", ResultCsv(result)));
  for (const DataSetResult& set : result.sets) {
    RETURN_IF_ERROR(
        Write(absl::StrCat(folder, "/engine-", set.name, "-k", set.k, ".svg"), PlotOf(set)));
  }
  return absl::OkStatus();
}

}  // namespace ordinate::bench
