#include "engine/index/vector_pool.h"

#include <algorithm>
#include <cstring>

#include "absl/hash/hash.h"
#include "absl/strings/string_view.h"
#include "engine/search/kernels.h"

namespace ordinate {

VectorPool::VectorPool(uint32_t dim) : dim_(dim), stride_(StrideOf(dim)) {}

void VectorPool::Reserve(size_t vectors) {
  rows_.reserve(vectors * stride_);
  next_.reserve(vectors);
  newest_.reserve(vectors);
}

// Makes room for one more, so that the steps of an addition cannot fail halfway.
void VectorPool::Grow() {
  if (rows_.size() + stride_ > rows_.capacity()) {
    rows_.reserve(std::max<size_t>(rows_.capacity() * 2, size_t{stride_} * 64));
  }
  if (next_.size() == next_.capacity()) next_.reserve(std::max<size_t>(next_.size() * 2, 64));
}

uint32_t VectorPool::Add(std::span<const float> vector) {
  const size_t bytes = dim_ * sizeof(float);
  const uint64_t hash = absl::Hash<absl::string_view>()(
      absl::string_view(reinterpret_cast<const char*>(vector.data()), bytes));
  Grow();
  uint32_t& newest = newest_.try_emplace(hash, kNone).first->second;
  for (uint32_t id = newest; id != kNone; id = next_[id]) {
    if (std::memcmp(row(id), vector.data(), bytes) == 0) return id;
  }
  const uint32_t id = size();
  next_.push_back(newest);
  newest = id;
  rows_.insert(rows_.end(), vector.begin(), vector.end());
  rows_.resize(size_t{id + 1} * stride_, 0.0f);
  return id;
}

AlignedFloats VectorPool::Take() {
  newest_ = {};
  next_ = std::vector<uint32_t>();
  return std::move(rows_);
}

}  // namespace ordinate
