#include "engine/shard/vector_sample.h"

#include <algorithm>
#include <optional>
#include <random>

#include "absl/container/flat_hash_set.h"
#include "storage/base/status_macros.h"

namespace ordinate {
namespace {

// Rows are drawn by lot while so large a part of all slots is live, and the sample so small a part
// of the live ones; otherwise all live rows are listed.
constexpr uint64_t kSlotsPerLive = 8;
constexpr uint64_t kLivePerSample = 4;
constexpr uint64_t kCheckEvery = 1 << 16;

// The vector rows of the segments, one after the other, and the slots of the tail.
class Slots {
 public:
  explicit Slots(const IndexSnapshot& index) : index_(index) {
    for (const IndexSnapshot::Sealed& part : index.sealed) {
      ends_.push_back(size() + part.segment->view().vector_rows);
    }
    ends_.push_back(size() + index.tail.size);
  }

  uint64_t size() const { return ends_.empty() ? 0 : ends_.back(); }

  bool IsLive(uint64_t slot) const {
    const auto [part, row] = Place(slot);
    if (part < index_.sealed.size()) return !index_.sealed[part].masked.Test(row);
    return index_.tail.IsLive(row) && index_.tail.Row(row).row_class == RowClass::kVector;
  }

  absl::StatusOr<SampledVector> Read(uint64_t slot) const {
    const auto [part, row] = Place(slot);
    if (part == index_.sealed.size()) {
      const TailRow& tail = index_.tail.Row(row);
      return SampledVector{tail.id, Vector(tail.vector.begin(), tail.vector.end())};
    }
    const SealedSegment& segment = *index_.sealed[part].segment;
    const SegmentView& view = segment.view();
    const uint32_t node = segment.NodeOf(row);
    RETURN_IF_ERROR(segment.file().EnsureVectors(node, node + 1));
    const float* const vector = view.vectors.data() + size_t{node} * view.stride;
    return SampledVector{view.row_ids[row], Vector(vector, vector + view.dim)};
  }

 private:
  std::pair<size_t, uint32_t> Place(uint64_t slot) const {
    const size_t part = std::upper_bound(ends_.begin(), ends_.end(), slot) - ends_.begin();
    return {part, static_cast<uint32_t>(slot - (part == 0 ? 0 : ends_[part - 1]))};
  }

  const IndexSnapshot& index_;
  std::vector<uint64_t> ends_;
};

std::vector<uint64_t> DrawByLot(const Slots& slots, uint64_t count, std::mt19937_64& random) {
  std::uniform_int_distribution<uint64_t> any(0, slots.size() - 1);
  absl::flat_hash_set<uint64_t> tried;
  std::vector<uint64_t> drawn;
  while (drawn.size() < count) {
    const uint64_t slot = any(random);
    if (tried.insert(slot).second && slots.IsLive(slot)) drawn.push_back(slot);
  }
  return drawn;
}

absl::StatusOr<std::vector<uint64_t>> DrawFromAll(const Slots& slots, uint64_t count,
                                                  std::mt19937_64& random,
                                                  const CallContext& context) {
  std::vector<uint64_t> live;
  for (uint64_t slot = 0; slot < slots.size(); ++slot) {
    if (slot % kCheckEvery == 0) RETURN_IF_ERROR(context.Check());
    if (slots.IsLive(slot)) live.push_back(slot);
  }
  std::vector<uint64_t> drawn;
  std::sample(live.begin(), live.end(), std::back_inserter(drawn), count, random);
  return drawn;
}

}  // namespace

absl::StatusOr<std::vector<SampledVector>> SampleVectors(const IndexSnapshot& index, uint32_t count,
                                                         uint64_t seed,
                                                         const CallContext& context) {
  const Slots slots(index);
  std::mt19937_64 random(seed);
  const uint64_t live = index.live_vector_rows;
  std::vector<uint64_t> drawn;
  if (live >= slots.size() / kSlotsPerLive && live >= kLivePerSample * count && live > 0) {
    drawn = DrawByLot(slots, count, random);
  } else {
    ASSIGN_OR_RETURN(drawn, DrawFromAll(slots, count, random, context));
  }
  std::vector<SampledVector> sample;
  for (const uint64_t slot : drawn) {
    RETURN_IF_ERROR(context.Check());
    ASSIGN_OR_RETURN(SampledVector one, slots.Read(slot));
    sample.push_back(std::move(one));
  }
  return sample;
}

}  // namespace ordinate
