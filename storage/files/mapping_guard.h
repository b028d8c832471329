#pragma once

#include <cstdint>

namespace ordinate {

struct GuardedRange;

/// Keeps the process alive when a page of a mapped file cannot be read. As long as a guard lives,
/// SIGBUS in its range puts zeros in the place of the whole range, and the thread that read there
/// goes on with them. A thread that has met one such zero reads nothing else of the range from then
/// on, so it sees the file up to some moment, and zeros after it. Who reads asks lost() at the end.
///
/// The first guard installs the handler of SIGBUS, for good. A signal that is not of a guarded
/// range goes on to the handler there was before, or ends the process. Thread-safe.
class MappingGuard {
 public:
  MappingGuard() = default;
  /// REQUIRES: `data` is the start of a mapping of `size` bytes, which outlives the guard, and
  /// which nobody reads any more when the guard goes.
  MappingGuard(const char* data, uint64_t size);
  MappingGuard(MappingGuard&& other) noexcept;
  MappingGuard& operator=(MappingGuard&& other) noexcept;
  ~MappingGuard();

  /// Whether what was read so far may be zeros in the place of the file's content. Stays true.
  bool lost() const;

 private:
  GuardedRange* range_ = nullptr;
};

}  // namespace ordinate
