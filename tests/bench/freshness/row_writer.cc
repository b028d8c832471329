#include "tests/bench/freshness/row_writer.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <thread>
#include <utility>

namespace ordinate::bench {
namespace {

constexpr double kRequestsPerSecond = 50;
constexpr uint64_t kProbeEvery = 5;  // requests
constexpr double kNeverMillis = 10'000;

using SteadyClock = std::chrono::steady_clock;

double MillisSince(SteadyClock::time_point start) {
  return std::chrono::duration<double, std::milli>(SteadyClock::now() - start).count();
}

}  // namespace

void WriteResult::Add(const WriteResult& more) {
  rows += more.rows;
  seconds += more.seconds;
  write_millis.insert(write_millis.end(), more.write_millis.begin(), more.write_millis.end());
  visible_millis.insert(visible_millis.end(), more.visible_millis.begin(),
                        more.visible_millis.end());
}

RowWriter::RowWriter(const std::shared_ptr<grpc::Channel>& channel, std::string table,
                     const DataSet& set, std::span<const float> new_vectors, DeletedRows& deleted)
    : connection_(channel),
      table_(std::move(table)),
      set_(set),
      new_vectors_(new_vectors),
      deleted_(deleted) {}

std::span<const float> RowWriter::NewVector(size_t slot) {
  const size_t dim = set_.dim;
  const size_t from = written_ % (new_vectors_.size() / dim);
  float* const to = vectors_.data() + slot * dim;
  std::copy_n(new_vectors_.data() + from * dim, dim, to);
  to[written_ % dim] += std::uniform_real_distribution<float>(1e-3f, 64e-3f)(random_);
  ++written_;
  return {to, dim};
}

void RowWriter::Write(WriteKind kind, size_t rows) {
  ids_.clear();
  if (kind == WriteKind::kDelete) {
    if (!doomed_chosen_) {
      doomed_.resize(set_.rows());
      std::iota(doomed_.begin(), doomed_.end(), int64_t{0});
      std::shuffle(doomed_.begin(), doomed_.end(), random_);
      doomed_.resize(doomed_.size() / 2);
      doomed_chosen_ = true;
    }
    for (; ids_.size() < rows && !doomed_.empty(); doomed_.pop_back()) {
      ids_.push_back(doomed_.back());
    }
    if (ids_.empty()) return;
    connection_.Delete(table_, ids_);
    for (const int64_t id : ids_) deleted_.Mark(id, NowNanos());
    return;
  }
  while (ids_.size() < rows) {
    const auto id = static_cast<int64_t>(random_() % set_.rows());
    if (std::find(ids_.begin(), ids_.end(), id) == ids_.end()) ids_.push_back(id);
  }
  ++tag_;
  if (kind == WriteKind::kUpdateTag) return connection_.UpdateTags(table_, ids_, tag_);
  vectors_.resize(rows * set_.dim);
  connection_.Upsert(
      table_, ids_, [this](size_t slot) { return NewVector(slot); }, tag_);
}

double RowWriter::MillisUntilVisible(WriteKind kind) {
  const auto acknowledged = SteadyClock::now();
  Connection::Question question{.table = table_, .vector = set_.query(0), .limit = 1};
  if (kind == WriteKind::kUpdateTag) question.tag = tag_;
  if (kind == WriteKind::kUpsert) question.vector = {vectors_.data(), set_.dim};
  while (true) {
    const double asked = MillisSince(acknowledged);
    const auto hits = connection_.Ask(question);
    if (connection_.lost()) return asked;
    if (!hits.empty() && (kind == WriteKind::kUpdateTag || hits[0].id == ids_[0])) return asked;
    if (asked < kNeverMillis) continue;
    std::fprintf(stderr, "a written row was not seen for %.0f ms\n", asked);
    std::exit(1);
  }
}

void RowWriter::Run(WriteKind kind, double rows_per_second, double seconds, WriteResult& result) {
  const auto start = SteadyClock::now();
  const auto per_request = static_cast<size_t>(rows_per_second / kRequestsPerSecond);
  const auto requests = static_cast<uint64_t>(seconds * kRequestsPerSecond);
  for (uint64_t i = 0; i < requests; ++i) {
    std::this_thread::sleep_until(
        start + std::chrono::duration_cast<SteadyClock::duration>(
                    std::chrono::duration<double>(static_cast<double>(i) / kRequestsPerSecond)));
    const auto sent = SteadyClock::now();
    Write(kind, per_request);
    if (ids_.empty() || connection_.lost()) break;
    acknowledged_ids_ = ids_;
    acknowledged_tag_ = tag_;
    result.rows += ids_.size();
    result.write_millis.push_back(MillisSince(sent));
    if (kind != WriteKind::kDelete && i % kProbeEvery == 0) {
      result.visible_millis.push_back(MillisUntilVisible(kind));
    }
  }
  result.seconds += MillisSince(start) / 1e3;
}

}  // namespace ordinate::bench
