#include "tests/bench/engine/cache.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/files/checksum.h"
#include "tests/bench/engine/progress_line.h"

namespace ordinate::bench {
namespace {

// Written beside an index: the seconds and threads of its build.
std::optional<Cache::BuiltIndex> ReadNote(const std::string& path) {
  std::ifstream note(path + ".built");
  Cache::BuiltIndex built{.path = path, .from_cache = true};
  if (!(note >> built.seconds >> built.threads) || !std::filesystem::exists(path)) {
    return std::nullopt;
  }
  return built;
}

absl::Status WriteNote(const Cache::BuiltIndex& built) {
  std::ofstream note(built.path + ".built");
  note << absl::StrFormat("%.3f %u\n", built.seconds, built.threads);
  note.close();
  if (!note) return absl::InternalError(absl::StrCat("cannot write ", built.path, ".built"));
  return absl::OkStatus();
}

std::optional<GroundTruth> ReadTruth(const std::string& path, uint32_t k, size_t count) {
  std::ifstream file(path, std::ios::binary);
  GroundTruth truth{k, std::vector<double>(count)};
  const auto bytes = static_cast<std::streamsize>(count * sizeof(double));
  if (!file.read(reinterpret_cast<char*>(truth.scores.data()), bytes) || file.peek() != EOF) {
    return std::nullopt;
  }
  return truth;
}

}  // namespace

absl::StatusOr<Cache> Cache::Open(const std::string& folder, std::vector<std::string> rebuild) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return absl::InternalError(absl::StrCat("cannot make ", folder, ": ", error.message()));
  }
  return Cache(folder, std::move(rebuild));
}

bool Cache::Rebuilds(const std::string& name) const {
  return std::ranges::any_of(rebuild_,
                             [&](const std::string& prefix) { return name.starts_with(prefix); });
}

std::string Cache::Path(const std::string& readable, const std::string& key,
                        const std::string& ending) const {
  return absl::StrFormat("%s/%s-%016x%s", folder_, readable, Checksum64(key.data(), key.size()),
                         ending);
}

absl::StatusOr<Cache::BuiltIndex> Cache::Index(Contender& contender, const DataSet& set,
                                               const BuildParams& params) {
  const std::string key =
      Concat(set.origin, " metric ", MetricName(set.metric), " by ", contender.name(), " ",
             contender.version(), " ", contender.code_id(), " m ", params.m, " ef_build ",
             params.ef_build, " threads ", params.threads, " seed ", params.seed);
  const std::string path = Path(absl::StrCat(set.name, "-", contender.name()), key, ".index");
  if (!Rebuilds(contender.name())) {
    if (auto built = ReadNote(path)) return *built;
  }
  BuiltIndex built{.path = path, .threads = params.threads};
  ProgressLine line(absl::StrCat("building ", contender.name(), " over ", set.name));
  ASSIGN_OR_RETURN(built.seconds, contender.Build(set, params, path, line.callback()));
  line.Done();
  RETURN_IF_ERROR(WriteNote(built));
  return built;
}

absl::StatusOr<GroundTruth> Cache::Truth(const DataSet& set, uint32_t k, uint32_t threads) {
  const std::string key = Concat(set.origin, " metric ", MetricName(set.metric), " k ", k);
  const std::string path = Path(absl::StrCat(set.name, "-truth"), key, ".f64");
  const size_t count = size_t{set.query_count()} * k;
  if (!Rebuilds("")) {
    if (auto truth = ReadTruth(path, k, count)) return *std::move(truth);
  }
  ProgressLine line(absl::StrCat("scanning for the ground truth of ", set.name));
  ASSIGN_OR_RETURN(GroundTruth truth, ScanForTruth(set, k, threads, line.callback()));
  line.Done();
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(truth.scores.data()),
             static_cast<std::streamsize>(count * sizeof(double)));
  file.close();
  if (!file) return absl::InternalError(absl::StrCat("cannot write ", path));
  return truth;
}

}  // namespace ordinate::bench
