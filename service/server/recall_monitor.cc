#include "service/server/recall_monitor.h"

#include <new>
#include <set>
#include <utility>

#include "spdlog/spdlog.h"
#include "storage/base/clock.h"

namespace ordinate {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;

struct Gauge {
  const char* name;
  const char* help;
  double (*read)(const RecallAnswer& answer);
};

constexpr Gauge kGauges[] = {
    {"ordinate_index_recall_ratio",
     "Mean recall@10 of the last scheduled measurement, as a ratio from 0 to 1.",
     [](const RecallAnswer& answer) { return answer.recall; }},
    {"ordinate_index_recall_low_ratio",
     "Lower end of its 95 % confidence interval, as a ratio from 0 to 1.",
     [](const RecallAnswer& answer) { return answer.low; }},
    {"ordinate_index_recall_high_ratio",
     "Upper end of its 95 % confidence interval, as a ratio from 0 to 1.",
     [](const RecallAnswer& answer) { return answer.high; }},
};

ClientMetric Sample(const std::string& table, const std::string& index, double value) {
  ClientMetric metric;
  metric.label = {{"table", table}, {"index", index}};
  metric.gauge.value = value;
  return metric;
}

MetricFamily FamilyOf(const char* name, const char* help) {
  MetricFamily family;
  family.name = name;
  family.help = help;
  family.type = prometheus::MetricType::Gauge;
  return family;
}

}  // namespace

RecallMonitor::RecallMonitor(Front& front, std::chrono::seconds interval, uint32_t samples)
    : front_(front), interval_(interval), samples_(samples) {
  if (interval_.count() > 0) thread_ = std::thread([this] { Run(); });
}

RecallMonitor::~RecallMonitor() {
  context_.Cancel();
  {
    MutexLock lock(mutex_);
    ending_ = true;
  }
  wake_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

void RecallMonitor::Run() {
  while (true) {
    const auto until = std::chrono::steady_clock::now() + interval_;
    {
      MutexLock lock(mutex_);
      while (!ending_ && wake_.WaitUntil(mutex_, until)) {
      }
      if (ending_) return;
    }
    MeasureAll();
  }
}

// Out of memory is no reason to end the server.
absl::StatusOr<RecallAnswer> RecallMonitor::Measure(const RecallQuestion& question) {
  try {
    return front_.MeasureRecall(question, context_);
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of memory");
  }
}

void RecallMonitor::MeasureAll() {
  const absl::StatusOr<std::vector<IndexInfo>> indexes = front_.ListIndexes("");
  if (!indexes.ok()) return;  // one was dropped just now; the next turn has the rest
  std::set<uint32_t> ids;
  for (const IndexInfo& info : *indexes) {
    ids.insert(info.index.id);
    if (info.index.engine != Engine::kHnsw) continue;
    RecallQuestion question;
    question.index = info.index.name;
    question.samples = samples_;
    question.own = true;
    absl::StatusOr<RecallAnswer> answer = Measure(question);
    if (!context_.Check().ok()) return;
    if (!answer.ok()) {
      spdlog::debug("recall of index '{}' was not measured: {}", info.index.name,
                    std::string(answer.status().message()));
      continue;
    }
    const int64_t now = SystemClock().NowMicros() / 1'000'000;
    MutexLock lock(mutex_);
    found_[info.index.name] = {info.index.id, info.table.name, *std::move(answer), now};
  }
  MutexLock lock(mutex_);
  std::erase_if(found_, [&](const auto& entry) { return ids.count(entry.second.index_id) == 0; });
}

std::vector<MetricFamily> RecallMonitor::Collect() const {
  MutexLock lock(mutex_);
  std::vector<MetricFamily> families;
  for (const Gauge& gauge : kGauges) {
    MetricFamily& family = families.emplace_back(FamilyOf(gauge.name, gauge.help));
    for (const auto& [index, found] : found_) {
      family.metric.push_back(Sample(found.table, index, gauge.read(found.answer)));
    }
  }
  MetricFamily& times =
      families.emplace_back(FamilyOf("ordinate_index_recall_timestamp_seconds",
                                     "When recall was measured last, in seconds since 1970."));
  for (const auto& [index, found] : found_) {
    times.metric.push_back(Sample(found.table, index, static_cast<double>(found.at_seconds)));
  }
  return families;
}

}  // namespace ordinate
