#include <memory>
#include <string>

#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "tests/fuzz/calls.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/rules.h"
#include "tests/fuzz/target.h"

namespace ordinate::fuzz {
namespace {

// One request: a byte that says which call, and the message's bytes; or "# QueryRequest", a line of
// its own, and the message's text form.
struct Asked {
  size_t call = 0;
  std::unique_ptr<google::protobuf::Message> message;  // null: the input is none
};

Asked Read(std::string_view input) {
  Asked asked;
  if (input.empty()) return asked;
  const std::string_view line = input.substr(0, input.find('\n'));
  const bool is_text = line.starts_with("# ");
  if (is_text) {
    while (asked.call < Calls().size() && Calls()[asked.call].request != line.substr(2)) {
      ++asked.call;
    }
  } else {
    asked.call = static_cast<uint8_t>(input[0]);
  }
  if (asked.call >= Calls().size()) return asked;
  auto message = Calls()[asked.call].make();
  if (ReadMessage(is_text ? input : input.substr(1), *message)) asked.message = std::move(message);
  return asked;
}

}  // namespace

absl::Status RunRequest(std::string_view input) {
  const Asked asked = Read(input);
  if (asked.message == nullptr) return absl::OkStatus();
  const absl::Status status = Calls()[asked.call].run(FuzzFront::Fresh(), *asked.message);
  return status.ok() || absl::IsInternal(status) ? status : CheckRefusal(status);
}

std::string MutateRequest(std::string_view input, size_t most_bytes, uint32_t seed) {
  Random random(seed);
  Asked asked = Read(input);
  if (asked.message == nullptr || random.OneIn(100)) {
    asked.call = random.Below(Calls().size());
    asked.message = Calls()[asked.call].make();
  }
  MutateMessage(*asked.message, random);
  std::string changed(1, static_cast<char>(asked.call));
  changed += asked.message->SerializeAsString();
  return changed.size() <= most_bytes ? changed : std::string(input.substr(0, most_bytes));
}

}  // namespace ordinate::fuzz
