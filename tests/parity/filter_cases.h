#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "engine/query/filter.h"
#include "storage/base/text.h"
#include "storage/model/schema.h"

namespace ordinate {

/// How the rows that match a filter lie to the question's vector.
enum class Lie : uint8_t { kAnywhere = 0, kNear = 1, kFar = 2 };

inline const char* LieName(Lie lie) {
  return lie == Lie::kAnywhere ? "anywhere" : lie == Lie::kNear ? "near" : "far";
}

/// Rows in clusters of low intrinsic dimension, questions, and filters of any selectivity whose
/// rows lie anywhere, nearest to the question, or farthest from it. Row i has id i.
class FilterCases {
 public:
  static constexpr uint32_t kAnchors = 4;
  static constexpr uint32_t kVectorPosition = kAnchors + 2;

  struct Question {
    Vector vector;
    uint32_t anchor = 0;  // the cluster it is of
  };

  FilterCases(uint64_t seed, uint32_t rows, uint32_t dim, uint32_t clusters, uint32_t questions)
      : random_(seed), dim_(dim), map_(size_t{dim} * kIntrinsic) {
    for (float& x : map_) x = normal_(random_) / std::sqrt(static_cast<float>(kIntrinsic));
    std::vector<Vector> centres(std::max(clusters, kAnchors));
    for (Vector& centre : centres) centre = Around(Vector(kIntrinsic, 0.0f), 1.0f);
    for (uint32_t i = 0; i < rows; ++i) {
      vectors_.push_back(Embed(Around(centres[random_() % centres.size()], kSpread)));
    }
    ranks_.resize(kAnchors + 1, std::vector<int64_t>(rows));
    std::iota(ranks_[0].begin(), ranks_[0].end(), 0);
    std::shuffle(ranks_[0].begin(), ranks_[0].end(), random_);
    for (uint32_t a = 0; a < kAnchors; ++a) RankByDistance(Embed(centres[a]), ranks_[a + 1]);
    for (uint32_t q = 0; q < questions; ++q) {
      const uint32_t anchor = q % kAnchors;
      questions_.push_back({Embed(Around(centres[anchor], kSpread)), anchor});
    }
  }

  /// id (key), any and near0.. (attributes: a rank in random order, and ranks by the distance from
  /// each anchor), v.
  TableDef Table() const {
    TableDef table;
    table.name = "items";
    table.columns = {{0, "id", ColumnRole::kKey, DataType::kInt64, false, 0},
                     {0, "any", ColumnRole::kAttribute, DataType::kInt64, true, 0}};
    for (uint32_t a = 0; a < kAnchors; ++a) {
      table.columns.push_back(
          {0, Concat("near", a), ColumnRole::kAttribute, DataType::kInt64, true, 0});
    }
    table.columns.push_back({0, "v", ColumnRole::kVector, DataType::kVector, true, dim_});
    table.key = {0};
    return table;
  }
  std::vector<Value> Cells(uint32_t row) const {
    std::vector<Value> cells = {int64_t{row}};
    for (const auto& ranks : ranks_) cells.push_back(ranks[row]);
    cells.push_back(vectors_[row]);
    return cells;
  }

  uint32_t rows() const { return static_cast<uint32_t>(vectors_.size()); }
  const Vector& vector(uint32_t row) const { return vectors_[row]; }
  const std::vector<Question>& questions() const { return questions_; }

  /// A filter that `matching` rows pass.
  class Case {
   public:
    Case(const FilterCases& all, const Question& question, Lie lie, uint32_t matching)
        : column_(lie == Lie::kAnywhere ? 0 : question.anchor + 1),
          ranks_(all.ranks_[column_]),
          first_(lie == Lie::kFar ? all.rows() - matching : 0),
          last_(first_ + matching) {}
    bool Matches(RowId row) const { return ranks_[row] >= first_ && ranks_[row] < last_; }
    Filter filter() const {
      return *ParseFilter(Concat(column_ == 0 ? "\"any\"" : Concat("near", column_ - 1),
                                 " BETWEEN ", first_, " AND ", last_ - 1));
    }

   private:
    const uint32_t column_;
    const std::vector<int64_t>& ranks_;
    const int64_t first_, last_;
  };

 private:
  static constexpr uint32_t kIntrinsic = 16;
  static constexpr float kSpread = 0.7f;

  Vector Around(const Vector& centre, float spread) {
    Vector point = centre;
    for (float& x : point) x += spread * normal_(random_);
    return point;
  }
  // A point of the intrinsic space as a vector, with a little noise in every direction.
  Vector Embed(const Vector& point) {
    Vector vector(dim_);
    for (uint32_t d = 0; d < dim_; ++d) {
      for (uint32_t i = 0; i < kIntrinsic; ++i) vector[d] += map_[d * kIntrinsic + i] * point[i];
      vector[d] += 0.01f * normal_(random_);
    }
    return vector;
  }
  void RankByDistance(const Vector& from, std::vector<int64_t>& ranks) const {
    std::vector<std::pair<float, uint32_t>> order;
    for (uint32_t row = 0; row < rows(); ++row) {
      float sum = 0;
      for (uint32_t d = 0; d < dim_; ++d) {
        sum += (vectors_[row][d] - from[d]) * (vectors_[row][d] - from[d]);
      }
      order.emplace_back(sum, row);
    }
    std::sort(order.begin(), order.end());
    for (size_t i = 0; i < order.size(); ++i) ranks[order[i].second] = static_cast<int64_t>(i);
  }

  std::mt19937_64 random_;
  std::normal_distribution<float> normal_;
  const uint32_t dim_;
  Vector map_;  // from the intrinsic space
  std::vector<Vector> vectors_;
  std::vector<std::vector<int64_t>> ranks_;  // of `any` and of each anchor, by row
  std::vector<Question> questions_;
};

}  // namespace ordinate
