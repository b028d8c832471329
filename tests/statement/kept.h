#pragma once

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "service/statement/executor.h"

namespace ordinate::statement {

/// Keeps a whole answer.
class Kept final : public ResultSink {
 public:
  absl::Status Header(const std::vector<RowOutput::Column>& columns) override {
    ++headers;
    for (const auto& column : columns) names.push_back(column.name);
    return absl::OkStatus();
  }
  absl::Status Rows(std::vector<std::vector<Value>> page) override {
    EXPECT_LE(page.size(), kRowsPerPage);
    EXPECT_EQ(headers, 1);
    EXPECT_EQ(done, 0);
    ++pages;
    for (auto& row : page) {
      EXPECT_EQ(row.size(), names.size());
      rows.push_back(std::move(row));
    }
    return pages == fail_at_page ? absl::CancelledError("enough") : absl::OkStatus();
  }
  absl::Status Done(const ExecutionSummary& given) override {
    ++done;
    summary = given;
    return absl::OkStatus();
  }

  /// The column's values as text.
  std::vector<std::string> Column(const std::string& name) const {
    std::vector<std::string> values;
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i] != name) continue;
      for (const auto& row : rows) values.push_back(Text(row[i]));
    }
    return values;
  }
  std::string Only(const std::string& name) const {
    const std::vector<std::string> values = Column(name);
    EXPECT_THAT(values, ::testing::SizeIs(1)) << name;
    return values.empty() ? "" : values[0];
  }
  static std::string Text(const Value& value) {
    const auto* const text = std::get_if<std::string>(&value);
    return text != nullptr ? *text : ToString(View(value));
  }

  std::vector<std::string> names;
  std::vector<std::vector<Value>> rows;
  ExecutionSummary summary;
  int headers = 0, pages = 0, done = 0;
  int fail_at_page = 0;
};

}  // namespace ordinate::statement
