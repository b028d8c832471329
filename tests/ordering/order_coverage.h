#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/query/request.h"
#include "tests/parity/oracle.h"

namespace ordinate {

/// Counts which rule of contract 2.2 and 2.5 told neighbouring rows of right answers apart, so that
/// a test can say that its questions reached them all. A rule is named by the form, then what
/// decided: "TIES row id", "BUCKET DOUBLE DESC", "WITHIN_K NULLS FIRST". Counted apart, with "cut "
/// in front, are the neighbours of which only one was returned.
class OrderCoverage {
 public:
  OrderCoverage(const TableDef& table, const std::vector<OracleRow>& rows);

  /// `ordered`: the rows in their order from the request's offset on, at least one beyond the last
  /// cut where there are more. `cuts`: after so many of them an answer or a page ended.
  void Note(const QueryRequest& request, const std::vector<OracleAnswer>& ordered,
            const std::vector<size_t>& cuts);

  uint64_t Count(const std::string& rule) const;
  /// Every rule and its count.
  std::string Text() const;

 private:
  std::vector<std::string> Deciders(const QueryRequest& request, const OracleAnswer& a,
                                    const OracleAnswer& b) const;
  void AddKeys(const QueryRequest& request, const OracleAnswer& a, const OracleAnswer& b,
               std::vector<std::string>& rules) const;

  const TableDef& table_;
  std::unordered_map<RowId, const OracleRow*> rows_;
  std::map<std::string, uint64_t> counts_;
};

}  // namespace ordinate
