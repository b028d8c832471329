#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "engine/query/request.h"
#include "tests/parity/oracle.h"

namespace ordinate {

/// What one vector makes of every row: found once, then cut in every form.
struct OracleScores {
  std::vector<std::optional<double>> by_row;  // nullopt where a row has none
  std::vector<uint32_t> best_first;           // the rows that have one, by the score alone
};

/// Answers questions about one table the slow, obvious way, in every form of contract 2.5 and 3.6.
/// What is asked often is kept by the caller: scores by vector, matches by filter.
class OrderOracle {
 public:
  OrderOracle(const TableDef& table, const std::vector<OracleRow>& rows);

  /// Every row's score for the request's metric, vector and direction.
  OracleScores Scores(const QueryRequest& request) const;
  /// Which rows the filter holds for.
  std::vector<char> Matches(const std::optional<Filter>& filter) const;

  /// limit 0: every row. `scores`, `matches`: as above, for the request.
  std::vector<OracleAnswer> Answer(const QueryRequest& request, const OracleScores& scores,
                                   const std::vector<char>& matches) const;
  std::vector<OracleAnswer> Answer(const QueryRequest& request) const {
    return Answer(request, Scores(request), Matches(request.filter));
  }

 private:
  struct Entry {
    std::optional<double> score;
    uint32_t row = 0;
  };
  class Order;
  std::vector<Entry> Candidates(const QueryRequest& request, const Order& order,
                                const OracleScores& scores, const std::vector<char>& matches,
                                size_t needed) const;
  std::vector<OracleAnswer> Groups(const QueryRequest& request,
                                   const std::vector<Entry>& sorted) const;

  const TableDef& table_;
  const std::vector<OracleRow>& rows_;
  const size_t vector_column_;
};

/// Whether the larger score comes first.
bool OracleDescending(const QueryRequest& request);

}  // namespace ordinate
