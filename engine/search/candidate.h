#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace ordinate {

/// A node at a distance, packed so that integer order is (distance, node): the distance's bits made
/// monotone, then the node, then one bit for the pool's own use. Total even with NaN, which comes
/// after every number. Nodes are below 2^31.
class Candidate {
 public:
  Candidate() = default;
  Candidate(float distance, uint32_t node)
      : key_(uint64_t{Monotone(distance + 0.0f)} << 32 | uint64_t{node} << 1) {}

  uint32_t node() const { return static_cast<uint32_t>(key_) >> 1; }
  float distance() const {
    const uint32_t bits = static_cast<uint32_t>(key_ >> 32);
    return std::bit_cast<float>(bits >> 31 ? bits ^ 0x80000000u : ~bits);
  }
  bool expanded() const { return (key_ & 1) != 0; }
  void set_expanded() { key_ |= 1; }

  friend bool operator<(Candidate a, Candidate b) { return a.key_ < b.key_; }
  friend bool operator>(Candidate a, Candidate b) { return b < a; }

 private:
  static uint32_t Monotone(float distance) {
    if (distance != distance) return ~uint32_t{0};  // NaN of either sign is farthest
    const uint32_t bits = std::bit_cast<uint32_t>(distance);
    return bits >> 31 ? ~bits : bits | 0x80000000u;
  }
  uint64_t key_ = 0;
};

/// The `capacity` nearest candidates seen, sorted, each expanded or not. A plain array: one binary
/// search and one memmove per insertion beat two heaps up to some hundreds of entries.
class CandidatePool {
 public:
  /// Empties it. REQUIRES: capacity >= 1.
  void Reset(size_t capacity) {
    if (entries_.size() < capacity + 1) entries_.resize(capacity + 1);
    capacity_ = capacity;
    size_ = next_ = 0;
  }

  size_t size() const { return size_; }
  const Candidate& operator[](size_t i) const { return entries_[i]; }

  /// False: it is no nearer than `capacity` others.
  bool Insert(Candidate candidate) {
    if (size_ == capacity_ && !(candidate < entries_[size_ - 1])) return false;
    const size_t low = LowerBound(candidate);
    std::memmove(static_cast<void*>(&entries_[low + 1]), &entries_[low],
                 (size_ - low) * sizeof(Candidate));
    entries_[low] = candidate;
    if (size_ < capacity_) ++size_;
    if (low < next_) next_ = low;
    return true;
  }

  /// Index of the nearest candidate not yet expanded, or size().
  size_t Next() {
    while (next_ < size_ && entries_[next_].expanded()) ++next_;
    return next_;
  }
  Candidate Expand(size_t i) {
    entries_[i].set_expanded();
    return entries_[i];
  }

 private:
  // How many entries come before the candidate. Without branches, which nobody could foretell.
  size_t LowerBound(Candidate candidate) const {
    const Candidate* first = entries_.data();
    size_t count = size_;
    while (count > 1) {
      const size_t half = count / 2;
      const size_t mask = -static_cast<size_t>(first[half - 1] < candidate);
      first += half & mask;
      count -= half;
    }
    return static_cast<size_t>(first - entries_.data()) + (count == 1 && *first < candidate);
  }

  size_t capacity_ = 0;
  size_t size_ = 0;
  size_t next_ = 0;                 // everything before it is expanded
  std::vector<Candidate> entries_;  // one more than the capacity, so that an insertion may shift
};

}  // namespace ordinate
