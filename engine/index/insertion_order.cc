#include "engine/index/insertion_order.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <tuple>
#include <utility>

#include "storage/base/status_macros.h"

namespace ordinate {
namespace {

constexpr int kMaxLevel = 32;
// Smaller rounds would bring no two nodes near each other together.
constexpr size_t kSmallestRound = 1024;

// Unlike std::shuffle's, the order is the same with every standard library.
void Shuffle(std::span<uint32_t> nodes, std::mt19937_64& random) {
  for (size_t i = nodes.size(); i > 1; --i) std::swap(nodes[i - 1], nodes[random() % i]);
}

}  // namespace

std::vector<uint8_t> DrawLevels(uint32_t nodes, uint32_t m, uint64_t seed) {
  std::mt19937_64 random(seed);  // its output is fixed by the standard
  const double scale = 1 / std::log(double{static_cast<double>(m)});
  std::vector<uint8_t> levels(nodes);
  for (uint8_t& level : levels) {
    const double unit = (static_cast<double>(random() >> 11) + 1) * 0x1p-53;  // in (0, 1]
    level = static_cast<uint8_t>(std::min(static_cast<int>(-std::log(unit) * scale), kMaxLevel));
  }
  return levels;
}

std::vector<uint32_t> OrderByLevel(std::span<const uint8_t> levels, uint64_t seed) {
  std::vector<uint32_t> order(levels.size());
  std::iota(order.begin(), order.end(), 0u);
  std::mt19937_64 random(~seed);
  Shuffle(order, random);
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return levels[a] > levels[b]; });
  return order;
}

absl::Status OrderByPlace(std::span<const Descent> descents, size_t linked,
                          std::span<uint32_t> nodes, const CallContext& context) {
  const auto place = [&](uint32_t node) {
    const Descent& found = descents[node];
    return std::tuple(found[2], found[1], found[0], node);
  };
  while (!nodes.empty()) {
    RETURN_IF_ERROR(context.Check());
    const size_t size = std::min(nodes.size(), std::max(linked, kSmallestRound));
    const std::span<uint32_t> round = nodes.first(size);
    std::sort(round.begin(), round.end(),
              [&](uint32_t a, uint32_t b) { return place(a) < place(b); });
    nodes = nodes.subspan(size);
    linked += size;
  }
  return absl::OkStatus();
}

}  // namespace ordinate
