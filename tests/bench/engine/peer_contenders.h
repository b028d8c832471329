#pragma once

#include <memory>

#include "tests/bench/engine/contender.h"

namespace ordinate::bench {

/// hnswlib's HierarchicalNSW; under COSINE over vectors scaled to length 1.
std::unique_ptr<Contender> MakeHnswlib();

/// FAISS's IndexHNSWFlat and IndexFlat, as Debian builds them.
std::unique_ptr<Contender> MakeFaissHnsw();
std::unique_ptr<Contender> MakeFaissFlat();

}  // namespace ordinate::bench
