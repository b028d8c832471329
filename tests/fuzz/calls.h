#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "google/protobuf/message.h"
#include "tests/fuzz/fuzz_front.h"

namespace ordinate::fuzz {

/// A method of the API, as its service does it: from the message to the front, and the answer back.
struct Call {
  std::string_view request;  // the name of its message
  std::unique_ptr<google::protobuf::Message> (*make)();
  /// The call's own error. Of an answer that breaks a rule: the rule, as Rule says it.
  absl::Status (*run)(FuzzFront& fuzz, const google::protobuf::Message& request);
};

/// Never reordered: an input's first byte is a position in here.
std::span<const Call> Calls();

}  // namespace ordinate::fuzz
