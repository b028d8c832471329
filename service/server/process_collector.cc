#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

#include "service/server/metrics.h"
#include "service/server/version.h"

namespace ordinate {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

/// When this program's code was loaded: as good as its start.
const double kStartSeconds =
    std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();

MetricFamily OneGauge(const char* name, const char* help, double value) {
  MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = MetricType::Gauge;
  family.metric.emplace_back();
  family.metric.back().gauge.value = value;
  return family;
}

double ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  double size_pages = 0, resident_pages = 0;
  file >> size_pages >> resident_pages;
  return resident_pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double OpenDescriptors() {
  std::error_code error;
  const std::filesystem::directory_iterator files("/proc/self/fd", error);
  if (error) return 0;
  return static_cast<double>(std::distance(begin(files), end(files)));
}

double CpuSeconds() {
  rusage usage = {};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

std::vector<MetricFamily> ProcessCollector::Collect() const {
  std::vector<MetricFamily> families;
  families.push_back(OneGauge("process_resident_memory_bytes",
                              "Memory of the process that is in RAM, in bytes.", ResidentBytes()));
  families.push_back(
      OneGauge("process_open_fds", "Open file descriptors, in descriptors.", OpenDescriptors()));
  families.push_back(OneGauge("process_start_time_seconds",
                              "Start of the process, in seconds since 1970-01-01T00:00:00Z.",
                              kStartSeconds));
  MetricFamily cpu;
  cpu.name = "process_cpu_seconds_total";
  cpu.help = "CPU time used, user and system, in seconds.";
  cpu.type = MetricType::Counter;
  cpu.metric.emplace_back();
  cpu.metric.back().counter.value = CpuSeconds();
  families.push_back(std::move(cpu));

  MetricFamily info =
      OneGauge("ordinate_build_info", "Always 1; the version is the label, without a unit.", 1);
  info.metric.back().label = {{"version", kVersionText}};
  families.push_back(std::move(info));
  return families;
}

}  // namespace ordinate
