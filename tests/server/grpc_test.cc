#include <chrono>
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/generic/generic_stub.h"
#include "service/wire/status.h"
#include "storage/base/error_details.h"
#include "tests/server/test_server.h"

namespace ordinate {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<int64_t> Ids(const v1::QueryResponse& response) {
  std::vector<int64_t> ids;
  for (const v1::ResultRow& row : response.rows()) {
    ids.push_back(row.row().cells().at("id").int64_value());
  }
  return ids;
}

TEST(Grpc, WritesReadsAndQueries) {
  TestServer server;
  FillPoints(server, 5);

  grpc::ClientContext query_call;
  v1::QueryRequest query = NearOrigin(2);
  query.set_with_plan(true);
  v1::QueryResponse answer;
  grpc::Status status = server.queries().Query(&query_call, query, &answer);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_THAT(Ids(answer), ElementsAre(1, 2));
  EXPECT_EQ(answer.rows(0).score(), 1.0);
  EXPECT_EQ(answer.plan().path(), v1::PATH_EXACT);
  EXPECT_EQ(answer.plan().reason(), v1::REASON_NO_INDEX);

  grpc::ClientContext explain_call;
  v1::ExplainRequest explain;
  *explain.mutable_query() = query;
  v1::ExplainResponse explained;
  status = server.queries().Explain(&explain_call, explain, &explained);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_THAT(explained.plan().text(), ::testing::StartsWith("EXACT"));

  grpc::ClientContext delete_call;
  v1::DeleteRequest remove;
  remove.set_table("points");
  remove.add_keys()->mutable_cells()->add_values()->set_int64_value(1);
  remove.add_keys()->mutable_cells()->add_values()->set_int64_value(77);
  v1::DeleteResponse removed;
  status = server.rows().Delete(&delete_call, remove, &removed);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(removed.deleted(), 1u);

  grpc::ClientContext get_call;
  v1::GetRequest get;
  get.set_table("points");
  get.add_keys()->mutable_cells()->add_values()->set_int64_value(3);
  get.add_keys()->mutable_cells()->add_values()->set_int64_value(1);
  v1::GetResponse got;
  status = server.rows().Get(&get_call, get, &got);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(got.rows_size(), 1);
  EXPECT_EQ(got.rows(0).cells().at("size").int64_value(), 30);

  grpc::ClientContext scan_call;
  v1::ScanRequest scan;
  scan.set_table("points");
  scan.mutable_filter()->set_text("size >= 40");
  v1::ScanResponse scanned;
  status = server.rows().Scan(&scan_call, scan, &scanned);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(scanned.rows_size(), 2);

  grpc::ClientContext count_call;
  v1::CountRequest count;
  count.set_table("points");
  v1::CountResponse counted;
  status = server.rows().Count(&count_call, count, &counted);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(counted.count(), 4u);
}

TEST(Grpc, TablesAreListedAndDropped) {
  TestServer server;
  FillPoints(server, 3);
  grpc::ClientContext list_call, get_call, drop_call, gone_call;
  v1::ListTablesResponse list;
  ASSERT_TRUE(server.tables().ListTables(&list_call, {}, &list).ok());
  ASSERT_EQ(list.tables_size(), 1);
  EXPECT_EQ(list.tables(0).name(), "points");

  v1::GetTableRequest get;
  get.set_name("points");
  v1::GetTableResponse got;
  ASSERT_TRUE(server.tables().GetTable(&get_call, get, &got).ok());
  EXPECT_EQ(got.table().row_count(), 3u);
  EXPECT_EQ(got.table().row_id_flavour(), v1::ROW_ID_FLAVOUR_PK_U64);

  v1::DropTableRequest drop;
  drop.set_name("points");
  v1::DropTableResponse dropped;
  ASSERT_TRUE(server.tables().DropTable(&drop_call, drop, &dropped).ok());
  EXPECT_EQ(server.tables().GetTable(&gone_call, get, &got).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

/// Asks until the index has left BUILDING.
v1::IndexStatus WaitBuilt(const TestServer& server, const std::string& name) {
  while (true) {
    grpc::ClientContext call;
    v1::GetIndexStatusRequest request;
    request.set_name(name);
    v1::GetIndexStatusResponse response;
    const grpc::Status status = server.indexes().GetIndexStatus(&call, request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    if (!status.ok() || response.info().status().state() != v1::INDEX_STATE_BUILDING) {
      return response.info().status();
    }
  }
}

TEST(Grpc, IndexesLiveAndDie) {
  TestServer server;
  FillPoints(server, 50);
  v1::CreateIndexRequest create;
  create.mutable_index()->set_name("near");
  create.mutable_index()->set_table("points");
  create.mutable_index()->set_column("place");
  create.mutable_index()->set_engine(v1::ENGINE_FLAT);
  v1::CreateIndexResponse created;
  grpc::ClientContext create_call;
  grpc::Status status = server.indexes().CreateIndex(&create_call, create, &created);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(created.index().dim(), 2u);
  EXPECT_EQ(created.index().metric(), v1::METRIC_L2);

  const v1::IndexStatus built = WaitBuilt(server, "near");
  EXPECT_EQ(built.state(), v1::INDEX_STATE_READY) << built.last_error();
  EXPECT_EQ(built.rows_total(), 50u);
  EXPECT_EQ(built.rows_total(),
            built.rows_indexed() + built.rows_pending() + built.rows_null() + built.rows_invalid());

  grpc::ClientContext again_call, rebuild_call, list_call, drop_call;
  EXPECT_EQ(server.indexes().CreateIndex(&again_call, create, &created).error_code(),
            grpc::StatusCode::ALREADY_EXISTS);
  v1::RebuildIndexRequest rebuild;
  rebuild.set_name("near");
  v1::RebuildIndexResponse rebuilt;
  status = server.indexes().RebuildIndex(&rebuild_call, rebuild, &rebuilt);
  EXPECT_TRUE(status.ok()) << status.error_message();
  v1::ListIndexesResponse list;
  ASSERT_TRUE(server.indexes().ListIndexes(&list_call, {}, &list).ok());
  ASSERT_EQ(list.indexes_size(), 1);
  EXPECT_EQ(list.indexes(0).shards_size(), 2);
  v1::DropIndexRequest drop;
  drop.set_name("near");
  v1::DropIndexResponse dropped;
  EXPECT_TRUE(server.indexes().DropIndex(&drop_call, drop, &dropped).ok());
}

TEST(Grpc, BulkUpsertAnswersEachMessageAndStopsAtTheFirstRefused) {
  TestServer server;
  FillPoints(server, 1);
  grpc::ClientContext call;
  auto stream = server.rows().StreamUpsert(&call);
  for (int message = 0; message < 3; ++message) {
    v1::StreamUpsertRequest request;
    for (int i = 0; i < 4; ++i) {
      AddPoint(100 + message * 4 + i, 1, 1, *request.mutable_upsert());
    }
    ASSERT_TRUE(stream->Write(request));
  }
  v1::StreamUpsertRequest bad;
  AddPoint(200, 1, 1, *bad.mutable_upsert());
  AddPoint(200, 1, 1, *bad.mutable_upsert());
  ASSERT_TRUE(stream->Write(bad));
  for (int message = 0; message < 3; ++message) {
    v1::StreamUpsertResponse response;
    ASSERT_TRUE(stream->Read(&response));
    EXPECT_EQ(response.upsert().row_ids(0), 100u + message * 4);
  }
  v1::StreamUpsertResponse none;
  EXPECT_FALSE(stream->Read(&none));
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);

  grpc::ClientContext count_call;
  v1::CountRequest count;
  count.set_table("points");
  v1::CountResponse counted;
  ASSERT_TRUE(server.rows().Count(&count_call, count, &counted).ok());
  EXPECT_EQ(counted.count(), 13u);
}

// contract 8: canonical codes with details, and nothing of a refused request is applied.
TEST(Grpc, RefusalsNameTheCulprit) {
  TestServer server;
  FillPoints(server, 1);
  grpc::ClientContext table_call;
  v1::QueryRequest query = NearOrigin(1);
  query.set_table("pionts");
  v1::QueryResponse answer;
  grpc::Status status = server.queries().Query(&table_call, query, &answer);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_THAT(status.error_message(), HasSubstr("pionts"));
  const auto resource = ResourceOf(FromGrpc(status));
  ASSERT_TRUE(resource.has_value());
  EXPECT_EQ(resource->name, "pionts");

  grpc::ClientContext limit_call;
  status = server.queries().Query(&limit_call, NearOrigin(0), &answer);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  ASSERT_EQ(FieldViolations(FromGrpc(status)).size(), 1u) << status.error_message();
  EXPECT_EQ(FieldViolations(FromGrpc(status))[0].field, "limit");
  google::rpc::Status wire;
  EXPECT_TRUE(wire.ParseFromString(status.error_details()));
  EXPECT_EQ(wire.code(), static_cast<int>(status.error_code()));

  grpc::ClientContext dim_call, count_call;
  v1::UpsertRequest upsert;
  AddPoint(7, 1, 2, upsert);
  AddPoint(8, 1, 2, upsert);
  (*upsert.mutable_rows(1)->mutable_cells())["place"]
      .mutable_vector_value()
      ->mutable_f32()
      ->add_values(3);
  v1::UpsertResponse written;
  status = server.rows().Upsert(&dim_call, upsert, &written);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("place"));
  v1::CountRequest count;
  count.set_table("points");
  v1::CountResponse counted;
  ASSERT_TRUE(server.rows().Count(&count_call, count, &counted).ok());
  EXPECT_EQ(counted.count(), 1u);
}

// contract 8: the field's path is that of the message that was sent.
TEST(Grpc, FieldPathsStartAtTheRequest) {
  TestServer server;
  FillPoints(server, 1);
  const auto field = [](const grpc::Status& status) {
    const auto violations = FieldViolations(FromGrpc(status));
    return violations.empty() ? "none: " + status.error_message() : violations[0].field;
  };
  grpc::ClientContext explain_call, stream_call;
  v1::ExplainRequest explain;
  *explain.mutable_query() = NearOrigin(1);
  explain.mutable_query()->add_order_by()->set_column("size");
  explain.mutable_query()->add_order_by()->set_column("place");
  v1::ExplainResponse explained;
  EXPECT_EQ(field(server.queries().Explain(&explain_call, explain, &explained)),
            "query.order_by[1].column");

  auto stream = server.rows().StreamUpsert(&stream_call);
  v1::StreamUpsertRequest request;
  AddPoint(7, 1, 2, *request.mutable_upsert());
  AddPoint(8, 1, NAN, *request.mutable_upsert());
  ASSERT_TRUE(stream->Write(request));
  v1::StreamUpsertResponse none;
  EXPECT_FALSE(stream->Read(&none));
  EXPECT_EQ(field(stream->Finish()), "upsert.rows[1].cells[\"place\"]");
}

// contract 8
TEST(Grpc, AnAnswerOverTheBoundIsResourceExhausted) {
  TestServer server({}, {.max_answer_bytes = 200});
  FillPoints(server, 20);
  const auto over = [](const grpc::Status& status) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    EXPECT_THAT(status.error_message(), HasSubstr("over the limit of 200 bytes"));
  };
  grpc::ClientContext get_call, query_call, small_call;
  v1::GetRequest get;
  get.set_table("points");
  for (int i = 1; i <= 20; ++i) get.add_keys()->mutable_cells()->add_values()->set_int64_value(i);
  v1::GetResponse got;
  over(server.rows().Get(&get_call, get, &got));
  v1::QueryResponse answer;
  over(server.queries().Query(&query_call, NearOrigin(20), &answer));
  EXPECT_TRUE(server.queries().Query(&small_call, NearOrigin(1), &answer).ok());
}

TEST(Grpc, AnOversizeRequestIsRefusedAndTheServerLives) {
  GrpcOptions options;
  options.max_message_bytes = 64 << 10;
  TestServer server(options);
  FillPoints(server, 1);
  grpc::ClientContext big_call;
  v1::UpsertRequest big;
  big.set_table(std::string(128 << 10, 'x'));
  v1::UpsertResponse written;
  EXPECT_EQ(server.rows().Upsert(&big_call, big, &written).error_code(),
            grpc::StatusCode::RESOURCE_EXHAUSTED);
  grpc::ClientContext call;
  v1::QueryResponse answer;
  EXPECT_TRUE(server.queries().Query(&call, NearOrigin(1), &answer).ok());
}

TEST(Grpc, BytesThatAreNoMessageAreRefusedAndTheServerLives) {
  TestServer server;
  FillPoints(server, 1);
  grpc::GenericStub stub(server.channel());
  grpc::CompletionQueue queue;
  grpc::ClientContext call;
  const grpc::Slice slice(std::string("\xff\xff\xff garbage"));
  const grpc::ByteBuffer request(&slice, 1);
  auto rpc = stub.PrepareUnaryCall(&call, "/ordinate.v1.QueryService/Query", request, &queue);
  rpc->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  rpc->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&tag, &ok));
  EXPECT_FALSE(status.ok());
  grpc::ClientContext next;
  v1::QueryResponse answer;
  EXPECT_TRUE(server.queries().Query(&next, NearOrigin(1), &answer).ok());
}

TEST(Grpc, APassedDeadlineIsRefusedByClientAndFront) {
  TestServer server;
  FillPoints(server, 1);
  grpc::ClientContext call;
  call.set_deadline(std::chrono::system_clock::now() - std::chrono::seconds(1));
  v1::QueryResponse answer;
  EXPECT_EQ(server.queries().Query(&call, NearOrigin(1), &answer).error_code(),
            grpc::StatusCode::DEADLINE_EXCEEDED);
  const CallContext passed(std::chrono::steady_clock::now() - std::chrono::seconds(1));
  const auto query = server.standalone().front().Count("points", std::nullopt, passed);
  EXPECT_EQ(query.status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(Grpc, MoreCallsThanTheLimitAreRefusedWithARetryDelay) {
  GrpcOptions options;
  options.max_concurrent_calls = 1;
  TestServer server(options);
  FillPoints(server, 1);
  grpc::ClientContext stream_call;
  auto stream = server.rows().StreamUpsert(&stream_call);
  v1::StreamUpsertRequest request;
  AddPoint(2, 1, 1, *request.mutable_upsert());
  ASSERT_TRUE(stream->Write(request));
  v1::StreamUpsertResponse response;
  ASSERT_TRUE(stream->Read(&response));  // the stream is in work from here on

  grpc::ClientContext call;
  v1::QueryResponse answer;
  const grpc::Status status = server.queries().Query(&call, NearOrigin(1), &answer);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("--max-concurrent-calls"));
  EXPECT_TRUE(RetryDelayMillis(FromGrpc(status)).has_value());
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST(Grpc, ATakenPortIsNamed) {
  TestServer server;
  GrpcOptions options;
  options.listen = server.server().address();
  const auto second = GrpcServer::Start(server.standalone().front(), server.metrics(), options);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(
      std::string(second.status().message()),
      AllOf(HasSubstr(options.listen), HasSubstr("Address already in use"), HasSubstr("--listen")));
}

TEST(Standalone, TheSameRowsAfterOpeningAgain) {
  TempDir dir;
  StandaloneOptions options;
  options.data_dir = dir.Sub("data");
  options.shards = 2;
  options.query_threads = 2;
  options.build_threads = 1;
  const CallContext context;
  for (uint64_t round = 0; round < 3; ++round) {
    auto standalone = Standalone::Open(options);
    ASSERT_TRUE(standalone.ok()) << standalone.status();
    Front& front = (*standalone)->front();
    if (round == 0) {
      TableDef table;
      table.name = "t";
      table.columns.push_back(
          {.name = "id", .role = ColumnRole::kKey, .type = DataType::kInt64, .nullable = false});
      table.key = {0};
      ASSERT_TRUE(front.CreateTable(table).ok());
    }
    UpsertInput input;
    input.table = "t";
    input.rows.push_back({.cells = {int64_t(round)}});
    ASSERT_TRUE(front.Upsert(std::move(input), context).ok());
    const auto count = front.Count("t", std::nullopt, context);
    ASSERT_TRUE(count.ok()) << count.status();
    EXPECT_EQ(*count, round + 1);
  }
}

}  // namespace
}  // namespace ordinate
