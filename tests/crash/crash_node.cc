// `ordinate serve`, and it kills itself where it is told to: the sound server, with doubles behind
// its seams. What `--crash-point` and `--crash-at` say counts from the start of the process.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "CLI/CLI.hpp"
#include "service/server/serve_command.h"
#include "tests/crash/points.h"
#include "tests/support/watched_disk.h"

namespace ordinate {
namespace {

/// Counts moments, and ends the process at the one that was chosen. Thread-safe.
class CrashPoints {
 public:
  void Choose(const std::string& point) { chosen_ = point; }
  void CountDown(uint64_t moments) { left_ = static_cast<int64_t>(moments); }
  void CountIn(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    void* const map =
        ::mmap(nullptr, sizeof(CrashCounts), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED) std::abort();
    ::close(fd);
    counts_ = static_cast<CrashCounts*>(map);
  }

  void Reach(std::string_view when, std::string_view what) {
    const std::string point = std::string(when) + std::string(what);
    for (size_t i = 0; i < kCrashPointCount; ++i) {
      if (kCrashPoints[i] != point) continue;
      if (counts_ != nullptr) ++counts_->reached[i];
      if (point != chosen_ || --left_ != 0) return;
      if (counts_ != nullptr) ++counts_->ended[i];
      ::kill(::getpid(), SIGKILL);
      while (true) ::pause();
    }
  }

 private:
  std::string chosen_;
  std::atomic<int64_t> left_{0};
  CrashCounts* counts_ = nullptr;
};

/// What a call to the disk is about; "" for one that no point is named after.
std::string What(const DiskCall& call) {
  const auto holds = [&](std::string_view part) {
    return call.path.find(part) != std::string::npos;
  };
  const bool of_store = holds("/MANIFEST-") || holds(".sst") || holds(".blob") || holds(".dbtmp");
  switch (call.kind) {
    case DiskCall::Kind::kWrite:
      if (call.path.ends_with(".log")) return " write of the log";
      return holds("/ACKNOWLEDGED") ? " write of the mark" : "";
    case DiskCall::Kind::kSync:
      if (call.path.ends_with(".log")) return " sync of the log";
      if (holds(".vdata")) return " sync of a segment";
      if (holds("index.vindex")) return " sync of a manifest";
      return of_store ? " sync of a store" : "";
    case DiskCall::Kind::kSyncFolder:
      return " sync of a folder";
    case DiskCall::Kind::kRename:
      if (holds(".vdata")) return " rename of a segment";
      if (holds("index.vindex")) return " rename of a manifest";
      return of_store ? " rename in a store" : "";
    case DiskCall::Kind::kRemove:
      return holds(".vdata") ? " removal of a segment" : "";
    default:
      return "";
  }
}

class Watcher final : public DiskWatcher {
 public:
  explicit Watcher(CrashPoints& points) : points_(points) {}
  int Before(const DiskCall& call) override {
    if (const std::string what = What(call); !what.empty()) points_.Reach("before", what);
    return 0;
  }
  void After(const DiskCall& call) override {
    if (const std::string what = What(call); !what.empty()) points_.Reach("after", what);
  }

 private:
  CrashPoints& points_;
};

/// Steps of a change belong to the kind that the same thread began last.
void Step(CrashPoints& points, std::string_view step) {
  thread_local std::string kind;
  if (step.ends_with(" made")) {
    kind = step.substr(0, step.find(' '));
    points.Reach("", step);
  } else if (step.ends_with(" publish")) {
    points.Reach("", step);
  } else {
    points.Reach(kind + ": ", step);
  }
}

int Main(int argc, char** argv) {
  CrashPoints points;
  Watcher watcher(points);
  const WatchedDisk watched(watcher);
  CLI::App app("A server that ends itself", "crash_node");
  int exit_code = 0;
  AddServeCommand(app, &exit_code, [&points](std::string_view step) { Step(points, step); });
  CLI::App* serve = app.get_subcommand("serve");
  serve->add_option_function<std::string>("--crash-point",
                                          [&](const std::string& name) { points.Choose(name); });
  serve->add_option_function<uint64_t>("--crash-at",
                                       [&](uint64_t moments) { points.CountDown(moments); });
  serve->add_option_function<std::string>("--crash-counts",
                                          [&](const std::string& path) { points.CountIn(path); });
  CLI11_PARSE(app, argc, argv);
  return exit_code;
}

}  // namespace
}  // namespace ordinate

int main(int argc, char** argv) { return ordinate::Main(argc, argv); }
