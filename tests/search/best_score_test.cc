// How good a score can be at most, by an approximate distance: what lets a search leave candidates
// unscored.
#include <gtest/gtest.h>

#include <cfloat>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "engine/search/exact_score.h"
#include "engine/search/node_distance.h"

namespace ordinate {
namespace {

// Rows with codes, in memory.
class CodedSegment {
 public:
  CodedSegment(Metric metric, uint32_t dim, const std::vector<std::vector<float>>& rows)
      : lines_(rows.size() * StrideOf(dim) / 16) {
    view_.engine = Engine::kHnsw;
    view_.metric = metric;
    view_.dim = dim;
    view_.stride = StrideOf(dim);
    view_.nodes = static_cast<uint32_t>(rows.size());
    float* const floats = lines_.data()->floats;
    for (size_t i = 0; i < rows.size(); ++i) {
      std::copy(rows[i].begin(), rows[i].end(), floats + i * view_.stride);
      double squared = 0;
      for (const float x : rows[i]) squared += double{x} * x;
      view_.longest = std::max(view_.longest, std::sqrt(squared));
      if (metric == Metric::kCosine) inverse_norms_.push_back(InverseNorm(rows[i]));
    }
    view_.inverse_norms = inverse_norms_;
    view_.norms_fit = NormsFit(inverse_norms_);
    view_.vectors = {floats, rows.size() * view_.stride};
    params_ = ScalarCoder::Calibrate(metric, dim, view_.vectors, view_.stride, 5);
    const ScalarCoder coder(metric, dim, params_.rotation_seed, params_.scale, params_.centre);
    const uint32_t stride = CodeStrideOf(dim);
    codes_.resize(rows.size() * stride);
    double error = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
      error = std::max(error, coder.Encode(rows[i], std::span(codes_).subspan(i * stride, stride)));
    }
    view_.codes = {Quantization::kSq8,
                   stride,
                   params_.rotation_seed,
                   params_.scale,
                   static_cast<float>(error) * 1.000001f,
                   params_.centre,
                   codes_};
  }
  const SegmentView& view() const { return view_; }
  // Without the codes.
  SegmentView plain() const {
    SegmentView plain = view_;
    plain.codes = {};
    return plain;
  }

 private:
  struct alignas(64) Line {
    float floats[16];
  };
  std::vector<Line> lines_;
  std::vector<uint8_t> codes_;
  ScalarCodeParams params_;
  std::vector<float> inverse_norms_;
  SegmentView view_;
};

// Off centre, with a few rows far outside of what codes can say.
std::vector<std::vector<float>> Rows(uint32_t count, uint32_t dim, std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> rows(count, std::vector<float>(dim));
  for (auto& row : rows) {
    const float scale = random() % 50 == 0 ? 30 : 1;
    for (float& x : row) x = 2 + scale * normal(random);
  }
  return rows;
}

// Gives the best score of each node by the best distance there is, and the score it has.
bool IsKnown(const SegmentView& view, const std::vector<float>& query) {
  return BestScore(view, *PreparedQuery::Create(view, query), query).known();
}

template <typename Check>
void ForEachNode(const SegmentView& view, const std::vector<float>& query, const Check& check) {
  const auto prepared = *PreparedQuery::Create(view, query);
  const BestScore best(view, prepared, query);
  ASSERT_TRUE(best.known());
  NodeDistance distance(view, prepared, nullptr);
  const ExactScorer scorer(view.metric, query);
  for (uint32_t node = 0; node < view.nodes; ++node) {
    float near = 0;
    const auto scored = distance.Refines() ? distance.Refine({&node, 1}, {&near, 1})
                                           : distance.Score({&node, 1}, {&near, 1});
    ASSERT_TRUE(scored.ok());
    check(best.At(near), scorer.Score(view.vectors.data() + size_t{node} * view.stride));
  }
}

void ExpectNoneBetter(const SegmentView& view, const std::vector<float>& query) {
  ForEachNode(view, query, [&](double best, double score) {
    EXPECT_FALSE(HigherIsBetter(view.metric) ? score > best : score < best)
        << score << " is better than " << best;
  });
}

TEST(BestScore, NoScoreIsBetter) {
  const uint32_t seed = 8;
  std::mt19937 random(seed);
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kIp}) {
    for (const uint32_t dim : {1u, 7u, 64u, 300u, 1000u}) {
      const auto rows = Rows(400, dim, random);
      const CodedSegment segment(metric, dim, rows);
      for (int q = 0; q < 6; ++q) {
        SCOPED_TRACE(testing::Message()
                     << MetricName(metric) << " dim " << dim << " query " << q << " seed " << seed);
        // A stored row, one of the same kind, and one far away.
        std::vector<float> query = q % 2 == 0 ? rows[random() % 400] : Rows(1, dim, random)[0];
        for (float& x : query) x *= q == 5 ? 3 : 1;
        ExpectNoneBetter(segment.plain(), query);
        if (metric == Metric::kIp) continue;
        if (PreparedQuery::Create(segment.view(), query)->code().numbers.empty()) continue;
        ExpectNoneBetter(segment.view(), query);
      }
    }
  }
}

// Lengths near the ends of what f32 holds: terms that vanish, and under COSINE products that do.
TEST(BestScore, HoldsAtTheEndsOfF32) {
  std::mt19937 random(11);
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kIp}) {
    for (const float scale : {1e-42f, 1e-38f, 1e-37f, 1e-35f, 1e-30f, 1e-15f, 1e15f, 1e36f}) {
      if (metric == Metric::kIp && scale > 1e30f) continue;  // its products overflow: GraphFits
      SCOPED_TRACE(testing::Message() << MetricName(metric) << " scale " << scale);
      auto rows = Rows(100, 48, random);
      for (size_t i = 0; i < rows.size(); i += 2) {
        for (float& x : rows[i]) x *= scale;
      }
      const CodedSegment segment(metric, 48, rows);
      const bool fits = scale > 5e-38f && scale < 1e35f;
      EXPECT_EQ(IsKnown(segment.plain(), rows[1]), metric != Metric::kCosine || fits);
      if (metric == Metric::kCosine && !fits) continue;
      if (metric == Metric::kL2 && scale > 1e15f) continue;
      ExpectNoneBetter(segment.plain(), rows[0]);
      ExpectNoneBetter(segment.plain(), rows[1]);
    }
  }
}

TEST(BestScore, OfVectorsIsNextToTheScore) {
  std::mt19937 random(12);
  const auto rows = Rows(100, 128, random);
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kIp}) {
    const CodedSegment segment(metric, 128, rows);
    ForEachNode(segment.plain(), rows[7], [&](double best, double score) {
      const double unit =
          metric == Metric::kIp ? segment.view().longest * segment.view().longest : 1;
      EXPECT_NEAR(best, score, 1e-5 * unit + 1e-5 * std::abs(score));
    });
  }
}

// The first distance, but for a few steps of rounding, from which on nothing is better.
TEST(BestScore, IsNoBetterFromADistanceOn) {
  std::mt19937 random(13);
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kIp}) {
    for (const float scale : {1e-20f, 1e-3f, 1.0f, 1e12f}) {
      auto rows = Rows(60, 48, random);
      for (auto& row : rows) {
        for (float& x : row) x *= scale;
      }
      const CodedSegment segment(metric, 48, rows);
      const SegmentView view = segment.plain();
      const BestScore best(view, *PreparedQuery::Create(view, rows[0]), rows[0]);
      const ExactScorer scorer(metric, rows[0]);
      for (uint32_t node = 0; node < view.nodes; ++node) {
        const double score = scorer.Score(view.vectors.data() + size_t{node} * view.stride);
        SCOPED_TRACE(testing::Message()
                     << MetricName(metric) << " scale " << scale << " score " << score);
        const float from = best.DistanceFrom(score);
        const bool descending = HigherIsBetter(metric);
        const auto is_better = [&](float distance) {
          return descending ? best.At(distance) > score : best.At(distance) < score;
        };
        ASSERT_LT(from, kInfinity);
        EXPECT_FALSE(is_better(from));
        EXPECT_FALSE(is_better(std::nextafter(from, kInfinity)));
        float before = from;
        for (int step = 0; step < 4; ++step) before = std::nextafter(before, -kInfinity);
        EXPECT_TRUE(is_better(before) || score == 0);
      }
      EXPECT_EQ(best.DistanceFrom(metric == Metric::kL2 ? kInfinity : -kInfinity), kInfinity);
    }
  }
}

// It is near the score, or it would be of no use; and stays so beside rows that codes cannot say.
TEST(BestScore, IsCloseWhereCodesAre) {
  std::mt19937 random(9);
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> rows(400, std::vector<float>(128));
  for (size_t i = 0; i < rows.size(); ++i) {
    const float scale = i == 11 ? 3e37f : i % 50 == 3 ? 30.0f : 1.0f;
    for (float& x : rows[i]) x = scale * normal(random);
  }
  const CodedSegment segment(Metric::kL2, 128, rows);
  size_t close = 0;
  ForEachNode(segment.view(), rows[7],
              [&](double best, double score) { close += best >= 0.9 * score; });
  EXPECT_GE(close, 390u);
}

TEST(BestScore, OfCodesIsUnknownUnderIp) {
  std::mt19937 random(10);
  const auto rows = Rows(50, 16, random);
  const CodedSegment segment(Metric::kIp, 16, rows);
  EXPECT_FALSE(IsKnown(segment.view(), rows[0]));
  EXPECT_TRUE(IsKnown(segment.plain(), rows[0]));
}

TEST(NormsFit, WhereNoVectorIsTooShortOrTooLong) {
  EXPECT_TRUE(NormsFit({}));
  const std::vector<float> good = {0, 1, 1e30f, 1e-30f};
  EXPECT_TRUE(NormsFit(good));
  for (const float bad : {2e36f, FLT_MAX, 5e-37f, 1e-40f}) {
    std::vector<float> norms = good;
    norms.push_back(bad);
    EXPECT_FALSE(NormsFit(norms)) << bad;
  }
}

}  // namespace
}  // namespace ordinate
