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

TEST(ErrorsTest, ARefusedRowIsNamedByItsPosition) {
  const auto text = [](const std::string& message, const std::string& field,
                       const RowPosition& position) {
    google::rpc::Status details;
    details.set_message(message);
    google::rpc::BadRequest bad;
    bad.add_field_violations()->set_field(field);
    bad.mutable_field_violations(0)->set_description(message);
    details.add_details()->PackFrom(bad);
    return ErrorText(FromServer(
        grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, message, details.SerializeAsString()),
        position));
  };
  const RowPosition position = [](size_t row) {
    return row == 1 ? std::string("rows.jsonl:7") : "";
  };
  EXPECT_EQ(
      text("row 1 (id = 5), column 'v': found dim 1", "upsert.rows[1].cells[\"v\"]", position),
      "error: INVALID_ARGUMENT: rows.jsonl:7 (id = 5), column 'v': found dim 1\n");
  EXPECT_EQ(text("bad", "rows[1]", position), "error: INVALID_ARGUMENT: rows.jsonl:7: bad\n");
  EXPECT_EQ(text("row 10 is bad", "rows[1]", position),
            "error: INVALID_ARGUMENT: rows.jsonl:7: row 10 is bad\n");
  // Not a row, a row nobody knows, nobody to ask.
  EXPECT_EQ(text("row 1 is bad", "rows", position), "error: INVALID_ARGUMENT: row 1 is bad\n");
  EXPECT_EQ(text("row 2 is bad", "rows[2]", position), "error: INVALID_ARGUMENT: row 2 is bad\n");
  EXPECT_EQ(text("row 1 is bad", "rows[1]", {}), "error: INVALID_ARGUMENT: row 1 is bad\n");
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
