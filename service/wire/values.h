#pragma once

#include "absl/status/statusor.h"
#include "ordinate/v1/values.pb.h"
#include "storage/model/schema.h"
#include "storage/model/value.h"

namespace ordinate {

/// The components as f32 in any of the four forms. A double beyond f32 becomes an infinity, which
/// validation of the vector then refuses; NaN and infinities pass likewise. INVALID_ARGUMENT: no
/// form set, no component, more than kMaxDim, or packed bytes that are not whole components.
absl::StatusOr<Vector> VectorFromProto(const v1::Vector& proto);
void VectorToProto(const Vector& vector, v1::Vector* proto);

/// The cell as the column's type. An invalid vector that cannot be read at all (no component,
/// broken packing) is refused here; dim and finiteness are not looked at. INVALID_ARGUMENT names
/// the column, what was found and what was expected.
absl::StatusOr<Value> ValueFromProto(const v1::Value& proto, const ColumnDef& column);

/// The value as its own kind, for filters: NULL, BOOL, number, STRING or TIMESTAMP.
/// INVALID_ARGUMENT for any other kind.
absl::StatusOr<Value> LiteralFromProto(const v1::Value& proto);

/// `type` tells STRING, BYTES and JSON apart; everything else follows the value.
void ValueToProto(const Value& value, DataType type, v1::Value* proto);

/// Micros since 1970. INVALID_ARGUMENT: out of the range of RFC 3339 (years 1 to 9999), or finer
/// than a microsecond.
absl::StatusOr<Timestamp> TimestampFromProto(const google::protobuf::Timestamp& proto);
void TimestampToProto(Timestamp timestamp, google::protobuf::Timestamp* proto);

}  // namespace ordinate
