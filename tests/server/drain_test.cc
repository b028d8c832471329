#include <future>
#include <map>
#include <string_view>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
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

/// Lets one thread through when it is told to.
class Gate {
 public:
  void Pass() {
    reached_.set_value();
    open_.get_future().wait();
  }
  void WaitReached() { reached_.get_future().wait(); }
  void Open() { open_.set_value(); }

 private:
  std::promise<void> reached_, open_;
};

/// Holds a query in work, at its end, until the gate is opened.
class HeldQuery : public QueryObserver {
 public:
  void OnQuery(const QueryRequest&, const absl::StatusOr<QueryResult>&, int64_t) override {
    gate.Pass();
  }
  Gate gate;
};

/// A query on a thread of its own.
class BackgroundQuery {
 public:
  explicit BackgroundQuery(const TestServer& server)
      : thread_([this, &server] {
          grpc::ClientContext call;
          v1::QueryResponse answer;
          status_ = server.queries().Query(&call, NearOrigin(1), &answer);
        }) {}
  grpc::Status Finish() {
    thread_.join();
    return status_;
  }

 private:
  grpc::Status status_;
  std::thread thread_;
};

uint64_t CountPoints(TestServer& server) {
  const CallContext context;
  const auto count = server.standalone().front().Count("points", std::nullopt, context);
  EXPECT_TRUE(count.ok()) << count.status();
  return count.value_or(0);
}

TEST(Drain, CallsInWorkEndAndHealthSaysNotServing) {
  HeldQuery held;
  TestServer server({}, {.observer = &held});
  FillPoints(server, 1);
  HealthWatch watch(server);
  EXPECT_EQ(watch.Read(), 1);
  BackgroundQuery query(server);
  held.gate.WaitReached();

  std::thread drain([&] { server.server().Drain(std::chrono::minutes(4)); });
  EXPECT_EQ(watch.Read(), 2);
  held.gate.Open();
  const grpc::Status status = query.Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  // Although the watch is still open and the grace is long.
  drain.join();

  grpc::ClientContext late;
  v1::QueryResponse answer;
  EXPECT_EQ(server.queries().Query(&late, NearOrigin(1), &answer).error_code(),
            grpc::StatusCode::UNAVAILABLE);
}

TEST(Drain, AGateIsIdleOnlyOnceAnswersAreWritten) {
  ServerMetrics metrics;
  CallGate gate(1, metrics);
  const grpc::ServerContext call;
  for (const absl::Status& answer : {absl::OkStatus(), absl::NotFoundError("no")}) {
    gate.Run("Query", call, [&](const CallContext&) { return answer; });
    EXPECT_FALSE(gate.WaitIdle(std::chrono::steady_clock::now()));
    CallGate::AnswerSent();
    EXPECT_TRUE(gate.WaitIdle(std::chrono::steady_clock::now()));
  }
}

/// A query whose caller reads nothing of the answer until Read.
class UnreadQuery {
 public:
  UnreadQuery(const TestServer& server, const v1::QueryRequest& request)
      : stub_(server.NewChannel()) {
    stream_ = stub_.PrepareCall(&call_, "/ordinate.v1.QueryService/Query", &queue_);
    stream_->StartCall(nullptr);
    Next();
    const grpc::Slice slice(request.SerializeAsString());
    stream_->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), nullptr);
    Next();
  }
  /// The answer's size; -1 when there is none.
  int64_t Read() {
    grpc::ByteBuffer response;
    stream_->Read(&response, nullptr);
    return Next() ? static_cast<int64_t>(response.Length()) : -1;
  }
  grpc::Status Finish() {
    grpc::Status status;
    stream_->Finish(&status, nullptr);
    Next();
    return status;
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

TEST(Drain, AnAnswerThatIsBeingSentIsSentToTheEnd) {
  constexpr int kPoints = 10'000;  // an answer longer than what is sent before it is read
  HeldQuery held;
  TestServer server({}, {.observer = &held});
  FillPoints(server, kPoints);
  HealthWatch watch(server);
  EXPECT_EQ(watch.Read(), 1);
  v1::QueryRequest request = NearOrigin(kPoints);
  request.add_columns("*");
  UnreadQuery query(server, request);
  held.gate.WaitReached();
  std::thread drain([&] { server.server().Drain(std::chrono::minutes(4)); });
  EXPECT_EQ(watch.Read(), 2);
  held.gate.Open();
  EXPECT_GT(query.Read(), 500'000);
  const grpc::Status status = query.Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  drain.join();
}

TEST(Drain, CallsThatOutliveTheGraceAreCancelled) {
  HeldQuery held;
  TestServer server({}, {.observer = &held});
  FillPoints(server, 1);
  BackgroundQuery query(server);
  held.gate.WaitReached();
  std::thread drain([&] { server.server().Drain(std::chrono::milliseconds(1)); });
  EXPECT_FALSE(query.Finish().ok());
  held.gate.Open();
  drain.join();
}

TEST(Drain, StreamsThatWaitEndAtOnceAndKeepWhatWasAcknowledged) {
  constexpr size_t kStreams = 8;
  TestServer server;
  FillPoints(server, 1);
  grpc::ClientContext calls[kStreams];
  auto rows = server.rows();
  std::vector<decltype(rows.StreamUpsert(nullptr))> streams;
  v1::StreamUpsertResponse response;
  for (grpc::ClientContext& call : calls) {
    v1::StreamUpsertRequest request;
    AddPoint(static_cast<int64_t>(2 + streams.size()), 1, 1, *request.mutable_upsert());
    streams.push_back(rows.StreamUpsert(&call));
    ASSERT_TRUE(streams.back()->Write(request));
    ASSERT_TRUE(streams.back()->Read(&response));
  }
  // Returns although the callers neither send nor end, and the grace is long.
  server.server().Drain(std::chrono::minutes(4));
  for (const auto& stream : streams) {
    EXPECT_FALSE(stream->Read(&response));
    const grpc::Status status = stream->Finish();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_THAT(status.error_message(), ::testing::HasSubstr("what was acknowledged stays"));
  }
  EXPECT_EQ(CountPoints(server), 1 + kStreams);
}

Gate* key_gate = nullptr;  // passed by the hash of the key "held"

uint64_t HeldHash(std::string_view key) {
  if (key.find("held") != std::string_view::npos) key_gate->Pass();
  return DefaultKeyHash(key);
}

TEST(Drain, AMessageInWorkIsAcknowledgedBeforeItsStreamEnds) {
  Gate gate;
  key_gate = &gate;
  TestServer server({}, {.key_hash = &HeldHash});
  v1::CreateTableRequest create = PointsTable();
  create.mutable_table()->mutable_columns(0)->set_type(v1::DATA_TYPE_STRING);
  grpc::ClientContext create_call;
  v1::CreateTableResponse created;
  ASSERT_TRUE(server.tables().CreateTable(&create_call, create, &created).ok());

  grpc::ClientContext call;
  auto stream = server.rows().StreamUpsert(&call);
  v1::StreamUpsertRequest request;
  request.mutable_upsert()->set_table("points");
  (*request.mutable_upsert()->add_rows()->mutable_cells())["id"].set_string_value("held");
  ASSERT_TRUE(stream->Write(request));
  gate.WaitReached();
  HealthWatch watch(server);
  EXPECT_EQ(watch.Read(), 1);
  std::thread drain([&] { server.server().Drain(std::chrono::minutes(4)); });
  EXPECT_EQ(watch.Read(), 2);
  gate.Open();
  v1::StreamUpsertResponse response;
  EXPECT_TRUE(stream->Read(&response));
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  drain.join();
  EXPECT_EQ(CountPoints(server), 1u);
}

TEST(StreamIdle, AStreamWithoutAMessageForTheLimitEndsNamingIt) {
  GrpcOptions options;
  options.stream_idle_seconds = 1;
  TestServer server(options);
  FillPoints(server, 1);
  grpc::ClientContext call;
  auto stream = server.rows().StreamUpsert(&call);
  v1::StreamUpsertRequest request;
  v1::StreamUpsertResponse response;
  AddPoint(2, 1, 1, *request.mutable_upsert());
  ASSERT_TRUE(stream->Write(request));
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_FALSE(stream->Read(&response));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_THAT(status.error_message(),
              ::testing::AllOf(::testing::HasSubstr("1 seconds, the limit (--stream-idle-seconds)"),
                               ::testing::HasSubstr("what was acknowledged stays")));
  EXPECT_EQ(CountPoints(server), 2u);
}

}  // namespace
}  // namespace ordinate
