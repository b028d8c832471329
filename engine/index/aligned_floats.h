#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

namespace ordinate {

/// Allocates whole cache lines, so that padded vectors start on one; large blocks on huge pages
/// where the system has them, so that finding the page of a row does not take as long as the row.
template <typename T>
struct CacheLineAllocator {
  using value_type = T;

  CacheLineAllocator() = default;
  template <typename U>
  CacheLineAllocator(const CacheLineAllocator<U>&) {}

  T* allocate(size_t count) {
    const size_t bytes = count * sizeof(T);
    void* const memory = ::operator new(bytes, AlignmentOf(bytes));
    // A hint: where it is not taken, pages are small.
    if (bytes >= kLarge) madvise(memory, bytes / kHugePage * kHugePage, MADV_HUGEPAGE);
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, size_t count) {
    ::operator delete(memory, AlignmentOf(count * sizeof(T)));
  }
  bool operator==(const CacheLineAllocator&) const { return true; }

 private:
  static constexpr size_t kHugePage = size_t{2} << 20;
  static constexpr size_t kLarge = 4 * kHugePage;
  static std::align_val_t AlignmentOf(size_t bytes) {
    return std::align_val_t{bytes >= kLarge ? kHugePage : 64};
  }
};

/// A matrix of padded vectors, 64-byte aligned.
using AlignedFloats = std::vector<float, CacheLineAllocator<float>>;
/// Rows of links, whole cache lines each.
using AlignedLinks = std::vector<uint32_t, CacheLineAllocator<uint32_t>>;

}  // namespace ordinate
