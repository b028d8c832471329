#include "docs/examples/packages/features.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace packages {
namespace {

constexpr float kSummaryWeight = 1.0F;
constexpr float kNameWeight = 0.7F;
constexpr float kTagWeight = 0.4F;
constexpr float kSectionWeight = 0.3F;
constexpr float kDetailsWeight = 0.2F;
constexpr float kPairWeight = 0.5F;  // of two neighbouring words, against one of them

constexpr auto kStopWords = std::to_array<std::string_view>(
    {"a",     "all",  "also", "an",    "and",  "any",   "are",   "as",    "at",   "be",   "but",
     "by",    "can",  "do",   "etc",   "for",  "from",  "has",   "have",  "if",   "in",   "into",
     "is",    "it",   "its",  "many",  "more", "most",  "not",   "of",    "on",   "one",  "or",
     "other", "so",   "some", "such",  "than", "that",  "the",   "their", "then", "this", "to",
     "use",   "used", "uses", "using", "via",  "which", "while", "will",  "with", "you",  "your"});
static_assert(std::is_sorted(kStopWords.begin(), kStopWords.end()));

bool EndsIn(std::string_view word, std::string_view ending) {
  return word.size() >= ending.size() + 3 && word.ends_with(ending);
}

/// Brings "editor", "editing", "edits" and "edit" together; not a linguist's stem.
std::string Stem(std::string word) {
  if (word.size() > 3 && word.ends_with('s') && !word.ends_with("ss") && !word.ends_with("us")) {
    word.pop_back();
  }
  for (std::string_view ending : {"ing", "ed", "er", "or"}) {
    if (EndsIn(word, ending)) {
      word.resize(word.size() - ending.size());
      const size_t n = word.size();
      if (word[n - 1] == word[n - 2] && word[n - 1] != 's' && word[n - 1] != 'l') word.pop_back();
      break;
    }
  }
  if (word.size() > 3 && word.ends_with('e')) word.pop_back();
  if (word.size() > 3 && word.ends_with('i')) word.back() = 'y';
  return word;
}

bool IsLetterOrDigit(char c) {
  // Bytes of UTF-8 beyond ASCII stay inside the word.
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (static_cast<unsigned char>(c) >= 128);
}

class FeatureSum {
 public:
  void AddWords(std::string_view text, float weight, bool pairs) {
    std::string previous;
    for (std::string& word : Words(text)) {
      features_.push_back({HashText(word), weight});
      if (pairs && !previous.empty()) {
        features_.push_back({HashText(previous + " " + word), weight * kPairWeight});
      }
      previous = std::move(word);
    }
  }

  /// Of a term that occurs several times, each further occurrence counts for less.
  std::vector<Feature> Take() {
    std::stable_sort(features_.begin(), features_.end(),
                     [](const Feature& a, const Feature& b) { return a.term < b.term; });
    std::vector<Feature> merged;
    for (const Feature& feature : features_) {
      if (!merged.empty() && merged.back().term == feature.term) {
        merged.back().weight += feature.weight;
      } else {
        merged.push_back(feature);
      }
    }
    for (Feature& feature : merged) {
      if (feature.weight > 1) feature.weight = 1 + std::log(feature.weight);
    }
    return merged;
  }

 private:
  std::vector<Feature> features_;
};

}  // namespace

uint64_t HashText(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccd;
  return hash ^ (hash >> 33);
}

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  const auto finish = [&] {
    if (word.size() > 1 && !std::binary_search(kStopWords.begin(), kStopWords.end(), word)) {
      words.push_back(Stem(word));
    }
    word.clear();
  };
  for (char c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (IsLetterOrDigit(c)) {
      word.push_back(c);
    } else {
      finish();
    }
  }
  finish();
  return words;
}

std::vector<Feature> FeaturesOfText(std::string_view text) {
  FeatureSum sum;
  sum.AddWords(text, kSummaryWeight, true);
  return sum.Take();
}

std::vector<Feature> FeaturesOfPackage(const Package& package) {
  FeatureSum sum;
  sum.AddWords(package.summary, kSummaryWeight, true);
  sum.AddWords(package.name, kNameWeight, false);
  for (const std::string& word : package.tag_words) sum.AddWords(word, kTagWeight, false);
  sum.AddWords(package.section, kSectionWeight, false);
  sum.AddWords(package.details, kDetailsWeight, false);
  return sum.Take();
}

}  // namespace packages
