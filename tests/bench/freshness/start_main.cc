// How soon a server answers again after it was killed while rows were being written, and what
// memory it needs until it has caught up. `./dev bench start --help` tells the rest.
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <random>
#include <thread>

#include "CLI/CLI.hpp"
#include "tests/bench/engine/generators.h"
#include "tests/bench/freshness/query_load.h"
#include "tests/bench/freshness/row_writer.h"
#include "tests/bench/freshness/server_watch.h"
#include "tests/support/process_facts.h"
#include "tests/support/server_process.h"

namespace ordinate::bench {
namespace {

constexpr char kTable[] = "items";
constexpr char kIndex[] = "near";
constexpr size_t kRowsPerLoad = 1'000;
constexpr uint32_t kQueries = 1'000;
constexpr double kQueriesPerSecond = 500;  // a light load: the machine's two cores are shared
constexpr double kServingSeconds = 5;
constexpr double kMib = 1024;  // KiB

struct Options {
  uint32_t rows = 1'000'000;
  uint32_t dim = 128;
  uint32_t rounds = 3;
  double seconds = 15;
  double upserts = 2'000, updates = 5'000;
  uint64_t seed = 1;
  std::string data_dir;
};

/// The most that the server had of anonymous memory, looked at some hundred times a second, in KiB.
class MemoryWatch {
 public:
  MemoryWatch() {
    thread_ = std::thread([this] {
      for (; !stops_; std::this_thread::sleep_for(std::chrono::milliseconds(3))) Look();
    });
  }
  ~MemoryWatch() { Stop(); }
  void Stop() {
    stops_ = true;
    if (thread_.joinable()) thread_.join();
  }
  uint64_t anonymous() const { return anonymous_; }

 private:
  // The one child of this process, from its first moment on.
  void Look() {
    std::ifstream children("/proc/self/task/" + std::to_string(getpid()) + "/children");
    pid_t child = 0;
    if (!(children >> child)) return;
    anonymous_ = std::max(anonymous_, ProcessFact(child, "RssAnon"));
  }

  uint64_t anonymous_ = 0;  // of the thread, then of who stopped it
  std::atomic<bool> stops_{false};
  std::thread thread_;
};

class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options),
        set_(MakeClustered({options.rows + options.rows / 4, kQueries, options.dim, 1})),
        deleted_(options.rows),
        random_(options.seed) {
    const size_t loaded = size_t{options.rows} * options.dim;
    new_vectors_.assign(set_.base.begin() + static_cast<std::ptrdiff_t>(loaded), set_.base.end());
    set_.base.resize(loaded);
  }

  void Run() {
    Start();
    Prepare();
    std::printf(
        "most anonymous memory, in MiB: in service under the writes; from the start until it had "
        "caught up; after.\nAny of them may have a merge in it.\n"
        "%-8s %8s | %7s %7s | %9s %9s %9s\n",
        "killed", "rows", "ready s", "first s", "service", "catch up", "after");
    for (uint32_t round = 0; round < options_.rounds; ++round) {
      Round(WriteKind::kUpsert, options_.upserts, "upserts");
      Round(WriteKind::kUpdateTag, options_.updates, "updates");
    }
    std::printf(
        "slowest first answer: %.3f s (2 wanted)\n"
        "most memory until it had caught up: %.1f MiB, %.2f of the most in service (1.2 wanted)\n",
        slowest_, static_cast<double>(recovery_) / kMib,
        static_cast<double>(recovery_) / static_cast<double>(service_));
  }

 private:
  void Start() {
    server_ = std::make_unique<ServerProcess>(options_.data_dir, std::vector<std::string>());
  }

  void Prepare() {
    Connection connection(server_->NewChannel());
    if (connection.HasTable(kTable)) return;
    connection.CreateTable(kTable, options_.dim);
    std::printf("loading %u x %u rows\n", options_.rows, options_.dim);
    std::fflush(stdout);
    std::vector<int64_t> ids;
    for (uint32_t first = 0; first < options_.rows; first += kRowsPerLoad) {
      ids.resize(std::min<size_t>(kRowsPerLoad, options_.rows - first));
      std::iota(ids.begin(), ids.end(), int64_t{first});
      connection.Upsert(
          kTable, ids, [&](size_t i) { return set_.row(first + static_cast<uint32_t>(i)); }, 0);
    }
    std::printf("building the index\n");
    std::fflush(stdout);
    connection.CreateIndex(kIndex, kTable, v1::FRESHNESS_MODE_IMMEDIATE);
    while (connection.Status(kIndex).state() != v1::INDEX_STATE_READY) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }

  // Serves under writes and questions, is killed at a random moment, and starts again.
  void Round(WriteKind kind, double rows_per_second, const char* name) {
    RowWriter writer(server_->NewChannel(), kTable, set_, new_vectors_, deleted_);
    writer.MayBeLost();
    WriteResult written;
    std::thread writes([&] { writer.Run(kind, rows_per_second, options_.seconds + 60, written); });
    MemoryWatch serving;
    Ask(options_.seconds + std::uniform_real_distribution<double>(0, 1)(random_));
    serving.Stop();
    server_->Kill();
    writes.join();

    MemoryWatch recovery;
    const int64_t start = NowNanos();
    Start();
    const double ready = SecondsSince(start);
    Connection connection(server_->NewChannel());
    const auto hits = connection.Ask({.table = kTable, .vector = set_.query(0), .limit = 10});
    const double first = SecondsSince(start);
    CheckAcknowledged(connection, writer);
    while (IsBehind(connection.Status(kIndex))) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    recovery.Stop();
    MemoryWatch later;
    Ask(kServingSeconds);
    SettleSeconds(connection, kIndex);
    later.Stop();
    std::printf("%-8s %8lu | %7.3f %7.3f | %9.1f %9.1f %9.1f\n", name, written.rows, ready, first,
                static_cast<double>(serving.anonymous()) / kMib,
                static_cast<double>(recovery.anonymous()) / kMib,
                static_cast<double>(later.anonymous()) / kMib);
    std::fflush(stdout);
    slowest_ = std::max(slowest_, first);
    recovery_ = std::max(recovery_, recovery.anonymous());
    service_ = std::max({service_, serving.anonymous(), later.anonymous()});
    if (hits.size() == 10) return;
    std::fprintf(stderr, "the first answer has %zu rows\n", hits.size());
    std::exit(1);
  }

  static bool IsBehind(const v1::IndexStatus& status) {
    return status.state() != v1::INDEX_STATE_READY || status.rows_pending() > 0;
  }

  // What was acknowledged last before the kill is there, or what was on its way after it.
  void CheckAcknowledged(Connection& connection, const RowWriter& writer) {
    const std::vector<int64_t> tags = connection.TagsOf(kTable, writer.acknowledged_ids());
    const auto there = static_cast<size_t>(std::count_if(
        tags.begin(), tags.end(), [&](int64_t tag) { return tag >= writer.acknowledged_tag(); }));
    if (there == writer.acknowledged_ids().size()) return;
    std::fprintf(stderr, "%zu rows were acknowledged last, and %zu are there\n",
                 writer.acknowledged_ids().size(), there);
    std::exit(1);
  }

  void Ask(double seconds) {
    QueryLoad load([this] { return server_->NewChannel(); }, kTable, set_, deleted_);
    load.Open(kQueriesPerSecond, seconds, options_.seed);
  }

  static double SecondsSince(int64_t nanos) {
    return static_cast<double>(NowNanos() - nanos) / 1e9;
  }

  const Options& options_;
  DataSet set_;
  std::vector<float> new_vectors_;
  DeletedRows deleted_;
  std::mt19937_64 random_;
  std::unique_ptr<ServerProcess> server_;
  double slowest_ = 0;
  uint64_t recovery_ = 0, service_ = 0;  // KiB
};

int Main(int argc, char** argv) {
  Options options;
  CLI::App app("Kills a server under writes, and measures its start and the memory of it.");
  app.add_option("--rows", options.rows, "rows of the table")
      ->check(CLI::Range(10'000, 10'000'000));
  app.add_option("--dim", options.dim, "their dimensions")->check(CLI::Range(16, 4'096));
  app.add_option("--rounds", options.rounds, "kills under upserts, and as many under updates")
      ->check(CLI::Range(1, 1'000));
  app.add_option("--seconds", options.seconds, "of writes before a kill, and up to one more")
      ->check(CLI::Range(1.0, 3'600.0));
  app.add_option("--upserts", options.upserts, "rows a second")->check(CLI::Range(100.0, 5e5));
  app.add_option("--updates", options.updates, "of the attribute: rows a second")
      ->check(CLI::Range(100.0, 5e5));
  app.add_option("--seed", options.seed, "of the moments of the kills");
  app.add_option("--data-dir", options.data_dir, "kept, and reused when it has the table");
  app.option_defaults()->always_capture_default();
  CLI11_PARSE(app, argc, argv);
  setenv("ORDINATE_BINARY", ORDINATE_BINARY, 0);
  std::string own;
  if (options.data_dir.empty()) {
    own = (std::filesystem::temp_directory_path() / "ordinate-start-XXXXXX").string();
    if (mkdtemp(own.data()) == nullptr) {
      std::perror(own.c_str());
      return 1;
    }
    options.data_dir = own + "/data";
  }
  Bench(options).Run();
  if (!own.empty()) std::filesystem::remove_all(own);
  return 0;
}

}  // namespace
}  // namespace ordinate::bench

int main(int argc, char** argv) { return ordinate::bench::Main(argc, argv); }
