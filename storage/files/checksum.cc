#include "storage/files/checksum.h"

// The state's layout is public only under this macro; the functions still come from the library.
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

namespace ordinate {

uint64_t Checksum64(const void* data, size_t bytes) { return XXH3_64bits(data, bytes); }

struct Checksummer64::State {
  XXH3_state_t xxh;
};

Checksummer64::Checksummer64() : state_(std::make_unique<State>()) {
  XXH3_64bits_reset(&state_->xxh);
}

Checksummer64::~Checksummer64() = default;

void Checksummer64::Add(const void* data, size_t bytes) {
  XXH3_64bits_update(&state_->xxh, data, bytes);
}

uint64_t Checksummer64::Get() const { return XXH3_64bits_digest(&state_->xxh); }

}  // namespace ordinate
