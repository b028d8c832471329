#include <future>
#include <map>
#include <thread>

#include "grpcpp/generic/generic_stub.h"
#include "tests/server/test_server.h"

namespace ordinate {
namespace {

/// grpc.health.v1 without its generated code: field 1 is the service's name in the request and the
/// status in the answer, where 1 is SERVING and 2 NOT_SERVING.
grpc::ByteBuffer HealthRequest(const std::string& service) {
  const grpc::Slice slice("\x0a" + std::string(1, static_cast<char>(service.size())) + service);
  return grpc::ByteBuffer(&slice, 1);
}

int HealthStatus(const grpc::ByteBuffer& response) {
  std::vector<grpc::Slice> slices;
  EXPECT_TRUE(response.Dump(&slices).ok());
  std::string bytes;
  for (const grpc::Slice& slice : slices) {
    bytes.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return bytes.size() == 2 && bytes[0] == '\x08' ? bytes[1] : -1;
}

int CheckHealth(const TestServer& server, const std::string& service) {
  grpc::GenericStub stub(server.channel());
  grpc::CompletionQueue queue;
  grpc::ClientContext call;
  const grpc::ByteBuffer request = HealthRequest(service);
  auto rpc = stub.PrepareUnaryCall(&call, "/grpc.health.v1.Health/Check", request, &queue);
  rpc->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  rpc->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  EXPECT_TRUE(queue.Next(&tag, &ok));
  EXPECT_TRUE(status.ok()) << status.error_message();
  return status.ok() ? HealthStatus(response) : -1;
}

/// A health watch, read one answer at a time.
class HealthWatch {
 public:
  explicit HealthWatch(const TestServer& server) : stub_(server.channel()) {
    stream_ = stub_.PrepareCall(&call_, "/grpc.health.v1.Health/Watch", &queue_);
    stream_->StartCall(nullptr);
    Next();
    stream_->Write(HealthRequest(""), nullptr);
    Next();
  }
  ~HealthWatch() {
    call_.TryCancel();
    grpc::Status status;
    stream_->Finish(&status, nullptr);
    Next();
  }
  /// The next status; -1 at the end.
  int Read() {
    grpc::ByteBuffer response;
    stream_->Read(&response, nullptr);
    return Next() ? HealthStatus(response) : -1;
  }

 private:
  bool Next() {
    void* tag = nullptr;
    bool ok = false;
    return queue_.Next(&tag, &ok) && ok;
  }

  grpc::GenericStub stub_;
  grpc::CompletionQueue queue_;
  grpc::ClientContext call_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> stream_;
};

TEST(Health, IsServingByService) {
  TestServer server;
  for (const char* service : {"", "ordinate.v1.TableService", "ordinate.v1.RowService",
                              "ordinate.v1.IndexService", "ordinate.v1.QueryService"}) {
    EXPECT_EQ(CheckHealth(server, service), 1) << service;
  }
}

TEST(Drain, CallsInWorkEndAndHealthSaysNotServing) {
  TestServer server;
  FillPoints(server, 1);
  HealthWatch watch(server);
  EXPECT_EQ(watch.Read(), 1);

  grpc::ClientContext call;
  auto stream = server.rows().StreamUpsert(&call);
  v1::StreamUpsertRequest request;
  AddPoint(2, 1, 1, *request.mutable_upsert());
  ASSERT_TRUE(stream->Write(request));
  v1::StreamUpsertResponse response;
  ASSERT_TRUE(stream->Read(&response));  // in work from here on

  std::thread drain([&] { server.server().Drain(std::chrono::minutes(4)); });
  EXPECT_EQ(watch.Read(), 2);

  v1::StreamUpsertRequest more;
  AddPoint(3, 1, 1, *more.mutable_upsert());
  EXPECT_TRUE(stream->Write(more));
  EXPECT_TRUE(stream->Read(&response));
  EXPECT_TRUE(stream->WritesDone());
  const grpc::Status status = stream->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  // Although the watch is still open and the grace is long.
  drain.join();

  const CallContext context;
  const auto count = server.standalone().front().Count("points", std::nullopt, context);
  ASSERT_TRUE(count.ok()) << count.status();
  EXPECT_EQ(*count, 3u);
  grpc::ClientContext late;
  v1::QueryResponse answer;
  EXPECT_EQ(server.queries().Query(&late, NearOrigin(1), &answer).error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

TEST(Drain, CallsThatOutliveTheGraceAreCancelled) {
  TestServer server;
  FillPoints(server, 1);
  grpc::ClientContext call;
  auto stream = server.rows().StreamUpsert(&call);
  v1::StreamUpsertRequest request;
  AddPoint(2, 1, 1, *request.mutable_upsert());
  ASSERT_TRUE(stream->Write(request));
  v1::StreamUpsertResponse response;
  ASSERT_TRUE(stream->Read(&response));
  server.server().Drain(std::chrono::milliseconds(1));
  EXPECT_FALSE(stream->Finish().ok());
}

}  // namespace
}  // namespace ordinate
