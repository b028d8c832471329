#include "service/wire/status.h"

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "storage/base/error_details.h"
#include "tests/wire/wire_fixture.h"

namespace ordinate {
namespace {

using ::testing::ElementsAre;

TEST(Status, EveryCodeBothWays) {
  for (int code = 0; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "why");
    const grpc::Status sent = ToGrpc(status);
    EXPECT_EQ(static_cast<int>(sent.error_code()), code);
    EXPECT_EQ(FromGrpc(sent), status);
  }
}

TEST(Status, DetailsTravelAsGoogleRpc) {
  absl::Status status = absl::InvalidArgumentError("bad");
  status = WithFieldViolation(status, "rows[0]", "tab\there\nand \"there\"");
  status = WithFieldViolation(status, "limit", "too much");
  status = WithResource(status, "table", "docs");
  status = WithRetryDelay(status, 1500);
  const grpc::Status sent = ToGrpc(status);
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(sent.error_details()));
  EXPECT_EQ(details.code(), 3);
  EXPECT_EQ(details.message(), "bad");
  ASSERT_EQ(details.details_size(), 3);
  EXPECT_EQ(details.details(0).type_url(), "type.googleapis.com/google.rpc.BadRequest");
  google::rpc::RetryInfo retry;
  ASSERT_TRUE(details.details(2).UnpackTo(&retry));
  EXPECT_EQ(retry.retry_delay().seconds(), 1);
  EXPECT_EQ(retry.retry_delay().nanos(), 500'000'000);

  const absl::Status back = FromGrpc(sent);
  EXPECT_THAT(FieldViolations(back),
              ElementsAre(FieldViolation{"rows[0]", "tab\there\nand \"there\""},
                          FieldViolation{"limit", "too much"}));
  EXPECT_EQ(ResourceOf(back), (ErrorResource{"table", "docs"}));
  EXPECT_EQ(RetryDelayMillis(back), 1500u);
}

TEST(Status, ARetryDelayOfAnyServerIsRead) {
  const auto millis_of = [](int64_t seconds, int32_t nanos) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(seconds);
    retry.mutable_retry_delay()->set_nanos(nanos);
    google::rpc::Status details;
    details.add_details()->PackFrom(retry);
    return RetryDelayMillis(
        FromGrpc({grpc::StatusCode::RESOURCE_EXHAUSTED, "later", details.SerializeAsString()}));
  };
  EXPECT_EQ(millis_of(0, 1), 1u) << "no sooner";
  EXPECT_EQ(millis_of(2, 123'456'789), 2'124u);
  EXPECT_EQ(millis_of(-1, -1), 0u);
  EXPECT_EQ(millis_of(INT64_MAX, 999'999'999), 86'400'000u);
}

TEST(Status, NoDetailsNoBytes) { EXPECT_EQ(ToGrpc(absl::InternalError("x")).error_details(), ""); }

TEST(Status, LongTextsAreCutBetweenCharacters) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "ü";
  absl::Status status = absl::InvalidArgumentError(text);
  for (int i = 0; i < 100; ++i) status = WithFieldViolation(status, text, text);
  const grpc::Status sent = ToGrpc(status);
  EXPECT_LT(sent.error_message().size() + sent.error_details().size(), 8'000u);
  EXPECT_TRUE(sent.error_message().ends_with("ü..."));
}

TEST(Status, PreconditionsTravelBothWays) {
  const std::vector<PreconditionViolation> violations = {
      {"ROW_VERSION", "rows[0]", "version 17; expected version 12"},
      {"ROW_VERSION", "rows[\t3]", "no row; expected a row\n"}};
  const auto status = WithPreconditions(absl::AbortedError("row 0: found version 17"), violations);
  EXPECT_EQ(PreconditionViolations(status), violations);
  const absl::Status back = FromGrpc(ToGrpc(status));
  EXPECT_TRUE(absl::IsAborted(back));
  EXPECT_EQ(PreconditionViolations(back), violations);
  const auto many = WithPreconditions(
      status, std::vector(1'000, PreconditionViolation{"ROW_VERSION", std::string(300, 'r'),
                                                       std::string(300, 'd')}));
  EXPECT_LT(ToGrpc(many).error_details().size(), 4'500u);
}

TEST(Status, DamagedDetailsAreLeftOut) {
  const grpc::Status sent(grpc::StatusCode::NOT_FOUND, "gone", "\xff\xff\xff");
  EXPECT_EQ(FromGrpc(sent), absl::NotFoundError("gone"));
}

TEST(ErrorDetails, WithMessageKeepsCodeAndDetails) {
  const auto status = WithResource(absl::NotFoundError("a"), "index", "i");
  const auto changed = WithMessage(status, "b");
  EXPECT_EQ(changed.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(MessageOf(changed), "b");
  EXPECT_EQ(ResourceOf(changed)->name, "i");
}

TEST(ErrorDetails, InFieldIsForInvalidArgumentsWithoutAField) {
  EXPECT_TRUE(FieldViolations(InField(absl::InternalError("x"), "f")).empty());
  const auto inner = WithFieldViolation(absl::InvalidArgumentError("x"), "inner", "x");
  EXPECT_EQ(FieldViolations(InField(inner, "outer")).size(), 1u);
  EXPECT_EQ(FieldViolations(InField(absl::InvalidArgumentError("x"), "f"))[0].description, "x");
}

}  // namespace
}  // namespace ordinate
