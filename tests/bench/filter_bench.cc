// How fast a filter finds its rows in a sealed segment: row by row through Evaluate, row by row
// through RowMatcher, and a block at a time. All three are timed in turn in one run, so that the
// ratios hold on a busy machine; each figure is the median of its rounds.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "engine/segment/row_matcher.h"
#include "tests/query/query_fixtures.h"
#include "tests/segment/sealed_rows.h"
#include "tests/support/temp_dir.h"

namespace ordinate {
namespace {

constexpr uint32_t kRows = 1'000'000;
constexpr uint32_t kBlockRows = 8'192;
constexpr int kRounds = 9;

// n is uniform over [0, 1000); name is one of 100 of equal length; a tenth of either is NULL.
std::shared_ptr<const SealedSegment> MakeSegment(const TempDir& folder) {
  std::mt19937_64 random(1);
  std::vector<Cells> rows(kRows);
  for (uint32_t i = 0; i < kRows; ++i) {
    rows[i].resize(5);
    rows[i][0] = uint64_t{i};
    if (random() % 10 != 0) rows[i][2] = static_cast<int64_t>(random() % 1'000);
    if (random() % 10 != 0) rows[i][4] = "section-" + std::to_string(100 + random() % 100);
  }
  return SealRows(EveryTypeTable(), {0, 2, 4}, rows, folder.Sub("bench.vdata"));
}

struct Timed {
  double rows_per_second;
  uint32_t matched;
};

Timed Time(const std::function<uint32_t()>& count_matches) {
  const auto start = std::chrono::steady_clock::now();
  const uint32_t matched = count_matches();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return {kRows / took.count(), matched};
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

void Measure(const std::string& text, const SealedSegment& segment) {
  const auto parsed = ParseFilter(text);
  const auto filter = BindFilter(*parsed, EveryTypeTable());
  const auto evaluate = [&] {
    SealedCells cells(segment);
    uint32_t matched = 0;
    for (uint32_t row = 0; row < kRows; ++row) {
      cells.MoveTo(row);
      matched += Matches(*filter, cells);
    }
    return matched;
  };
  const auto by_row = [&] {
    const RowMatcher matcher(*filter, segment);
    uint32_t matched = 0;
    for (uint32_t row = 0; row < kRows; ++row) matched += matcher.Matches(row);
    return matched;
  };
  const auto by_block = [&] {
    const RowMatcher matcher(*filter, segment);
    MatchedRows rows;
    uint32_t matched = 0;
    for (uint32_t first = 0; first < kRows; first += kBlockRows) {
      const uint32_t last = std::min(kRows, first + kBlockRows);
      matcher.MatchBlock(first, last, rows);
      for (uint32_t row = rows.Next(first); row < last; row = rows.Next(row + 1)) ++matched;
    }
    return matched;
  };
  const std::function<uint32_t()> ways[] = {evaluate, by_row, by_block};
  std::vector<double> rates[3];
  uint32_t matched = 0;
  for (int round = 0; round < kRounds; ++round) {
    for (size_t way = 0; way < 3; ++way) {
      const Timed timed = Time(ways[way]);
      rates[way].push_back(timed.rows_per_second);
      if (round + way > 0 && timed.matched != matched) {
        std::fprintf(stderr, "%s: %u rows match, and %u\n", text.c_str(), matched, timed.matched);
        std::exit(1);
      }
      matched = timed.matched;
    }
  }
  const double evaluated = Median(rates[0]), rows = Median(rates[1]), blocks = Median(rates[2]);
  std::printf("%-44s %6.2f%%  %8.1f  %8.1f %5.1fx  %8.1f %5.1fx\n", text.c_str(),
              100.0 * matched / kRows, evaluated / 1e6, rows / 1e6, rows / evaluated, blocks / 1e6,
              blocks / evaluated);
}

int Main() {
  const TempDir folder;
  const auto segment = MakeSegment(folder);
  if (segment == nullptr) return 1;
  std::printf("%u rows; million rows a second, and times Evaluate's, median of %d rounds\n", kRows,
              kRounds);
  std::printf("%-44s %7s  %8s  %15s  %15s\n", "filter", "match", "Evaluate", "Matches",
              "MatchBlock");
  for (const char* text :
       {"n < 556", "n < 111", "n < 11", "n < 1", "name = 'section-142' AND n < 500",
        "name LIKE 'section-14%' OR n BETWEEN 10 AND 20",
        "n IN (1, 5, 9, 13, 400, 401, 402, 999)"}) {
    Measure(text, *segment);
  }
  return 0;
}

}  // namespace
}  // namespace ordinate

int main() { return ordinate::Main(); }
