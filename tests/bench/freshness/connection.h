#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "grpcpp/grpcpp.h"
#include "ordinate/v1/index_service.grpc.pb.h"
#include "ordinate/v1/query_service.grpc.pb.h"
#include "ordinate/v1/row_service.grpc.pb.h"

namespace ordinate::bench {

/// The calls the benchmark makes of a server, about tables with columns `id` INT64 (key), `v`
/// VECTOR, and `tag` INT64 (attribute). An error other than a full queue ends the program. Any
/// thread.
class Connection {
 public:
  explicit Connection(const std::shared_ptr<grpc::Channel>& channel);

  /// Before any call: a server that goes away is no error; calls do nothing from then on.
  void MayBeLost() { may_be_lost_ = true; }
  bool lost() const { return lost_; }

  struct Hit {
    int64_t id = 0;
    double score = 0;
  };
  struct Question {
    std::string table;
    std::span<const float> vector;
    uint32_t limit = 10;
    v1::Path path = v1::PATH_UNSPECIFIED;
    std::optional<int64_t> tag;  // rows with this one alone
  };
  using VectorOf = std::function<std::span<const float>(size_t)>;

  bool HasTable(const std::string& table);
  void CreateTable(const std::string& table, uint32_t dim);
  /// An HNSW index over L2, empty or being built when this returns.
  void CreateIndex(const std::string& index, const std::string& table, v1::FreshnessMode mode);
  v1::IndexStatus Status(const std::string& index);
  uint64_t CountRows(const std::string& table);

  /// Waits and tries again while the server takes no more.
  void Upsert(const std::string& table, std::span<const int64_t> ids, const VectorOf& vector,
              int64_t tag);
  void UpdateTags(const std::string& table, std::span<const int64_t> ids, int64_t tag);
  void Delete(const std::string& table, std::span<const int64_t> ids);
  std::vector<Hit> Ask(const Question& question);
  /// Of the rows that are there.
  std::vector<int64_t> TagsOf(const std::string& table, std::span<const int64_t> ids);

 private:
  void Check(const grpc::Status& status, const char* what);
  /// Calls until the server takes it.
  void CallUntilTaken(const char* what,
                      const std::function<grpc::Status(grpc::ClientContext&)>& call);

  bool may_be_lost_ = false;
  std::atomic<bool> lost_{false};
  std::unique_ptr<v1::QueryService::Stub> queries_;
  std::unique_ptr<v1::RowService::Stub> rows_;
  std::unique_ptr<v1::IndexService::Stub> indexes_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace ordinate::bench
