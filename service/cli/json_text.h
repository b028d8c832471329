#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ordinate/v1/values.pb.h"

namespace ordinate::cli {

// Rows as JSON text, written piece by piece so that a long export needs no tree in memory.

/// The field that tells JSON cells whose text is null, which reads as NULL, from NULL: an array of
/// their columns' names. Left out when there are none.
inline constexpr std::string_view kJsonNullField = "__json_null";

/// A JSON string, quoted. Bytes that are not UTF-8 become U+FFFD.
void AppendJsonString(std::string_view text, std::string* out);

/// The shortest text that reads back as the same number; NaN and infinities, which JSON has not, as
/// the strings "NaN", "Infinity", "-Infinity"; -0 as -0.0.
void AppendJsonDouble(double value, std::string* out);
void AppendJsonFloat(float value, std::string* out);

/// JSON text without blanks and line ends between its tokens; numbers and strings as they are.
/// REQUIRES: `json` is valid JSON text.
std::string CompactJson(std::string_view json);

/// A cell: numbers exact, timestamps as RFC 3339 in UTC, vectors as arrays, bytes as base64, JSON
/// nested.
void AppendCell(const v1::Value& value, std::string* out);

/// {"name": cell, ...}: the cells of `row` named in `columns`, in that order, missing ones null;
/// all cells by name when `columns` is empty. kJsonNullField comes last.
void AppendCells(const v1::Row& row, const std::vector<std::string>& columns, std::string* out);

/// A cell for a table on a terminal: strings bare, NULL as "NULL", vectors as "[1, 2, 3, … 256]".
std::string CellText(const v1::Value& value);

/// True for kinds a table aligns right.
bool IsNumber(const v1::Value& value);

/// RFC 3339 in UTC with as many fraction digits as needed.
std::string TimestampText(const google::protobuf::Timestamp& timestamp);

/// The components of a vector in any of its forms, as doubles.
std::vector<double> Components(const v1::Vector& vector);

}  // namespace ordinate::cli
