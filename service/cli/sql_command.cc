#include <unistd.h>

#include <fstream>
#include <iostream>
#include <iterator>

#include "service/cli/command.h"
#include "service/cli/sql_prompt.h"
#include "service/cli/sql_session.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::cli {
namespace {

struct SqlOptions {
  ClientOptions client;
  std::vector<std::string> statements;
  std::string file;
};

absl::StatusOr<std::string> ReadAll(const std::string& path) {
  if (path == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file.good() && !file.eof()) return FileError(Concat("cannot read ", path));
  return text;
}

absl::Status RunSql(const SqlOptions& options) {
  if (!options.statements.empty() && !options.file.empty()) {
    return UsageError("-c and FILE are both given; expected one of them");
  }
  const bool from_stdin =
      options.statements.empty() && (options.file.empty() || options.file == "-");
  const bool prompt = from_stdin && options.file.empty() && isatty(STDIN_FILENO) == 1;
  std::string text;
  if (!prompt && options.statements.empty()) {
    ASSIGN_OR_RETURN(text, ReadAll(from_stdin ? "-" : options.file));
  }
  ASSIGN_OR_RETURN(SqlSession session, SqlSession::Connect(options.client));
  if (prompt) return RunPrompt(session);
  for (const std::string& statements : options.statements) {
    RETURN_IF_ERROR(session.RunAll(statements, "-c"));
  }
  return session.RunAll(text, from_stdin ? "stdin" : options.file);
}

}  // namespace

void AddSqlCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<SqlOptions>();
  CLI::App& command = *app.add_subcommand("sql", "Statements: of -c, FILE or stdin; or a prompt");
  command.add_option("-c,--command", options->statements, "Statements to run; repeatable")
      ->expected(1)
      ->allow_extra_args(false)
      ->take_all();
  command.add_option("FILE", options->file, "A file of statements; -: stdin");
  AddClientOptions(command, &options->client);
  RunWith(command, exit_code, options, &RunSql);
}

}  // namespace ordinate::cli
