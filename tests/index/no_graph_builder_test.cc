#include <gtest/gtest.h>

#include <string>

#include "engine/index/graph_builder.h"

namespace ordinate {
namespace {

TEST(MakeGraphBuilder, NamesTheWayOutOfABuildWithoutIt) {
  const absl::Status status = MakeGraphBuilder().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_NE(std::string(status.message()).find("-DORDINATE_WITH_HNSW=ON"), std::string::npos);
  EXPECT_NE(std::string(status.message()).find("engine FLAT"), std::string::npos);
}

}  // namespace
}  // namespace ordinate
