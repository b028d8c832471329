#include "service/cli/sql_answer.h"

#include <cstdio>

#include "service/cli/command.h"
#include "service/cli/json_text.h"
#include "service/cli/text_table.h"
#include "storage/base/text.h"

namespace ordinate::cli {
namespace {

// A single row of more columns than this is shown as a list.
constexpr int kMaxColumnsAcross = 12;

bool IsNull(const v1::Value& value) {
  return value.has_null_value() || value.kind_case() == v1::Value::KIND_NOT_SET;
}

TextTable ToTable(const v1::ExecuteHeader& header, const v1::ExecuteRows& rows) {
  TextTable table;
  for (const v1::ResultColumn& column : header.columns()) {
    table.columns.push_back({column.name(), true});
  }
  for (const v1::ResultValues& row : rows.rows()) {
    auto& line = table.rows.emplace_back();
    for (int i = 0; i < row.values_size(); ++i) {
      line.push_back(CellText(row.values(i)));
      if (!IsNumber(row.values(i)) && !IsNull(row.values(i))) {
        table.columns[static_cast<size_t>(i)].right = false;
      }
    }
  }
  return table;
}

// Texts of several lines, such as SHOW CREATE's, as they are.
bool IsOneText(const v1::ExecuteHeader& header, const v1::ExecuteRows& rows) {
  return header.columns_size() == 1 && rows.rows_size() == 1 &&
         rows.rows(0).values(0).string_value().find('\n') != std::string::npos;
}

std::string LinesOf(const std::string& text) {
  std::string lines;
  std::string line;
  for (const char c : text + "\n") {
    if (c != '\n') {
      line += c;
      continue;
    }
    lines += Printable(line) + "\n";
    line.clear();
  }
  return lines;
}

}  // namespace

void SqlAnswer::Take(const v1::ExecuteResponse& part) {
  switch (part.part_case()) {
    case v1::ExecuteResponse::kHeader:
      has_header_ = true;
      header_ = part.header();
      return;
    case v1::ExecuteResponse::kRows:
      if (form_ == Form::kJson) return PrintJson(part.rows());
      if (held_.rows_size() > 0) PrintTable();
      held_ = part.rows();
      return;
    case v1::ExecuteResponse::kSummary:
      return Finish(part.summary());
    case v1::ExecuteResponse::PART_NOT_SET:
      return;
  }
}

void SqlAnswer::PrintTable() {
  const bool list = printed_ == 0 && held_.rows_size() == 1;
  printed_ += static_cast<uint64_t>(held_.rows_size());
  if (list && IsOneText(header_, held_)) {
    return Print(LinesOf(held_.rows(0).values(0).string_value()));
  }
  if (!list || header_.columns_size() <= kMaxColumnsAcross) {
    return Print(RenderTable(ToTable(header_, held_), TerminalWidth()));
  }
  std::vector<std::pair<std::string, std::string>> facts;
  for (int i = 0; i < header_.columns_size(); ++i) {
    facts.emplace_back(header_.columns(i).name(), Printable(CellText(held_.rows(0).values(i))));
  }
  Print(RenderFacts(facts));
}

void SqlAnswer::PrintJson(const v1::ExecuteRows& rows) const {
  std::string out;
  for (const v1::ResultValues& row : rows.rows()) {
    for (int i = 0; i < row.values_size(); ++i) {
      out += i == 0 ? '{' : ',';
      AppendJsonString(header_.columns(i).name(), &out);
      out += ':';
      AppendCell(row.values(i), &out);
    }
    out += "}\n";
  }
  Print(out);
}

void SqlAnswer::Finish(const v1::ExecuteSummary& summary) {
  if (form_ == Form::kJson) {
    if (has_header_) return;
    std::string out = "{\"message\":";
    AppendJsonString(summary.message(), &out);
    return Print(Concat(out, ",\"rows\":", summary.rows(), "}\n"));
  }
  if (has_header_) PrintTable();
  if (!summary.message().empty()) Print(Concat(Printable(summary.message()), "\n"));
  for (const std::string& notice : summary.notices()) {
    std::fputs(Concat("note: ", Printable(notice), "\n").c_str(), stderr);
  }
}

}  // namespace ordinate::cli
