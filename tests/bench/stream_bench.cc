// A stream of every row over gRPC, of a table of 1,000,000 rows: how fast it is, what the server's
// resident memory grows by meanwhile, what readers that stop cost it, and how soon a cancelled
// stream has freed its thread.
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <future>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "service/server/grpc_server.h"
#include "service/server/standalone.h"
#include "tests/support/many_rows.h"
#include "tests/support/process_facts.h"
#include "tests/support/server_process.h"
#include "tests/support/temp_dir.h"

namespace ordinate {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kRows = 1'000'000;
constexpr int kStopped = 30;
constexpr int kCancelled = 200;
constexpr double kKibPerMib = 1024;

void Check(const grpc::Status& status, const char* what) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s: %s\n", what, status.error_message().c_str());
  std::exit(1);
}

double MillisSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

void Drain(const ServerProcess& server, const char* what) {
  const auto start = Clock::now();
  MemoryGrowth growth(server.pid());
  ManyRowsReader reader(server.NewChannel());
  while (reader.ReadPage()) growth.Look();
  Check(reader.Finish(), what);
  if (reader.rows() != kRows || !reader.in_order()) {
    std::fprintf(stderr, "%s: %ld rows, in order: %d\n", what, reader.rows(), reader.in_order());
    std::exit(1);
  }
  std::printf("%-28s %9.0f rows/s; VmRSS +%.1f MiB, RssAnon +%.1f MiB\n", what,
              1e3 * kRows / MillisSince(start), static_cast<double>(growth.resident()) / kKibPerMib,
              static_cast<double>(growth.anonymous()) / kKibPerMib);
}

// Readers that take a page and stop: threads, memory, and CPU time over a while.
void MeasureStopped(const ServerProcess& server) {
  const uint64_t threads = ProcessFact(server.pid(), "Threads");
  MemoryGrowth growth(server.pid());
  const auto channel = ChannelOfSmallWindows(server.address());
  std::vector<std::unique_ptr<ManyRowsReader>> stopped;
  for (int i = 0; i < kStopped; ++i) {
    stopped.push_back(std::make_unique<ManyRowsReader>(channel));
    if (!stopped.back()->ReadPage()) Check(stopped.back()->Finish(), "a reader that stops");
  }
  std::this_thread::sleep_for(std::chrono::seconds(1));  // what is on its way settles
  growth.Look();
  const uint64_t ticks = ProcessTicks(server.pid());
  constexpr int kSeconds = 5;
  std::this_thread::sleep_for(std::chrono::seconds(kSeconds));
  std::printf(
      "%d readers that stop: threads %lu before, %lu now; VmRSS +%.1f MiB; %.1f ms of CPU a "
      "second\n",
      kStopped, threads, ProcessFact(server.pid(), "Threads"),
      static_cast<double>(growth.resident()) / kKibPerMib,
      1e3 * static_cast<double>(ProcessTicks(server.pid()) - ticks) /
          static_cast<double>(::sysconf(_SC_CLK_TCK)) / kSeconds);
}

// A stream tells its observer when it is gone, on the thread that worked on it.
class Ends : public QueryObserver {
 public:
  void OnQuery(const QueryRequest&, const absl::StatusOr<QueryResult>&, int64_t) override {
    ended_.set_value(Clock::now());
  }
  std::future<Clock::time_point> Next() {
    ended_ = std::promise<Clock::time_point>();
    return ended_.get_future();
  }

 private:
  std::promise<Clock::time_point> ended_;
};

// Cancels streams whose readers read on, or have stopped, at any moment after the first page.
std::vector<double> MeasureCancelled(const std::shared_ptr<grpc::Channel>& channel, Ends& ends,
                                     bool stopped) {
  std::mt19937_64 random(2);
  std::vector<double> millis;
  for (int i = 0; i < kCancelled; ++i) {
    auto ended = ends.Next();
    ManyRowsReader reader(channel);
    if (!reader.ReadPage()) Check(reader.Finish(), "a reader to be cancelled");
    std::thread reads([&] {
      while (!stopped && reader.ReadPage()) {
      }
    });
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 300'000));
    const auto cancelled = Clock::now();
    reader.Cancel();
    millis.push_back(std::chrono::duration<double, std::milli>(ended.get() - cancelled).count());
    reads.join();
  }
  std::sort(millis.begin(), millis.end());
  return millis;
}

void PrintMillis(const char* what, const std::vector<double>& sorted) {
  const auto at = [&](double share) {
    return sorted[static_cast<size_t>(share * static_cast<double>(sorted.size() - 1))];
  };
  std::printf("%-28s freed after ms: median %.2f, p90 %.2f, p99 %.2f, most %.2f, of %zu\n", what,
              at(0.5), at(0.9), at(0.99), sorted.back(), sorted.size());
}

void MeasureProcess(const std::string& folder) {
  ServerProcess server(folder, {"--shards", "2"});
  ManyRows many(server.NewChannel());
  Check(many.Load(kRows), "load");
  Drain(server, "first drain, no index");
  Drain(server, "second drain, no index");
  Check(many.Index(), "index");
  Drain(server, "first drain, an index");
  Drain(server, "second drain, an index");
  MeasureStopped(server);
}

void MeasureInProcess(const std::string& folder) {
  Ends ends;
  StandaloneOptions options;
  options.data_dir = folder;
  options.query_threads = 2;
  StandaloneSeams seams;
  seams.observer = &ends;
  auto standalone = Standalone::Open(options, seams);
  ServerMetrics metrics;
  GrpcOptions grpc;
  grpc.listen = "127.0.0.1:0";
  auto server = GrpcServer::Start((*standalone)->front(), metrics, grpc);
  const auto channel = ChannelOfSmallWindows((*server)->address());
  PrintMillis("cancelled while reading:", MeasureCancelled(channel, ends, false));
  PrintMillis("cancelled while stopped:", MeasureCancelled(channel, ends, true));
}

int Main() {
  setenv("ORDINATE_BINARY", ORDINATE_BINARY, 0);
  const TempDir folder;
  MeasureProcess(folder.Sub("data"));
  MeasureInProcess(folder.Sub("data"));
  return 0;
}

}  // namespace
}  // namespace ordinate

int main() { return ordinate::Main(); }
