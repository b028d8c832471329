#include "engine/query/order.h"

#include <algorithm>
#include <utility>

#include "engine/query/column_lookup.h"
#include "storage/base/error_details.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

// Negative: `a` first; 0: the key does not tell them apart.
int CompareKey(const SortKey& key, const Value& a, const Value& b) {
  if (IsNull(a) || IsNull(b)) {
    if (IsNull(a) && IsNull(b)) return 0;
    return IsNull(a) == key.nulls_first ? -1 : 1;
  }
  const std::weak_ordering order = CompareScalars(View(a), View(b));
  if (order == 0) return 0;
  return (order < 0) != key.descending ? -1 : 1;
}

}  // namespace

absl::StatusOr<std::vector<SortKey>> BindSortKeys(std::vector<SortKey> keys,
                                                  const TableDef& table) {
  if (keys.size() > kMaxSortKeys) {
    return absl::InvalidArgumentError(
        Concat("order_by: has ", keys.size(), " sort keys; expected at most ", kMaxSortKeys));
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    const auto position = FindScalarColumn(table, keys[i].column, "order_by");
    if (!position.ok()) return InField(position.status(), Concat("order_by[", i, "].column"));
    keys[i].column_position = *position;
  }
  return keys;
}

std::string_view TieFormName(TieForm form) {
  switch (form) {
    case TieForm::kTies:
      return "TIES";
    case TieForm::kBucket:
      return "BUCKET";
    case TieForm::kWithinK:
      return "WITHIN_K";
  }
  return "?";
}

bool RowOrder::operator()(const RankedRow& a, const RankedRow& b) const {
  if (a.score.has_value() != b.score.has_value()) return a.score.has_value();
  if (a.score.has_value() && !keys_first_) {
    if (ScoreBefore(*a.score, *b.score)) return true;
    if (ScoreBefore(*b.score, *a.score)) return false;
  }
  for (size_t i = 0; i < keys_.size(); ++i) {
    if (const int order = CompareKey(keys_[i], a.keys[i], b.keys[i]); order != 0) return order < 0;
  }
  if (a.score.has_value() && *a.score != *b.score) {
    return score_descending_ ? *a.score > *b.score : *a.score < *b.score;
  }
  return a.id < b.id;
}

void RowOrder::ReadKeys(const CellSource& cells, RankedRow& row) const {
  row.keys.clear();
  row.keys.reserve(keys_.size() + carried_.size());
  for (const SortKey& key : keys_) row.keys.push_back(Own(cells.Cell(key.column_position)));
  for (const uint32_t position : carried_) row.keys.push_back(Own(cells.Cell(position)));
}

std::vector<MergedRef> MergeSorted(const RowOrder& order,
                                   std::span<const std::vector<RankedRow>> lists, size_t offset,
                                   size_t limit) {
  const auto row = [&lists](const MergedRef& ref) -> const RankedRow& {
    return lists[ref.list][ref.position];
  };
  // std's heaps keep the largest in front: the one that comes first must be the largest.
  const auto after = [&](const MergedRef& a, const MergedRef& b) { return order(row(b), row(a)); };
  std::vector<MergedRef> heads;
  for (uint32_t list = 0; list < lists.size(); ++list) {
    if (!lists[list].empty()) heads.push_back({list, 0});
  }
  std::make_heap(heads.begin(), heads.end(), after);
  std::vector<MergedRef> merged;
  for (size_t taken = 0; !heads.empty() && merged.size() < limit; ++taken) {
    std::pop_heap(heads.begin(), heads.end(), after);
    MergedRef& head = heads.back();
    if (taken >= offset) merged.push_back(head);
    if (++head.position < lists[head.list].size()) {
      std::push_heap(heads.begin(), heads.end(), after);
    } else {
      heads.pop_back();
    }
  }
  return merged;
}

}  // namespace ordinate
