#include "service/wire/batches.h"

#include <string>
#include <utility>

#include "service/wire/queries.h"
#include "service/wire/status.h"
#include "service/wire/values.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

// Over all vectors: rows to find, and bytes of the question held in memory.
constexpr uint64_t kMaxBatchRows = 200'000;
constexpr uint64_t kMaxBatchBytes = 256ull << 20;

absl::Status Refuse(std::string_view field, std::string message) {
  return InField(absl::InvalidArgumentError(std::move(message)), field);
}

absl::Status CheckBatchSize(uint64_t vectors) {
  if (vectors >= 1 && vectors <= kMaxBatch) return absl::OkStatus();
  return Refuse("vectors",
                Concat("the batch has ", vectors, " vectors; expected 1 to ", kMaxBatch));
}

// Vectors that could be read, and why the others could not.
using ReadVectors = std::vector<absl::StatusOr<Vector>>;

absl::StatusOr<ReadVectors> MatrixFromProto(const v1::VectorMatrix& proto) {
  if (proto.dim() < 1 || proto.dim() > kMaxDim) {
    return Refuse("matrix.dim", Concat("matrix.dim is ", proto.dim(), "; expected 1 to ", kMaxDim));
  }
  const size_t stride = size_t{proto.dim()} * sizeof(float);
  const std::string& bytes = proto.packed_f32();
  if (bytes.size() % stride != 0) {
    return Refuse("matrix.packed_f32",
                  Concat("matrix.packed_f32 has ", bytes.size(), " bytes; expected a multiple of ",
                         stride, ", the bytes of ", proto.dim(), " components"));
  }
  RETURN_IF_ERROR(CheckBatchSize(bytes.size() / stride));
  ReadVectors vectors;
  v1::Vector packed;
  for (size_t at = 0; at < bytes.size(); at += stride) {
    packed.set_packed_f32(bytes.substr(at, stride));
    vectors.push_back(VectorFromProto(packed));
  }
  return vectors;
}

absl::StatusOr<ReadVectors> VectorsFromProto(const v1::BatchQueryRequest& proto) {
  if (proto.has_matrix() && proto.vectors_size() > 0) {
    return Refuse("matrix", "vectors and matrix are both set; a batch takes one of them");
  }
  if (proto.has_matrix()) return MatrixFromProto(proto.matrix());
  RETURN_IF_ERROR(CheckBatchSize(static_cast<uint64_t>(proto.vectors_size())));
  ReadVectors vectors;
  for (int i = 0; i < proto.vectors_size(); ++i) {
    auto vector = VectorFromProto(proto.vectors(i));
    if (!vector.ok()) vector = InField(vector.status(), Concat("vectors[", i, "]"));
    vectors.push_back(std::move(vector));
  }
  return vectors;
}

absl::Status CheckBatchWork(const v1::BatchQueryRequest& proto, uint64_t vectors) {
  if (proto.query().paged() || !proto.query().page_token().empty()) {
    return Refuse("query.paged", "a batch has no pages; use Query for one vector at a time");
  }
  const uint64_t rows = vectors * (uint64_t{proto.query().limit()} + proto.query().offset());
  if (rows > kMaxBatchRows) {
    return Refuse("query.limit", Concat("the batch asks for ", vectors, " times ",
                                        proto.query().limit() + uint64_t{proto.query().offset()},
                                        " rows; expected at most ", kMaxBatchRows, " in all"));
  }
  const uint64_t bytes = vectors * proto.query().ByteSizeLong();
  if (bytes > kMaxBatchBytes) {
    return Refuse("query",
                  Concat("the question takes ", proto.query().ByteSizeLong(),
                         " bytes, once for each of ", vectors, " vectors; expected at most ",
                         kMaxBatchBytes, " in all: send smaller batches"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Batch> BatchFromProto(const v1::BatchQueryRequest& proto) {
  if (proto.query().has_vector() || proto.query().has_like()) {
    return Refuse("query.vector",
                  "query.vector is set; the vectors of a batch are in `vectors` or "
                  "`matrix`");
  }
  ASSIGN_OR_RETURN(ReadVectors vectors, VectorsFromProto(proto));
  RETURN_IF_ERROR(CheckBatchWork(proto, vectors.size()));
  v1::QueryRequest single = proto.query();
  VectorToProto({0}, single.mutable_vector());  // in the place of each one's own
  auto question = QueryFromProto(single);
  if (!question.ok()) return UnderField(question.status(), "query");
  Batch batch;
  for (absl::StatusOr<Vector>& vector : vectors) {
    batch.push_back(vector.ok() ? absl::StatusOr<QueryRequest>(*question) : vector.status());
    if (vector.ok()) batch.back()->vector = *std::move(vector);
  }
  return batch;
}

void BatchToProto(std::span<const absl::StatusOr<QueryResult>> results, const TableDef& table,
                  bool with_plan, v1::BatchQueryResponse* proto) {
  for (const absl::StatusOr<QueryResult>& result : results) {
    auto* item = proto->add_items();
    *item->mutable_status() = ToRpcStatus(result.status());
    if (result.ok()) QueryResultToProto(*result, table, with_plan, item->mutable_answer());
  }
}

}  // namespace ordinate
