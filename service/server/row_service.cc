#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ordinate/v1/row_service.grpc.pb.h"
#include "service/server/services.h"
#include "service/wire/filters.h"
#include "service/wire/rows.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

template <typename Request>
absl::StatusOr<std::optional<Filter>> FilterOf(const Request& request) {
  if (!request.has_filter()) return std::optional<Filter>();
  ASSIGN_OR_RETURN(Filter filter, FilterFromProto(request.filter()));
  return std::optional<Filter>(std::move(filter));
}

template <typename Strings>
std::vector<std::string> ToVector(const Strings& strings) {
  return std::vector<std::string>(strings.begin(), strings.end());
}

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

class RowServiceImpl final : public v1::RowService::Service {
 public:
  RowServiceImpl(Front& front, CallGate& gate, StreamWatch& watch)
      : front_(front), gate_(gate), watch_(watch) {}

  grpc::Status Upsert(grpc::ServerContext* call, const v1::UpsertRequest* request,
                      v1::UpsertResponse* response) override {
    return gate_.Run("Upsert", *call, [&](const CallContext& context) {
      return UpsertRows(*request, context, response);
    });
  }

  grpc::Status StreamUpsert(grpc::ServerContext* call,
                            grpc::ServerReaderWriter<v1::StreamUpsertResponse,
                                                     v1::StreamUpsertRequest>* stream) override {
    return gate_.Run("StreamUpsert", *call, [&](const CallContext& context) -> absl::Status {
      v1::StreamUpsertRequest request;
      v1::StreamUpsertResponse response;
      while (true) {
        ASSIGN_OR_RETURN(const bool more,
                         watch_.Read(*call, [&] { return stream->Read(&request); }));
        RETURN_IF_ERROR(context.Check());
        if (!more) return absl::OkStatus();
        response.Clear();
        RETURN_IF_ERROR(
            UnderField(UpsertRows(request.upsert(), context, response.mutable_upsert()), "upsert"));
        if (!stream->Write(response)) return absl::CancelledError("the caller is gone");
      }
    });
  }

  grpc::Status Update(grpc::ServerContext* call, const v1::UpdateRequest* request,
                      v1::UpdateResponse* response) override {
    return gate_.Run("Update", *call, [&](const CallContext& context) -> absl::Status {
      const auto start = std::chrono::steady_clock::now();
      ASSIGN_OR_RETURN(const TableDef table, front_.FindTable(request->table()));
      ASSIGN_OR_RETURN(UpsertInput input, UpdateFromProto(*request, table));
      ASSIGN_OR_RETURN(const UpdateResult result, front_.Update(std::move(input), context));
      UpdateResultToProto(result, response);
      gate_.metrics().RecordWrite("update", result.updated, SecondsSince(start));
      return absl::OkStatus();
    });
  }

  grpc::Status Delete(grpc::ServerContext* call, const v1::DeleteRequest* request,
                      v1::DeleteResponse* response) override {
    return gate_.Run("Delete", *call, [&](const CallContext& context) -> absl::Status {
      const auto start = std::chrono::steady_clock::now();
      ASSIGN_OR_RETURN(const TableDef table, front_.FindTable(request->table()));
      ASSIGN_OR_RETURN(const DeleteResult result, DeleteRows(*request, table, context));
      DeleteResultToProto(result, response);
      const uint64_t rows =
          request->has_filter() ? result.deleted : static_cast<uint64_t>(request->keys_size());
      gate_.metrics().RecordWrite("delete", rows, SecondsSince(start));
      return absl::OkStatus();
    });
  }

  grpc::Status Get(grpc::ServerContext* call, const v1::GetRequest* request,
                   v1::GetResponse* response) override {
    return gate_.Run("Get", *call, [&](const CallContext& context) -> absl::Status {
      ASSIGN_OR_RETURN(const TableDef table, front_.FindTable(request->table()));
      ASSIGN_OR_RETURN(std::vector<KeyInput> keys, KeysFromProto(request->keys(), table));
      ASSIGN_OR_RETURN(const RowsResult result, front_.Get(request->table(), std::move(keys),
                                                           ToVector(request->columns()), context));
      GetResultToProto(result, table, response);
      return absl::OkStatus();
    });
  }

  grpc::Status Scan(grpc::ServerContext* call, const v1::ScanRequest* request,
                    v1::ScanResponse* response) override {
    return gate_.Run("Scan", *call, [&](const CallContext& context) -> absl::Status {
      ASSIGN_OR_RETURN(const TableDef table, front_.FindTable(request->table()));
      ASSIGN_OR_RETURN(std::optional<Filter> filter, FilterOf(*request));
      ASSIGN_OR_RETURN(
          const RowsResult result,
          front_.Scan(request->table(), std::move(filter), ToVector(request->columns()),
                      request->page_size(), request->page_token(), context));
      ScanResultToProto(result, table, response);
      return absl::OkStatus();
    });
  }

  grpc::Status Count(grpc::ServerContext* call, const v1::CountRequest* request,
                     v1::CountResponse* response) override {
    return gate_.Run("Count", *call, [&](const CallContext& context) -> absl::Status {
      ASSIGN_OR_RETURN(std::optional<Filter> filter, FilterOf(*request));
      ASSIGN_OR_RETURN(const uint64_t count,
                       front_.Count(request->table(), std::move(filter), context));
      response->set_count(count);
      return absl::OkStatus();
    });
  }

 private:
  absl::StatusOr<DeleteResult> DeleteRows(const v1::DeleteRequest& request, const TableDef& table,
                                          const CallContext& context) {
    ASSIGN_OR_RETURN(const std::optional<Filter> filter, FilterOf(request));
    if (filter.has_value() && request.keys_size() > 0) {
      return InField(absl::InvalidArgumentError(Concat("a filter and ", request.keys_size(),
                                                       " keys; expected one of both")),
                     "filter");
    }
    if (filter.has_value() && request.conditions_size() > 0) {
      return InField(absl::InvalidArgumentError("conditions are for keys; found a filter"),
                     "conditions");
    }
    if (filter.has_value()) {
      return front_.DeleteWhere(request.table(), *filter, context, request.request_id());
    }
    ASSIGN_OR_RETURN(std::vector<KeyInput> keys, KeysFromProto(request, table));
    return front_.Delete(request.table(), std::move(keys), context, request.request_id());
  }

  absl::Status UpsertRows(const v1::UpsertRequest& request, const CallContext& context,
                          v1::UpsertResponse* response) {
    const auto start = std::chrono::steady_clock::now();
    ASSIGN_OR_RETURN(const TableDef table, front_.FindTable(request.table()));
    ASSIGN_OR_RETURN(UpsertInput input, UpsertFromProto(request, table));
    ASSIGN_OR_RETURN(const UpsertResult result, front_.Upsert(std::move(input), context));
    UpsertResultToProto(result, response);
    gate_.metrics().RecordWrite("upsert", static_cast<uint64_t>(request.rows_size()),
                                SecondsSince(start));
    return absl::OkStatus();
  }

  Front& front_;
  CallGate& gate_;
  StreamWatch& watch_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeRowService(Front& front, CallGate& gate, StreamWatch& watch) {
  return std::make_unique<RowServiceImpl>(front, gate, watch);
}

}  // namespace ordinate
