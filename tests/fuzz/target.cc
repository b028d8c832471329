#include "tests/fuzz/target.h"

namespace ordinate::fuzz {
namespace {

constexpr Target kTargets[] = {
    {"statement", &RunStatement, &MutateStatement},
    {"filter", &RunFilter, &MutateFilter},
    {"request", &RunRequest, &MutateRequest},
    {"segment", &RunSegment, &MutateSegment},
};

}  // namespace

std::span<const Target> Targets() { return kTargets; }

const Target* FindTarget(std::string_view name) {
  for (const Target& target : kTargets) {
    if (target.name == name) return &target;
  }
  return nullptr;
}

}  // namespace ordinate::fuzz
