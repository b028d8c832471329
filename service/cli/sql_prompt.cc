#include "service/cli/sql_prompt.h"

#include <editline/readline.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "engine/query/settings.h"
#include "service/cli/command.h"
#include "service/cli/interrupts.h"
#include "service/statement/parser.h"
#include "storage/base/text.h"

namespace ordinate::cli {
namespace {

constexpr int kHistoryLines = 10'000;

constexpr const char* kKeywords[] = {
    "ALL",    "ALTER",   "ANALYZE", "AND",      "ANN",     "AS",     "ASC",       "BETWEEN",
    "BUCKET", "BY",      "CANCEL",  "COUNT(*)", "CREATE",  "DELETE", "DESC",      "DROP",
    "EXACT",  "EXPLAIN", "FALSE",   "FIRST",    "FROM",    "GROUP",  "IMMEDIATE", "IN",
    "INDEX",  "INDEXES", "INSERT",  "INTO",     "IS",      "JOIN",   "KEY",       "LAST",
    "LIKE",   "LIMIT",   "MODE",    "NOT",      "NULL",    "NULLS",  "OFFSET",    "ON",
    "OR",     "ORDER",   "PRIMARY", "REBUILD",  "RELAXED", "ROW",    "ROWS",      "SELECT",
    "SET",    "SHOW",    "STATUS",  "STRICT",   "TABLE",   "TABLES", "TIES",      "TRUE",
    "UPDATE", "USING",   "VALUES",  "VECTOR",   "WHERE",   "WITH",   "WITHIN_K"};
constexpr const char* kFunctions[] = {"vec_l2(", "cosine_sim(", "vec_ip(", "nearest_neighbors(",
                                      "vector_search("};

// libedit calls back without an argument of ours.
SqlSession* completing = nullptr;
std::vector<std::string> found;

char* NextCompletion(const char* word, int state) {
  static size_t next = 0;
  if (state == 0) {
    found = Completions(word, completing->Names());
    next = 0;
  }
  return next < found.size() ? strdup(found[next++].c_str()) : nullptr;
}

char** Complete(const char* word, int, int) {
  rl_attempted_completion_over = 1;  // no names of files
  return rl_completion_matches(word, &NextCompletion);
}

// The next byte of the terminal; -1: the end, or Ctrl-C.
int ReadByte() {
  unsigned char byte = 0;
  while (WatchesInput::AwaitInput()) {
    const ssize_t got = read(STDIN_FILENO, &byte, 1);
    if (got == 1) return byte;
    if (got == 0 || errno != EINTR) return -1;
  }
  return -1;
}

// The next character of UTF-8 text: libedit's own way of reading takes no interrupts.
int ReadCharacter(FILE*) {
  const int first = ReadByte();
  if (first < 0xC0) return first;
  const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
  int character = first & (0x3F >> more);
  for (int i = 0; i < more; ++i) {
    const int byte = ReadByte();
    if (byte < 0) return -1;
    character = (character << 6) | (byte & 0x3F);
  }
  return character;
}

// Empty: there is no place for it.
std::string HistoryFile() {
  const char* const state = std::getenv("XDG_STATE_HOME");
  const char* const home = std::getenv("HOME");
  std::string folder;
  if (state != nullptr && *state == '/') {
    folder = state;
  } else if (home != nullptr && *home != '\0') {
    folder = Concat(home, "/.local/state");
  } else {
    return "";
  }
  folder += "/ordinate";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  return error ? "" : folder + "/history";
}

class LineEditor {
 public:
  explicit LineEditor(SqlSession& session) : file_(HistoryFile()) {
    completing = &session;
    std::setlocale(LC_CTYPE, "");  // how wide characters are shown
    rl_readline_name = const_cast<char*>("ordinate");
    rl_attempted_completion_function = &Complete;
    rl_getc_function = &ReadCharacter;
    rl_completer_word_break_characters = const_cast<char*>(" \t\n\"'(),;=<>[]");
    using_history();
    stifle_history(kHistoryLines);
    if (!file_.empty()) read_history(file_.c_str());
  }
  ~LineEditor() { completing = nullptr; }

  enum class Got { kLine, kInterrupt, kEnd };
  Got Read(const char* prompt, std::string& line) {
    const WatchesInput watch;
    char* const read = readline(prompt);
    if (watch.interrupted()) {
      std::free(read);
      return Got::kInterrupt;
    }
    if (read == nullptr) return Got::kEnd;
    line = read;
    std::free(read);
    return Got::kLine;
  }
  void Remember(const std::string& line) {
    if (line.empty()) return;
    add_history(line.c_str());
    // After each line: a session may end by a signal.
    if (!file_.empty()) write_history(file_.c_str());
  }

 private:
  const std::string file_;
};

bool IsQuit(const std::string& line) {
  const absl::string_view word = absl::StripAsciiWhitespace(line);
  return word == "quit" || word == "exit" || word == "\\q" || word == "quit;" || word == "exit;";
}

}  // namespace

bool IsUnfinished(const std::string& text) {
  // What follows belongs to a statement that is not ended.
  return statement::SplitStatements(text).size() ==
         statement::SplitStatements(text + "\nSHOW").size();
}

std::vector<std::string> Completions(const std::string& word,
                                     const std::vector<std::string>& names) {
  std::vector<std::string> words;
  const bool lower = !word.empty() && absl::ascii_islower(static_cast<unsigned char>(word[0]));
  for (const char* const keyword : kKeywords) {
    if (word.empty() || !absl::StartsWithIgnoreCase(keyword, word)) continue;
    words.push_back(lower ? absl::AsciiStrToLower(keyword) : keyword);
  }
  const auto add = [&](std::string_view name) {
    if (name.starts_with(word)) words.emplace_back(name);
  };
  for (const char* const function : kFunctions) add(function);
  for (const SettingInfo& setting : AllSettings()) add(setting.name);
  for (const std::string& name : names) add(name);
  return words;
}

absl::Status RunPrompt(SqlSession& session) {
  LineEditor editor(session);
  std::string text;
  std::string line;
  while (true) {
    const LineEditor::Got got = editor.Read(text.empty() ? "ordinate> " : "       -> ", line);
    if (got == LineEditor::Got::kEnd) break;
    if (got == LineEditor::Got::kInterrupt) {
      text.clear();
      Print("\n");
      std::fflush(stdout);
      continue;
    }
    editor.Remember(line);
    if (text.empty() && IsQuit(line)) return absl::OkStatus();
    text += line + "\n";
    if (IsUnfinished(text)) continue;
    for (const statement::StatementText& one : statement::SplitStatements(text)) {
      const absl::Status status = session.Run(one.text);
      std::fflush(stdout);
      if (!status.ok()) {
        std::fputs(ErrorText(status).c_str(), stderr);
        break;
      }
    }
    text.clear();
  }
  Print("\n");
  return absl::OkStatus();
}

}  // namespace ordinate::cli
