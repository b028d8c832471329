// contract 3.6: many vectors in one call over a real channel, a status for each.
#include "gmock/gmock.h"
#include "tests/server/test_server.h"

namespace ordinate {
namespace {

using ::testing::HasSubstr;

void AddVector(std::initializer_list<float> components, v1::BatchQueryRequest& request) {
  auto& values = *request.add_vectors()->mutable_f32()->mutable_values();
  for (const float x : components) values.Add(x);
}

class Batches : public ::testing::Test {
 protected:
  void SetUp() override {
    FillPoints(server_, 9);
    *request_.mutable_query() = NearOrigin(2);
    request_.mutable_query()->clear_vector();
  }
  grpc::Status Ask() {
    grpc::ClientContext call;
    response_.Clear();
    return server_.queries().BatchQuery(&call, request_, &response_);
  }
  std::vector<int64_t> Ids(int item) const {
    std::vector<int64_t> ids;
    for (const v1::ResultRow& row : response_.items(item).answer().rows()) {
      ids.push_back(row.row().cells().at("id").int64_value());
    }
    return ids;
  }

  TestServer server_;
  v1::BatchQueryRequest request_;
  v1::BatchQueryResponse response_;
};

TEST_F(Batches, AVectorThatCannotBeAskedFailsAlone) {
  AddVector({0, 0}, request_);
  request_.add_vectors();                                // none of the forms
  request_.add_vectors()->mutable_f32();                 // no component
  request_.add_vectors()->set_packed_f32("\1\2\3\4\5");  // not whole components
  AddVector({1, 2, 3}, request_);                        // not the column's dim
  AddVector({9, 0}, request_);
  const grpc::Status status = Ask();
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response_.items_size(), 6);
  EXPECT_EQ(response_.items(0).status().code(), grpc::StatusCode::OK);
  EXPECT_EQ(Ids(0), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(Ids(5), (std::vector<int64_t>{9, 8}));
  for (int item = 1; item <= 4; ++item) {
    EXPECT_EQ(response_.items(item).status().code(), grpc::StatusCode::INVALID_ARGUMENT) << item;
    EXPECT_FALSE(response_.items(item).has_answer()) << item;
  }
  EXPECT_THAT(response_.items(2).status().message(), HasSubstr("empty"));
  EXPECT_THAT(response_.items(3).status().message(), HasSubstr("5 bytes"));
  EXPECT_THAT(response_.items(4).status().message(), HasSubstr("3 components"));
}

TEST_F(Batches, TheFirstVectorMayBeTheOneThatFails) {
  request_.add_vectors()->mutable_f32();
  AddVector({9, 0}, request_);
  ASSERT_TRUE(Ask().ok());
  ASSERT_EQ(response_.items_size(), 2);
  EXPECT_EQ(response_.items(0).status().code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Ids(1), (std::vector<int64_t>{9, 8}));
}

TEST_F(Batches, AMatrixIsItsVectors) {
  request_.mutable_matrix()->set_dim(2);
  const float components[] = {0, 0, 9, 0};
  request_.mutable_matrix()->set_packed_f32(components, sizeof(components));
  ASSERT_TRUE(Ask().ok());
  ASSERT_EQ(response_.items_size(), 2);
  EXPECT_EQ(Ids(0), (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(Ids(1), (std::vector<int64_t>{9, 8}));
  request_.mutable_matrix()->mutable_packed_f32()->pop_back();
  EXPECT_THAT(Ask().error_message(), HasSubstr("15 bytes"));
}

TEST_F(Batches, WhatIsWrongWithTheQuestionFailsTheCall) {
  AddVector({0, 0}, request_);
  request_.mutable_query()->set_metric(static_cast<v1::Metric>(77));
  EXPECT_EQ(Ask().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  request_.mutable_query()->clear_metric();
  request_.clear_vectors();
  EXPECT_THAT(Ask().error_message(), HasSubstr("0 vectors"));
}

}  // namespace
}  // namespace ordinate
