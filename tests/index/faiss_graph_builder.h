#pragma once

#include <memory>

#include "engine/index/graph_builder.h"

namespace ordinate {

/// Builds graphs by FAISS's HNSW over our distances: what the graphs of the product are compared
/// with. Parameters are not checked, and errors of the library end the test.
std::unique_ptr<GraphBuilder> MakeFaissGraphBuilder();

}  // namespace ordinate
