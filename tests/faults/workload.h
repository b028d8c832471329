#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "service/server/standalone.h"
#include "storage/base/mutex.h"
#include "tests/faults/ledger.h"

namespace ordinate {

/// A node of one shard on the data directory `<root>/data`, small in everything.
absl::StatusOr<std::unique_ptr<Standalone>> OpenSmallNode(const std::string& root);

/// Everything in the node, read from the rows; each row is checked to be of one version, and each
/// index to answer with the same rows as the table (rows and deletes only, where its mode shows
/// older rows). An error says what is wrong, or is that of the read.
absl::StatusOr<Contents> ReadAll(Standalone& node);

/// What `ordinate verify` finds wrong in `<root>/data`; "" when nothing is.
std::string VerifyAll(const std::string& root);

/// Random requests to a node of its own, and what became of them. One thread calls; the ledger may
/// be read from any.
class Workload {
 public:
  Workload(std::string root, uint64_t seed, Contents contents = {});

  absl::Status Open();
  void Close() { node_.reset(); }
  bool is_open() const { return node_ != nullptr; }
  Standalone& node() { return *node_; }

  /// One step: a few writes at once, a change of definitions, a rebuild or a restart. Returns the
  /// first error, of which it is not known what it left behind: the requests stay open, and all
  /// that follow, until Settle.
  absl::Status Step();
  /// Writes to the rows of a table, several at once, in order; the first error, as Step.
  absl::Status WriteAll(const std::string& table, const std::vector<Request>& requests);
  /// A write that changes nothing, and is logged as any.
  absl::Status WriteNothing(const std::string& table);
  /// After an error: what was found when the directory was opened anew. "" or what is wrong.
  std::string Settle(const Contents& found);

  RequestLedger ledger() const;
  /// Requests begun so far.
  uint64_t begun() const { return begun_; }
  uint64_t acknowledged() const { return acknowledged_; }

 private:
  absl::Status Change(Request request, const std::function<absl::Status()>& make);
  absl::Status CreateTable();
  absl::Status DropTable(const std::string& table);
  absl::Status CreateIndex(const std::string& table);
  absl::Status DropIndex(const std::string& index);
  absl::Status Writes(const std::string& table);
  Request RandomWrite(const std::string& table);

  const std::string root_;
  std::mt19937_64 random_;
  std::unique_ptr<Standalone> node_;
  int64_t revision_ = 0;
  uint64_t names_given_ = 0;
  uint64_t acknowledged_ = 0;
  std::atomic<uint64_t> begun_{0};
  mutable Mutex mutex_;
  RequestLedger ledger_ ORDINATE_GUARDED_BY(mutex_);
};

}  // namespace ordinate
