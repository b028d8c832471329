#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "nlohmann/json.hpp"
#include "tests/bench/freshness/phase.h"

namespace ordinate::bench {

/// Prints the table line by line as phases end, and keeps everything for a JSON file.
class FreshnessReport {
 public:
  /// `index_bytes`: of the index just built, which sizes are told in multiples of.
  void Begin(uint64_t index_bytes);
  /// Ratios are to the first phase.
  void Add(const PhaseResult& result);
  /// Each phase of some rounds together. Ratios are to the first of these.
  void AddRounds(std::vector<PhaseResult> phases);
  /// A figure of its own.
  void Note(const std::string& name, double value, std::string_view unit);
  /// Ends the program when the file cannot be written.
  void Write(const std::string& path) const;

 private:
  double index_bytes_ = 1;
  double idle_p50_ = 0, idle_p99_ = 0;
  nlohmann::json all_;
};

/// The value that the part `share` of the values are no larger than; 0 of none.
double Quantile(std::vector<double> values, double share);

}  // namespace ordinate::bench
