// What writes cost queries: the real server over loopback, a table with an HNSW index, questions at
// a part of what it can answer when idle, and meanwhile upserts, updates of an attribute, deletes.
// `./dev bench freshness --help` tells the rest.
#include <stdlib.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <numeric>
#include <thread>

#include "CLI/CLI.hpp"
#include "tests/bench/engine/generators.h"
#include "tests/bench/freshness/freshness_report.h"
#include "tests/support/server_process.h"

namespace ordinate::bench {
namespace {

constexpr char kTable[] = "items";
constexpr char kIndex[] = "near";
constexpr size_t kRowsPerLoad = 1'000;
constexpr uint32_t kQueries = 2'000;
constexpr uint32_t kRecallQuestions = 300;

struct Options {
  uint32_t rows = 500'000;
  uint32_t dim = 128;
  uint32_t shards = 1;
  double seconds = 30;
  uint32_t rounds = 1;
  double load_share = 0.3;
  double upserts = 2'000, updates = 5'000;
  uint32_t ingest_rows = 200'000;
  std::string phases = "idle,upserts,updates,ingest,deletes";
  std::string mode = "IMMEDIATE";
  std::string data_dir;
  std::string json;
  std::vector<std::string> serve;
};

class Bench {
 public:
  explicit Bench(const Options& options)
      : options_(options),
        set_(MakeClustered({options.rows + options.rows / 2, kQueries, options.dim, 1})),
        server_(options.data_dir, ServeArguments(options)),
        channel_(server_.NewChannel()),
        writes_(server_.NewChannel()),
        connection_(channel_),
        deleted_(options.rows) {
    // The last third of the vectors is what upserts write.
    const size_t loaded = size_t{options.rows} * options.dim;
    new_vectors_.assign(set_.base.begin() + static_cast<std::ptrdiff_t>(loaded), set_.base.end());
    set_.base.resize(loaded);
  }

  void Run() {
    Prepare();
    QueryLoad load([this] { return server_.NewChannel(); }, kTable, set_, deleted_);
    RowWriter writer(writes_, kTable, set_, new_vectors_, deleted_);
    stage_ = {channel_, options_.data_dir, kIndex, &load, &writer};
    load.Capacity(4, 3);  // everything that is read is in memory after
    const double capacity = load.Capacity(4, 5);
    report_.Note("capacity when idle", capacity, "queries/s");
    queries_per_second_ = options_.load_share * capacity;
    for (uint32_t round = 0; round < options_.rounds; ++round) {
      for (const std::string& phase : CLI::detail::split(options_.phases, ',')) RunPhaseOf(phase);
    }
    if (options_.rounds > 1) report_.AddRounds(std::move(together_));
    if (!options_.json.empty()) report_.Write(options_.json);
  }

 private:
  static std::vector<std::string> ServeArguments(const Options& options) {
    std::vector<std::string> arguments = {"--shards", std::to_string(options.shards)};
    arguments.insert(arguments.end(), options.serve.begin(), options.serve.end());
    return arguments;
  }

  v1::FreshnessMode Mode() const {
    if (options_.mode == "ASYNC") return v1::FRESHNESS_MODE_ASYNC;
    if (options_.mode == "BATCHED") return v1::FRESHNESS_MODE_BATCHED;
    return v1::FRESHNESS_MODE_IMMEDIATE;
  }

  // Rows [0, count) of the set, by two callers.
  double Load(const std::string& table, uint32_t count) {
    const int64_t start = NowNanos();
    std::atomic<uint32_t> next{0};
    const auto work = [&] {
      Connection connection(server_.NewChannel());
      std::vector<int64_t> ids;
      for (uint32_t first = next.fetch_add(kRowsPerLoad); first < count;
           first = next.fetch_add(kRowsPerLoad)) {
        ids.resize(std::min<size_t>(kRowsPerLoad, count - first));
        std::iota(ids.begin(), ids.end(), int64_t{first});
        connection.Upsert(
            table, ids, [&](size_t i) { return set_.row(first + static_cast<uint32_t>(i)); }, 0);
      }
    };
    std::thread other(work);
    work();
    other.join();
    return static_cast<double>(NowNanos() - start) / 1e9;
  }

  // Seconds of the build, once it is there.
  double BuildIndex(const std::string& index, const std::string& table, v1::FreshnessMode mode) {
    connection_.CreateIndex(index, table, mode);
    while (connection_.Status(index).state() != v1::INDEX_STATE_READY) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return static_cast<double>(connection_.Status(index).build_time_ms()) / 1e3;
  }

  // A data directory of an earlier run is used as it is.
  void Prepare() {
    if (!connection_.HasTable(kTable)) {
      connection_.CreateTable(kTable, options_.dim);
      std::printf("loading %u x %u rows\n", options_.rows, options_.dim);
      report_.Note("load without an index", options_.rows / Load(kTable, options_.rows), "rows/s");
      const double built = BuildIndex(kIndex, kTable, Mode());
      report_.Note("one-shot build", options_.rows / built, "rows/s");
    }
    SettleSeconds(connection_, kIndex);
    Extent now;
    DiskBytes(options_.data_dir, now);
    report_.Begin(now.index_bytes);
  }

  void RunPhaseOf(const std::string& name) {
    PhasePlan plan{name, queries_per_second_, std::nullopt, 0, options_.seconds};
    if (name == "ingest") return Ingest();
    if (name == "deletes") return Deletes(plan);
    if (name == "upserts") {
      plan.kind = WriteKind::kUpsert;
      plan.rows_per_second = options_.upserts;
    } else if (name == "updates") {
      plan.kind = WriteKind::kUpdateTag;
      plan.rows_per_second = options_.updates;
    } else if (name != "idle") {
      std::fprintf(stderr, "unknown phase '%s'\n", name.c_str());
      std::exit(1);
    }
    const PhaseResult result = RunPhase(plan, stage_);
    report_.Add(result);
    const auto same = std::ranges::find(together_, name, [](const PhaseResult& phase) {
      return std::string_view(phase.plan.name);
    });
    if (same == together_.end()) {
      together_.push_back(result);
    } else {
      same->Add(result);
    }
    if (!plan.kind.has_value()) return;
    report_.Note(name + ": settled after", SettleSeconds(connection_, kIndex), "s");
  }

  // Upserts as fast as they are taken into an index that is empty, beside building it at once from
  // the same rows.
  void Ingest() {
    const uint32_t rows = std::min(options_.ingest_rows, options_.rows);
    connection_.CreateTable("once", options_.dim);
    const double loaded = Load("once", rows);
    const double built = BuildIndex("once_near", "once", Mode());
    connection_.CreateTable("ingest", options_.dim);
    BuildIndex("ingest_near", "ingest", Mode());
    Extent most;
    double acknowledged = 0;
    {
      ServerWatch watch(channel_, "ingest_near", options_.data_dir);
      acknowledged = Load("ingest", rows);
      most = watch.Stop();
    }
    const double settled = acknowledged + SettleSeconds(connection_, "ingest_near");
    report_.Note("ingest: one-shot build", rows / built, "rows/s");
    report_.Note("ingest: load, then one-shot build", rows / (loaded + built), "rows/s");
    report_.Note("ingest: acknowledged", rows / acknowledged, "rows/s");
    report_.Note("ingest: sealed and merged", rows / settled, "rows/s");
    report_.Note("ingest: to the one-shot build", built / settled, "");
    report_.Note("ingest: most segments", static_cast<double>(most.segments), "");
    report_.Note("ingest: longest tail", static_cast<double>(most.tail_rows), "rows");
    QueryLoad load([this] { return server_.NewChannel(); }, "ingest", set_, deleted_);
    report_.Note("ingest: recall", load.Recall(kRecallQuestions, 3), "");
  }

  // Half of the rows, in random order.
  void Deletes(PhasePlan plan) {
    plan.kind = WriteKind::kDelete;
    plan.rows_per_second = options_.rows / 2 / plan.seconds + 100;
    Extent before, after;
    DiskBytes(options_.data_dir, before);
    const double recall = stage_.load->Recall(kRecallQuestions, 1);
    const PhaseResult result = RunPhase(plan, stage_);
    report_.Add(result);
    report_.Note("deletes: recall before", recall, "");
    report_.Note("deletes: recall just after", stage_.load->Recall(kRecallQuestions, 1), "");
    report_.Note("deletes: settled after", SettleSeconds(connection_, kIndex), "s");
    report_.Note("deletes: recall when merged", stage_.load->Recall(kRecallQuestions, 1), "");
    DiskBytes(options_.data_dir, after);
    report_.Note("deletes: index files, of before",
                 static_cast<double>(after.index_bytes) / static_cast<double>(before.index_bytes),
                 "");
    report_.Note("deletes: rows left", static_cast<double>(connection_.CountRows(kTable)), "");
  }

  const Options& options_;
  DataSet set_;
  std::vector<float> new_vectors_;
  ServerProcess server_;
  const std::shared_ptr<grpc::Channel> channel_, writes_;
  Connection connection_;
  DeletedRows deleted_;
  FreshnessReport report_;
  Stage stage_;
  std::vector<PhaseResult> together_;  // of all rounds
  double queries_per_second_ = 0;
};

int Main(int argc, char** argv) {
  Options options;
  CLI::App app("Measures what writes cost queries, and what they need to be seen.");
  app.add_option("--rows", options.rows, "rows of the table")
      ->check(CLI::Range(10'000, 10'000'000));
  app.add_option("--dim", options.dim, "their dimensions")->check(CLI::Range(16, 4'096));
  app.add_option("--shards", options.shards)->check(CLI::Range(1, 64));
  app.add_option("--seconds", options.seconds, "of each phase")->check(CLI::Range(1.0, 3'600.0));
  app.add_option("--rounds", options.rounds,
                 "of all phases; idle, upserts and updates of them are then told together, too")
      ->check(CLI::Range(1, 100));
  app.add_option("--load", options.load_share,
                 "queries offered, of what the idle server can answer")
      ->check(CLI::Range(0.01, 0.9));
  app.add_option("--upserts", options.upserts, "rows a second")->check(CLI::Range(100.0, 1e6));
  app.add_option("--updates", options.updates, "of the attribute: rows a second")
      ->check(CLI::Range(100.0, 1e6));
  app.add_option("--ingest-rows", options.ingest_rows)->check(CLI::Range(10'000, 10'000'000));
  app.add_option("--phases", options.phases, "of idle, upserts, updates, ingest, deletes");
  app.add_option("--mode", options.mode, "of the index")
      ->check(CLI::IsMember({"IMMEDIATE", "BATCHED", "ASYNC"}));
  app.add_option("--data-dir", options.data_dir, "kept, and reused when it has the table");
  app.add_option("--json", options.json, "file that everything measured goes to");
  app.add_option("--serve", options.serve, "a further argument of the server; may be repeated");
  app.option_defaults()->always_capture_default();
  CLI11_PARSE(app, argc, argv);
  setenv("ORDINATE_BINARY", ORDINATE_BINARY, 0);
  std::string own;
  if (options.data_dir.empty()) {
    own = (std::filesystem::temp_directory_path() / "ordinate-freshness-XXXXXX").string();
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
