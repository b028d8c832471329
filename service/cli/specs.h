#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ordinate/v1/query_service.pb.h"
#include "ordinate/v1/table_service.pb.h"

namespace ordinate::cli {

// The small languages of command line values. Every error is a UsageError that quotes the value.

/// "name:TYPE", with "!" behind it for NOT NULL: "section:STRING!". Types in any case.
absl::StatusOr<v1::Column> ParseColumn(std::string_view spec, v1::ColumnRole role);

/// "name:DIM", or "name" and "name:any" for any dim; "!" as above.
absl::StatusOr<v1::Column> ParseVectorColumn(std::string_view spec);

/// "column[:asc|desc][:nulls_first|nulls_last]", several separated by commas.
absl::StatusOr<std::vector<v1::SortKey>> ParseOrderBy(std::string_view spec);

/// "a,b,c"; blanks around names are dropped, empty names refused.
absl::StatusOr<std::vector<std::string>> ParseNames(std::string_view list);

/// "name=value" each.
absl::StatusOr<std::map<std::string, std::string>> ParseSettings(
    const std::vector<std::string>& assignments);

/// A value of a proto enum by its short name in any case: "hnsw" of Engine is ENGINE_HNSW. The
/// error lists the names there are. `option` is named in the error.
absl::StatusOr<int> ParseEnum(const google::protobuf::EnumDescriptor& type, std::string_view option,
                              std::string_view name);

/// The short name of an enum value: "HNSW"; "" for UNSPECIFIED and for unknown numbers.
std::string ShortEnumName(const google::protobuf::EnumDescriptor& type, int number);

/// "250ms", "1.5s", "2m", "1h" as microseconds, more than 0.
absl::StatusOr<int64_t> ParseDurationMicros(std::string_view option, std::string_view text);

}  // namespace ordinate::cli
