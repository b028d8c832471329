#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/query/request.h"
#include "tests/parity/oracle.h"

namespace ordinate {

/// Answers questions about one table the slow, obvious way, in every form of contract 2.5 and 3.6.
/// What is asked often is kept: scores by vector, matches by filter.
class OrderOracle {
 public:
  OrderOracle(const TableDef& table, const std::vector<OracleRow>& rows)
      : table_(table), rows_(rows) {}

  /// Every row's score under the metric; nullopt where it has none.
  std::vector<std::optional<double>> Scores(Metric metric, const Vector& query) const;
  /// Which rows the filter holds for.
  std::vector<char> Matches(const std::optional<Filter>& filter) const;

  /// limit 0: every row. `scores`, `matches`: as above, for the request.
  std::vector<OracleAnswer> Answer(const QueryRequest& request,
                                   const std::vector<std::optional<double>>& scores,
                                   const std::vector<char>& matches) const;
  std::vector<OracleAnswer> Answer(const QueryRequest& request) const {
    return Answer(request, Scores(request.metric.value_or(Metric::kL2), request.vector),
                  Matches(request.filter));
  }

 private:
  struct Entry {
    std::optional<double> score;
    uint32_t row = 0;
  };
  bool KeysBefore(const QueryRequest& request, const Entry& a, const Entry& b, bool* decided) const;
  bool Before(const QueryRequest& request, bool keys_first, const Entry& a, const Entry& b) const;
  std::vector<OracleAnswer> Groups(const QueryRequest& request, std::vector<Entry> entries) const;

  const TableDef& table_;
  const std::vector<OracleRow>& rows_;
};

/// Whether the larger score comes first.
bool OracleDescending(const QueryRequest& request);

}  // namespace ordinate
