#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "grpcpp/grpcpp.h"
#include "ordinate/v1/query_service.grpc.pb.h"
#include "ordinate/v1/row_service.grpc.pb.h"
#include "tests/crash/ledger.h"

namespace ordinate {

using Channel = std::shared_ptr<grpc::Channel>;
using Revisions = std::map<int64_t, int64_t>;  // by key

/// The indexes of table `t`, one of each mode, by name.
inline constexpr const char* kCrashIndexes[] = {"immediate", "batched", "async", "rebuild_only"};
inline constexpr int64_t kKeysPerWriter = 300;

/// Table `t` and its indexes; small batches and bounds.
void CreateTableAndIndexes(const Channel& channel);
/// Begins a build. That one is running already is fine, and that the server ends meanwhile.
void Rebuild(const Channel& channel, const std::string& index);
/// recall@10 of the IMMEDIATE index over `samples` of its rows. Fails when its graph is not asked.
double MeasureRecall(const Channel& channel, uint32_t samples);
/// Once no index of any shard is built.
void AwaitBuilds(const Channel& channel);
/// Rows [first, last), which no Writer has.
void UpsertRange(const Channel& channel, int64_t first, int64_t last);

/// One client of a mixed load: upserts and deletes of its own keys until the server is gone.
class Writer {
 public:
  Writer(int number, uint64_t seed) : first_key_(number * kKeysPerWriter), random_(seed) {}

  void RunUntilGone(const Channel& channel, std::atomic<uint64_t>& acknowledged);

  /// Reads every key back and compares it with the ledger.
  void Check(const Channel& channel);
  const Revisions& live() const { return live_; }
  bool Owns(int64_t key) const { return key >= first_key_ && key < first_key_ + kKeysPerWriter; }
  const Ledger& ledger() const { return ledger_; }

 private:
  std::set<int64_t> SomeKeys();
  grpc::Status UpsertSome(v1::RowService::Stub& rows);
  grpc::Status DeleteSome(v1::RowService::Stub& rows);

  const int64_t first_key_;
  std::mt19937_64 random_;
  int64_t revision_ = 0;
  Ledger ledger_;
  Revisions live_;
};

/// One client that asks, and remembers how far each index was seen.
class Reader {
 public:
  explicit Reader(uint64_t seed) : random_(seed) {}

  /// Any index, until the server is gone: no key twice, and nothing goes back.
  void RunUntilGone(const Channel& channel);
  /// What the index shows. Checks that no key comes twice, and that it does not go back.
  Revisions Show(const Channel& channel, const std::string& index);
  /// The balance of each index and shard; and that what is visible does not go back.
  void CheckStatus(const Channel& channel);

 private:
  bool Ask(const Channel& channel, const std::string& index, grpc::Status& status,
           Revisions& shown);
  void Advance(const std::string& index, uint32_t shard, uint64_t visible_seq);

  std::mt19937_64 random_;
  std::map<std::pair<std::string, uint32_t>, uint64_t> visible_;  // by index and shard
};

}  // namespace ordinate
