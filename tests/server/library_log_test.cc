#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "google/protobuf/stubs/logging.h"
#include "grpc/support/log.h"
#include "grpcpp/generic/generic_stub.h"
#include "nlohmann/json.hpp"
#include "service/server/logging.h"
#include "spdlog/spdlog.h"
#include "tests/server/test_server.h"

namespace ordinate {
namespace {

/// What `act` makes the process write to standard error, a JSON value for each line.
template <typename Act>
std::vector<nlohmann::json> JsonLines(Act act) {
  EXPECT_TRUE(InitLogging({.level = "debug", .json = true}).ok());
  ::testing::internal::CaptureStderr();
  act();
  spdlog::default_logger()->flush();
  std::istringstream text(::testing::internal::GetCapturedStderr());
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(text, line);) {
    lines.push_back(nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false));
    EXPECT_TRUE(lines.back().is_object()) << line;
  }
  return lines;
}

/// Sends `bytes` as a QueryRequest.
grpc::Status SendQuery(const TestServer& server, const std::string& bytes) {
  grpc::GenericStub stub(server.channel());
  grpc::CompletionQueue queue;
  grpc::ClientContext call;
  const grpc::Slice slice(bytes);
  const grpc::ByteBuffer request(&slice, 1);
  auto rpc = stub.PrepareUnaryCall(&call, "/ordinate.v1.QueryService/Query", request, &queue);
  rpc->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  rpc->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  EXPECT_TRUE(queue.Next(&tag, &ok));
  return status;
}

TEST(LibraryLog, AMalformedMessageMakesJsonLinesOnly) {
  const auto lines = JsonLines([] {
    const TestServer server;  // whose threads must not outlive a logger
    // Field 1, the table's name, with a byte that is not UTF-8; then bytes that are no message.
    EXPECT_FALSE(SendQuery(server, "\x0a\x01\xff").ok());
    EXPECT_FALSE(SendQuery(server, "\xff\xff\xff garbage").ok());
  });
  EXPECT_THAT(lines, ::testing::Contains(::testing::ResultOf(
                         [](const nlohmann::json& line) {
                           return line.value("library", "") + ": " + line.value("message", "");
                         },
                         ::testing::AllOf(::testing::StartsWith("Protobuf: "),
                                          ::testing::HasSubstr("invalid UTF-8")))));
}

TEST(LibraryLog, LinesKeepTheirLevelsAndPlaces) {
  const auto lines = JsonLines([] {
    gpr_log("transport.cc", 17, GPR_LOG_SEVERITY_ERROR, "a \"quoted\" %s", "line");
    GOOGLE_LOG(WARNING) << "two\nlines";
  });
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_EQ(lines[0]["message"], "a \"quoted\" line");
  EXPECT_EQ(lines[0]["level"], "error");
  EXPECT_EQ(lines[0]["library"], "gRPC");
  EXPECT_EQ(lines[0]["file"], "transport.cc");
  EXPECT_EQ(lines[0]["line"], 17);
  EXPECT_EQ(lines[1]["message"], "two\nlines");
  EXPECT_EQ(lines[1]["level"], "warning");
  EXPECT_EQ(lines[1]["library"], "Protobuf");
}

}  // namespace
}  // namespace ordinate
