#include "engine/search/node_distance.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

#include "absl/strings/str_cat.h"
#include "storage/base/status_macros.h"

namespace ordinate {

namespace {

// A rotation, kept by the thread until it needs another: making one takes longer than applying it,
// and the segments of an index share theirs.
std::shared_ptr<const Rotation> LastRotation(uint32_t dim, uint64_t seed) {
  thread_local std::shared_ptr<const Rotation> last;
  if (last == nullptr || last->dim() != dim || last->seed() != seed) {
    last = std::make_shared<const Rotation>(dim, seed);
  }
  return last;
}

}  // namespace

absl::StatusOr<PreparedQuery> PreparedQuery::Create(const SegmentView& segment,
                                                    std::span<const float> query) {
  auto prepared = Create(segment.metric, segment.dim, query);
  if (prepared.ok() && segment.codes.quantization == Quantization::kSq8) {
    const CodesView& codes = segment.codes;
    const ScalarCoder coder(segment.metric, LastRotation(segment.dim, codes.rotation_seed),
                            codes.scale, codes.centre);
    prepared->code_ = coder.EncodeQuery(query);
  }
  return prepared;
}

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

namespace {

// Of a vector's length: what f32 may lose while it is rotated and its distance computed.
constexpr double kRounding = 1e-5;
// Of a number of a code or a query: what it may lose while it is computed.
constexpr double kLevelRounding = 0x1p-14;

double LengthOf(std::span<const float> vector) {
  return std::sqrt(BestKernels().exact_dot(vector.data(), vector.data(), vector.size()));
}

// What a sum of as many f32 terms as a vector has floats can lose of the sum of their magnitudes:
// each lane of the kernels adds one in 16 of them. Twice what rounding allows.
double SumError(uint32_t stride) { return (stride / kVectorPadding + 16) * 0x1p-23; }
// And by terms too small for f32.
double UnderflowError(uint32_t stride) { return stride * 0x1p-149; }

}  // namespace

BestScore::BestScore(const SegmentView& segment, const PreparedQuery& query,
                     std::span<const float> vector)
    : metric_(segment.metric),
      by_code_(query.has_codes()),
      known_(by_code_ ? metric_ != Metric::kIp : metric_ != Metric::kCosine || segment.norms_fit) {
  if (by_code_) {
    const double length = metric_ == Metric::kCosine ? 1 : LengthOf(vector);
    error_ = segment.codes.error + query.code().error + 2 * kRounding * length +
             kLevelRounding * segment.codes.scale * std::sqrt(segment.dim);
    return;
  }
  relative_error_ = SumError(segment.stride);
  error_ = UnderflowError(segment.stride);
  if (metric_ == Metric::kCosine) error_ = relative_error_ + error_ * double{kMostInverseNorm};
  if (metric_ == Metric::kIp) error_ += relative_error_ * segment.longest * LengthOf(vector);
}

double BestScore::At(float distance) const {
  return by_code_ ? OfCodes(distance) : OfVectors(distance);
}

// Codes stand for vectors clamped to a box, which is convex: clamping query and node brings them no
// farther apart. A node whose vector is longer than the query and this distance together, and may
// lose as much more to rounding, is farther than the distance whatever its code.
double BestScore::OfCodes(float distance) const {
  const double apart = std::sqrt(metric_ == Metric::kCosine ? 2.0 * distance : distance);
  const double nearest = std::max(0.0, apart * (1 - kRounding) - error_);
  return metric_ == Metric::kCosine ? 1 - nearest * nearest / 2 : nearest;
}

double BestScore::OfVectors(float distance) const {
  if (metric_ == Metric::kCosine) return 1.0 - distance + error_;
  if (metric_ == Metric::kIp) return -double{distance} + error_;
  return std::sqrt(std::max(0.0, distance * (1 - relative_error_) - error_));
}

float BestScore::DistanceFrom(double score) const {
  const double square = std::max(0.0, score) * std::max(0.0, score);
  const double distance = metric_ == Metric::kL2       ? (square + error_) / (1 - relative_error_)
                          : metric_ == Metric::kCosine ? 1.0 - score + error_
                                                       : error_ - score;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (!(distance < std::numeric_limits<float>::max())) return kInfinity;
  auto rounded =
      static_cast<float>(std::max(distance, double{std::numeric_limits<float>::lowest()}));
  // Right but for a step of rounding or two.
  const auto is_better = [&](double best) {
    return HigherIsBetter(metric_) ? best > score : best < score;
  };
  while (rounded < kInfinity && is_better(OfVectors(rounded))) {
    rounded = std::nextafter(rounded, kInfinity);
  }
  return rounded;
}

absl::Status NodeDistance::Score(std::span<const uint32_t> nodes, std::span<float> out) {
  if (!by_code_) return ScoreVectors(nodes, out);
  if (!by_guide_) return Refine(nodes, out);
  const bool dot = segment_.metric == Metric::kIp;
  return ScoreCodes(dot ? kernels_.guide_dot_rows : kernels_.guide_l2sq_rows, query_.code().guide,
                    nodes, out);
}

absl::Status NodeDistance::Refine(std::span<const uint32_t> nodes, std::span<float> out) {
  const bool dot = segment_.metric == Metric::kIp;
  return ScoreCodes(dot ? kernels_.code_dot_rows : kernels_.code_l2sq_rows, query_.code().numbers,
                    nodes, out);
}

absl::Status NodeDistance::ScoreVectors(std::span<const uint32_t> nodes,
                                        std::span<float> out) const {
  if (file_ != nullptr && !file_->VectorsChecked()) {
    for (const uint32_t node : nodes) RETURN_IF_ERROR(file_->EnsureVectors(node, node + 1));
  }
  const auto score = segment_.metric == Metric::kL2 ? kernels_.l2sq_rows : kernels_.dot_rows;
  score(query_.data(), segment_.vectors.data(), segment_.stride, nodes.data(), nodes.size(),
        out.data());
  SumsToDistances(out.first(nodes.size()), [&](size_t i) { return nodes[i]; });
  return absl::OkStatus();
}

absl::Status NodeDistance::ScoreRange(uint32_t first, uint32_t last, std::span<float> out) const {
  if (file_ != nullptr) RETURN_IF_ERROR(file_->EnsureVectors(first, last));
  const auto score = segment_.metric == Metric::kL2 ? kernels_.l2sq_scan : kernels_.dot_scan;
  score(query_.data(), segment_.vectors.data() + size_t{first} * segment_.stride, segment_.stride,
        last - first, out.data());
  SumsToDistances(out.first(last - first), [first](size_t i) { return first + i; });
  return absl::OkStatus();
}

template <typename NodeAt>
void NodeDistance::SumsToDistances(std::span<float> sums, const NodeAt& node_at) const {
  if (segment_.metric == Metric::kIp) {
    for (float& sum : sums) sum = -sum;
  } else if (segment_.metric == Metric::kCosine) {
    const float* const inverse_norms = segment_.inverse_norms.data();
    for (size_t i = 0; i < sums.size(); ++i) sums[i] = 1.0f - sums[i] * inverse_norms[node_at(i)];
  }
}

absl::Status NodeDistance::ScoreCodes(CodeRowsFunction* sums, const std::vector<int16_t>& query,
                                      std::span<const uint32_t> nodes, std::span<float> out) {
  if (file_ != nullptr && !file_->CodesChecked()) {
    for (const uint32_t node : nodes) RETURN_IF_ERROR(file_->EnsureCodes(node, node + 1));
  }
  if (sums_.size() < nodes.size()) sums_.resize(nodes.size());
  sums(query.data(), segment_.codes.codes.data(), segment_.codes.stride, nodes.data(), nodes.size(),
       sums_.data());
  const float scale = query_.code().unit;
  const float unit = segment_.metric == Metric::kIp       ? -scale
                     : segment_.metric == Metric::kCosine ? scale / 2
                                                          : scale;
  for (size_t i = 0; i < nodes.size(); ++i) out[i] = static_cast<float>(sums_[i]) * unit;
  return absl::OkStatus();
}

}  // namespace ordinate
