#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "engine/shard/build_gate.h"

namespace ordinate {

/// Builds that failed for what may pass, such as a disk without space, until they are begun again:
/// ten seconds after the first failure, and after each further one that came of its work twice as
/// long as before, up to an hour. The applier's.
class DelayedBuilds {
 public:
  static constexpr int64_t kFirstWaitMicros = 10'000'000;
  static constexpr int64_t kLongestWaitMicros = 3'600'000'000;

  /// A build of the index failed, now, with its gate. `grows`: what it cost is to be paid less
  /// often.
  void Delay(uint32_t index_id, const std::optional<RebuildGate>& gate, int64_t now_micros,
             bool grows) {
    Delayed& delayed = delayed_[index_id];
    delayed.wait_micros = delayed.wait_micros == 0 || !grows
                              ? kFirstWaitMicros
                              : std::min(2 * delayed.wait_micros, kLongestWaitMicros);
    delayed.due_micros = now_micros + delayed.wait_micros;
    delayed.gate = gate;
    delayed.waits = true;
  }

  /// It was built, or is wanted no more, or is begun for another reason.
  void Forget(uint32_t index_id) { delayed_.erase(index_id); }

  bool Waits(uint32_t index_id) const {
    const auto found = delayed_.find(index_id);
    return found != delayed_.end() && found->second.waits;
  }

  /// Those to begin now. `can_begin(index_id)`: the others wait on.
  template <typename CanBegin>
  std::vector<std::pair<uint32_t, std::optional<RebuildGate>>> TakeDue(int64_t now_micros,
                                                                       const CanBegin& can_begin) {
    std::vector<std::pair<uint32_t, std::optional<RebuildGate>>> due;
    for (auto& [id, delayed] : delayed_) {
      if (!delayed.waits || now_micros < delayed.due_micros || !can_begin(id)) continue;
      delayed.waits = false;
      due.emplace_back(id, delayed.gate);
    }
    return due;
  }

 private:
  struct Delayed {
    std::optional<RebuildGate> gate;
    int64_t wait_micros = 0;
    int64_t due_micros = 0;
    bool waits = false;  // else it was begun again
  };
  std::map<uint32_t, Delayed> delayed_;  // by index id
};

}  // namespace ordinate
