#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "service/front/front.h"

namespace ordinate {

/// Hashes of what requests say, by which a retry is told from another request under the same id
/// (contract 5.1): of all that the caller sends, and nothing that the server adds. `kind` tells
/// calls apart.
uint64_t FingerprintOf(std::string_view kind, const TableDef& table, const UpsertInput& input);
uint64_t FingerprintOf(std::string_view kind, const TableDef& table,
                       const std::vector<KeyInput>& keys);
/// `row`: what an update by filter writes; null for a delete.
uint64_t FingerprintOf(std::string_view kind, const TableDef& table, const Filter& filter,
                       const UpsertInput::InputRow* row);

}  // namespace ordinate
