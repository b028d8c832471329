#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/bench/engine/contender.h"

namespace ordinate::bench {

/// HNSW over f32, HNSW over SQ8 when this build's segments hold codes, and FLAT. `code_id` stands
/// for the sources that decide what a built file holds.
std::vector<std::unique_ptr<Contender>> OrdinateContenders(const std::string& code_id);

}  // namespace ordinate::bench
