#include "tests/faults/ledger.h"

#include "absl/strings/str_cat.h"

namespace ordinate {

void Contents::Apply(const Request& request) {
  switch (request.kind) {
    case Request::Kind::kUpsert:
      for (const int64_t key : request.keys) tables[request.table][key] = request.revision;
      return;
    case Request::Kind::kDelete:
      for (const int64_t key : request.keys) tables[request.table].erase(key);
      return;
    case Request::Kind::kCreateTable:
      tables[request.table];
      return;
    case Request::Kind::kDropTable:
      tables.erase(request.table);
      std::erase_if(indexes, [&](const auto& index) { return index.second == request.table; });
      return;
    case Request::Kind::kCreateIndex:
      indexes[request.index] = request.table;
      return;
    case Request::Kind::kDropIndex:
      indexes.erase(request.index);
      return;
  }
}

std::string Contents::Text() const {
  std::string text;
  for (const auto& [name, rows] : tables) {
    absl::StrAppend(&text, name, ":");
    for (const auto& [key, revision] : rows) absl::StrAppend(&text, " ", key, "@", revision);
    absl::StrAppend(&text, "\n");
  }
  for (const auto& [name, table] : indexes) absl::StrAppend(&text, name, " on ", table, "\n");
  return text;
}

void RequestLedger::Acknowledge() {
  acknowledged_.Apply(open_.front());
  open_.erase(open_.begin());
}

Contents RequestLedger::Newest() const {
  Contents contents = acknowledged_;
  for (const Request& request : open_) contents.Apply(request);
  return contents;
}

std::string RequestLedger::Check(const Contents& found) const {
  Contents expected = acknowledged_;
  if (found == expected) return "";
  for (const Request& request : open_) {
    expected.Apply(request);
    if (found == expected) return "";
  }
  return absl::StrCat("found\n", found.Text(), "acknowledged\n", acknowledged_.Text(), "with ",
                      open_.size(), " requests begun, up to\n", expected.Text());
}

}  // namespace ordinate
