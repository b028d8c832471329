// contract 3.3: streams of rows over a real channel, and what one costs whose reader stops.
#include <memory>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "tests/server/test_server.h"
#include "tests/support/many_rows.h"

namespace ordinate {
namespace {

using ::testing::HasSubstr;

// More than fits into what the transport takes ahead of a reader.
constexpr int kPoints = 10'000;

double CallsInWork(TestServer& server) {
  for (const auto& family : server.metrics().registry()->Collect()) {
    if (family.name == "ordinate_calls_in_work") return family.metric[0].gauge.value;
  }
  ADD_FAILURE() << "there is no ordinate_calls_in_work";
  return -1;
}

void AwaitCallsInWork(TestServer& server, double calls) {
  while (CallsInWork(server) != calls) std::this_thread::yield();
}

v1::StreamQueryRequest EveryPoint() {
  v1::StreamQueryRequest request;
  *request.mutable_query() = NearOrigin(0);
  request.mutable_query()->add_columns("*");
  request.set_page_size(500);
  return request;
}

// A stream of which a test reads as much as it likes.
class Reader {
 public:
  explicit Reader(TestServer& server, const v1::StreamQueryRequest& request = EveryPoint())
      : stub_(ChannelOfSmallWindows(server.server().address())),
        reader_(stub_.StreamQuery(&call_, request)) {}
  // Ends a call that a test leaves open.
  ~Reader() {
    if (reader_ == nullptr) return;
    call_.TryCancel();
    Drain();
    reader_->Finish();
  }

  bool ReadPage() {
    v1::StreamQueryResponse page;
    if (!reader_->Read(&page)) return false;
    for (const v1::ResultRow& row : page.rows()) {
      in_order_ &= row.row().cells().at("id").int64_value() == ++rows_;
    }
    return true;
  }
  void Drain() {
    while (ReadPage()) {
    }
  }
  grpc::Status Finish() {
    grpc::Status status = reader_->Finish();
    reader_.reset();
    return status;
  }
  void Cancel() { call_.TryCancel(); }
  int64_t rows() const { return rows_; }
  bool in_order() const { return in_order_; }

 private:
  grpc::ClientContext call_;
  v1::QueryService::Stub stub_;
  std::unique_ptr<grpc::ClientReader<v1::StreamQueryResponse>> reader_;
  int64_t rows_ = 0;
  bool in_order_ = true;
};

TEST(Streams, GiveEveryRowOnceInOrder) {
  TestServer server;
  FillPoints(server, kPoints);
  Reader reader(server);
  reader.Drain();
  const grpc::Status status = reader.Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(reader.rows(), kPoints);
  EXPECT_TRUE(reader.in_order());
  AwaitCallsInWork(server, 0);
}

// More of them than threads that make pages: if any held one, no other stream could end.
TEST(Streams, ThoseWhoseReadersStopHoldUpNobody) {
  TestServer server;
  FillPoints(server, kPoints);
  std::vector<std::unique_ptr<Reader>> stopped;
  for (int i = 0; i < 31; ++i) {
    stopped.push_back(std::make_unique<Reader>(server));
    ASSERT_TRUE(stopped.back()->ReadPage());
  }
  for (int i = 0; i < 3; ++i) {
    Reader reader(server);
    reader.Drain();
    EXPECT_TRUE(reader.Finish().ok());
    EXPECT_EQ(reader.rows(), kPoints);
  }
  AwaitCallsInWork(server, 31);
  // They go on where they were.
  for (const auto& reader : stopped) {
    reader->Drain();
    EXPECT_TRUE(reader->Finish().ok());
    EXPECT_EQ(reader->rows(), kPoints);
    EXPECT_TRUE(reader->in_order());
  }
  AwaitCallsInWork(server, 0);
}

TEST(Streams, MoreThanTheLimitAreRefusedWithARetryDelay) {
  TestServer server;
  FillPoints(server, kPoints);
  std::vector<std::unique_ptr<Reader>> open;
  for (int i = 0; i < 32; ++i) {
    open.push_back(std::make_unique<Reader>(server));
    ASSERT_TRUE(open.back()->ReadPage());
  }
  {
    Reader refused(server);
    EXPECT_FALSE(refused.ReadPage());
    const grpc::Status status = refused.Finish();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    EXPECT_THAT(status.error_message(), HasSubstr("32 streams"));
    EXPECT_THAT(status.error_details(), HasSubstr("RetryInfo"));
  }
  open.clear();
  AwaitCallsInWork(server, 0);
  Reader next(server);
  EXPECT_TRUE(next.ReadPage());
}

TEST(Streams, OfMoreCallsThanTheServerTakesAreRefused) {
  GrpcOptions options;
  options.max_concurrent_calls = 1;
  TestServer server(options);
  FillPoints(server, kPoints);
  Reader open(server);
  ASSERT_TRUE(open.ReadPage());
  Reader refused(server);
  EXPECT_FALSE(refused.ReadPage());
  const grpc::Status status = refused.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("--max-concurrent-calls"));
  open.Drain();
  EXPECT_TRUE(open.Finish().ok());
  EXPECT_EQ(open.rows(), kPoints);
}

// Cancelled while it waits for its reader, and while it makes pages.
TEST(Streams, ACancelledOneEnds) {
  TestServer server;
  FillPoints(server, kPoints);
  for (const bool reads : {false, true}) {
    Reader reader(server);
    ASSERT_TRUE(reader.ReadPage());
    if (reads) {
      std::thread cancels([&] { reader.Cancel(); });
      reader.Drain();
      cancels.join();
    } else {
      reader.Cancel();
    }
    AwaitCallsInWork(server, 0);
    reader.Drain();
    const grpc::Status status = reader.Finish();
    if (!reads) {
      EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
    }
  }
}

TEST(Streams, AReaderThatStopsForTheIdleLimitIsEnded) {
  GrpcOptions options;
  options.stream_idle_seconds = 1;
  TestServer server(options);
  FillPoints(server, kPoints);
  Reader reader(server);
  ASSERT_TRUE(reader.ReadPage());
  AwaitCallsInWork(server, 0);
  reader.Drain();
  EXPECT_LT(reader.rows(), kPoints);
  const grpc::Status status = reader.Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_THAT(status.error_message(), HasSubstr("nothing was read for 1 seconds, the limit"));
}

TEST(Streams, ADrainingServerEndsThoseWhoseReadersStop) {
  TestServer server;
  FillPoints(server, kPoints);
  std::vector<std::unique_ptr<Reader>> stopped;
  for (int i = 0; i < 8; ++i) {
    stopped.push_back(std::make_unique<Reader>(server));
    ASSERT_TRUE(stopped.back()->ReadPage());
  }
  // Returns although they do not read, and the grace is long.
  server.server().Drain(std::chrono::minutes(4));
  for (const auto& reader : stopped) {
    reader->Drain();
    // What the server says may be lost with the connection, which closes after its last call.
    EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_LT(reader->rows(), kPoints);
  }
}

TEST(Streams, RefusalsNameTheField) {
  TestServer server;
  FillPoints(server, 1);
  const auto refusal = [&](const v1::StreamQueryRequest& request) {
    Reader reader(server, request);
    EXPECT_FALSE(reader.ReadPage());
    return reader.Finish();
  };
  v1::StreamQueryRequest request = EveryPoint();
  request.set_page_size(10'001);
  EXPECT_THAT(refusal(request).error_message(), HasSubstr("page_size is 10001"));
  request = EveryPoint();
  request.mutable_query()->set_paged(true);
  EXPECT_THAT(refusal(request).error_message(), HasSubstr("a stream has no page tokens"));
  request = EveryPoint();
  request.mutable_query()->set_table("pints");
  EXPECT_EQ(refusal(request).error_code(), grpc::StatusCode::NOT_FOUND);
  AwaitCallsInWork(server, 0);
}

}  // namespace
}  // namespace ordinate
