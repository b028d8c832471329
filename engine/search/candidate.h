#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine/search/kernels.h"

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
  /// The integer, and the candidate that has it.
  uint64_t key() const { return key_; }
  static Candidate Of(uint64_t key) {
    Candidate candidate;
    candidate.key_ = key;
    return candidate;
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

/// The `capacity` nearest candidates seen, sorted, each expanded or not. A plain array: one search
/// and one move per insertion beat two heaps up to some hundreds of entries.
class CandidatePool {
 public:
  explicit CandidatePool(const Kernels& kernels = BestKernels()) : insert_(kernels.insert_sorted) {}

  /// Empties it. REQUIRES: capacity >= 1.
  void Reset(size_t capacity) {
    keys_.assign(capacity + 1 + kSpare, kNoKey);
    capacity_ = capacity;
    size_ = next_ = 0;
  }

  size_t size() const { return size_; }
  Candidate operator[](size_t i) const { return Candidate::Of(keys_[i]); }

  /// False: it is no nearer than `capacity` others.
  bool Insert(Candidate candidate) {
    if (size_ == capacity_ && candidate.key() >= keys_[size_ - 1]) return false;
    const size_t place = insert_(keys_.data(), size_, candidate.key());
    keys_[capacity_] = kNoKey;
    if (size_ < capacity_) ++size_;
    if (place < next_) next_ = place;
    return true;
  }

  /// Index of the nearest candidate not yet expanded, or size().
  size_t Next() {
    while (next_ < size_ && Candidate::Of(keys_[next_]).expanded()) ++next_;
    return next_;
  }
  Candidate Expand(size_t i) {
    Candidate candidate = Candidate::Of(keys_[i]);
    candidate.set_expanded();
    keys_[i] = candidate.key();
    return candidate;
  }

 private:
  // What no candidate's key is as large as, behind the last; and as many as a kernel may move.
  static constexpr uint64_t kNoKey = ~uint64_t{0};
  static constexpr size_t kSpare = 8;

  size_t (*insert_)(uint64_t*, size_t, uint64_t);
  size_t capacity_ = 0;
  size_t size_ = 0;
  size_t next_ = 0;             // everything before it is expanded
  std::vector<uint64_t> keys_;  // of the candidates, then kNoKey
};

}  // namespace ordinate
