// What is in a .vdata file: header, sections, and the shape of its graph.
#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "service/cli/command.h"
#include "service/cli/text_table.h"
#include "storage/base/text.h"
#include "storage/vdata/segment_file.h"

namespace ordinate::cli {
namespace {

struct InspectOptions {
  std::string file;
  std::string output = "table";
};

constexpr size_t kBarWidth = 40;
constexpr size_t kMaxBars = 16;

/// counts[i]: nodes of degree, or highest level, i.
using Histogram = std::vector<uint64_t>;

void Count(size_t value, Histogram& counts) {
  if (counts.size() <= value) counts.resize(value + 1);
  ++counts[value];
}

// Unused slots hold the node's own id.
Histogram Degrees(const SegmentView& view) {
  Histogram counts;
  const GraphView& graph = view.graph;
  for (uint32_t node = 0; node < view.nodes && graph.degree0 > 0; ++node) {
    const auto links = graph.links0.subspan(size_t{node} * graph.degree0, graph.degree0);
    Count(static_cast<size_t>(
              std::ranges::count_if(links, [node](uint32_t link) { return link != node; })),
          counts);
  }
  return counts;
}

Histogram Levels(const SegmentView& view) {
  Histogram counts;
  for (const uint8_t level : view.graph.levels) Count(level, counts);
  return counts;
}

double Mean(const Histogram& counts) {
  double nodes = 0, sum = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    nodes += static_cast<double>(counts[i]);
    sum += static_cast<double>(counts[i] * i);
  }
  return nodes > 0 ? sum / nodes : 0;
}

std::string Hex(uint64_t checksum) { return absl::StrFormat("%016x", checksum); }

std::vector<std::pair<std::string, std::string>> Facts(const SegmentFile& file) {
  const SegmentView& view = file.view();
  std::vector<std::pair<std::string, std::string>> facts = {
      {"file", Printable(file.path())},
      {"format", Concat("version ", file.format_version())},
      {"bytes", Grouped(file.file_bytes())},
      {"checksum", Hex(file.checksum())},
      {"row ids", std::string(RowIdFlavourName(view.flavour))},
      {"engine", std::string(EngineName(view.engine))},
      {"metric", std::string(MetricName(view.metric))},
      {"dim", Grouped(view.dim)},
      {"quantization", std::string(QuantizationName(view.codes.quantization))},
      {"m", Grouped(view.m)},
      {"ef_build", Grouped(view.ef_build)},
      {"sequence", Grouped(view.seq)},
      {"rows", Grouped(view.rows())},
      {"with a vector", Grouped(view.vector_rows)},
      {"without", Grouped(view.null_rows)},
      {"of another dim", Grouped(view.invalid_rows)},
      {"distinct vectors", Grouped(view.nodes)},
      {"longest", absl::StrFormat("%.6g", view.longest)}};
  if (view.codes.stride > 0) {
    facts.push_back(
        {"codes", absl::StrFormat("%d bytes each, scale %.6g, error up to %.6g", view.codes.stride,
                                  view.codes.scale, view.codes.error)});
  }
  if (view.graph.degree0 > 0) {
    facts.push_back(
        {"entry", Concat("node ", view.graph.entry, " on level ", view.graph.max_level)});
    facts.push_back({"links per node",
                     absl::StrFormat("%.2f of %d on level 0, up to %d above", Mean(Degrees(view)),
                                     view.graph.degree0, view.graph.degree)});
  }
  return facts;
}

TextTable SectionTable(const SegmentFile& file) {
  TextTable table;
  table.columns = {{"section"}, {"offset", true}, {"bytes", true}, {"blocks", true}, {"checksum"}};
  for (const SegmentSection& section : file.Sections()) {
    table.rows.push_back({section.name, Grouped(section.offset), Grouped(section.bytes),
                          section.blocks == 0 ? "" : Grouped(section.blocks),
                          Hex(section.checksum)});
  }
  return table;
}

// At most kMaxBars lines: neighbouring values are put together when there are more.
TextTable Bars(const std::string& title, const Histogram& counts) {
  TextTable table;
  table.columns = {{title, true}, {"nodes", true}, {""}};
  const size_t step = (counts.size() + kMaxBars - 1) / kMaxBars;
  Histogram sums;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (i % step == 0) sums.push_back(0);
    sums.back() += counts[i];
  }
  const uint64_t most = *std::ranges::max_element(sums);
  for (size_t i = 0; i < sums.size(); ++i) {
    const size_t last = std::min(counts.size(), (i + 1) * step) - 1;
    const size_t width = (sums[i] * kBarWidth + most - 1) / most;
    table.rows.push_back({step == 1 ? Concat(i) : Concat(i * step, " to ", last), Grouped(sums[i]),
                          std::string(width, '#')});
  }
  return table;
}

void PrintText(const SegmentFile& file, const absl::Status& verified) {
  Print(RenderFacts(Facts(file)));
  Print(Concat("\n", RenderTable(SectionTable(file), TerminalWidth())));
  const SegmentView& view = file.view();
  if (view.graph.degree0 > 0) {
    Print(Concat("\n", RenderTable(Bars("links", Degrees(view)), TerminalWidth())));
    Print(Concat("\n", RenderTable(Bars("level", Levels(view)), TerminalWidth())));
  }
  if (verified.ok()) Print("\nevery checksum is right\n");
}

void PrintJson(const SegmentFile& file, const absl::Status& verified) {
  const SegmentView& view = file.view();
  nlohmann::ordered_json json = {{"file", file.path()},
                                 {"format_version", file.format_version()},
                                 {"bytes", file.file_bytes()},
                                 {"checksum", Hex(file.checksum())},
                                 {"row_ids", RowIdFlavourName(view.flavour)},
                                 {"engine", EngineName(view.engine)},
                                 {"metric", MetricName(view.metric)},
                                 {"dim", view.dim},
                                 {"quantization", QuantizationName(view.codes.quantization)},
                                 {"m", view.m},
                                 {"ef_build", view.ef_build},
                                 {"seq", view.seq},
                                 {"nodes", view.nodes},
                                 {"vector_rows", view.vector_rows},
                                 {"null_rows", view.null_rows},
                                 {"invalid_rows", view.invalid_rows},
                                 {"longest", view.longest},
                                 {"code_stride", view.codes.stride},
                                 {"rotation_seed", view.codes.rotation_seed},
                                 {"code_scale", view.codes.scale},
                                 {"code_error", view.codes.error},
                                 {"degree0", view.graph.degree0},
                                 {"degree", view.graph.degree},
                                 {"entry", view.graph.entry},
                                 {"max_level", view.graph.max_level}};
  json["sections"] = nlohmann::ordered_json::array();
  for (const SegmentSection& section : file.Sections()) {
    json["sections"].push_back({{"name", section.name},
                                {"offset", section.offset},
                                {"bytes", section.bytes},
                                {"blocks", section.blocks},
                                {"checksum", Hex(section.checksum)}});
  }
  json["nodes_by_links"] = Degrees(view);
  json["nodes_by_level"] = Levels(view);
  json["intact"] = verified.ok();
  json["problem"] = verified.ok() ? "" : std::string(verified.message());
  Print(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

absl::Status Inspect(const InspectOptions& options) {
  const auto file = SegmentFile::Open(options.file);
  if (!file.ok()) {
    const std::string what(file.status().message());
    return absl::IsDataLoss(file.status()) ? Finding(what) : FileError(what);
  }
  const absl::Status verified = (*file)->Verify();
  if (options.output == "json") {
    PrintJson(**file, verified);
  } else {
    PrintText(**file, verified);
  }
  return verified.ok() ? verified : Finding(std::string(verified.message()));
}

}  // namespace

void AddInspectCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<InspectOptions>();
  CLI::App& command = *app.add_subcommand(
      "inspect", "Show what is in an index file: header, sections, checksums, shape of the graph");
  command.add_option("FILE", options->file, "A .vdata file; a server may be using it")->required();
  command.add_option("--output", options->output, "table for people, json for programs")
      ->envname("ORDINATE_OUTPUT")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
  RunWith(command, exit_code, options, &Inspect);
}

}  // namespace ordinate::cli
