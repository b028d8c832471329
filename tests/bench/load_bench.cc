// How fast rows load through the command line, and how long the server takes for a query: 100,000 ×
// 128 clustered rows, JSONL and fvecs, then HNSW at ef_search 64 and k 10, one client, one at a
// time.
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "ordinate/v1/query_service.grpc.pb.h"
#include "tests/support/server_process.h"

namespace ordinate {
namespace {

constexpr uint32_t kRows = 100'000;
constexpr uint32_t kDim = 128;
constexpr uint32_t kClusters = 1'000;
constexpr int kQueries = 2'000;
constexpr int kRounds = 3;

/// Points around `kClusters` centres.
class Points {
 public:
  explicit Points(uint64_t seed) : random_(seed), centres_(size_t{kClusters} * kDim) {
    for (float& x : centres_) x = normal_(random_);
  }
  std::vector<float> Next() {
    const float* centre = centres_.data() + random_() % kClusters * kDim;
    std::vector<float> point(kDim);
    for (uint32_t i = 0; i < kDim; ++i) point[i] = centre[i] + 0.3f * normal_(random_);
    return point;
  }

 private:
  std::mt19937_64 random_;
  std::normal_distribution<float> normal_;
  std::vector<float> centres_;
};

void WriteFiles(const std::string& jsonl, const std::string& fvecs) {
  Points points(1);
  std::ofstream text(jsonl), binary(fvecs, std::ios::binary);
  for (uint32_t i = 0; i < kRows; ++i) {
    const std::vector<float> point = points.Next();
    text << "{\"id\":" << i << ",\"price\":" << i % 1'000 << ",\"v\":[";
    char number[32];
    for (uint32_t d = 0; d < kDim; ++d) {
      std::snprintf(number, sizeof(number), "%s%.6g", d == 0 ? "" : ",",
                    static_cast<double>(point[d]));
      text << number;
    }
    text << "]}\n";
    binary.write(reinterpret_cast<const char*>(&kDim), sizeof(kDim));
    binary.write(reinterpret_cast<const char*>(point.data()), kDim * sizeof(float));
  }
}

void Run(const ServerProcess& server, std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--server", server.address()});
  std::string output;
  if (RunOrdinate(arguments, &output) != 0) {
    std::fprintf(stderr, "%s failed:\n%s\n", arguments[0].c_str(), output.c_str());
    std::exit(1);
  }
}

double LoadRate(const ServerProcess& server, const std::string& table,
                std::vector<std::string> load) {
  Run(server, {"table", "create", table, "--key", "id:INT64", "--attr", "price:INT64", "--vector",
               "v:128"});
  const auto start = std::chrono::steady_clock::now();
  Run(server, std::move(load));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  return kRows / took.count();
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

/// Median time in the server per query, milliseconds.
double QueryMillis(const ServerProcess& server, const std::string& table) {
  auto stub = v1::QueryService::NewStub(server.NewChannel());
  Points points(1);
  for (uint32_t i = 0; i < kRows; ++i) points.Next();  // new points of the same clusters
  std::vector<double> times;
  for (int i = 0; i < kQueries; ++i) {
    v1::QueryRequest request;
    request.set_table(table);
    request.set_column("v");
    request.set_limit(10);
    request.set_with_plan(true);
    for (const float x : points.Next()) request.mutable_vector()->mutable_f32()->add_values(x);
    grpc::ClientContext context;
    v1::QueryResponse response;
    const grpc::Status status = stub->Query(&context, request, &response);
    if (!status.ok() || response.plan().path() != v1::PATH_ANN) {
      std::fprintf(stderr, "query failed or was not ANN: %s\n%s\n", status.error_message().c_str(),
                   response.plan().text().c_str());
      std::exit(1);
    }
    times.push_back(static_cast<double>(response.server_time().nanos()) / 1e6);
  }
  return Median(std::move(times));
}

int Main() {
  setenv("ORDINATE_BINARY", ORDINATE_BINARY, 0);
  std::string folder = (std::filesystem::temp_directory_path() / "ordinate-bench-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) {
    std::perror(folder.c_str());
    return 1;
  }
  const std::string jsonl = folder + "/rows.jsonl", fvecs = folder + "/rows.fvecs";
  WriteFiles(jsonl, fvecs);
  {
    ServerProcess server(folder + "/data", {});
    std::vector<double> text_rates, binary_rates;
    for (int round = 0; round < kRounds; ++round) {
      const std::string text = "text" + std::to_string(round);
      const std::string binary = "binary" + std::to_string(round);
      text_rates.push_back(LoadRate(server, text, {"load", text, jsonl}));
      binary_rates.push_back(
          LoadRate(server, binary, {"load", binary, fvecs, "--column", "v", "--id-column", "id"}));
    }
    std::printf("load of %u x %u rows, median of %d: JSONL %.0f rows/s, fvecs %.0f rows/s\n", kRows,
                kDim, kRounds, Median(text_rates), Median(binary_rates));
    Run(server, {"index", "create", "near", "--table", "text0", "--column", "v", "--engine", "HNSW",
                 "--metric", "L2", "--wait"});
    std::printf("query, HNSW, ef_search 64, k 10, median of %d: %.3f ms in the server\n", kQueries,
                QueryMillis(server, "text0"));
  }
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace ordinate

int main() { return ordinate::Main(); }
