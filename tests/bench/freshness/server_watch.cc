#include "tests/bench/freshness/server_watch.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <utility>

namespace ordinate::bench {
namespace {

constexpr auto kLookEvery = std::chrono::milliseconds(200);
constexpr auto kQuiet = std::chrono::seconds(3);
// A longer tail will be sealed, and where more rows are gone from the segments they will be merged.
constexpr uint64_t kLongTail = 10'000;
constexpr double kManyGone = 0.35;  // of those that are left
constexpr auto kSettleAtMost = std::chrono::seconds(120);

// Files may go while they are counted.
uint64_t BytesBelow(const std::filesystem::path& folder) {
  std::error_code error;
  uint64_t bytes = 0;
  auto entries = std::filesystem::recursive_directory_iterator(folder, error);
  while (!error && entries != std::filesystem::recursive_directory_iterator()) {
    std::error_code gone;
    if (entries->is_regular_file(gone)) {
      const uint64_t size = entries->file_size(gone);
      if (!gone) bytes += size;
    }
    entries.increment(error);
  }
  return bytes;
}

}  // namespace

void DiskBytes(const std::string& data_dir, Extent& extent) {
  extent.index_bytes = 0;
  extent.store_bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(data_dir)) {
    if (!entry.path().filename().string().starts_with("shard-")) continue;
    extent.index_bytes += BytesBelow(entry.path() / "index");
    extent.store_bytes += BytesBelow(entry.path() / "rows");
  }
}

ServerWatch::ServerWatch(const std::shared_ptr<grpc::Channel>& channel, std::string index,
                         std::string data_dir)
    : connection_(channel), index_(std::move(index)), data_dir_(std::move(data_dir)) {
  thread_ = std::thread([this] {
    for (; !stops_; std::this_thread::sleep_for(kLookEvery)) Look();
  });
}

void ServerWatch::Look() {
  const v1::IndexStatus status = connection_.Status(index_);
  Extent now;
  DiskBytes(data_dir_, now);
  now.segments = status.segments();
  now.tail_rows = status.tail_rows();
  most_.Add(now);
}

void Extent::Add(const Extent& more) {
  segments = std::max(segments, more.segments);
  tail_rows = std::max(tail_rows, more.tail_rows);
  index_bytes = std::max(index_bytes, more.index_bytes);
  store_bytes = std::max(store_bytes, more.store_bytes);
}

Extent ServerWatch::Stop() {
  stops_ = true;
  if (thread_.joinable()) thread_.join();
  return most_;
}

double SettleSeconds(Connection& connection, const std::string& index) {
  using SteadyClock = std::chrono::steady_clock;
  const auto start = SteadyClock::now();
  auto changed = start;
  uint64_t generation = 0;
  while (SteadyClock::now() - start < kSettleAtMost) {
    const v1::IndexStatus status = connection.Status(index);
    const bool due = status.tail_rows() > kLongTail ||
                     static_cast<double>(status.rows_deleted()) >
                         kManyGone * static_cast<double>(status.rows_indexed());
    if (status.generation() != generation || due) changed = SteadyClock::now();
    generation = status.generation();
    if (SteadyClock::now() - changed > kQuiet) break;
    std::this_thread::sleep_for(kLookEvery / 4);
  }
  return std::chrono::duration<double>(changed - start).count();
}

}  // namespace ordinate::bench
