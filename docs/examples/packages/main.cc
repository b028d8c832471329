// packages_vectors: reads Debian's package catalogue and turns its texts into vectors.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "docs/examples/packages/catalogue.h"
#include "docs/examples/packages/features.h"
#include "docs/examples/packages/parallel.h"
#include "docs/examples/packages/rows.h"
#include "docs/examples/packages/text_model.h"

namespace packages {
namespace {

struct Options {
  std::string model, rows, queries, text;
  size_t held_out = 200;
  int threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 64U));
};

int Fail(const std::string& message) {
  std::cerr << "packages_vectors: " << message << "\n";
  return 1;
}

std::string WriteLines(const std::string& path, const std::vector<std::string>& lines) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  for (const std::string& line : lines) file << line;
  file.close();
  return file ? "" : "cannot write " + path;
}

int Build(const Options& options) {
  std::vector<Package> catalogue = ReadCatalogue(std::cin);
  const std::vector<Package> held_out = HoldOut(catalogue, options.held_out);
  if (catalogue.empty()) {
    return Fail("no package on standard input; pipe the output of 'apt-cache dumpavail' into it");
  }

  std::vector<std::vector<Feature>> features(catalogue.size());
  const auto each = [&](const auto& work) {
    ParallelFor(catalogue.size(), 256, options.threads, [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) work(i);
    });
  };
  each([&](size_t i) { features[i] = FeaturesOfPackage(catalogue[i]); });
  const TextModel model = TextModel::Fit(features, options.threads);
  std::vector<std::string> lines(catalogue.size());
  each([&](size_t i) { lines[i] = RowJson(catalogue[i], model.Embed(features[i])); });

  std::vector<std::string> queries;
  for (const Package& package : held_out) {
    const std::string text =
        package.summary + (package.details.empty() ? "" : " ") + package.details;
    if (const auto embedding = model.Embed(FeaturesOfText(text))) {
      queries.push_back(QueryJson(text, *embedding));
    }
  }
  for (const std::string& error :
       {model.Save(options.model), WriteLines(options.rows, lines),
        options.queries.empty() ? std::string() : WriteLines(options.queries, queries)}) {
    if (!error.empty()) return Fail(error);
  }
  std::cerr << "packages_vectors: " << lines.size() << " rows, " << queries.size()
            << " held-out queries, " << model.term_count() << " terms\n";
  return 0;
}

int Embed(const Options& options) {
  TextModel model;
  if (const std::string error = model.Load(options.model); !error.empty()) return Fail(error);
  const auto embedding = model.Embed(FeaturesOfText(options.text));
  if (!embedding) return Fail("the model knows no word of '" + options.text + "'");
  std::cout << VectorJson(*embedding) << "\n";
  return 0;
}

}  // namespace
}  // namespace packages

int main(int argc, char** argv) {
  packages::Options options;
  CLI::App app("Turns Debian's package catalogue, and queries for it, into vectors.");
  app.require_subcommand(1);

  CLI::App* build = app.add_subcommand("build", "Read 'apt-cache dumpavail' from standard input");
  build->add_option("--model", options.model, "Where to write the model")->required();
  build->add_option("--rows", options.rows, "Where to write the rows, as JSONL")->required();
  build->add_option("--queries", options.queries, "Where to write the held-out queries, as JSONL");
  build->add_option("--held-out", options.held_out, "Packages kept out of the rows as queries")
      ->capture_default_str();
  build->add_option("--threads", options.threads, "Threads; the output does not depend on it")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();

  CLI::App* embed = app.add_subcommand("embed", "Print the vector of a text as a JSON array");
  embed->add_option("--model", options.model, "A model that 'build' wrote")->required();
  embed->add_option("text", options.text, "The text")->required();

  CLI11_PARSE(app, argc, argv);
  return build->parsed() ? packages::Build(options) : packages::Embed(options);
}
