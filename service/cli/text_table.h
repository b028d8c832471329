#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ordinate::cli {

/// A table for people.
struct TextTable {
  struct Column {
    std::string title;
    bool right = false;  // numbers
  };
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;  // each as long as `columns`
};

/// One line per row below a line of titles, columns two blanks apart. `width` is the terminal's;
/// when it is too narrow the widest text columns are cut, with "…" where something is missing. 0:
/// any width. Control characters are shown escaped, so data cannot drive the terminal.
std::string RenderTable(const TextTable& table, size_t width);

/// "name   value" lines with the values aligned.
std::string RenderFacts(const std::vector<std::pair<std::string, std::string>>& facts);

/// Characters of UTF-8 text.
size_t TextWidth(std::string_view text);

/// `text` in at most `width` characters (at least 1).
std::string Truncated(std::string_view text, size_t width);

/// `text` with control characters as \n, \t or \xNN.
std::string Printable(std::string_view text);

/// The columns of the terminal on stdout, or 0 when stdout is not one.
size_t TerminalWidth();

/// 1234567 as "1,234,567".
std::string Grouped(uint64_t number);

/// 1536 as "1.5 KiB".
std::string Bytes(uint64_t bytes);

}  // namespace ordinate::cli
