#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "service/statement/executor.h"
#include "service/statement/statement.h"

namespace ordinate::statement {

/// One statement being run, for the files that run the kinds of it.
struct Execution {
  Front& front;
  const std::map<std::string, std::string>& settings;  // of the session, checked
  ResultSink& sink;
  const CallContext& context;
  const std::string& request_id;  // of a statement that writes rows; empty: none

  absl::Status Say(std::string message) const { return sink.Done({.message = std::move(message)}); }
};

/// "1 row", "3 rows".
std::string RowsText(uint64_t rows);

/// Sends a whole answer that fits in memory.
absl::Status SendAll(const Execution& run, const std::vector<RowOutput::Column>& columns,
                     std::vector<std::vector<Value>> rows);

/// Sends one column of text.
absl::Status SendTexts(const Execution& run, const std::string& column,
                       const std::vector<std::string>& texts);

// Definitions.
absl::Status Run(const Execution& run, const CreateTable& create);
absl::Status Run(const Execution& run, const AddColumn& add);
absl::Status Run(const Execution& run, const DropTable& drop);
absl::Status Run(const Execution& run, const ShowTables& show);
absl::Status Run(const Execution& run, const ShowCreateTable& show);
absl::Status Run(const Execution& run, const CreateIndex& create);
absl::Status Run(const Execution& run, const AlterIndex& alter);
absl::Status Run(const Execution& run, const RebuildIndex& rebuild);
absl::Status Run(const Execution& run, const CancelRebuild& cancel);
absl::Status Run(const Execution& run, const DropIndex& drop);
absl::Status Run(const Execution& run, const ShowIndex& show);
absl::Status Run(const Execution& run, const ShowIndexes& show);
absl::Status Run(const Execution& run, const ShowCreateIndex& show);

// Settings.
absl::Status Run(const Execution& run, const Set& set);
absl::Status Run(const Execution& run, const ShowSetting& show);

// Rows.
absl::Status Run(const Execution& run, const Insert& insert);
absl::Status Run(const Execution& run, const Update& update);
absl::Status Run(const Execution& run, const Delete& remove);
absl::Status Run(const Execution& run, const Select& select);
absl::Status Run(const Execution& run, const Explain& explain);

}  // namespace ordinate::statement
