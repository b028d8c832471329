#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace ordinate {

/// XXH3-64 with seed 0: the checksum of every file of ours, and of nothing that needs to withstand
/// an adversary. The same on every CPU.
uint64_t Checksum64(const void* data, size_t bytes);

/// The same over data that comes in pieces. Not thread-safe.
class Checksummer64 {
 public:
  Checksummer64();
  ~Checksummer64();
  Checksummer64(const Checksummer64&) = delete;
  Checksummer64& operator=(const Checksummer64&) = delete;

  void Add(const void* data, size_t bytes);
  /// The checksum of everything added so far.
  uint64_t Get() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ordinate
