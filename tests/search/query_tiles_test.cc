#include "engine/search/query_tiles.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "engine/search/exact_score.h"
#include "tests/search/flat_rows.h"
#include "tests/search/point_kinds.h"

namespace ordinate {
namespace {

constexpr uint32_t kSeed = 43;
constexpr Metric kMetrics[] = {Metric::kL2, Metric::kCosine, Metric::kIp};

// The estimate of every row for every query, as a scan makes them.
std::vector<std::vector<float>> Estimates(const QueryTiles& tiles, const FlatRows& rows,
                                          std::vector<float>& norms) {
  const SegmentView& view = rows.view();
  const Kernels& kernels = BestKernels();
  std::vector<float> bias(view.nodes), sums(size_t{view.nodes} * kTileQueries);
  norms.resize(view.nodes);
  kernels.squared_norms(rows.row(0), view.stride, view.nodes, norms.data());
  for (uint32_t i = 0; i < view.nodes; ++i) bias[i] = tiles.BiasOf(norms[i]);
  std::vector<std::vector<float>> estimates(tiles.queries(), std::vector<float>(view.nodes));
  const std::vector<float> least(kTileQueries);
  std::vector<uint32_t> found(view.nodes), bits(view.nodes);
  for (size_t tile = 0; tile < tiles.tiles(); ++tile) {
    kernels.tile_dots(tiles.data(tile), 1, rows.row(0), view.stride, view.nodes, sums.data());
    kernels.tile_select(sums.data(),
                        view.metric == Metric::kCosine ? view.inverse_norms.data() : nullptr,
                        view.metric == Metric::kL2 ? bias.data() : nullptr, least.data(),
                        view.nodes, found.data(), bits.data());
    for (size_t j = 0; j < kTileQueries && tile * kTileQueries + j < tiles.queries(); ++j) {
      for (uint32_t i = 0; i < view.nodes; ++i) {
        estimates[tile * kTileQueries + j][i] = sums[i * kTileQueries + j];
      }
    }
  }
  return estimates;
}

using Points = std::vector<std::vector<float>>;

// Calls see(tiles, query, estimate, squared norm, exact score) for every query and row.
template <typename See>
void ForEachPair(const FlatRows& rows, const Points& queries, const See& see) {
  const std::vector<std::span<const float>> spans(queries.begin(), queries.end());
  const QueryTiles tiles(rows.view(), spans);
  std::vector<float> norms;
  const auto estimates = Estimates(tiles, rows, norms);
  for (size_t q = 0; q < queries.size(); ++q) {
    const ExactScorer scorer(rows.view().metric, queries[q]);
    for (uint32_t i = 0; i < rows.view().nodes; ++i) {
      const float norm = rows.view().metric == Metric::kL2 ? norms[i] : 0;
      see(tiles, q, estimates[q][i], norm, scorer.Score(rows.row(i)));
    }
  }
}

// A row is never dropped for the sake of its own score, nor of its own merit, which is less.
TEST(QueryTiles, ProveNothingThatIsNotSo) {
  std::mt19937 random(kSeed);
  for (const Metric metric : kMetrics) {
    for (const uint32_t dim : {1u, 16u, 17u, 100u, 300u}) {
      for (const PointKind kind : kPointKinds) {
        SCOPED_TRACE(testing::Message() << MetricName(metric) << " dim " << dim << " kind "
                                        << static_cast<int>(kind) << " seed " << kSeed);
        const FlatRows rows(metric, dim, MakePoints(kind, dim, 60, random));
        Points queries = MakePoints(kind, dim, 9, random);
        for (uint32_t i = 0; i < 9; ++i) {  // rows themselves
          queries.emplace_back(rows.row(i), rows.row(i) + dim);
        }
        ForEachPair(
            rows, queries,
            [](const QueryTiles& tiles, size_t q, float estimate, float norm, double score) {
              const double merit = tiles.MeritOf(q, score);
              ASSERT_GE(estimate, tiles.LeastEstimate(q, merit));
              ASSERT_LE(tiles.LeastMerit(q, estimate, norm),
                        merit + 1e-9 * std::abs(merit) + 1e-9 * score * score);
            });
      }
    }
  }
}

TEST(QueryTiles, ProveEnoughToTellOrdinaryVectorsApart) {
  std::mt19937 random(kSeed);
  for (const Metric metric : kMetrics) {
    const FlatRows rows(metric, 128, MakePoints(PointKind::kPlain, 128, 50, random));
    ForEachPair(rows, MakePoints(PointKind::kPlain, 128, 3, random),
                [&](const QueryTiles& tiles, size_t q, float estimate, float norm, double score) {
                  const double merit = tiles.MeritOf(q, score);
                  const double size = metric == Metric::kCosine ? 1 : 128;
                  EXPECT_NEAR(tiles.LeastEstimate(q, merit), merit, 1e-4 * size);
                  EXPECT_NEAR(tiles.LeastMerit(q, estimate, norm), merit, 1e-4 * size);
                });
  }
}

TEST(QueryTiles, TakeWhatF32CanHold) {
  const std::vector<float> plain = {1, 2}, zero = {0, 0}, large = {3e18f, 0}, larger = {4e18f, 0};
  for (const Metric metric : {Metric::kL2, Metric::kIp}) {
    const FlatRows rows(metric, 2, {{1, 0}, {0, 2}});
    EXPECT_TRUE(QueryTiles::Fits(rows.view(), plain));
    EXPECT_TRUE(QueryTiles::Fits(rows.view(), zero));
    EXPECT_TRUE(QueryTiles::Fits(rows.view(), large));
    EXPECT_FALSE(QueryTiles::Fits(rows.view(), larger));
    EXPECT_FALSE(QueryTiles::Fits(FlatRows(metric, 2, {{1, 0}, larger}).view(), plain));
  }
  EXPECT_TRUE(QueryTiles::Fits(FlatRows(Metric::kCosine, 2, {{1, 0}, zero}).view(), larger));
  EXPECT_FALSE(QueryTiles::Fits(FlatRows(Metric::kCosine, 2, {{1e-40f, 0}}).view(), plain));
  EXPECT_FALSE(QueryTiles::Fits(FlatRows(Metric::kCosine, 2, {{3e38f, 3e38f}}).view(), plain));
}

TEST(QueryTiles, ScoresThatAreNoNumbersKeepEverything) {
  const FlatRows rows(Metric::kL2, 2, {{1, 0}});
  const std::vector<float> query = {1, 2};
  const std::span<const float> spans[] = {query};
  const QueryTiles tiles(rows.view(), spans);
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(tiles.LeastEstimate(0, tiles.MeritOf(0, infinity)), -infinity);
  EXPECT_EQ(tiles.MeritOf(0, -3), tiles.MeritOf(0, 0));
}

}  // namespace
}  // namespace ordinate
