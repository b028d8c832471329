#include "storage/vdata/row_list.h"

#include "absl/strings/escaping.h"

namespace ordinate {
namespace {

constexpr int kBits = 7;
constexpr unsigned char kMore = 0x80;

absl::Status Damaged() { return absl::DataLossError("a list of rows is damaged"); }

}  // namespace

std::string RowListToText(std::span<const uint32_t> rows) {
  std::string bytes;
  uint64_t next = 0;
  for (const uint32_t row : rows) {
    uint64_t step = row - next;
    for (; step >= kMore; step >>= kBits) {
      bytes.push_back(static_cast<char>(kMore | (step & (kMore - 1u))));
    }
    bytes.push_back(static_cast<char>(step));
    next = uint64_t{row} + 1;
  }
  return absl::Base64Escape(bytes);
}

absl::StatusOr<std::vector<uint32_t>> RowListFromText(std::string_view text) {
  std::string bytes;
  if (!absl::Base64Unescape(absl::string_view(text.data(), text.size()), &bytes)) return Damaged();
  std::vector<uint32_t> rows;
  uint64_t next = 0;
  uint64_t step = 0;
  int shift = 0;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (shift > 4 * kBits) return Damaged();
    step |= uint64_t{byte & (kMore - 1u)} << shift;
    shift += kBits;
    if ((byte & kMore) != 0) continue;
    if (step > UINT32_MAX || next + step > UINT32_MAX) return Damaged();
    rows.push_back(static_cast<uint32_t>(next + step));
    next += step + 1;
    step = 0;
    shift = 0;
  }
  // What could be written otherwise is not what was written.
  if (shift != 0 || RowListToText(rows) != text) return Damaged();
  return rows;
}

}  // namespace ordinate
