// contract 2.3: the same data directory gives the same rows and the same bits of every score on
// every instruction set. A process reads ORDINATE_ISA once, so each set answers in its own.
#include <unistd.h>

#include <bit>
#include <climits>
#include <cstdio>
#include <iostream>
#include <string>

#include "engine/search/kernels.h"
#include "gtest/gtest.h"
#include "tests/ordering/ask.h"
#include "tests/ordering/forms_rows.h"

namespace ordinate {
namespace {

constexpr uint64_t kSeed = 20'261'126;
constexpr uint32_t kDim = 128;
constexpr uint32_t kShards = 2;
#if defined(ORDINATE_SANITIZER) || !defined(ORDINATE_WITH_HNSW)
constexpr size_t kRows = 1'000, kQuestions = 10;
#else
constexpr size_t kRows = 20'000, kQuestions = 100;
#endif

std::unique_ptr<Standalone> OpenAt(const std::string& data_dir) {
  StandaloneOptions options;
  options.data_dir = data_dir;
  options.shards = kShards;
  options.query_threads = 2;
  options.build_threads = 1;
  options.min_seal_rows = 1'000'000;
  auto opened = Standalone::Open(options);
  if (!opened.ok()) {
    std::cerr << opened.status() << "\n";
    std::abort();
  }
  return *std::move(opened);
}

// One line per row: the path taken, the row, its score's bits.
void PrintAnswer(Front& front, const QueryRequest& request) {
  const CallContext context;
  const auto result = front.Query(request, context);
  if (!result.ok()) {
    std::cerr << result.status() << "\n";
    std::abort();
  }
  for (const RankedRow& row : result->ranked) {
    std::printf("%s %s %llu %016llx\n", result->plan.path == Path::kAnn ? "ANN" : "EXACT",
                std::string(MetricName(*request.metric)).c_str(),
                static_cast<unsigned long long>(row.id),
                static_cast<unsigned long long>(std::bit_cast<uint64_t>(row.score.value_or(0))));
  }
}

// What a process of this test's own does: answers from the directory on the instruction set it was
// told, whose name it prints first.
int AnswerAll(const std::string& data_dir) {
  std::printf("%s\n", BestKernels().name);
  const auto standalone = OpenAt(data_dir);
  std::mt19937_64 random(kSeed + 1);
  const std::vector<OracleRow> rows = FormsRows(kSeed, kRows, kDim);
  for (size_t q = 0; q < kQuestions; ++q) {
    QueryRequest request;
    request.table = "items";
    request.column = "v";
    request.vector = RandomVector(random, kDim);
    const auto* stored = std::get_if<Vector>(&rows[random() % rows.size()].cells[4]);
    if (q % 2 == 0 && stored != nullptr) request.vector = *stored;
    request.limit = 50;
    for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kIp}) {
      request.metric = metric;
      for (const Path path : {Path::kExact, Path::kAnn}) {
        request.path = path;
        request.order_by = RandomKeys(random, q % 3);
        PrintAnswer(standalone->front(), request);
      }
    }
  }
  return 0;
}

// The output of this program as it answers on `isa`.
std::string OutputOn(const std::string& isa, const std::string& data_dir) {
  char self[PATH_MAX + 1] = {};
  EXPECT_GT(::readlink("/proc/self/exe", self, PATH_MAX), 0);
  const std::string command = "ORDINATE_ISA=" + isa + " '" + self + "' --answer '" + data_dir + "'";
  FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) {
    ADD_FAILURE() << "cannot run " << command;
    return "";
  }
  std::string output;
  char buffer[1 << 16];
  for (size_t count; (count = std::fread(buffer, 1, sizeof(buffer), pipe)) > 0;) {
    output.append(buffer, count);
  }
  EXPECT_EQ(::pclose(pipe), 0) << command;
  return output;
}

TEST(Isa, EveryInstructionSetGivesTheSameRowsAndBits) {
  Node node({.shards = kShards, .threads = 2});
  ASSERT_TRUE(node.front().CreateTable(FormsTable(kDim)).ok());
  LoadRows(node.front(), "items", FormsRows(kSeed, kRows, kDim));
#ifdef ORDINATE_WITH_HNSW
  const Engine engine = Engine::kHnsw;
#else
  const Engine engine = Engine::kFlat;
#endif
  for (const Metric metric : {Metric::kL2, Metric::kCosine, Metric::kIp}) {
    MakeIndex(node, Concat("by_", MetricName(metric)), engine, metric);
  }
  node.Close();
  const std::string data_dir = node.data_dir() + "/data";
  std::string first;
  for (const Kernels* kernels : AvailableKernels()) {
    std::string output = OutputOn(kernels->name, data_dir);
    const size_t line = output.find('\n');
    ASSERT_NE(line, std::string::npos);
    EXPECT_EQ(output.substr(0, line), kernels->name);
    output.erase(0, line + 1);
    if (first.empty()) first = output;
    EXPECT_TRUE(output == first) << kernels->name << " differs";
    std::cout << kernels->name << ": " << std::count(output.begin(), output.end(), '\n')
              << " rows\n";
  }
  EXPECT_GT(std::count(first.begin(), first.end(), '\n'), 40 * 6 * ptrdiff_t{kQuestions});
#ifdef ORDINATE_WITH_HNSW
  for (const char* path : {"ANN L2", "ANN COSINE", "ANN IP", "EXACT L2"}) {
    EXPECT_NE(first.find(path), std::string::npos) << path;
  }
#endif
}

}  // namespace
}  // namespace ordinate

int main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "--answer") return ordinate::AnswerAll(argv[2]);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
