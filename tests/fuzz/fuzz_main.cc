// libFuzzer's side of one target, named by ORDINATE_FUZZ_TARGET.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/fuzz/target.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t most_bytes);

namespace {

const ordinate::fuzz::Target& TheTarget() {
  static const ordinate::fuzz::Target* const target =
      ordinate::fuzz::FindTarget(ORDINATE_FUZZ_TARGET);
  if (target == nullptr) std::abort();
  return *target;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::Status status = TheTarget().run({reinterpret_cast<const char*>(data), size});
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::abort();
}

// libFuzzer's own mutations know the comparisons that the code makes; the target's know its form.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most_bytes,
                                          unsigned int seed) {
  if (seed % 4 == 0) return LLVMFuzzerMutate(data, size, most_bytes);
  const std::string changed =
      TheTarget().mutate({reinterpret_cast<const char*>(data), size}, most_bytes, seed / 4);
  std::memcpy(data, changed.data(), changed.size());
  return changed.size();
}
