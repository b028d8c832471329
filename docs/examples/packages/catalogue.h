#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <vector>

namespace packages {

/// One stanza of `apt-cache dumpavail`.
struct Package {
  std::string name;
  std::string section;
  std::string priority;
  std::optional<int64_t> installed_size_kib;
  std::string summary;                 ///< the first line of the description
  std::string details;                 ///< its other lines, empty where the lists carry none
  std::vector<std::string> tag_words;  ///< "use::editing" gives "editing"
};

/// Reads stanzas until the end of the stream, in their order; of two with one name the first
/// counts. Stanzas without a name are left out.
std::vector<Package> ReadCatalogue(std::istream& input);

/// Moves `count` packages that have a summary out of `catalogue`, chosen by a hash of the name, so
/// that the choice depends on nothing else. Both parts keep their order.
std::vector<Package> HoldOut(std::vector<Package>& catalogue, size_t count);

}  // namespace packages
