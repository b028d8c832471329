#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "service/statement/parser.h"
#include "storage/base/error_details.h"

namespace ordinate::statement {

/// The statement that `text` is, which must be a T.
template <typename T>
T Read(std::string_view text) {
  absl::StatusOr<Statement> statement = ParseStatement(text);
  EXPECT_TRUE(statement.ok()) << text << ": " << statement.status();
  if (!statement.ok()) return T();
  T* const found = std::get_if<T>(&*statement);
  EXPECT_NE(found, nullptr) << text;
  return found == nullptr ? T() : std::move(*found);
}

/// What must be there, or a failure of the test that quotes the status.
template <typename T>
T Accepted(absl::StatusOr<T> result) {
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *std::move(result) : T();
}

/// The refusal of INVALID_ARGUMENT, or "accepted".
template <typename T>
std::string RefusalOf(const absl::StatusOr<T>& result) {
  if (result.ok()) return "accepted";
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(MessageOf(result.status()));
}

}  // namespace ordinate::statement
