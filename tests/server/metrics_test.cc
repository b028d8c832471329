#include "service/server/metrics.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "service/server/metrics_endpoint.h"
#include "service/server/recall_monitor.h"
#include "tests/server/test_server.h"

namespace ordinate {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::vector<std::shared_ptr<prometheus::Collectable>> All(TestServer& server) {
  return {
      server.metrics().registry(), std::make_shared<ProcessCollector>(),
      std::make_shared<StateCollector>(server.standalone().front(), server.standalone().shards())};
}

std::string HttpGet(const std::string& address, const std::string& path) {
  const size_t colon = address.rfind(':');
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(colon + 1))));
  ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
  EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)), 0);
  const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
  EXPECT_EQ(::write(fd, request.data(), request.size()), static_cast<ssize_t>(request.size()));
  std::string answer;
  char buffer[4096];
  for (ssize_t got; (got = ::read(fd, buffer, sizeof(buffer))) > 0;) {
    answer.append(buffer, static_cast<size_t>(got));
  }
  ::close(fd);
  return answer;
}

/// Something of every kind: a write, an answered query, a refused one, an index.
void DoSomething(TestServer& server) {
  FillPoints(server, 4);
  v1::CreateIndexRequest create;
  create.mutable_index()->set_name("near");
  create.mutable_index()->set_table("points");
  create.mutable_index()->set_column("place");
  create.mutable_index()->set_engine(v1::ENGINE_FLAT);
  v1::CreateIndexResponse created;
  grpc::ClientContext create_call, query_call, bad_call;
  const grpc::Status status = server.indexes().CreateIndex(&create_call, create, &created);
  ASSERT_TRUE(status.ok()) << status.error_message();
  v1::QueryRequest query = NearOrigin(1);
  query.set_path(v1::PATH_EXACT);
  v1::QueryResponse answer;
  ASSERT_TRUE(server.queries().Query(&query_call, query, &answer).ok());
  ASSERT_FALSE(server.queries().Query(&bad_call, NearOrigin(0), &answer).ok());
}

// Anything but GET /metrics is refused, and the server lives.
TEST(Metrics, OtherRequestsAreRefused) {
  TestServer server;
  auto endpoint = MetricsEndpoint::Start("127.0.0.1:0", All(server));
  ASSERT_TRUE(endpoint.ok()) << endpoint.status();
  for (const char* path : {"/", "/x", "/metrics/..", "*"}) {
    EXPECT_THAT(HttpGet((*endpoint)->address(), path), Not(HasSubstr("ordinate_tables"))) << path;
  }
  EXPECT_THAT(HttpGet((*endpoint)->address(), "/metrics"), HasSubstr("ordinate_tables"));
}

TEST(Metrics, AreServedAsText) {
  TestServer server;
  DoSomething(server);
  auto endpoint = MetricsEndpoint::Start("127.0.0.1:0", All(server));
  ASSERT_TRUE(endpoint.ok()) << endpoint.status();
  const std::string page = HttpGet((*endpoint)->address(), "/metrics");
  EXPECT_THAT(
      page,
      AllOf(HasSubstr("ordinate_queries_total{path=\"EXACT\",reason=\"FORCED\"} 1"),
            HasSubstr("ordinate_query_seconds_count{path=\"EXACT\"} 1"),
            HasSubstr("ordinate_write_rows_total{operation=\"upsert\"} 4"),
            HasSubstr("ordinate_errors_total{code=\"INVALID_ARGUMENT\",rpc=\"Query\"} 1"),
            HasSubstr("ordinate_tables 1"),
            HasSubstr("ordinate_shard_durable_sequence{shard=\"1\"}"),
            HasSubstr("ordinate_index_total_rows{table=\"points\",index=\"near\",shard=\"0\"}")));
}

TEST(Metrics, OneStateOfAnIndexIsSetAtATime) {
  TestServer server;
  DoSomething(server);
  for (const auto& family : All(server).back()->Collect()) {
    if (family.name != "ordinate_index_state") continue;
    std::map<std::string, double> set;
    for (const auto& metric : family.metric) set[metric.label[2].value] += metric.gauge.value;
    EXPECT_EQ(set, (std::map<std::string, double>{{"0", 1}, {"1", 1}}));
    return;
  }
  FAIL() << "there is no ordinate_index_state";
}

const char* TypeName(prometheus::MetricType type) {
  switch (type) {
    case prometheus::MetricType::Counter:
      return "counter";
    case prometheus::MetricType::Gauge:
      return "gauge";
    case prometheus::MetricType::Histogram:
      return "histogram";
    default:
      return "other";
  }
}

TEST(Metrics, ThePageListsWhatTheServerServesAndNothingElse) {
  TestServer server;
  DoSomething(server);
  std::map<std::string, std::string> served;
  for (const auto& collectable : All(server)) {
    for (const auto& family : collectable->Collect()) {
      served[family.name] = TypeName(family.type);
      EXPECT_TRUE(std::regex_search(family.help, std::regex("\\b(in|as|without) "))) << family.name;
    }
  }
  RecallMonitor recall(server.standalone().front(), std::chrono::seconds(0), 10);
  for (const auto& family : recall.Collect()) served[family.name] = TypeName(family.type);
  std::map<std::string, std::string> listed;
  std::ifstream page(ORDINATE_METRICS_PAGE);
  ASSERT_TRUE(page) << "cannot read " << ORDINATE_METRICS_PAGE;
  const std::regex row(
      "^\\| `((?:ordinate|process)_[a-z_]+)` \\| ([a-z]+) \\| [^|]+ \\| [^|]+ \\|.*");
  for (std::string line; std::getline(page, line);) {
    std::smatch match;
    if (std::regex_match(line, match, row)) listed[match[1]] = match[2];
  }
  EXPECT_EQ(listed, served);
}

TEST(Metrics, ATakenPortIsNamed) {
  auto first = MetricsEndpoint::Start("127.0.0.1:0", {});
  ASSERT_TRUE(first.ok()) << first.status();
  const auto second = MetricsEndpoint::Start((*first)->address(), {});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()),
              AllOf(HasSubstr((*first)->address()), HasSubstr("Address already in use"),
                    HasSubstr("--metrics-listen")));
}

}  // namespace
}  // namespace ordinate
