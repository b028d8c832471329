#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "docs/examples/packages/catalogue.h"

namespace packages {

/// A word, or two neighbouring words, by hash, and how much it says about a text.
struct Feature {
  uint64_t term = 0;
  float weight = 0;
};

/// The same on every machine: FNV-1a with a final mix.
uint64_t HashText(std::string_view text);

/// Lower case words without stop words and endings: "Editing the videos" gives {"edit", "video"}.
std::vector<std::string> Words(std::string_view text);

/// Features in ascending order of term, each term once.
std::vector<Feature> FeaturesOfText(std::string_view text);

/// The summary counts most, then name, tags and section, then the rest of the description.
std::vector<Feature> FeaturesOfPackage(const Package& package);

}  // namespace packages
