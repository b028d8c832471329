#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace ordinate {

/// What a client knows of its rows from acknowledgements alone, outside of the server. A row's
/// state is its revision, or nullopt when it does not exist.
class Ledger {
 public:
  using State = std::optional<int64_t>;

  /// A write is about to be sent: until it is acknowledged either state is possible.
  void Begin(int64_t key, State next) { possible_[key].insert(next); }
  /// It was acknowledged.
  void Acknowledge(int64_t key, State next) { possible_[key] = {next}; }
  /// A read after a restart decided.
  void Settle(int64_t key, State found) { possible_[key] = {found}; }

  bool Allows(int64_t key, State found) const {
    const auto states = possible_.find(key);
    return states == possible_.end() ? !found.has_value() : states->second.count(found) == 1;
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
};

}  // namespace ordinate
