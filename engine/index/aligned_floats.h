#pragma once

#include <cstddef>
#include <new>
#include <vector>

namespace ordinate {

/// Allocates whole cache lines, so that padded vectors start on one.
template <typename T>
struct CacheLineAllocator {
  using value_type = T;
  static constexpr std::align_val_t kAlignment{64};

  CacheLineAllocator() = default;
  template <typename U>
  CacheLineAllocator(const CacheLineAllocator<U>&) {}

  T* allocate(size_t count) {
    return static_cast<T*>(::operator new(count * sizeof(T), kAlignment));
  }
  void deallocate(T* memory, size_t) { ::operator delete(memory, kAlignment); }
  bool operator==(const CacheLineAllocator&) const { return true; }
};

/// A matrix of padded vectors, 64-byte aligned.
using AlignedFloats = std::vector<float, CacheLineAllocator<float>>;

}  // namespace ordinate
