// Statements, changes of indexes and deletes by filter over a real channel.
#include "gmock/gmock.h"
#include "tests/server/test_server.h"

namespace ordinate {
namespace {

using ::testing::HasSubstr;

struct Answered {
  grpc::Status status;
  std::vector<v1::ExecuteResponse> parts;
};

Answered Execute(const TestServer& server, const std::string& statement,
                 const std::map<std::string, std::string>& settings = {}) {
  grpc::ClientContext call;
  v1::ExecuteRequest request;
  request.set_statement(statement);
  request.mutable_settings()->insert(settings.begin(), settings.end());
  const auto reader = server.statements().Execute(&call, request);
  Answered answered;
  v1::ExecuteResponse part;
  while (reader->Read(&part)) answered.parts.push_back(part);
  answered.status = reader->Finish();
  return answered;
}

// contract 7.2
TEST(StatementsOverGrpc, AnswerHeaderRowsAndSummary) {
  TestServer server;
  ASSERT_TRUE(
      Execute(server, "CREATE TABLE t (id INT64 PRIMARY KEY, v VECTOR(2), s STRING)").status.ok());
  const Answered written =
      Execute(server, "INSERT INTO t VALUES (1, '[0,1]', 'a'), (2, '[0,3]', NULL);");
  ASSERT_TRUE(written.status.ok()) << written.status.error_message();
  ASSERT_EQ(written.parts.size(), 1u);
  EXPECT_EQ(written.parts[0].summary().message(), "2 rows written");
  EXPECT_EQ(written.parts[0].summary().rows(), 2u);
  EXPECT_GE(written.parts[0].summary().visible_seq().seq_by_shard_size(), 1);

  const Answered found =
      Execute(server, "SELECT id, s, vec_l2(v, '[0,0]') AS far FROM t ORDER BY far LIMIT 5");
  ASSERT_TRUE(found.status.ok()) << found.status.error_message();
  ASSERT_EQ(found.parts.size(), 3u);
  const v1::ExecuteHeader& header = found.parts[0].header();
  ASSERT_EQ(header.columns_size(), 3);
  EXPECT_EQ(header.columns(2).name(), "far");
  EXPECT_EQ(header.columns(2).type(), v1::DATA_TYPE_DOUBLE);
  const v1::ExecuteRows& rows = found.parts[1].rows();
  ASSERT_EQ(rows.rows_size(), 2);
  EXPECT_EQ(rows.rows(0).values(0).int64_value(), 1);
  EXPECT_EQ(rows.rows(0).values(1).string_value(), "a");
  EXPECT_EQ(rows.rows(1).values(2).double_value(), 3.0);
  EXPECT_FALSE(rows.rows(1).values(1).has_string_value());
  EXPECT_THAT(found.parts[2].summary().plan(), ::testing::StartsWith("EXACT"));

  // Writes by statement count as those by request.
  ASSERT_TRUE(Execute(server, "DELETE FROM t WHERE id IN (2, 3)").status.ok());
  std::map<std::string, double> written_rows;
  for (const auto& family : server.metrics().registry()->Collect()) {
    if (family.name != "ordinate_write_rows_total") continue;
    for (const auto& metric : family.metric) {
      written_rows[metric.label[0].value] = metric.counter.value;
    }
  }
  EXPECT_EQ(written_rows,
            (std::map<std::string, double>{{"upsert", 2}, {"update", 0}, {"delete", 1}}));

  // The server keeps no session.
  const Answered set = Execute(server, "SET vector.search.ef_search = 99");
  EXPECT_EQ(set.parts.at(0).summary().settings().at("vector.search.ef_search"), "99");
  const auto shown = [&](const std::map<std::string, std::string>& settings) {
    return Execute(server, "SHOW vector.search.ef_search", settings)
        .parts.at(1)
        .rows()
        .rows(0)
        .values(1)
        .string_value();
  };
  EXPECT_EQ(shown({}), "64");
  EXPECT_EQ(shown({{"vector.search.ef_search", "99"}}), "99");

  const Answered refused = Execute(server, "SELECT id FRM t");
  EXPECT_EQ(refused.status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(refused.status.error_message(), HasSubstr("line 1, column 11"));
  EXPECT_THAT(refused.status.error_details(), HasSubstr("statement"));
}

// contract 6.1
TEST(IndexesOverGrpc, AreAltered) {
  TestServer server;
  FillPoints(server, 3);
  grpc::ClientContext create_call;
  v1::CreateIndexRequest create;
  create.mutable_index()->set_name("near");
  create.mutable_index()->set_table("points");
  create.mutable_index()->set_column("place");
  create.mutable_index()->set_engine(v1::ENGINE_FLAT);
  v1::CreateIndexResponse created;
  ASSERT_TRUE(server.indexes().CreateIndex(&create_call, create, &created).ok());

  const auto alter = [&](const v1::AlterIndexRequest& request, v1::AlterIndexResponse* response) {
    grpc::ClientContext call;
    return server.indexes().AlterIndex(&call, request, response);
  };
  v1::AlterIndexRequest request;
  request.set_name("near");
  v1::AlterIndexResponse response;
  EXPECT_THAT(alter(request, &response).error_message(), HasSubstr("nothing is to change"));
  request.set_mode(v1::FRESHNESS_MODE_BATCHED);
  request.set_batch_rows(5);
  request.mutable_batch_interval()->set_seconds(2);
  const grpc::Status altered = alter(request, &response);
  ASSERT_TRUE(altered.ok()) << altered.error_message();
  EXPECT_EQ(response.index().mode(), v1::FRESHNESS_MODE_BATCHED);
  EXPECT_EQ(response.index().batch_rows(), 5u);
  EXPECT_EQ(response.index().batch_interval().seconds(), 2);
  EXPECT_EQ(response.index().max_lag_rows(), created.index().max_lag_rows());
  request.set_ef_search(10);
  EXPECT_THAT(alter(request, &response).error_message(), HasSubstr("does not apply to FLAT"));
  request.clear_ef_search();
  request.set_m(10);
  EXPECT_THAT(alter(request, &response).error_message(), HasSubstr("m does not apply to FLAT"));
  request.clear_m();
  request.set_quantization(v1::QUANTIZATION_SQ8);
  EXPECT_THAT(alter(request, &response).error_message(), HasSubstr("SQ8 is for engine HNSW"));
  request.clear_quantization();
  request.set_batch_rows(0);
  EXPECT_EQ(alter(request, &response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

// contract 6.2
TEST(RebuildsOverGrpc, AreCancelledWhereOneIsRunning) {
  TestServer server;
  const auto cancel = [&](const char* name) {
    grpc::ClientContext call;
    v1::CancelRebuildRequest request;
    request.set_name(name);
    v1::CancelRebuildResponse response;
    return server.indexes().CancelRebuild(&call, request, &response);
  };
  EXPECT_EQ(cancel("near").error_code(), grpc::StatusCode::NOT_FOUND);
  FillPoints(server, 1'000);
  ASSERT_TRUE(Execute(server, "CREATE VECTOR INDEX near ON points(place) USING FLAT").status.ok());
  // Of the first build, or of none.
  EXPECT_EQ(cancel("near").error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  // A rebuild may have ended before it is cancelled.
  bool cancelled = false;
  for (int i = 0; i < 1'000 && !cancelled; ++i) {
    (void)Execute(server, "REBUILD VECTOR INDEX near");  // refused while the one before is running
    cancelled = cancel("near").ok();
  }
  EXPECT_TRUE(cancelled);
}

// contract 1.7
TEST(DeletesOverGrpc, TakeKeysOrAFilter) {
  TestServer server;
  FillPoints(server, 5);
  const auto remove = [&](const v1::DeleteRequest& request, v1::DeleteResponse* response) {
    grpc::ClientContext call;
    return server.rows().Delete(&call, request, response);
  };
  v1::DeleteRequest request;
  request.set_table("points");
  request.mutable_filter()->set_text("size >= 40");
  v1::DeleteResponse response;
  const grpc::Status removed = remove(request, &response);
  ASSERT_TRUE(removed.ok()) << removed.error_message();
  EXPECT_EQ(response.deleted(), 2u);
  request.add_keys()->set_row_id(1);
  EXPECT_THAT(remove(request, &response).error_message(), HasSubstr("expected one of both"));
  request.clear_keys();
  request.clear_filter();
  EXPECT_EQ(remove(request, &response).error_code(), grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace ordinate
