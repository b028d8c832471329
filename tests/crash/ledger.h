#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace ordinate {

/// What a client knows of its rows from acknowledgements alone, outside of the server. A row's
/// state is its revision, or nullopt when it does not exist. Revisions of a client only grow.
class Ledger {
 public:
  using State = std::optional<int64_t>;

  /// A write is about to be sent: until it is acknowledged either state is possible.
  void Begin(int64_t key, State next) {
    possible_.try_emplace(key, std::set<State>{std::nullopt}).first->second.insert(next);
    if (next) written_[key].insert(*next);
  }
  /// It was acknowledged. `revision`: the client's newest.
  void Acknowledge(int64_t key, State next, int64_t revision) {
    possible_[key] = {next};
    if (!next) deleted_at_[key] = revision;
  }
  /// A read after a restart decided.
  void Settle(int64_t key, State found, int64_t revision) { Acknowledge(key, found, revision); }

  bool Allows(int64_t key, State found) const {
    const auto states = possible_.find(key);
    return states == possible_.end() ? !found.has_value() : states->second.count(found) == 1;
  }
  /// Whether an index that lags may show it: a version that was written, since the last delete.
  bool AllowsOlder(int64_t key, int64_t revision) const {
    const auto written = written_.find(key);
    if (written == written_.end() || written->second.count(revision) == 0) return false;
    const auto deleted = deleted_at_.find(key);
    return deleted == deleted_at_.end() || revision > deleted->second;
  }
  std::string Expected(int64_t key) const {
    const auto states = possible_.find(key);
    if (states == possible_.end()) return "absent";
    std::string text;
    for (const State& state : states->second) {
      text += (text.empty() ? "" : " or ") + (state ? std::to_string(*state) : "absent");
    }
    return text;
  }

 private:
  std::map<int64_t, std::set<State>> possible_ = {};
  std::map<int64_t, std::set<int64_t>> written_ = {};
  std::map<int64_t, int64_t> deleted_at_ = {};  // the newest revision there was
};

}  // namespace ordinate
