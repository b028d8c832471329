#include "service/cli/sql_session.h"

#include <algorithm>

#include "service/cli/interrupts.h"
#include "service/cli/sql_answer.h"
#include "service/statement/parser.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::cli {

absl::StatusOr<SqlSession> SqlSession::Connect(const ClientOptions& options) {
  ASSIGN_OR_RETURN(auto client, Client::Connect(options));
  return SqlSession(std::move(client), options.json());
}

absl::Status SqlSession::Run(std::string_view statement) {
  v1::ExecuteRequest request;
  request.set_statement(std::string(statement));
  *request.mutable_settings() = settings_;
  names_.clear();
  SqlAnswer answer(json_ ? SqlAnswer::Form::kJson : SqlAnswer::Form::kTable);
  grpc::ClientContext context;
  const OnInterrupt cancel([&context] { context.TryCancel(); });
  return client_->Execute(request, context, [&](v1::ExecuteResponse& part) {
    answer.Take(part);
    for (const auto& [name, value] : part.summary().settings()) settings_[name] = value;
    return absl::OkStatus();
  });
}

absl::Status SqlSession::RunAll(std::string_view text, std::string_view name) {
  for (const statement::StatementText& one : statement::SplitStatements(text)) {
    const absl::Status status = Run(one.text);
    if (!status.ok()) return Prefixed(Concat(name, ":", one.line, ": "), status);
  }
  return absl::OkStatus();
}

const std::vector<std::string>& SqlSession::Names() {
  if (!names_.empty()) return names_;
  const auto tables = client_->Call(&TableStub::ListTables, v1::ListTablesRequest());
  if (tables.ok()) {
    for (const v1::Table& table : tables->tables()) {
      names_.push_back(table.name());
      for (const v1::Column& column : table.columns()) names_.push_back(column.name());
    }
  }
  const auto indexes = client_->Call(&IndexStub::ListIndexes, v1::ListIndexesRequest());
  if (indexes.ok()) {
    for (const v1::IndexInfo& info : indexes->indexes()) names_.push_back(info.index().name());
  }
  std::sort(names_.begin(), names_.end());
  names_.erase(std::unique(names_.begin(), names_.end()), names_.end());
  return names_;
}

}  // namespace ordinate::cli
