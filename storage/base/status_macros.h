#pragma once

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#define ORDINATE_CONCAT_INNER(a, b) a##b
#define ORDINATE_CONCAT(a, b) ORDINATE_CONCAT_INNER(a, b)

/// Returns the status of `expr` from the enclosing function unless it is OK.
#define RETURN_IF_ERROR(expr)                                                                 \
  do {                                                                                        \
    if (absl::Status ordinate_status = (expr); !ordinate_status.ok()) return ordinate_status; \
  } while (false)

/// Evaluates a StatusOr; returns its error, or moves its value into `lhs`.
#define ASSIGN_OR_RETURN(lhs, expr) \
  ASSIGN_OR_RETURN_IMPL(ORDINATE_CONCAT(ordinate_status_or_, __LINE__), lhs, expr)
#define ASSIGN_OR_RETURN_IMPL(tmp, lhs, expr) \
  auto tmp = (expr);                          \
  if (!tmp.ok()) return tmp.status();         \
  lhs = *std::move(tmp)
