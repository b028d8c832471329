// How soon a cancelled question is off the CPU: questions of several kinds over 500,000 × 128 rows,
// each cancelled at a random moment of its run, from another thread.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "service/server/standalone.h"
#include "storage/base/text.h"
#include "tests/support/temp_dir.h"

namespace ordinate {
namespace {

using Clock = std::chrono::steady_clock;

constexpr uint32_t kDim = 128;
constexpr int64_t kRows = 500'000;
constexpr int64_t kRowsAtOnce = 2'000;
constexpr size_t kBatch = 64;
constexpr int kCancelled = 200;
constexpr uint64_t kSeed = 3;

void Must(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::exit(1);
}

ColumnDef Column(std::string_view name, ColumnRole role, DataType type) {
  ColumnDef column;
  column.name = name;
  column.role = role;
  column.type = type;
  column.nullable = role != ColumnRole::kKey;
  return column;
}

class CancelBench {
 public:
  explicit CancelBench(const std::string& folder) {
    StandaloneOptions options;
    options.data_dir = folder;
    options.query_threads = 2;
    auto opened = Standalone::Open(options);
    Must(opened.status());
    server_ = *std::move(opened);
  }

  void Load() {
    const CallContext context;
    TableDef table;
    table.name = "items";
    table.columns = {Column("id", ColumnRole::kKey, DataType::kInt64),
                     Column("price", ColumnRole::kAttribute, DataType::kInt64),
                     Column("v", ColumnRole::kVector, DataType::kVector)};
    table.columns.back().dim = kDim;
    table.key = {0};
    Must(front().CreateTable(table).status());
    for (int64_t begin = 0; begin < kRows; begin += kRowsAtOnce) {
      UpsertInput input;
      input.table = "items";
      for (int64_t id = begin; id < begin + kRowsAtOnce; ++id) {
        input.rows.push_back({{id, id % 1'000, RandomVector()}, 0});
      }
      Must(front().Upsert(std::move(input), context).status());
    }
  }

  void Index() {
    IndexDef index;
    index.name = "idx";
    index.m = 8;
    index.ef_build = 40;
    Must(front().CreateIndex("items", "v", index).status());
    while (front().GetIndex("idx")->total.state != IndexState::kReady) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }

  /// `ask` returns the status of one question of its kind.
  void Measure(const char* what, const std::function<absl::Status(const CallContext&)>& ask) {
    double whole = 0;
    for (int i = 0; i < 3; ++i) {  // the last, with everything in memory, counts
      const CallContext context;
      const auto start = Clock::now();
      Must(ask(context));
      whole = std::chrono::duration<double, std::milli>(Clock::now() - start).count();
    }
    std::vector<double> millis;
    for (int tries = 0; millis.size() < kCancelled && tries < 20 * kCancelled; ++tries) {
      CallContext context;
      Clock::time_point ended;
      absl::Status status;
      std::thread asks([&] {
        status = ask(context);
        ended = Clock::now();
      });
      const auto wait = std::uniform_real_distribution<double>(0, whole)(random_);
      std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(wait));
      const auto cancelled = Clock::now();
      context.Cancel();
      asks.join();
      if (!absl::IsCancelled(status)) continue;  // it had its answer before
      millis.push_back(std::chrono::duration<double, std::milli>(ended - cancelled).count());
    }
    Print(what, whole, std::move(millis));
  }

  absl::Status Ask(const QueryRequest& request, const CallContext& context) {
    return front().Query(request, context).status();
  }
  absl::Status AskBatch(const CallContext& context) {
    std::vector<absl::StatusOr<QueryRequest>> requests;
    for (size_t i = 0; i < kBatch; ++i) requests.emplace_back(Exact());
    absl::Status status;
    for (const auto& result : front().QueryBatch(requests, context)) status.Update(result.status());
    return status;
  }

  QueryRequest Exact() {
    QueryRequest request;
    request.table = "items";
    request.column = column_;
    request.vector = RandomVector();
    request.limit = 10;
    request.path = Path::kExact;
    return request;
  }
  QueryRequest Filtered() {
    QueryRequest request = Exact();
    request.filter = *ParseFilter("price < 500");
    return request;
  }
  QueryRequest Ann() {
    QueryRequest request = Exact();
    request.path = Path::kAnn;
    request.settings.emplace("vector.search.ef_search", "10000");
    request.preselect = 10'000;
    return request;
  }

 private:
  Front& front() { return server_->front(); }

  Vector RandomVector() {
    Vector vector(kDim);
    for (float& x : vector) x = static_cast<float>(random_() % 2'001) / 1'000 - 1;
    return vector;
  }

  static void Print(const char* what, double whole, std::vector<double> millis) {
    std::sort(millis.begin(), millis.end());
    if (millis.empty()) {
      std::printf("%-36s %9.2f ms: answered before it could be cancelled\n", what, whole);
      return;
    }
    const auto at = [&](double share) {
      return millis[static_cast<size_t>(share * static_cast<double>(millis.size() - 1))];
    };
    std::printf(
        "%-36s %9.2f ms; cancelled, off the CPU after ms: median %.3f, p99 %.3f, most %.3f, "
        "of %zu\n",
        what, whole, at(0.5), at(0.99), millis.back(), millis.size());
  }

  const std::string column_ = "v";
  std::mt19937_64 random_{kSeed};
  std::unique_ptr<Standalone> server_;
};

int Main() {
  const TempDir folder;
  CancelBench bench(folder.Sub("data"));
  bench.Load();
  const QueryRequest exact = bench.Exact();
  const auto ask = [&](const QueryRequest& request) {
    return [&bench, request](const CallContext& context) { return bench.Ask(request, context); };
  };
  bench.Measure("EXACT, from stored rows", ask(exact));
  bench.Index();
  bench.Measure("EXACT, from an index", ask(exact));
  bench.Measure("EXACT, half of the rows match", ask(bench.Filtered()));
  bench.Measure("EXACT, a batch of 64",
                [&](const CallContext& context) { return bench.AskBatch(context); });
  bench.Measure("ANN, ef_search and W 10,000", ask(bench.Ann()));
  return 0;
}

}  // namespace
}  // namespace ordinate

int main() { return ordinate::Main(); }
