#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace ordinate {

/// What clients asked for, in the order in which the one shard got it, and up to which request they
/// were told that it is done. Whatever becomes of the disk, what is found later is the state after
/// some request from the last acknowledged one on, so each is there wholly or not at all.
struct Request {
  enum class Kind : uint8_t {
    kUpsert,
    kDelete,
    kCreateTable,
    kDropTable,
    kCreateIndex,
    kDropIndex
  };
  Kind kind = Kind::kUpsert;
  std::string table;
  std::string index;          // of the table
  std::vector<int64_t> keys;  // rows
  int64_t revision = 0;       // of the rows upserted: each request has its own
};

/// Everything that can be found.
struct Contents {
  std::map<std::string, std::map<int64_t, int64_t>> tables;  // revisions by key
  std::map<std::string, std::string> indexes;                // their tables

  bool operator==(const Contents&) const = default;
  void Apply(const Request& request);
  std::string Text() const;
};

/// Not thread-safe.
class RequestLedger {
 public:
  /// What is known before the first request.
  explicit RequestLedger(Contents contents = {}) : acknowledged_(std::move(contents)) {}

  void Begin(Request request) { open_.push_back(std::move(request)); }
  /// The oldest request that is neither acknowledged nor refused is done.
  void Acknowledge();
  /// The same one was refused, and one after it is done: nothing of it is ever found.
  void Refuse() { open_.erase(open_.begin()); }
  /// Requests begun, of which it is not known yet what became of them.
  size_t open() const { return open_.size(); }

  /// The state at the last acknowledgement.
  const Contents& acknowledged() const { return acknowledged_; }
  /// The state if every request is done.
  Contents Newest() const;
  /// "" when `found` is a state that may be there; else what is wrong.
  std::string Check(const Contents& found) const;

 private:
  Contents acknowledged_;
  std::vector<Request> open_;
};

}  // namespace ordinate
