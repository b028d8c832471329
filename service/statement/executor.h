#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "service/front/front.h"
#include "service/statement/output.h"
#include "storage/base/context.h"

namespace ordinate::statement {

/// What a statement did.
struct ExecutionSummary {
  std::string message;  // a sentence, such as "3 rows written"; plans and definitions: empty
  uint64_t rows = 0;    // returned, written, changed or deleted
  enum class Wrote : uint8_t { kNothing, kUpserts, kUpdates, kDeletes };
  Wrote wrote = Wrote::kNothing;
  std::string plan;                             // PlanText of the plan that answered, if one did
  SeqByShard visible_seq;                       // what the answer shows, or what was written
  std::map<std::string, std::string> settings;  // SET: to send with the next statements
  std::vector<std::string> notices;             // INSERT, UPDATE
};

/// Takes a statement's answer: Header once and Rows any number of times, for statements that have
/// rows, then Done once. The first error ends the statement and is its error.
class ResultSink {
 public:
  virtual ~ResultSink() = default;
  virtual absl::Status Header(const std::vector<RowOutput::Column>& columns) = 0;
  /// At most kRowsPerPage rows, each with one value per column.
  virtual absl::Status Rows(std::vector<std::vector<Value>> rows) = 0;
  virtual absl::Status Done(const ExecutionSummary& summary) = 0;
};
inline constexpr uint32_t kRowsPerPage = 1000;

/// Runs one statement, once. `settings` are over the server's. Memory is bounded whatever a SELECT
/// returns. INVALID_ARGUMENT in the field "statement", or settings["NAME"]; else the errors of the
/// front's call that the statement stands for. `request_id`: of a statement that writes rows, whose
/// retries it makes safe (contract 5.1); INVALID_ARGUMENT with another statement. Any thread.
absl::Status Execute(Front& front, std::string_view statement,
                     const std::map<std::string, std::string>& settings, ResultSink& sink,
                     const CallContext& context, const std::string& request_id = {});

}  // namespace ordinate::statement
