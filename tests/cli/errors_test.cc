#include "service/cli/errors.h"

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"

namespace ordinate::cli {
namespace {

TEST(ErrorsTest, ServerErrorsShowCodeMessageAndDetails) {
  google::rpc::Status details;
  google::rpc::BadRequest bad;
  auto* violation = bad.add_field_violations();
  violation->set_field("rows[3].cells[v]");
  violation->set_description("expected dim 2, found 3");
  details.add_details()->PackFrom(bad);
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_nanos(250'000'000);
  details.add_details()->PackFrom(retry);
  google::rpc::ResourceInfo resource;
  resource.set_resource_type("table");
  resource.set_resource_name("t");
  details.add_details()->PackFrom(resource);
  const absl::Status status = FromServer(
      grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "bad row", details.SerializeAsString()));
  EXPECT_EQ(ExitCodeOf(status), kExitServer);
  EXPECT_EQ(ErrorText(WithDetail(Prefixed("at 5: ", status), "more")),
            "error: INVALID_ARGUMENT: at 5: bad row\n"
            "  rows[3].cells[v]: expected dim 2, found 3\n"
            "  retry after 0.25 s\n"
            "  table 't'\n"
            "  more\n");
}

TEST(ErrorsTest, BytesThatAreNoDetailsAreLeftOut) {
  EXPECT_EQ(DetailLines("\xff\xff\xff"), "");
  EXPECT_EQ(DetailLines(""), "");
}

TEST(ErrorsTest, EachKindHasItsExitCode) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), kExitOk);
  EXPECT_EQ(ExitCodeOf(UsageError("x")), kExitUsage);
  EXPECT_EQ(ExitCodeOf(FileError("x")), kExitFile);
  EXPECT_EQ(ExitCodeOf(Finding("x")), kExitFinding);
  EXPECT_EQ(ExitCodeOf(ConnectError("h:1", "x")), kExitConnect);
  EXPECT_EQ(ErrorText(UsageError("x")), "error: x\n");
  EXPECT_TRUE(FromServer(grpc::Status::OK).ok());
}

}  // namespace
}  // namespace ordinate::cli
