#include "engine/search/kernels.h"

#include <cstdlib>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace ordinate {
namespace {

std::vector<const Kernels*> FindAvailable() {
  std::vector<const Kernels*> found = {&kBaselineKernels};
#ifdef ORDINATE_X86_KERNELS
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    found.push_back(&kAvx2Kernels);
  }
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
    found.push_back(&kAvx512Kernels);
    if (__builtin_cpu_supports("avx512vnni")) found.push_back(&kAvx512VnniKernels);
  }
#endif
  return found;
}

std::string AvailableNames() {
  std::string names;
  for (const Kernels* kernels : AvailableKernels()) {
    absl::StrAppend(&names, names.empty() ? "" : ", ", kernels->name);
  }
  return names;
}

absl::StatusOr<const Kernels*> ReadConfiguration() {
  const char* name = std::getenv("ORDINATE_ISA");
  if (name == nullptr || *name == '\0') return AvailableKernels().back();
  return SelectKernels(name);
}

}  // namespace

const std::vector<const Kernels*>& AvailableKernels() {
  static const auto& available = *new std::vector<const Kernels*>(FindAvailable());
  return available;
}

absl::StatusOr<const Kernels*> SelectKernels(std::string_view name) {
  for (const Kernels* kernels : AvailableKernels()) {
    if (name == kernels->name) return kernels;
  }
  if (name != "avx2" && name != "avx512" && name != "avx512vnni") {
    return absl::InvalidArgumentError(absl::StrCat(
        "ORDINATE_ISA is '", std::string(name.substr(0, 64)),
        "'; it takes baseline, avx2, avx512, avx512vnni or nothing (the fastest available)"));
  }
  return absl::FailedPreconditionError(
      absl::StrCat("ORDINATE_ISA is '", std::string(name), "', which this machine or build does ",
                   "not have; it can run: ", AvailableNames(), ". Name one of these, or unset it"));
}

absl::StatusOr<const Kernels*> ConfiguredKernels() {
  static const auto& configured = *new absl::StatusOr<const Kernels*>(ReadConfiguration());
  return configured;
}

const Kernels& BestKernels() {
  static const Kernels& best =
      ConfiguredKernels().ok() ? **ConfiguredKernels() : *AvailableKernels().back();
  return best;
}

}  // namespace ordinate
