// Filters are as deep as filter.proto says, in every form, and one level more is one refusal
// (contract 8).
#include <functional>
#include <string>

#include "gmock/gmock.h"
#include "service/wire/status.h"
#include "storage/base/error_details.h"
#include "tests/server/test_server.h"

namespace ordinate {
namespace {

using ::testing::HasSubstr;

enum class Form { kLists, kNots, kText };

/// A filter of so many levels, the innermost one a comparison.
v1::Filter Nested(Form form, int levels) {
  v1::Filter filter;
  if (form == Form::kText) {
    std::string text = "size = 10";
    for (int i = 1; i < levels; ++i) {
      text = std::string("size = 20 ") + (i % 2 == 0 ? "AND" : "OR") + " (" + text + ")";
    }
    filter.set_text(text);
    return filter;
  }
  v1::Filter* at = &filter;
  for (int i = 1; i < levels; ++i) {
    if (form == Form::kNots) {
      at = at->mutable_not_();
    } else {
      at = (i % 2 == 0 ? at->mutable_and_() : at->mutable_or_())->add_filters();
    }
  }
  auto& comparison = *at->mutable_comparison();
  comparison.set_column("size");
  comparison.set_operator_(v1::Comparison::OPERATOR_EQ);
  comparison.mutable_value()->set_int64_value(10);
  return filter;
}

struct Call {
  const char* place;  // of the filter
  std::function<grpc::Status(const TestServer&, const v1::Filter&)> run;
};

template <typename Stub, typename Request, typename Response>
grpc::Status Unary(Stub stub,
                   grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                   const Request& request) {
  grpc::ClientContext call;
  Response response;
  return (stub.*method)(&call, request, &response);
}

grpc::Status Count(const TestServer& server, const v1::Filter& filter) {
  v1::CountRequest request;
  request.set_table("points");
  *request.mutable_filter() = filter;
  return Unary(server.rows(), &v1::RowService::Stub::Count, request);
}
grpc::Status Scan(const TestServer& server, const v1::Filter& filter) {
  v1::ScanRequest request;
  request.set_table("points");
  *request.mutable_filter() = filter;
  return Unary(server.rows(), &v1::RowService::Stub::Scan, request);
}
grpc::Status Delete(const TestServer& server, const v1::Filter& filter) {
  v1::DeleteRequest request;
  request.set_table("points");
  *request.mutable_filter() = filter;
  return Unary(server.rows(), &v1::RowService::Stub::Delete, request);
}
grpc::Status Query(const TestServer& server, const v1::Filter& filter) {
  v1::QueryRequest request = NearOrigin(3);
  *request.mutable_filter() = filter;
  return Unary(server.queries(), &v1::QueryService::Stub::Query, request);
}
grpc::Status Explain(const TestServer& server, const v1::Filter& filter) {
  v1::ExplainRequest request;
  *request.mutable_query() = NearOrigin(3);
  *request.mutable_query()->mutable_filter() = filter;
  return Unary(server.queries(), &v1::QueryService::Stub::Explain, request);
}
grpc::Status Batch(const TestServer& server, const v1::Filter& filter) {
  v1::BatchQueryRequest request;
  *request.mutable_query() = NearOrigin(3);
  *request.add_vectors() = request.query().vector();
  request.mutable_query()->clear_vector();
  *request.mutable_query()->mutable_filter() = filter;
  return Unary(server.queries(), &v1::QueryService::Stub::BatchQuery, request);
}
grpc::Status Stream(const TestServer& server, const v1::Filter& filter) {
  v1::StreamQueryRequest request;
  *request.mutable_query() = NearOrigin(0);
  *request.mutable_query()->mutable_filter() = filter;
  grpc::ClientContext call;
  const auto reader = server.queries().StreamQuery(&call, request);
  v1::StreamQueryResponse part;
  while (reader->Read(&part)) continue;
  return reader->Finish();
}
grpc::Status Neighbors(const TestServer& server, const v1::Filter& filter) {
  v1::NearestNeighborsRequest request;
  request.set_table("points");
  request.set_column("place");
  *request.mutable_qvec() = NearOrigin(3).vector();
  request.set_k(3);
  *request.mutable_filter() = filter;
  return Unary(server.queries(), &v1::QueryService::Stub::NearestNeighbors, request);
}
grpc::Status Search(const TestServer& server, const v1::Filter& filter) {
  v1::VectorSearchRequest request;
  request.set_index("flat");
  *request.mutable_qvec() = NearOrigin(3).vector();
  request.set_k(3);
  *request.mutable_filter() = filter;
  return Unary(server.queries(), &v1::QueryService::Stub::VectorSearch, request);
}

const Call kCalls[] = {{"filter", Count},        {"filter", Scan},          {"filter", Delete},
                       {"filter", Query},        {"query.filter", Explain}, {"query.filter", Batch},
                       {"query.filter", Stream}, {"filter", Neighbors},     {"filter", Search}};

class DeepFilter : public ::testing::Test {
 protected:
  void SetUp() override {
    FillPoints(server_, 5);
    v1::CreateIndexRequest request;
    request.mutable_index()->set_name("flat");
    request.mutable_index()->set_table("points");
    request.mutable_index()->set_column("place");
    request.mutable_index()->set_engine(v1::ENGINE_FLAT);
    const grpc::Status made =
        Unary(server_.indexes(), &v1::IndexService::Stub::CreateIndex, request);
    ASSERT_TRUE(made.ok()) << made.error_message();
  }
  static void ExpectRefused(const grpc::Status& status, const std::string& place) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    EXPECT_THAT(status.error_message(), HasSubstr("nested deeper than 64, the most allowed"));
    const auto violations = FieldViolations(FromGrpc(status));
    ASSERT_EQ(violations.size(), 1u) << status.error_message();
    EXPECT_EQ(violations[0].field, place);
  }
  grpc::Status Execute(const std::string& statement) {
    v1::ExecuteRequest request;
    request.set_statement(statement);
    grpc::ClientContext call;
    const auto reader = server_.statements().Execute(&call, request);
    v1::ExecuteResponse part;
    while (reader->Read(&part)) continue;
    return reader->Finish();
  }

  TestServer server_;
};

TEST_F(DeepFilter, SixtyFourLevelsAreTakenByEveryCall) {
  for (const Form form : {Form::kLists, Form::kNots, Form::kText}) {
    for (const Call& call : kCalls) {
      const grpc::Status status = call.run(server_, Nested(form, 64));
      EXPECT_TRUE(status.ok()) << call.place << ", form " << static_cast<int>(form) << ": "
                               << status.error_code() << " " << status.error_message();
    }
  }
}

TEST_F(DeepFilter, DeeperOnesAreRefusedByFieldAndLimit) {
  for (const int levels : {65, 72, 100, 2'000}) {
    for (const Form form : {Form::kLists, Form::kNots}) {
      for (const Call& call : kCalls) {
        SCOPED_TRACE(std::to_string(levels));
        ExpectRefused(call.run(server_, Nested(form, levels)), call.place);
      }
    }
  }
  for (const Call& call : kCalls) {
    ExpectRefused(call.run(server_, Nested(Form::kText, 65)), std::string(call.place) + ".text");
  }
}

TEST_F(DeepFilter, StatementsHaveTheSameLimit) {
  const auto remove = [](int levels) {
    return "DELETE FROM points WHERE " + Nested(Form::kText, levels).text();
  };
  const grpc::Status taken = Execute(remove(64));
  EXPECT_TRUE(taken.ok()) << taken.error_message();
  ExpectRefused(Execute(remove(65)), "statement");
}

// What is no message stays gRPC's to refuse.
TEST_F(DeepFilter, OtherBytesAreNotCalledDeep) {
  v1::Filter filter;
  filter.mutable_is_null()->set_column("\xff");
  const grpc::Status status = Count(server_, filter);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INTERNAL) << status.error_message();
}

}  // namespace
}  // namespace ordinate
