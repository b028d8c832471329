#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "grpcpp/grpcpp.h"
#include "ordinate/v1/index_service.grpc.pb.h"
#include "ordinate/v1/query_service.grpc.pb.h"
#include "ordinate/v1/row_service.grpc.pb.h"
#include "ordinate/v1/table_service.grpc.pb.h"

namespace ordinate {

/// A channel whose transport takes some 64 KiB ahead of a reader and no more, however fast it has
/// found the connection to be.
inline std::shared_ptr<grpc::Channel> ChannelOfSmallWindows(const std::string& address) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  return grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments);
}

/// Table `many` of a server: id INT64 key 1..rows, v VECTOR(8), size INT64; written and read over
/// gRPC.
class ManyRows {
 public:
  static constexpr uint32_t kDim = 8;
  static constexpr int64_t kRowsPerWrite = 5'000;

  explicit ManyRows(const std::shared_ptr<grpc::Channel>& channel) : channel_(channel) {}

  grpc::Status Load(int64_t rows) {
    v1::CreateTableRequest create;
    create.mutable_table()->set_name("many");
    AddColumn("id", v1::COLUMN_ROLE_KEY, v1::DATA_TYPE_INT64, create);
    AddColumn("v", v1::COLUMN_ROLE_VECTOR, v1::DATA_TYPE_VECTOR, create);
    AddColumn("size", v1::COLUMN_ROLE_ATTRIBUTE, v1::DATA_TYPE_INT64, create);
    grpc::ClientContext create_call;
    v1::CreateTableResponse created;
    grpc::Status status =
        v1::TableService::Stub(channel_).CreateTable(&create_call, create, &created);
    std::mt19937_64 random(1);
    for (int64_t first = 1; first <= rows && status.ok(); first += kRowsPerWrite) {
      v1::UpsertRequest request;
      request.set_table("many");
      for (int64_t id = first; id < first + kRowsPerWrite && id <= rows; ++id) {
        auto& cells = *request.add_rows()->mutable_cells();
        cells["id"].set_int64_value(id);
        cells["size"].set_int64_value(id % 1'000);
        auto& values = *cells["v"].mutable_vector_value()->mutable_f32()->mutable_values();
        for (uint32_t d = 0; d < kDim; ++d) values.Add(normal_(random));
      }
      grpc::ClientContext call;
      v1::UpsertResponse response;
      status = v1::RowService::Stub(channel_).Upsert(&call, request, &response);
    }
    return status;
  }

  /// A FLAT index over `v`, built when this returns.
  grpc::Status Index() {
    v1::CreateIndexRequest create;
    create.mutable_index()->set_name("near");
    create.mutable_index()->set_table("many");
    create.mutable_index()->set_column("v");
    create.mutable_index()->set_engine(v1::ENGINE_FLAT);
    grpc::ClientContext create_call;
    v1::CreateIndexResponse created;
    v1::IndexService::Stub indexes(channel_);
    grpc::Status status = indexes.CreateIndex(&create_call, create, &created);
    v1::GetIndexStatusRequest ask;
    ask.set_name("near");
    v1::GetIndexStatusResponse told;
    while (status.ok() && told.info().status().state() != v1::INDEX_STATE_READY) {
      grpc::ClientContext call;
      status = indexes.GetIndexStatus(&call, ask, &told);
    }
    return status;
  }

  static v1::StreamQueryRequest EveryRow() {
    v1::StreamQueryRequest request;
    request.mutable_query()->set_table("many");
    request.mutable_query()->set_column("v");
    request.mutable_query()->add_columns("*");
    for (uint32_t d = 0; d < kDim; ++d) {
      request.mutable_query()->mutable_vector()->mutable_f32()->add_values(0.1f);
    }
    return request;
  }

 private:
  static void AddColumn(const char* name, v1::ColumnRole role, v1::DataType type,
                        v1::CreateTableRequest& create) {
    v1::Column& column = *create.mutable_table()->add_columns();
    column.set_name(name);
    column.set_role(role);
    column.set_type(type);
    if (type == v1::DATA_TYPE_VECTOR) column.set_dim(kDim);
  }

  const std::shared_ptr<grpc::Channel> channel_;
  std::normal_distribution<float> normal_;
};

/// A stream of `many`, and whether its rows are each there once and in order.
class ManyRowsReader {
 public:
  explicit ManyRowsReader(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(channel), reader_(stub_.StreamQuery(&call_, ManyRows::EveryRow())) {}
  ~ManyRowsReader() {
    if (reader_ == nullptr) return;
    call_.TryCancel();
    while (ReadPage()) {
    }
    reader_->Finish();
  }

  bool ReadPage() {
    if (!reader_->Read(&page_)) return false;
    for (const v1::ResultRow& row : page_.rows()) {
      const std::pair<double, uint64_t> place(row.score(), row.row().row_id());
      in_order_ &= !last_.has_value() || *last_ < place;  // and so none twice
      last_ = place;
      ++rows_;
    }
    return true;
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
  v1::StreamQueryResponse page_;
  std::optional<std::pair<double, uint64_t>> last_;
  int64_t rows_ = 0;
  bool in_order_ = true;
};

}  // namespace ordinate
