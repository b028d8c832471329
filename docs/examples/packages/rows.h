#pragma once

#include <optional>
#include <string>

#include "docs/examples/packages/catalogue.h"
#include "docs/examples/packages/text_model.h"

namespace packages {

/// `[0.01234,...]` with five decimals, which is far below the difference between two texts.
std::string VectorJson(const Embedding& embedding);

/// One line of JSON, newline included, with the names of the table's columns; a vector or a size
/// that is missing is null.
std::string RowJson(const Package& package, const std::optional<Embedding>& embedding);

/// One line of JSON with `text` and `embedding`, newline included.
std::string QueryJson(const std::string& text, const Embedding& embedding);

}  // namespace packages
