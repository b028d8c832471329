#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"
#include "ordinate/v1/admin_service.grpc.pb.h"
#include "ordinate/v1/index_service.grpc.pb.h"
#include "ordinate/v1/query_service.grpc.pb.h"
#include "ordinate/v1/row_service.grpc.pb.h"
#include "ordinate/v1/statement_service.grpc.pb.h"
#include "ordinate/v1/table_service.grpc.pb.h"
#include "service/server/grpc_server.h"
#include "service/server/metrics.h"
#include "service/server/query_log.h"
#include "service/server/standalone.h"
#include "tests/support/temp_dir.h"

namespace ordinate {

/// A server on a free port over a fresh data directory, and a channel to it.
class TestServer {
 public:
  /// An observer of `seams` stands in place of the query log.
  explicit TestServer(GrpcOptions grpc = {}, StandaloneSeams seams = {}, bool backups = false) {
    StandaloneOptions options;
    options.data_dir = dir_.Sub("data");
    options.shards = 2;
    options.query_threads = 2;
    options.build_threads = 1;
    if (backups) options.backup_dir = dir_.Sub("backups");
    if (seams.observer == nullptr) seams.observer = &query_log_;
    auto standalone = Standalone::Open(options, seams);
    EXPECT_TRUE(standalone.ok()) << standalone.status();
    standalone_ = *std::move(standalone);
    grpc.listen = "127.0.0.1:0";
    auto server = GrpcServer::Start(standalone_->front(), metrics_, grpc, standalone_->backups());
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    channel_ = NewChannel();
  }

  std::shared_ptr<grpc::Channel> NewChannel() const {
    return grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials());
  }
  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }
  GrpcServer& server() { return *server_; }
  Standalone& standalone() { return *standalone_; }
  ServerMetrics& metrics() { return metrics_; }

  v1::TableService::Stub tables() const { return v1::TableService::Stub(channel_); }
  v1::RowService::Stub rows() const { return v1::RowService::Stub(channel_); }
  v1::IndexService::Stub indexes() const { return v1::IndexService::Stub(channel_); }
  v1::QueryService::Stub queries() const { return v1::QueryService::Stub(channel_); }
  v1::StatementService::Stub statements() const { return v1::StatementService::Stub(channel_); }
  v1::AdminService::Stub admin() const { return v1::AdminService::Stub(channel_); }

 private:
  TempDir dir_;
  ServerMetrics metrics_;
  QueryLog query_log_{metrics_};
  std::unique_ptr<Standalone> standalone_;
  std::unique_ptr<GrpcServer> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

/// Table `points`: id INT64 key, place VECTOR(2), size INT64.
inline v1::CreateTableRequest PointsTable() {
  v1::CreateTableRequest request;
  v1::Table& table = *request.mutable_table();
  table.set_name("points");
  const auto add = [&table](const char* name, v1::ColumnRole role, v1::DataType type,
                            uint32_t dim) {
    v1::Column& column = *table.add_columns();
    column.set_name(name);
    column.set_role(role);
    column.set_type(type);
    column.set_dim(dim);
  };
  add("id", v1::COLUMN_ROLE_KEY, v1::DATA_TYPE_INT64, 0);
  add("place", v1::COLUMN_ROLE_VECTOR, v1::DATA_TYPE_VECTOR, 2);
  add("size", v1::COLUMN_ROLE_ATTRIBUTE, v1::DATA_TYPE_INT64, 0);
  return request;
}

inline void AddPoint(int64_t id, float x, float y, v1::UpsertRequest& request) {
  request.set_table("points");
  auto& cells = *request.add_rows()->mutable_cells();
  cells["id"].set_int64_value(id);
  cells["size"].set_int64_value(id * 10);
  auto& values = *cells["place"].mutable_vector_value()->mutable_f32()->mutable_values();
  values.Add(x);
  values.Add(y);
}

inline v1::QueryRequest NearOrigin(uint32_t limit) {
  v1::QueryRequest request;
  request.set_table("points");
  request.set_column("place");
  request.mutable_vector()->mutable_f32()->add_values(0);
  request.mutable_vector()->mutable_f32()->add_values(0);
  request.set_limit(limit);
  return request;
}

/// Makes the table with points (i, 0) for i in 1..count.
inline void FillPoints(const TestServer& server, int count) {
  grpc::ClientContext create;
  v1::CreateTableResponse created;
  const grpc::Status made = server.tables().CreateTable(&create, PointsTable(), &created);
  ASSERT_TRUE(made.ok()) << made.error_message();
  v1::UpsertRequest request;
  for (int i = 1; i <= count; ++i) AddPoint(i, static_cast<float>(i), 0, request);
  grpc::ClientContext upsert;
  v1::UpsertResponse response;
  const grpc::Status written = server.rows().Upsert(&upsert, request, &response);
  ASSERT_TRUE(written.ok()) << written.error_message();
  ASSERT_EQ(response.row_ids_size(), count);
}

}  // namespace ordinate
