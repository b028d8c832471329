#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "service/statement/executor.h"
#include "service/statement/parser.h"
#include "service/statement/translate.h"
#include "service/wire/utf8.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "tests/fuzz/fuzz_front.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/rules.h"
#include "tests/fuzz/target.h"

namespace ordinate::fuzz {
namespace {

using statement::Statement;

// ---- texts

// `whole`: the text reads as one statement.
absl::Status CheckSplit(std::string_view text, bool whole) {
  const std::vector<statement::StatementText> pieces = statement::SplitStatements(text);
  size_t end = 0;
  for (const statement::StatementText& piece : pieces) {
    const auto begin = static_cast<size_t>(piece.text.data() - text.data());
    RETURN_IF_ERROR(
        Rule(begin >= end && begin + piece.text.size() <= text.size() && !piece.text.empty(),
             "pieces are of the text, in order"));
    end = begin + piece.text.size();
    const auto line = 1 + std::count(text.begin(), text.begin() + begin, '\n');
    RETURN_IF_ERROR(Rule(piece.line == static_cast<uint64_t>(line), "a piece knows its line"));
  }
  if (!whole) return absl::OkStatus();
  RETURN_IF_ERROR(Rule(pieces.size() == 1, "a statement is one piece", Concat(pieces.size())));
  return Rule(statement::ParseStatement(pieces[0].text).ok(), "the piece of a statement reads",
              pieces[0].text);
}

absl::Status CheckVector(std::string_view text) {
  const absl::StatusOr<Vector> vector = statement::ParseVector(text);
  if (!vector.ok()) return CheckTextRefusal(vector.status(), "statement", text);
  RETURN_IF_ERROR(
      Rule(!vector->empty() && vector->size() <= kMaxDim, "a vector has 1 to 16,384 components"));
  for (const float component : *vector) {
    RETURN_IF_ERROR(Rule(std::isfinite(component), "a component is finite"));
  }
  return absl::OkStatus();
}

absl::Status CheckName(std::string_view name) {
  const std::string text = Concat("DROP TABLE ", statement::NameText(name));
  const absl::StatusOr<Statement> parsed = statement::ParseStatement(text);
  RETURN_IF_ERROR(Rule(parsed.ok(), "a name as text reads", text));
  const auto* drop = std::get_if<statement::DropTable>(&*parsed);
  return Rule(drop != nullptr && drop->table == name, "a name as text reads as that name", text);
}

// ---- what a statement says

absl::Status CheckWhere(const statement::Where& where) {
  RETURN_IF_ERROR(Rule(where.filter.has_value() || !where.bounds.empty(), "WHERE has a condition"));
  if (where.filter.has_value()) RETURN_IF_ERROR(CheckFilterText(*where.filter));
  return absl::OkStatus();
}

absl::Status CheckSelect(const statement::Select& select) {
  RETURN_IF_ERROR(Rule(!select.items.empty() && select.items.size() <= statement::kMaxListed,
                       "a SELECT has 1 to 256 items"));
  return select.where.has_value() ? CheckWhere(*select.where) : absl::OkStatus();
}

absl::Status CheckParsed(const Statement& parsed) {
  if (const auto* insert = std::get_if<statement::Insert>(&parsed)) {
    RETURN_IF_ERROR(Rule(!insert->rows.empty() && insert->rows.size() <= kMaxRowsPerWrite,
                         "an INSERT has 1 to 10,000 rows"));
  }
  if (const auto* remove = std::get_if<statement::Delete>(&parsed)) {
    return CheckWhere(remove->where);
  }
  if (const auto* explain = std::get_if<statement::Explain>(&parsed)) {
    return CheckSelect(explain->select);
  }
  const auto* select = std::get_if<statement::Select>(&parsed);
  return select == nullptr ? absl::OkStatus() : CheckSelect(*select);
}

// ---- what it does

// Keeps the first rule that an answer breaks.
class CheckingSink final : public statement::ResultSink {
 public:
  absl::Status Header(const std::vector<statement::RowOutput::Column>& columns) override {
    broken_.Update(Rule(!header_ && !done_, "one header, before all else"));
    header_ = true;
    columns_ = columns;
    return absl::OkStatus();
  }
  absl::Status Rows(std::vector<std::vector<Value>> rows) override {
    broken_.Update(Rule(header_ && !done_, "rows come after the header and before the end"));
    broken_.Update(Rule(rows.size() <= statement::kRowsPerPage, "a page has 1,000 rows at most"));
    for (const std::vector<Value>& row : rows) {
      broken_.Update(Rule(row.size() == columns_.size(), "a row has a value per column"));
      for (size_t i = 0; i < std::min(row.size(), columns_.size()); ++i) {
        broken_.Update(CheckCell(row[i], columns_[i].type));
      }
    }
    rows_ += rows.size();
    return absl::OkStatus();
  }
  absl::Status Done(const statement::ExecutionSummary& summary) override {
    broken_.Update(Rule(!done_, "one end"));
    broken_.Update(Rule(!header_ || summary.rows == rows_, "the end counts the rows"));
    done_ = true;
    return absl::OkStatus();
  }

  /// `ok`: how the statement ended.
  absl::Status End(bool ok) {
    broken_.Update(Rule(done_ || !ok, "what succeeds says so"));
    return broken_;
  }

 private:
  absl::Status broken_;
  std::vector<statement::RowOutput::Column> columns_;
  bool header_ = false;
  bool done_ = false;
  uint64_t rows_ = 0;
};

absl::Status CheckStored(FuzzFront& fuzz, const std::string& table_name) {
  const auto table = fuzz.front().FindTable(table_name);
  if (!table.ok()) return Rule(false, "what was written to is there", table_name);
  return CheckRows(fuzz.Rows(*table), *table);
}

// What definitions made, changed or filled is as it must be.
absl::Status CheckDone(FuzzFront& fuzz, const Statement& parsed) {
  if (const auto* create = std::get_if<statement::CreateTable>(&parsed)) {
    const auto table = fuzz.front().FindTable(create->table);
    RETURN_IF_ERROR(Rule(table.ok(), "a created table is there", create->table));
    RETURN_IF_ERROR(Rule(ValidateTable(*table).ok(), "a created table is valid", create->table));
    return CheckShowCreate(*table);
  }
  std::string index;
  if (const auto* create = std::get_if<statement::CreateIndex>(&parsed)) index = create->index;
  if (const auto* alter = std::get_if<statement::AlterIndex>(&parsed)) index = alter->index;
  if (!index.empty()) {
    const auto info = fuzz.front().FindIndex(index);
    RETURN_IF_ERROR(Rule(info.ok() && ValidateIndex(info->index, info->table).ok(),
                         "an index that was defined is there and valid", index));
    return CheckShowCreate(info->index, info->table);
  }
  const auto* insert = std::get_if<statement::Insert>(&parsed);
  return insert == nullptr ? absl::OkStatus() : CheckStored(fuzz, insert->table);
}

absl::Status CheckExecution(std::string_view text, const Statement& parsed) {
  FuzzFront& fuzz = FuzzFront::Fresh();
  CheckingSink sink;
  const absl::Status status = statement::Execute(fuzz.front(), text, {}, sink, fuzz.context());
  RETURN_IF_ERROR(sink.End(status.ok()));
  return status.ok() ? CheckDone(fuzz, parsed) : CheckRefusal(status);
}

}  // namespace

absl::Status RunStatement(std::string_view input) {
  RETURN_IF_ERROR(CheckVector(input));
  RETURN_IF_ERROR(CheckName(input));
  const absl::StatusOr<Statement> parsed = statement::ParseStatement(input);
  RETURN_IF_ERROR(CheckSplit(input, parsed.ok()));
  if (!parsed.ok()) return CheckTextRefusal(parsed.status(), "statement", input);
  RETURN_IF_ERROR(CheckParsed(*parsed));
  // What is no UTF-8 does not come through the API.
  return IsUtf8(input) ? CheckExecution(input, *parsed) : absl::OkStatus();
}

std::string MutateStatement(std::string_view input, size_t most_bytes, uint32_t seed) {
  Random random(seed);
  return MutateText(input, most_bytes, random);
}

}  // namespace ordinate::fuzz
