#include "service/cli/bulk_load.h"

#include <memory>
#include <set>
#include <thread>

#include "gmock/gmock.h"
#include "prometheus/registry.h"
#include "service/wire/status.h"
#include "storage/base/error_details.h"
#include "storage/base/mutex.h"
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

/// So many points.
class Points : public RowSource {
 public:
  explicit Points(uint64_t count) : count_(count) {}
  absl::StatusOr<bool> Next(v1::Row* row) override {
    if (read_ == count_) return false;
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
  const uint64_t count_;
  uint64_t read_ = 0;
};

/// Full batches of points, each withheld until as many calls have ended as batches came before it.
class WithheldPoints : public Points {
 public:
  WithheldPoints(uint64_t batches, ServerMetrics& metrics)
      : Points(batches * Batcher::kMaxRows), metrics_(metrics) {}

  absl::StatusOr<bool> Next(v1::Row* row) override {
    while (EndedCalls(metrics_) < number() / Batcher::kMaxRows) std::this_thread::yield();
    return Points::Next(row);
  }

 private:
  ServerMetrics& metrics_;
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
  const LoadResult result = BulkLoad(
      rows, batches, {.pause = std::chrono::milliseconds(1)},
      [&](uint64_t loaded, uint64_t) { seen = loaded; }, [](const absl::Status&) {});
  EXPECT_TRUE(result.status.ok()) << result.status;
  EXPECT_EQ(result.rows, 3000u);
  EXPECT_EQ(seen, 3000u);
  EXPECT_EQ(result.last_position, "row 3000");
  EXPECT_EQ(EndedCalls(server.metrics()), 3u);
}

/// Refuses messages, so many of them for now, and takes the others.
class RefusingRows : public v1::RowService::Service {
 public:
  /// From `first` on, counted from 0, until it was refused so many times.
  RefusingRows(uint64_t first, uint64_t times, uint64_t retry_millis)
      : first_(first), times_(times), retry_millis_(retry_millis) {}

  grpc::Status StreamUpsert(grpc::ServerContext*,
                            grpc::ServerReaderWriter<v1::StreamUpsertResponse,
                                                     v1::StreamUpsertRequest>* stream) override {
    v1::StreamUpsertRequest request;
    {
      MutexLock lock(mutex_);
      ++calls;
    }
    while (stream->Read(&request)) {
      MutexLock lock(mutex_);
      asked.push_back(request.upsert().request_id());
      if (taken.size() >= first_ && refused < times_) {
        ++refused;
        return ToGrpc(
            WithRetryDelay(absl::ResourceExhaustedError("too much waits"), retry_millis_));
      }
      taken.push_back(request);
      stream->Write(v1::StreamUpsertResponse());
    }
    return grpc::Status::OK;
  }

  /// What ended calls wrote is seen by this thread after it.
  void SeeAll() { MutexLock lock(mutex_); }

  uint64_t calls = 0, refused = 0;
  std::vector<v1::StreamUpsertRequest> taken;
  std::vector<std::string> asked;  // request ids

 private:
  const uint64_t first_, times_, retry_millis_;
  Mutex mutex_;  // of what calls write
};

class Refused : public ::testing::Test {
 protected:
  LoadResult Load(RefusingRows& service, const v1::Table& table, uint64_t rows,
                  std::chrono::milliseconds patience) {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service);
    std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
    const auto stub = v1::RowService::NewStub(server->InProcessChannel({}));
    Points points(rows);
    Batcher batches(points, table, v1::ON_INVALID_ERROR);
    LoadResult result = BulkLoad(
        *stub, batches, {.refused = patience}, [](uint64_t, uint64_t) {},
        [&](const absl::Status& status) { waits.push_back(std::string(status.message())); });
    server.reset();
    service.SeeAll();
    return result;
  }

  static v1::Table Keyed() { return PointsTable().table(); }

  std::vector<std::string> waits;
};

TEST_F(Refused, ForNowIsSentAgainAndTheRestAfterIt) {
  RefusingRows service(3, 2, 1);
  const LoadResult result = Load(service, Keyed(), 9'500, std::chrono::hours(1));
  EXPECT_TRUE(result.status.ok()) << result.status;
  EXPECT_EQ(result.rows, 9'500u);
  EXPECT_EQ(result.last_position, "row 9500");
  EXPECT_THAT(waits, ::testing::ElementsAre("too much waits", "too much waits"));
  EXPECT_EQ(service.calls, 3u);
  int64_t next = 0;
  for (const v1::StreamUpsertRequest& request : service.taken) {
    for (const v1::Row& row : request.upsert().rows()) {
      ASSERT_EQ(row.cells().at("id").int64_value(), next++) << "in order, each once";
    }
  }
  EXPECT_EQ(next, 9'500);
}

// contract 5.1: a message that is partly durable is completed, not applied twice.
TEST_F(Refused, ItIsTheSameRequestAgain) {
  RefusingRows service(1, 1, 1);
  const LoadResult result = Load(service, Keyed(), 3'000, std::chrono::hours(1));
  EXPECT_TRUE(result.status.ok()) << result.status;
  std::set<std::string> ids;
  for (const auto& request : service.taken) ids.insert(request.upsert().request_id());
  EXPECT_EQ(ids.size(), 3u);
  EXPECT_FALSE(ids.contains(""));
  ASSERT_EQ(service.asked.size(), 4u);
  EXPECT_EQ(service.asked[1], service.asked[2]) << "refused, and again";
}

TEST_F(Refused, OneRowHasAnIdWhereItHasNoKey) {
  RefusingRows keyed(0, 0, 1), keyless(0, 0, 1);
  EXPECT_TRUE(Load(keyed, Keyed(), 1, std::chrono::hours(1)).status.ok());
  EXPECT_EQ(keyed.asked, std::vector<std::string>{""});
  v1::Table table = Keyed();
  table.mutable_columns(0)->set_role(v1::COLUMN_ROLE_ATTRIBUTE);
  EXPECT_TRUE(Load(keyless, table, 1, std::chrono::hours(1)).status.ok());
  ASSERT_EQ(keyless.asked.size(), 1u);
  EXPECT_NE(keyless.asked[0], "");
}

TEST_F(Refused, ForTooLongEndsTheLoadWithWhatTheServerSaid) {
  RefusingRows service(2, 1'000'000, 1);
  const LoadResult result = Load(service, Keyed(), 9'000, std::chrono::milliseconds(100));
  EXPECT_TRUE(absl::IsResourceExhausted(result.status)) << result.status;
  EXPECT_EQ(result.rows, 2'000u);
  EXPECT_EQ(result.last_position, "row 2000");
  EXPECT_GT(service.calls, 1u);
}

TEST_F(Refused, WithoutPatienceIsNotSentAgain) {
  RefusingRows service(2, 1, 0);
  const LoadResult result = Load(service, Keyed(), 9'000, std::chrono::milliseconds(0));
  EXPECT_TRUE(absl::IsResourceExhausted(result.status)) << result.status;
  EXPECT_EQ(service.calls, 1u);
  EXPECT_THAT(waits, ::testing::IsEmpty());
}

}  // namespace
}  // namespace ordinate::cli
