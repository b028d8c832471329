#pragma once

#include "absl/status/statusor.h"
#include "engine/query/filter.h"
#include "ordinate/v1/filter.pb.h"

namespace ordinate {

/// The tree, unbound; the textual form is parsed. INVALID_ARGUMENT names the place in the message,
/// such as filter.and.filters[1].comparison, or the limit that is exceeded.
absl::StatusOr<Filter> FilterFromProto(const v1::Filter& proto);
/// Never uses the textual form.
void FilterToProto(const Filter& filter, v1::Filter* proto);

}  // namespace ordinate
