#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ordinate/v1/statement_service.pb.h"
#include "service/cli/client.h"

namespace ordinate::cli {

/// Statements, one after the other, with the settings that SET made.
class SqlSession {
 public:
  /// Errors as Client::Connect's.
  static absl::StatusOr<SqlSession> Connect(const ClientOptions& options);

  /// Runs one statement and prints its answer. Ctrl-C cancels it.
  absl::Status Run(std::string_view statement);
  /// Runs statements until the first that fails. `name`: of the text, for its error.
  absl::Status RunAll(std::string_view text, std::string_view name);

  /// Names of tables, columns and indexes, for completion; empty when the server does not answer.
  const std::vector<std::string>& Names();

 private:
  SqlSession(std::unique_ptr<Client> client, bool json) : client_(std::move(client)), json_(json) {}

  std::unique_ptr<Client> client_;
  bool json_;
  google::protobuf::Map<std::string, std::string> settings_;
  std::vector<std::string> names_;  // empty: not asked for since the last statement
};

}  // namespace ordinate::cli
