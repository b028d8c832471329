#include "service/cli/verify_report.h"

#include <string>

#include "service/cli/command.h"
#include "service/cli/progress.h"
#include "service/cli/text_table.h"
#include "storage/base/text.h"

namespace ordinate::cli {

VerifyReport VerifyDirectory(const DataDirectory& directory) {
  VerifyPaths paths;
  paths.catalog = directory.CatalogPath();
  for (uint32_t shard = 0; shard < directory.shards(); ++shard) {
    paths.shards.push_back(directory.ShardPath(shard));
  }
  Progress progress("verify", "bytes");
  return VerifyData(
      paths, [&progress](const std::string&, uint64_t bytes) { progress.Update(bytes, -1); });
}

nlohmann::ordered_json ProblemsJson(const VerifyReport& report) {
  auto problems = nlohmann::ordered_json::array();
  for (const VerifyProblem& problem : report.problems) {
    problems.push_back({{"file", problem.file}, {"what", problem.what}});
  }
  return problems;
}

void PrintProblems(const VerifyReport& report) {
  for (const VerifyProblem& problem : report.problems) {
    Print(Concat("DAMAGED  ", problem.file, ": ", Printable(problem.what), "\n"));
  }
}

}  // namespace ordinate::cli
