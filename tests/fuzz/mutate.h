#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "google/protobuf/message.h"

namespace ordinate::fuzz {

/// Numbers that are the same for the same seed everywhere.
class Random {
 public:
  explicit Random(uint32_t seed) : engine_(seed) {}
  uint64_t Next() { return engine_(); }
  /// REQUIRES: end > 0. Slightly uneven.
  size_t Below(size_t end) { return static_cast<size_t>(engine_() % end); }
  bool OneIn(size_t odds) { return Below(odds) == 0; }

 private:
  std::mt19937_64 engine_;
};

/// Changes a text in one to three places: words of Words(), pieces doubled, repeated, cut, moved.
std::string MutateText(std::string_view text, size_t most_bytes, Random& random);

/// Changes one to four fields, anywhere in the tree: values near the ends of their ranges, names of
/// the front's, elements added, doubled and dropped, parts copied over others and put into each
/// other.
void MutateMessage(google::protobuf::Message& message, Random& random);

/// Reads a message as its bytes, or as its text form where the input begins with '#', a comment of
/// that form. False: it is neither. Logs nothing.
bool ReadMessage(std::string_view input, google::protobuf::Message& message);

}  // namespace ordinate::fuzz
