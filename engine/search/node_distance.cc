#include "engine/search/node_distance.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "storage/base/status_macros.h"

namespace ordinate {
namespace {

// Of a long vector the hardware fetches the rest once the first lines are read.
constexpr size_t kPrefetchBytes = 1024;

}  // namespace

absl::StatusOr<PreparedQuery> PreparedQuery::Create(Metric metric, uint32_t dim,
                                                    std::span<const float> query) {
  if (query.size() != dim || dim == 0 || dim > kMaxDim) {
    return absl::InvalidArgumentError(absl::StrCat("the query vector has ", query.size(),
                                                   " dimensions; the index has ", dim,
                                                   ": send a vector of the index's dimension"));
  }
  PreparedQuery prepared(dim);
  float* out = prepared.lines_.data()->floats;
  std::copy(query.begin(), query.end(), out);
  if (metric == Metric::kCosine) {
    double norm = 0;
    for (const float x : query) norm += double{x} * x;
    const double scale = norm > 0 ? 1 / std::sqrt(norm) : 0;
    for (uint32_t i = 0; i < dim; ++i) out[i] = static_cast<float>(query[i] * scale);
  }
  return prepared;
}

float InverseNorm(std::span<const float> x) {
  double norm = 0;
  for (const float value : x) norm += double{value} * value;
  if (norm == 0) return 0;
  const double inverse = 1 / std::sqrt(norm);
  return static_cast<float>(std::min<double>(inverse, std::numeric_limits<float>::max()));
}

void NodeDistance::Prefetch(std::span<const uint32_t> nodes) const {
  const size_t bytes = std::min<size_t>(segment_.stride * sizeof(float), kPrefetchBytes);
  for (const uint32_t node : nodes) PrefetchLines(Row(node), bytes);
}

absl::Status NodeDistance::Score(std::span<const uint32_t> nodes, std::span<float> out) const {
  if (file_ != nullptr) {
    for (const uint32_t node : nodes) RETURN_IF_ERROR(file_->EnsureVectors(node, node + 1));
  }
  const bool l2 = segment_.metric == Metric::kL2;
  const auto four = l2 ? kernels_.l2sq4 : kernels_.dot4;
  const auto one = l2 ? kernels_.l2sq : kernels_.dot;
  size_t i = 0;
  for (; i + 4 <= nodes.size(); i += 4) {
    const float* const rows[4] = {Row(nodes[i]), Row(nodes[i + 1]), Row(nodes[i + 2]),
                                  Row(nodes[i + 3])};
    four(query_, rows, segment_.stride, out.data() + i);
  }
  for (; i < nodes.size(); ++i) out[i] = one(query_, Row(nodes[i]), segment_.stride);
  Finish(nodes, out);
  return absl::OkStatus();
}

void NodeDistance::Finish(std::span<const uint32_t> nodes, std::span<float> out) const {
  if (segment_.metric == Metric::kIp) {
    for (size_t i = 0; i < nodes.size(); ++i) out[i] = -out[i];
  } else if (segment_.metric == Metric::kCosine) {
    for (size_t i = 0; i < nodes.size(); ++i) {
      out[i] = 1.0f - out[i] * segment_.inverse_norms[nodes[i]];
    }
  }
}

}  // namespace ordinate
