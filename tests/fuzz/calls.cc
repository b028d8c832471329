#include "tests/fuzz/calls.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ordinate/v1/index_service.pb.h"
#include "ordinate/v1/query_service.pb.h"
#include "ordinate/v1/row_service.pb.h"
#include "ordinate/v1/table_service.pb.h"
#include "service/front/query_stream.h"
#include "service/wire/analysis.h"
#include "service/wire/batches.h"
#include "service/wire/filters.h"
#include "service/wire/indexes.h"
#include "service/wire/queries.h"
#include "service/wire/rows.h"
#include "service/wire/table_functions.h"
#include "service/wire/tables.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "tests/fuzz/rules.h"

namespace ordinate::fuzz {
namespace {

// ---- questions

absl::Status CheckVectorOf(const Vector& vector, const TableDef& table, const std::string& name) {
  const auto position = table.FindColumn(name);
  RETURN_IF_ERROR(Rule(position.has_value() && table.columns[*position].type == DataType::kVector,
                       "an answered question is about a vector column", name));
  if (vector.empty()) return absl::OkStatus();  // it came from a row
  Row row;
  row.cells.emplace_back(vector);
  TableDef of_one;
  of_one.columns = {table.columns[*position]};
  return CheckRows({row}, of_one);
}

// What was answered is within the limits of contract 3.
absl::Status CheckAnswered(const QueryRequest& query, const TableDef& table,
                           const QueryResult& result) {
  RETURN_IF_ERROR(Rule(query.limit >= 1 && query.limit <= kMaxLimit, "limit is 1 to 10,000",
                       Concat(query.limit)));
  RETURN_IF_ERROR(Rule(query.offset <= kMaxOffset, "offset is at most 100,000"));
  RETURN_IF_ERROR(Rule(query.order_by.size() <= kMaxSortKeys, "16 sort keys at most"));
  RETURN_IF_ERROR(CheckVectorOf(query.vector, table, query.column));
  const uint64_t group_rows = query.group_by.has_value() ? query.group_by->rows : 1;
  RETURN_IF_ERROR(Rule(group_rows <= kMaxRowsPerGroup, "1,000 rows per group at most"));
  RETURN_IF_ERROR(Rule(query.limit * group_rows <= kMaxLimit, "10,000 rows in all at most"));
  RETURN_IF_ERROR(Rule(result.ranked.size() <= query.limit * group_rows &&
                           result.rows.size() == result.ranked.size(),
                       "an answer has limit rows at most", Concat(result.ranked.size())));
  for (const Row& row : result.rows) {
    RETURN_IF_ERROR(Rule(row.cells.size() == result.columns.size(), "a row has its columns"));
    for (size_t i = 0; i < row.cells.size(); ++i) {
      RETURN_IF_ERROR(CheckCell(row.cells[i], table.columns[result.columns[i]].type));
    }
  }
  return absl::OkStatus();
}

// A question as a message is that question.
absl::Status CheckQueryMessage(const QueryRequest& query) {
  if (query.like.has_value()) return absl::OkStatus();  // clients do not write it
  if (query.filter.has_value() && !CheckFilterShape(*query.filter).ok()) return absl::OkStatus();
  v1::QueryRequest proto, proto_again;
  QueryToProto(query, &proto);
  const auto again = QueryFromProto(proto);
  RETURN_IF_ERROR(Rule(again.ok(), "a question's message reads", again.status().ToString()));
  QueryToProto(*again, &proto_again);
  return Rule(proto.DebugString() == proto_again.DebugString(),
              "a question's message is that question", proto.ShortDebugString());
}

absl::Status RunQuery(FuzzFront& fuzz, const v1::QueryRequest& request) {
  ASSIGN_OR_RETURN(const TableDef table, fuzz.front().FindTable(request.table()));
  ASSIGN_OR_RETURN(const QueryRequest query, QueryFromProto(request, table));
  RETURN_IF_ERROR(CheckQueryMessage(query));
  ASSIGN_OR_RETURN(const QueryResult result, fuzz.front().Query(query, fuzz.context()));
  v1::QueryResponse response;
  QueryResultToProto(result, table, request.with_plan(), &response);
  return CheckAnswered(query, table, result);
}

absl::Status RunExplain(FuzzFront& fuzz, const v1::ExplainRequest& request) {
  ASSIGN_OR_RETURN(const TableDef table, fuzz.front().FindTable(request.query().table()));
  ASSIGN_OR_RETURN(QueryRequest query, QueryFromProto(request.query(), table));
  v1::ExplainResponse response;
  if (!request.analyze()) {
    ASSIGN_OR_RETURN(const Plan plan, fuzz.front().Explain(query, fuzz.context()));
    PlanToProto(plan, response.mutable_plan());
    return absl::OkStatus();
  }
  query.analyze = true;
  ASSIGN_OR_RETURN(const QueryResult result, fuzz.front().Query(query, fuzz.context()));
  PlanToProto(result.plan, response.mutable_plan());
  AnalysisToProto(result, response.mutable_analysis());
  return absl::OkStatus();
}

absl::Status RunStream(FuzzFront& fuzz, const v1::StreamQueryRequest& request) {
  ASSIGN_OR_RETURN(const TableDef table, fuzz.front().FindTable(request.query().table()));
  ASSIGN_OR_RETURN(QueryRequest query, QueryFromProto(request.query(), table));
  ASSIGN_OR_RETURN(const StreamOrder order, StreamOrderFromProto(request.order()));
  query.limit = request.page_size() == 0 ? kDefaultPageSize : request.page_size();
  ASSIGN_OR_RETURN(const auto stream, fuzz.front().OpenStream(query, order, fuzz.context()));
  const size_t rows = fuzz.Rows(table).size();
  while (true) {
    ASSIGN_OR_RETURN(const QueryStream::Page page, stream->Next(fuzz.context()));
    v1::StreamQueryResponse response;
    PageToProto(page, *stream, &response);
    RETURN_IF_ERROR(Rule(page.ranked.size() <= query.limit, "a page has its size at most"));
    RETURN_IF_ERROR(Rule(stream->rows_sent() <= rows, "a stream sends no row twice"));
    if (page.last) return absl::OkStatus();
    RETURN_IF_ERROR(Rule(!page.ranked.empty(), "only the last page may be empty"));
  }
}

absl::Status RunBatch(FuzzFront& fuzz, const v1::BatchQueryRequest& request) {
  ASSIGN_OR_RETURN(const auto queries, BatchFromProto(request));
  RETURN_IF_ERROR(Rule(!queries.empty() && queries.size() <= kMaxBatch,
                       "a batch has 1 to 1,000 vectors", Concat(queries.size())));
  ASSIGN_OR_RETURN(const TableDef table, fuzz.front().FindTable(request.query().table()));
  const auto results = fuzz.front().QueryBatch(queries, fuzz.context());
  RETURN_IF_ERROR(Rule(results.size() == queries.size(), "a batch has an answer per vector"));
  for (size_t i = 0; i < results.size(); ++i) {
    RETURN_IF_ERROR(results[i].ok() ? CheckAnswered(*queries[i], table, *results[i])
                                    : CheckRefusal(results[i].status()));
  }
  v1::BatchQueryResponse response;
  BatchToProto(results, table, request.query().with_plan(), &response);
  return absl::OkStatus();
}

absl::Status RunNearestNeighbors(FuzzFront& fuzz, const v1::NearestNeighborsRequest& request) {
  ASSIGN_OR_RETURN(const QueryRequest query, NearestNeighborsFromProto(request));
  ASSIGN_OR_RETURN(const TableDef table, fuzz.front().FindTable(query.table));
  ASSIGN_OR_RETURN(const QueryResult result, fuzz.front().Query(query, fuzz.context()));
  v1::NearestNeighborsResponse response;
  NearestNeighborsToProto(result, table, request.columns_size() > 0, &response);
  return CheckAnswered(query, table, result);
}

absl::Status RunVectorSearch(FuzzFront& fuzz, const v1::VectorSearchRequest& request) {
  ASSIGN_OR_RETURN(const IndexInfo index, fuzz.front().FindIndex(request.index()));
  ASSIGN_OR_RETURN(const QueryRequest query,
                   VectorSearchFromProto(request, index.table.name, "vec"));
  ASSIGN_OR_RETURN(const QueryResult result, fuzz.front().Query(query, fuzz.context()));
  v1::VectorSearchResponse response;
  VectorSearchToProto(result, index.table, request.columns_size() > 0, &response);
  return CheckAnswered(query, index.table, result);
}

// ---- rows

template <typename Request>
absl::StatusOr<std::optional<Filter>> FilterOf(const Request& request) {
  if (!request.has_filter()) return std::optional<Filter>();
  ASSIGN_OR_RETURN(Filter filter, FilterFromProto(request.filter()));
  return std::optional<Filter>(std::move(filter));
}

template <typename Request>
std::vector<std::string> ColumnsOf(const Request& request) {
  return {request.columns().begin(), request.columns().end()};
}

absl::Status RunUpsert(FuzzFront& fuzz, const v1::UpsertRequest& request) {
  ASSIGN_OR_RETURN(const TableDef table, fuzz.front().FindTable(request.table()));
  ASSIGN_OR_RETURN(UpsertInput input, UpsertFromProto(request, table));
  const size_t rows = input.rows.size();
  const bool nulls = input.on_invalid == OnInvalid::kNull;
  ASSIGN_OR_RETURN(const UpsertResult result,
                   fuzz.front().Upsert(std::move(input), fuzz.context()));
  v1::UpsertResponse response;
  UpsertResultToProto(result, &response);
  RETURN_IF_ERROR(Rule(rows >= 1 && rows <= kMaxRowsPerWrite && result.row_ids.size() == rows,
                       "1 to 10,000 rows, and an id for each"));
  RETURN_IF_ERROR(Rule(nulls || result.nulled_rows.empty(), "NULL for a vector, when asked for"));
  for (const uint32_t row : result.nulled_rows) {
    RETURN_IF_ERROR(Rule(row < rows, "a row made NULL is of the request"));
  }
  return CheckRows(fuzz.Rows(table), table);
}

absl::Status RunUpdate(FuzzFront& fuzz, const v1::UpdateRequest& request) {
  ASSIGN_OR_RETURN(const TableDef table, fuzz.front().FindTable(request.table()));
  ASSIGN_OR_RETURN(UpsertInput input, UpdateFromProto(request, table));
  const size_t rows = input.rows.size();
  const size_t before = fuzz.Rows(table).size();
  ASSIGN_OR_RETURN(const UpdateResult result,
                   fuzz.front().Update(std::move(input), fuzz.context()));
  v1::UpdateResponse response;
  UpdateResultToProto(result, &response);
  RETURN_IF_ERROR(Rule(
      rows >= 1 && rows <= kMaxRowsPerWrite && result.updated + result.missing_rows.size() == rows,
      "1 to 10,000 rows, each updated or missing"));
  RETURN_IF_ERROR(Rule(fuzz.Rows(table).size() == before, "no row comes or goes"));
  return CheckRows(fuzz.Rows(table), table);
}

// Without its id: the counts of a retry are those of the first call.
absl::Status RunDelete(FuzzFront& fuzz, const v1::DeleteRequest& request) {
  ASSIGN_OR_RETURN(const TableDef table, fuzz.front().FindTable(request.table()));
  ASSIGN_OR_RETURN(const std::optional<Filter> filter, FilterOf(request));
  const size_t before = fuzz.Rows(table).size();
  absl::StatusOr<DeleteResult> result = DeleteResult();
  if (filter.has_value()) {
    result = fuzz.front().DeleteWhere(request.table(), *filter, fuzz.context());
  } else {
    ASSIGN_OR_RETURN(std::vector<KeyInput> keys, KeysFromProto(request, table));
    result = fuzz.front().Delete(request.table(), std::move(keys), fuzz.context());
  }
  RETURN_IF_ERROR(result.status());
  v1::DeleteResponse response;
  DeleteResultToProto(*result, &response);
  return Rule(fuzz.Rows(table).size() + result->deleted == before, "as many go as are counted");
}

absl::Status RunGet(FuzzFront& fuzz, const v1::GetRequest& request) {
  ASSIGN_OR_RETURN(const TableDef table, fuzz.front().FindTable(request.table()));
  ASSIGN_OR_RETURN(std::vector<KeyInput> keys, KeysFromProto(request.keys(), table));
  ASSIGN_OR_RETURN(const RowsResult result, fuzz.front().Get(request.table(), std::move(keys),
                                                             ColumnsOf(request), fuzz.context()));
  v1::GetResponse response;
  GetResultToProto(result, table, &response);
  return Rule(result.rows.size() <= static_cast<size_t>(request.keys_size()),
              "a row per key at most");
}

absl::Status RunScan(FuzzFront& fuzz, const v1::ScanRequest& request) {
  ASSIGN_OR_RETURN(const TableDef table, fuzz.front().FindTable(request.table()));
  ASSIGN_OR_RETURN(std::optional<Filter> filter, FilterOf(request));
  ASSIGN_OR_RETURN(const RowsResult result,
                   fuzz.front().Scan(request.table(), std::move(filter), ColumnsOf(request),
                                     request.page_size(), request.page_token(), fuzz.context()));
  v1::ScanResponse response;
  ScanResultToProto(result, table, &response);
  const uint32_t page = request.page_size() == 0 ? kDefaultPageSize : request.page_size();
  return Rule(page <= kMaxPageSize && result.rows.size() <= page, "a page has its size at most");
}

absl::Status RunCount(FuzzFront& fuzz, const v1::CountRequest& request) {
  ASSIGN_OR_RETURN(std::optional<Filter> filter, FilterOf(request));
  const bool filtered = filter.has_value();
  ASSIGN_OR_RETURN(const uint64_t count,
                   fuzz.front().Count(request.table(), std::move(filter), fuzz.context()));
  ASSIGN_OR_RETURN(const TableDef table, fuzz.front().FindTable(request.table()));
  const size_t rows = fuzz.Rows(table).size();
  return Rule(filtered ? count <= rows : count == rows, "a count is of the rows there are");
}

// ---- definitions

absl::Status RunCreateTable(FuzzFront& fuzz, const v1::CreateTableRequest& request) {
  ASSIGN_OR_RETURN(TableDef asked, TableFromProto(request.table()));
  ASSIGN_OR_RETURN(const TableDef table, fuzz.front().CreateTable(std::move(asked)));
  v1::CreateTableResponse response;
  TableToProto(table, response.mutable_table());
  RETURN_IF_ERROR(Rule(ValidateTable(table).ok(), "a created table is valid"));
  const auto again = TableFromProto(response.table());
  RETURN_IF_ERROR(Rule(again.ok() && again->columns.size() == table.columns.size() &&
                           again->key.size() == table.key.size(),
                       "a table's message reads"));
  return CheckShowCreate(table);
}

absl::Status RunAddColumn(FuzzFront& fuzz, const v1::AddColumnRequest& request) {
  ASSIGN_OR_RETURN(ColumnDef column, ColumnFromProto(request.column()));
  ASSIGN_OR_RETURN(const TableDef table,
                   fuzz.front().AddColumn(request.table(), std::move(column)));
  v1::AddColumnResponse response;
  TableToProto(table, response.mutable_table());
  RETURN_IF_ERROR(Rule(table.columns.back().nullable &&
                           table.columns.back().role != ColumnRole::kKey &&
                           table.columns.size() <= kMaxColumns,
                       "a column that is added takes NULL, and is no key"));
  return CheckRows(fuzz.Rows(table), table);
}

absl::Status RunDropTable(FuzzFront& fuzz, const v1::DropTableRequest& request) {
  RETURN_IF_ERROR(fuzz.front().DropTable(request.name()));
  return Rule(!fuzz.front().FindTable(request.name()).ok(), "a dropped table is gone");
}

absl::Status RunCreateIndex(FuzzFront& fuzz, const v1::CreateIndexRequest& request) {
  ASSIGN_OR_RETURN(IndexInput input, IndexFromProto(request.index()));
  ASSIGN_OR_RETURN(const TableDef table, fuzz.front().FindTable(input.table));
  ASSIGN_OR_RETURN(const IndexDef index,
                   fuzz.front().CreateIndex(input.table, input.column, std::move(input.index)));
  v1::CreateIndexResponse response;
  IndexToProto(index, table, response.mutable_index());
  RETURN_IF_ERROR(Rule(ValidateIndex(index, table).ok(), "a created index is valid"));
  RETURN_IF_ERROR(Rule(IndexFromProto(response.index()).ok(), "an index's message reads"));
  return CheckShowCreate(index, table);
}

absl::Status RunAlterIndex(FuzzFront& fuzz, const v1::AlterIndexRequest& request) {
  ASSIGN_OR_RETURN(const IndexInfo info, fuzz.front().FindIndex(request.name()));
  ASSIGN_OR_RETURN(const auto change, AlterationFromProto(request, info.index.engine));
  ASSIGN_OR_RETURN(const IndexDef index, fuzz.front().AlterIndex(request.name(), change));
  v1::AlterIndexResponse response;
  IndexToProto(index, info.table, response.mutable_index());
  RETURN_IF_ERROR(Rule(ValidateIndex(index, info.table).ok(), "an altered index is valid"));
  return CheckShowCreate(index, info.table);
}

absl::Status RunCancelRebuild(FuzzFront& fuzz, const v1::CancelRebuildRequest& request) {
  return fuzz.front().CancelRebuild(request.name());
}

// ---- the list

template <typename Request, absl::Status (*kRun)(FuzzFront&, const Request&)>
constexpr Call CallOf(std::string_view request) {
  return {
      request,
      []() -> std::unique_ptr<google::protobuf::Message> { return std::make_unique<Request>(); },
      [](FuzzFront& fuzz, const google::protobuf::Message& message) {
        return kRun(fuzz, static_cast<const Request&>(message));
      }};
}

constexpr Call kCalls[] = {
    CallOf<v1::QueryRequest, &RunQuery>("QueryRequest"),
    CallOf<v1::ExplainRequest, &RunExplain>("ExplainRequest"),
    CallOf<v1::StreamQueryRequest, &RunStream>("StreamQueryRequest"),
    CallOf<v1::BatchQueryRequest, &RunBatch>("BatchQueryRequest"),
    CallOf<v1::NearestNeighborsRequest, &RunNearestNeighbors>("NearestNeighborsRequest"),
    CallOf<v1::VectorSearchRequest, &RunVectorSearch>("VectorSearchRequest"),
    CallOf<v1::UpsertRequest, &RunUpsert>("UpsertRequest"),
    CallOf<v1::UpdateRequest, &RunUpdate>("UpdateRequest"),
    CallOf<v1::DeleteRequest, &RunDelete>("DeleteRequest"),
    CallOf<v1::GetRequest, &RunGet>("GetRequest"),
    CallOf<v1::ScanRequest, &RunScan>("ScanRequest"),
    CallOf<v1::CountRequest, &RunCount>("CountRequest"),
    CallOf<v1::CreateTableRequest, &RunCreateTable>("CreateTableRequest"),
    CallOf<v1::AddColumnRequest, &RunAddColumn>("AddColumnRequest"),
    CallOf<v1::DropTableRequest, &RunDropTable>("DropTableRequest"),
    CallOf<v1::CreateIndexRequest, &RunCreateIndex>("CreateIndexRequest"),
    CallOf<v1::AlterIndexRequest, &RunAlterIndex>("AlterIndexRequest"),
    CallOf<v1::CancelRebuildRequest, &RunCancelRebuild>("CancelRebuildRequest"),
};

}  // namespace

std::span<const Call> Calls() { return kCalls; }

}  // namespace ordinate::fuzz
