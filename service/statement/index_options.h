#pragma once

#include <cstdint>
#include <set>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "service/statement/statement.h"
#include "storage/model/schema.h"

namespace ordinate::statement {

/// The options of an index, each a member of IndexDef.
enum class IndexOption : uint8_t {
  kMetric,
  kDim,
  kMode,
  kM,
  kEfBuild,
  kEfSearch,
  kDimPolicy,
  kQuantization,
  kBatchRows,
  kBatchInterval,
  kMaxLagRows,
  kRebuildInterval,
};

enum class OptionUse : uint8_t { kCreate, kAlter };  // ALTER takes all but metric and dim

/// Reads options into `index`; returns which were given. INVALID_ARGUMENT names an option that is
/// unknown or given twice (with the known ones), or out of range (with the range).
absl::StatusOr<std::set<IndexOption>> ReadOptions(const std::vector<Option>& options, OptionUse use,
                                                  IndexDef& index);

/// Takes over from `values` what is given.
void CopyOptions(const std::set<IndexOption>& given, const IndexDef& values, IndexDef& index);

/// The value of an option as ReadOptions takes it: 'cosine', 3, '5s'.
std::string_view OptionName(IndexOption option);
std::string OptionText(IndexOption option, const IndexDef& index);

}  // namespace ordinate::statement
