#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ordinate/v1/statement_service.pb.h"

namespace ordinate::cli {

/// Prints the answer of one statement, part by part.
class SqlAnswer {
 public:
  enum class Form { kTable, kJson };
  explicit SqlAnswer(Form form) : form_(form) {}

  void Take(const v1::ExecuteResponse& part);

 private:
  void PrintTable();
  void PrintJson(const v1::ExecuteRows& rows) const;
  void Finish(const v1::ExecuteSummary& summary);

  const Form form_;
  bool has_header_ = false;
  v1::ExecuteHeader header_;
  v1::ExecuteRows held_;  // tables: printed once it is known whether more follow
  uint64_t printed_ = 0;
};

}  // namespace ordinate::cli
