#include "docs/examples/packages/catalogue.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "docs/examples/packages/features.h"

namespace packages {
namespace {

std::string_view Trim(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

void AddTagWords(std::string_view list, std::vector<std::string>& words) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    const std::string_view tag = Trim(list.substr(0, comma));
    const size_t colons = tag.rfind("::");
    if (colons != std::string_view::npos) words.emplace_back(tag.substr(colons + 2));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

/// Gathers one stanza, field by field.
class StanzaReader {
 public:
  void Field(std::string_view name, std::string_view value) {
    field_ = name;
    if (field_ == "Package") package_.name = value;
    if (field_ == "Section") package_.section = value;
    if (field_ == "Priority") package_.priority = value;
    if (IsDescription()) package_.summary = value;
    if (field_ == "Tag") AddTagWords(value, package_.tag_words);
    if (field_ == "Installed-Size") {
      int64_t size = 0;
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), size);
      if (error == std::errc() && end == value.data() + value.size()) {
        package_.installed_size_kib = size;
      }
    }
  }

  void Continuation(std::string_view line) {
    if (field_ == "Tag") AddTagWords(line, package_.tag_words);
    if (IsDescription() && line != ".") package_.details.append(line).push_back(' ');
  }

  Package Take() {
    field_.clear();
    return std::exchange(package_, {});
  }

 private:
  bool IsDescription() const { return field_ == "Description" || field_ == "Description-en"; }

  std::string field_;
  Package package_;
};

}  // namespace

std::vector<Package> ReadCatalogue(std::istream& input) {
  std::vector<Package> catalogue;
  std::unordered_set<std::string> names;
  StanzaReader reader;
  const auto finish = [&] {
    Package package = reader.Take();
    if (!package.name.empty() && names.insert(package.name).second) {
      catalogue.push_back(std::move(package));
    }
  };
  for (std::string line; std::getline(input, line);) {
    if (Trim(line).empty()) {
      finish();
    } else if (line[0] == ' ' || line[0] == '\t') {
      reader.Continuation(Trim(line));
    } else if (const size_t colon = line.find(':'); colon != std::string::npos) {
      const std::string_view view = line;
      reader.Field(view.substr(0, colon), Trim(view.substr(colon + 1)));
    }
  }
  finish();
  return catalogue;
}

std::vector<Package> HoldOut(std::vector<Package>& catalogue, size_t count) {
  std::vector<std::pair<uint64_t, size_t>> order;
  for (size_t i = 0; i < catalogue.size(); ++i) {
    if (!catalogue[i].summary.empty()) order.emplace_back(HashText(catalogue[i].name), i);
  }
  count = std::min(count, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end());
  std::vector<bool> held(catalogue.size());
  for (size_t i = 0; i < count; ++i) held[order[i].second] = true;

  std::vector<Package> rest, held_out;
  for (size_t i = 0; i < catalogue.size(); ++i) {
    (held[i] ? held_out : rest).push_back(std::move(catalogue[i]));
  }
  catalogue = std::move(rest);
  return held_out;
}

}  // namespace packages
