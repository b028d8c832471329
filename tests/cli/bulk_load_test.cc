#include "service/cli/bulk_load.h"

#include <thread>

#include "gmock/gmock.h"
#include "prometheus/registry.h"
#include "tests/server/test_server.h"

namespace ordinate::cli {
namespace {

/// StreamUpsert calls that have ended.
uint64_t EndedCalls(ServerMetrics& metrics) {
  for (const auto& family : metrics.registry()->Collect()) {
    if (family.name != "ordinate_call_seconds") continue;
    for (const auto& metric : family.metric) {
      for (const auto& label : metric.label) {
        if (label.value == "StreamUpsert") return metric.histogram.sample_count;
      }
    }
  }
  return 0;
}

/// Full batches of points, each withheld until as many calls have ended as batches came before it.
class WithheldPoints : public RowSource {
 public:
  WithheldPoints(uint64_t batches, ServerMetrics& metrics) : batches_(batches), metrics_(metrics) {}

  absl::StatusOr<bool> Next(v1::Row* row) override {
    const uint64_t batch = read_ / Batcher::kMaxRows;
    while (EndedCalls(metrics_) < batch) std::this_thread::yield();
    if (batch == batches_) return false;
    v1::UpsertRequest request;
    AddPoint(static_cast<int64_t>(read_++), 1, 2, request);
    *row = request.rows(0);
    return true;
  }
  uint64_t number() const override { return read_; }
  std::string PositionOf(uint64_t number) const override { return "row " + std::to_string(number); }
  uint64_t bytes_read() const override { return 0; }
  uint64_t total_bytes() const override { return 0; }

 private:
  const uint64_t batches_;
  ServerMetrics& metrics_;
  uint64_t read_ = 0;
};

TEST(BulkLoad, ASourceThatPausesIsLoadedInSeveralCalls) {
  TestServer server;
  grpc::ClientContext create;
  v1::CreateTableResponse created;
  ASSERT_TRUE(server.tables().CreateTable(&create, PointsTable(), &created).ok());
  WithheldPoints points(3, server.metrics());
  Batcher batches(points, created.table(), v1::ON_INVALID_ERROR);
  auto rows = server.rows();
  uint64_t seen = 0;
  const LoadResult result = BulkLoad(rows, batches, std::chrono::milliseconds(1),
                                     [&](uint64_t loaded, uint64_t) { seen = loaded; });
  EXPECT_TRUE(result.status.ok()) << result.status;
  EXPECT_EQ(result.rows, 3000u);
  EXPECT_EQ(seen, 3000u);
  EXPECT_EQ(result.last_position, "row 3000");
  EXPECT_EQ(EndedCalls(server.metrics()), 3u);
}

}  // namespace
}  // namespace ordinate::cli
