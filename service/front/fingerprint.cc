#include "service/front/fingerprint.h"

#include "storage/model/key.h"
#include "storage/model/row_codec.h"

namespace ordinate {
namespace {

// XXH3-64 of the hashes of the parts, so that no part is kept.
class Fingerprint {
 public:
  Fingerprint(std::string_view kind, const TableDef& table) {
    Add(kind);
    Add(table.id);
  }
  void Add(uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) hashes_ += static_cast<char>(number >> shift);
  }
  void Add(std::string_view bytes) { Add(DefaultKeyHash(bytes)); }
  void Add(const WriteCondition& condition) {
    Add(static_cast<uint64_t>(condition.kind));
    Add(condition.version);
  }
  void Add(const UpsertInput::InputRow& row) {
    // Without the NULLs at the end, of which a table with a column more has one more.
    size_t cells = row.cells.size();
    while (cells > 0 && IsNull(row.cells[cells - 1])) --cells;
    Add(EncodeCells({row.cells.begin(), row.cells.begin() + static_cast<std::ptrdiff_t>(cells)}));
    Add(row.row_id);
    Add(row.condition);
    Add(row.columns.size());
    for (const uint32_t column : row.columns) Add(column);
  }
  uint64_t Value() const { return DefaultKeyHash(hashes_); }

 private:
  std::string hashes_;
};

}  // namespace

uint64_t FingerprintOf(std::string_view kind, const TableDef& table, const UpsertInput& input) {
  Fingerprint print(kind, table);
  print.Add(static_cast<uint64_t>(input.on_invalid));
  for (const UpsertInput::InputRow& row : input.rows) print.Add(row);
  return print.Value();
}

uint64_t FingerprintOf(std::string_view kind, const TableDef& table,
                       const std::vector<KeyInput>& keys) {
  Fingerprint print(kind, table);
  for (const KeyInput& key : keys) {
    print.Add(EncodeCells(key.cells));
    print.Add(key.row_id);
    print.Add(key.condition);
  }
  return print.Value();
}

uint64_t FingerprintOf(std::string_view kind, const TableDef& table, const Filter& filter,
                       const UpsertInput::InputRow* row) {
  Fingerprint print(kind, table);
  print.Add(FilterText(filter));
  if (row != nullptr) print.Add(*row);
  return print.Value();
}

}  // namespace ordinate
