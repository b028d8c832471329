#pragma once

#include <string>

#include "nlohmann/json.hpp"
#include "ordinate/v1/index_service.pb.h"

namespace ordinate::cli {

/// Every fact of an index and its status, one a line, and a table with a line per shard.
std::string IndexFacts(const v1::IndexInfo& info);

/// One line per index.
std::string IndexTable(const v1::ListIndexesResponse& response);

}  // namespace ordinate::cli
