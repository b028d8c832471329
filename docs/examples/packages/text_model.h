#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "docs/examples/packages/features.h"

namespace packages {

inline constexpr size_t kDim = 256;
using Embedding = std::array<float, kDim>;

/// Latent semantic analysis: the 256 directions in which a collection's TF-IDF vectors spread most.
/// Texts about one thing come out near each other though they share no word. What these directions
/// leave out of a term is added in a direction of its own. The same documents give the same bits,
/// whatever the number of threads.
class TextModel {
 public:
  static TextModel Fit(const std::vector<std::vector<Feature>>& documents, int threads);

  /// The unit vector of a text; nothing when the model knows none of its terms.
  std::optional<Embedding> Embed(const std::vector<Feature>& features) const;

  /// Both return an empty string, or what went wrong.
  std::string Save(const std::string& path) const;
  std::string Load(const std::string& path);

  size_t term_count() const { return terms_.size(); }

 private:
  /// The position of a term in `terms_`; nothing for one the model does not know.
  std::optional<size_t> Find(uint64_t term) const;

  std::vector<uint64_t> terms_;  // ascending
  std::vector<float> idf_;       // of each term
  std::vector<float> basis_;     // terms_.size() rows of kDim
};

}  // namespace packages
