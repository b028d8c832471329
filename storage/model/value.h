#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ordinate {

/// The type of a column. Numbers are stored on disk and never change meaning.
enum class DataType : uint8_t {
  kBool = 1,
  kInt64 = 2,
  kUint64 = 3,  // primary keys only
  kDouble = 4,
  kString = 5,     // UTF-8, compared by bytes
  kTimestamp = 6,  // microseconds since 1970-01-01T00:00:00Z
  kVector = 7,     // f32
  kBytes = 8,      // payload only
  kJson = 9,       // payload only; UTF-8 text
};

/// "INT64" and so on, as statements, JSON and messages spell it.
std::string_view DataTypeName(DataType type);

/// A point in time: microseconds since 1970-01-01T00:00:00Z.
struct Timestamp {
  int64_t micros = 0;
  auto operator<=>(const Timestamp&) const = default;
};

using Vector = std::vector<float>;

/// One cell. monostate is NULL. STRING, BYTES and JSON share std::string; the schema tells which.
using Value =
    std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string, Timestamp, Vector>;

/// A cell that borrows its bytes. Valid as long as what it was read from.
using ValueView = std::variant<std::monostate, bool, int64_t, uint64_t, double, std::string_view,
                               Timestamp, std::span<const float>>;

ValueView View(const Value& value);
Value Own(const ValueView& view);

inline bool IsNull(const Value& value) { return value.index() == 0; }
inline bool IsNull(const ValueView& view) { return view.index() == 0; }

/// The total order of two non-NULL scalars of comparable types (contract 2.2): numbers of any type
/// by exact value (no rounding through double), NaN equal to itself and above every number, -0.0
/// equal to 0.0, strings by bytes, false before true, timestamps by instant.
/// REQUIRES: neither is NULL or a vector; both numeric, or both of one type.
std::weak_ordering CompareScalars(const ValueView& a, const ValueView& b);

/// Whether CompareScalars takes a value of type `type` and `literal`; NULL literals never.
bool IsComparable(DataType type, const Value& literal);

/// For messages and tables: strings quoted, vectors as [1, 2, ...], timestamps as RFC 3339.
std::string ToString(const ValueView& view);

}  // namespace ordinate
