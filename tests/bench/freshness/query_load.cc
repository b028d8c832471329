#include "tests/bench/freshness/query_load.h"

#include <chrono>
#include <random>
#include <thread>
#include <utility>

namespace ordinate::bench {
namespace {

constexpr size_t kOpenWorkers = 24;  // questions on their way at once
constexpr uint32_t kLimit = 10;

using SteadyClock = std::chrono::steady_clock;

}  // namespace

int64_t NowNanos() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(SteadyClock::now().time_since_epoch())
      .count();
}

void LoadResult::Add(LoadResult more) {
  millis.insert(millis.end(), more.millis.begin(), more.millis.end());
  seconds += more.seconds;
  short_answers += more.short_answers;
  deleted_returned += more.deleted_returned;
}

QueryLoad::QueryLoad(const ChannelMaker& new_channel, std::string table, const DataSet& set,
                     const DeletedRows& deleted)
    : table_(std::move(table)), set_(set), deleted_(deleted) {
  // Calls that share a channel's connection wait for one another in the client.
  for (size_t i = 0; i < kOpenWorkers; ++i) connections_.emplace_back(new_channel());
}

void QueryLoad::AskOne(size_t worker, uint32_t number, LoadResult& result) {
  const int64_t asked = NowNanos();
  const auto hits = connections_[worker].Ask(
      {.table = table_, .vector = set_.query(number % set_.query_count()), .limit = kLimit});
  result.short_answers += hits.size() < kLimit;
  for (const Connection::Hit& hit : hits) {
    result.deleted_returned += deleted_.Before(hit.id, asked);
  }
}

LoadResult QueryLoad::Open(double per_second, double seconds, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::exponential_distribution<double> gap(per_second);
  std::vector<double> due;  // seconds from the start
  for (double at = gap(random); at < seconds; at += gap(random)) due.push_back(at);
  const auto start = SteadyClock::now();
  std::atomic<size_t> next{0};
  std::vector<LoadResult> results(kOpenWorkers);
  std::vector<std::thread> workers;
  for (size_t worker = 0; worker < kOpenWorkers; ++worker) {
    workers.emplace_back([&, worker] {
      LoadResult& result = results[worker];
      for (size_t i = next++; i < due.size(); i = next++) {
        const auto at = start + std::chrono::duration_cast<SteadyClock::duration>(
                                    std::chrono::duration<double>(due[i]));
        std::this_thread::sleep_until(at);
        AskOne(worker, static_cast<uint32_t>(i + seed * 131), result);
        result.millis.push_back(
            std::chrono::duration<double, std::milli>(SteadyClock::now() - at).count());
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  LoadResult all;
  for (LoadResult& result : results) all.Add(std::move(result));
  all.seconds = std::chrono::duration<double>(SteadyClock::now() - start).count();
  return all;
}

double QueryLoad::Capacity(size_t workers, double seconds) {
  const auto start = SteadyClock::now();
  const auto end = start + std::chrono::duration<double>(seconds);
  std::atomic<uint32_t> asked{0};
  std::vector<std::thread> threads;
  for (size_t i = 0; i < workers; ++i) {
    threads.emplace_back([&, i] {
      LoadResult ignored;
      while (SteadyClock::now() < end) AskOne(i, asked++, ignored);
    });
  }
  for (std::thread& thread : threads) thread.join();
  return asked / std::chrono::duration<double>(SteadyClock::now() - start).count();
}

double QueryLoad::Recall(uint32_t questions, uint64_t seed) {
  uint64_t found = 0, wanted = 0;
  for (uint32_t i = 0; i < questions; ++i) {
    Connection::Question question{
        .table = table_,
        .vector = set_.query(static_cast<uint32_t>((seed * 7919 + i * 31) % set_.query_count())),
        .limit = kLimit};
    const auto hits = connections_[0].Ask(question);
    question.path = v1::PATH_EXACT;
    const auto truth = connections_[0].Ask(question);
    wanted += truth.size();
    // Rows that are equally near stand in for one another.
    for (const Connection::Hit& hit : hits) found += hit.score <= truth.back().score;
  }
  return wanted == 0 ? 1 : static_cast<double>(found) / static_cast<double>(wanted);
}

}  // namespace ordinate::bench
