#pragma once

#include "absl/status/status.h"
#include "service/cli/sql_session.h"

namespace ordinate::cli {

/// Reads statements from the terminal and runs them until the end of input, `quit` or `exit`. A
/// statement ends with a semicolon and may take several lines; Tab completes words; lines are kept
/// in $XDG_STATE_HOME/ordinate/history. Failed statements are told, and the prompt goes on.
absl::Status RunPrompt(SqlSession& session);

/// Whether a statement of the text is not ended by a semicolon yet.
bool IsUnfinished(const std::string& text);

/// The words that begin with `word`, keywords in any case, as the user goes on writing them.
std::vector<std::string> Completions(const std::string& word,
                                     const std::vector<std::string>& names);

}  // namespace ordinate::cli
