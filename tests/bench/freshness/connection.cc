#include "tests/bench/freshness/connection.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "ordinate/v1/table_service.grpc.pb.h"

namespace ordinate::bench {
namespace {

constexpr auto kWhenFull = std::chrono::milliseconds(20);

void SetVector(std::span<const float> vector, v1::Vector& out) {
  out.set_packed_f32(vector.data(), vector.size_bytes());
}

void AddColumn(const char* name, v1::ColumnRole role, v1::DataType type, uint32_t dim,
               v1::CreateTableRequest& request) {
  v1::Column& column = *request.mutable_table()->add_columns();
  column.set_name(name);
  column.set_role(role);
  column.set_type(type);
  if (dim != 0) column.set_dim(dim);
}

}  // namespace

Connection::Connection(const std::shared_ptr<grpc::Channel>& channel)
    : queries_(v1::QueryService::NewStub(channel)),
      rows_(v1::RowService::NewStub(channel)),
      indexes_(v1::IndexService::NewStub(channel)),
      channel_(channel) {}

void Connection::Check(const grpc::Status& status, const char* what) {
  if (status.ok()) return;
  if (may_be_lost_ && status.error_code() == grpc::StatusCode::UNAVAILABLE) {
    lost_ = true;
    return;
  }
  std::fprintf(stderr, "%s: %s\n", what, status.error_message().c_str());
  std::exit(1);
}

void Connection::CallUntilTaken(const char* what,
                                const std::function<grpc::Status(grpc::ClientContext&)>& call) {
  while (!lost_) {
    grpc::ClientContext context;
    const grpc::Status status = call(context);
    if (status.error_code() != grpc::StatusCode::RESOURCE_EXHAUSTED) return Check(status, what);
    std::this_thread::sleep_for(kWhenFull);
  }
}

bool Connection::HasTable(const std::string& table) {
  v1::CountRequest request;
  request.set_table(table);
  v1::CountResponse response;
  grpc::ClientContext context;
  return rows_->Count(&context, request, &response).ok();
}

uint64_t Connection::CountRows(const std::string& table) {
  v1::CountRequest request;
  request.set_table(table);
  v1::CountResponse response;
  grpc::ClientContext context;
  Check(rows_->Count(&context, request, &response), "count");
  return response.count();
}

void Connection::CreateTable(const std::string& table, uint32_t dim) {
  v1::CreateTableRequest request;
  request.mutable_table()->set_name(table);
  AddColumn("id", v1::COLUMN_ROLE_KEY, v1::DATA_TYPE_INT64, 0, request);
  AddColumn("v", v1::COLUMN_ROLE_VECTOR, v1::DATA_TYPE_VECTOR, dim, request);
  AddColumn("tag", v1::COLUMN_ROLE_ATTRIBUTE, v1::DATA_TYPE_INT64, 0, request);
  v1::CreateTableResponse response;
  grpc::ClientContext context;
  Check(v1::TableService::NewStub(channel_)->CreateTable(&context, request, &response),
        "create table");
}

void Connection::CreateIndex(const std::string& index, const std::string& table,
                             v1::FreshnessMode mode) {
  v1::CreateIndexRequest request;
  request.mutable_index()->set_name(index);
  request.mutable_index()->set_table(table);
  request.mutable_index()->set_column("v");
  request.mutable_index()->set_engine(v1::ENGINE_HNSW);
  request.mutable_index()->set_metric(v1::METRIC_L2);
  request.mutable_index()->set_mode(mode);
  v1::CreateIndexResponse response;
  grpc::ClientContext context;
  Check(indexes_->CreateIndex(&context, request, &response), "create index");
}

v1::IndexStatus Connection::Status(const std::string& index) {
  v1::GetIndexStatusRequest request;
  request.set_name(index);
  v1::GetIndexStatusResponse response;
  grpc::ClientContext context;
  Check(indexes_->GetIndexStatus(&context, request, &response), "index status");
  return response.info().status();
}

void Connection::Upsert(const std::string& table, std::span<const int64_t> ids,
                        const VectorOf& vector, int64_t tag) {
  v1::UpsertRequest request;
  request.set_table(table);
  for (size_t i = 0; i < ids.size(); ++i) {
    auto& cells = *request.add_rows()->mutable_cells();
    cells["id"].set_int64_value(ids[i]);
    cells["tag"].set_int64_value(tag);
    SetVector(vector(i), *cells["v"].mutable_vector_value());
  }
  v1::UpsertResponse response;
  CallUntilTaken("upsert", [&](grpc::ClientContext& context) {
    return rows_->Upsert(&context, request, &response);
  });
}

void Connection::UpdateTags(const std::string& table, std::span<const int64_t> ids, int64_t tag) {
  v1::UpdateRequest request;
  request.set_table(table);
  for (const int64_t id : ids) {
    auto& cells = *request.add_rows()->mutable_cells();
    cells["id"].set_int64_value(id);
    cells["tag"].set_int64_value(tag);
  }
  v1::UpdateResponse response;
  CallUntilTaken("update", [&](grpc::ClientContext& context) {
    return rows_->Update(&context, request, &response);
  });
}

void Connection::Delete(const std::string& table, std::span<const int64_t> ids) {
  v1::DeleteRequest request;
  request.set_table(table);
  for (const int64_t id : ids) {
    request.add_keys()->mutable_cells()->add_values()->set_int64_value(id);
  }
  v1::DeleteResponse response;
  CallUntilTaken("delete", [&](grpc::ClientContext& context) {
    return rows_->Delete(&context, request, &response);
  });
}

std::vector<int64_t> Connection::TagsOf(const std::string& table, std::span<const int64_t> ids) {
  v1::GetRequest request;
  request.set_table(table);
  request.add_columns("tag");
  for (const int64_t id : ids) {
    request.add_keys()->mutable_cells()->add_values()->set_int64_value(id);
  }
  v1::GetResponse response;
  grpc::ClientContext context;
  Check(rows_->Get(&context, request, &response), "get");
  std::vector<int64_t> tags;
  for (const v1::Row& row : response.rows()) tags.push_back(row.cells().at("tag").int64_value());
  return tags;
}

std::vector<Connection::Hit> Connection::Ask(const Question& question) {
  v1::QueryRequest request;
  request.set_table(question.table);
  request.set_column("v");
  request.set_limit(question.limit);
  request.set_path(question.path);
  SetVector(question.vector, *request.mutable_vector());
  if (question.tag.has_value()) {
    v1::Comparison& tag = *request.mutable_filter()->mutable_comparison();
    tag.set_column("tag");
    tag.set_operator_(v1::Comparison::OPERATOR_EQ);
    tag.mutable_value()->set_int64_value(*question.tag);
  }
  v1::QueryResponse response;
  grpc::ClientContext context;
  Check(queries_->Query(&context, request, &response), "query");
  std::vector<Hit> hits;
  hits.reserve(static_cast<size_t>(response.rows_size()));
  for (const v1::ResultRow& row : response.rows()) {
    hits.push_back({row.row().cells().at("id").int64_value(), row.score()});
  }
  return hits;
}

}  // namespace ordinate::bench
