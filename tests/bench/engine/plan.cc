#include "tests/bench/engine/plan.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/bench/engine/generators.h"

namespace ordinate::bench {
namespace {

using Kind = DataSpec::Kind;

absl::Status BadSpec(const std::string& text) {
  return absl::InvalidArgumentError(
      absl::StrCat("'", text, "' is not KIND:ROWSxDIM or KIND:ROWSxDIM:kK with KIND clustered or ",
                   "gaussian, such as clustered:100000x128"));
}

}  // namespace

absl::StatusOr<std::vector<DataSpec>> PresetSets(const std::string& preset,
                                                 const FileSpec* packages) {
  if (preset == "quick") return std::vector<DataSpec>{{Kind::kClustered, 10'000, 64, 10}};
  std::vector<DataSpec> sets;
  if (packages != nullptr) sets.push_back({.kind = Kind::kFile, .file = *packages});
  sets.push_back({Kind::kClustered, 100'000, 128, 10});
  sets.push_back({Kind::kClustered, 100'000, 384, 10});
  sets.push_back({Kind::kClustered, 100'000, 768, 10});
  if (preset == "default") return sets;
  if (preset == "full") {
    sets.push_back({Kind::kClustered, 1'000'000, 128, 10});
    sets.push_back({Kind::kClustered, 10'000, 64, 100});
    sets.push_back({Kind::kClustered, 100'000, 128, 100});
    sets.push_back({Kind::kGaussian, 10'000, 64, 10});
    sets.push_back({Kind::kGaussian, 100'000, 128, 10});
    return sets;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("no preset '", preset, "'; there are quick, default and full"));
}

absl::StatusOr<DataSpec> ParseGenerated(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, ':');
  DataSpec spec;
  if (parts.size() < 2 || parts.size() > 3) return BadSpec(text);
  if (parts[0] == "gaussian") {
    spec.kind = Kind::kGaussian;
  } else if (parts[0] != "clustered") {
    return BadSpec(text);
  }
  const std::vector<std::string> size = absl::StrSplit(parts[1], 'x');
  if (size.size() != 2 || !absl::SimpleAtoi(size[0], &spec.rows) ||
      !absl::SimpleAtoi(size[1], &spec.dim) || spec.rows == 0 || spec.dim == 0) {
    return BadSpec(text);
  }
  if (parts.size() == 3 && (!parts[2].starts_with("k") ||
                            !absl::SimpleAtoi(parts[2].substr(1), &spec.k) || spec.k == 0)) {
    return BadSpec(text);
  }
  return spec;
}

absl::StatusOr<DataSet> MakeSet(const DataSpec& spec, uint32_t queries, uint64_t seed) {
  if (spec.kind == Kind::kFile) return LoadSet(spec.file, queries, seed);
  const GeneratorOptions options{spec.rows, queries, spec.dim, seed};
  return spec.kind == Kind::kClustered ? MakeClustered(options) : MakeGaussian(options);
}

}  // namespace ordinate::bench
