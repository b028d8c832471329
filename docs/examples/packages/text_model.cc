#include "docs/examples/packages/text_model.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <unordered_map>
#include <utility>

#include "docs/examples/packages/parallel.h"
#include "docs/examples/packages/subspace.h"

namespace packages {
namespace {

// A pair of words or a name that occurs less often says nothing about other packages.
constexpr int kMinDocuments = 3;
constexpr int kPasses = 4;
// How much of what the directions leave out of a term is kept, in a pseudo-random direction of its
// own: rare words match themselves.
constexpr float kResidual = 0.4F;
constexpr std::array<char, 8> kMagic = {'P', 'K', 'G', 'V', 'E', 'C', '1', '\n'};

template <typename T>
void Write(std::ofstream& file, const std::vector<T>& values) {
  file.write(reinterpret_cast<const char*>(values.data()),
             static_cast<std::streamsize>(values.size() * sizeof(T)));
}

template <typename T>
void Read(std::ifstream& file, size_t count, std::vector<T>& values) {
  values.resize(count);
  file.read(reinterpret_cast<char*>(values.data()),
            static_cast<std::streamsize>(count * sizeof(T)));
}

/// Adds to each row of the basis its term's own direction, as long as what the row falls short
/// of 1.
void AddResiduals(const std::vector<uint64_t>& terms, std::vector<float>& basis) {
  for (size_t i = 0; i < terms.size(); ++i) {
    float* row = basis.data() + i * kDim;
    double squares = 0;
    for (size_t j = 0; j < kDim; ++j) squares += static_cast<double>(row[j]) * row[j];
    const double length = kResidual * std::sqrt(std::max(0.0, 1 - squares));
    const float step = static_cast<float>(length / std::sqrt(static_cast<double>(kDim)));
    const std::vector<float> direction = PseudoRandom(terms[i], kDim);
    for (size_t j = 0; j < kDim; ++j) row[j] += direction[j] < 0 ? -step : step;
  }
}

}  // namespace

TextModel TextModel::Fit(const std::vector<std::vector<Feature>>& documents, int threads) {
  std::unordered_map<uint64_t, int> frequency;
  for (const auto& features : documents) {
    for (const Feature& feature : features) ++frequency[feature.term];
  }
  TextModel model;
  for (const auto& [term, count] : frequency) {
    if (count >= kMinDocuments) model.terms_.push_back(term);
  }
  std::sort(model.terms_.begin(), model.terms_.end());
  for (uint64_t term : model.terms_) {
    const double share = static_cast<double>(documents.size()) / frequency[term];
    model.idf_.push_back(static_cast<float>(std::log(1 + share)));
  }

  std::vector<std::vector<SparseMatrix::Entry>> rows(documents.size());
  ParallelFor(documents.size(), 256, threads, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      double squares = 0;
      for (const Feature& feature : documents[i]) {
        if (const auto position = model.Find(feature.term)) {
          const float value = feature.weight * model.idf_[*position];
          rows[i].push_back({static_cast<uint32_t>(*position), value});
          squares += static_cast<double>(value) * value;
        }
      }
      for (auto& entry : rows[i])
        entry.value = static_cast<float>(entry.value / std::sqrt(squares));
    }
  });
  model.basis_ = LeadingSubspace(SparseMatrix(rows, model.terms_.size()), kDim, kPasses, threads);
  AddResiduals(model.terms_, model.basis_);
  return model;
}

std::optional<Embedding> TextModel::Embed(const std::vector<Feature>& features) const {
  Embedding sum{};
  for (const Feature& feature : features) {
    const auto position = Find(feature.term);
    if (!position) continue;
    const float value = feature.weight * idf_[*position];
    const float* row = basis_.data() + *position * kDim;
    for (size_t j = 0; j < kDim; ++j) sum[j] += value * row[j];
  }
  double squares = 0;
  for (float x : sum) squares += static_cast<double>(x) * x;
  if (squares < 1e-12) return std::nullopt;
  for (float& x : sum) x = static_cast<float>(x / std::sqrt(squares));
  return sum;
}

std::string TextModel::Save(const std::string& path) const {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  const uint64_t count = terms_.size();
  file.write(kMagic.data(), kMagic.size());
  file.write(reinterpret_cast<const char*>(&count), sizeof(count));
  Write(file, terms_);
  Write(file, idf_);
  Write(file, basis_);
  file.close();
  return file ? "" : "cannot write the model to " + path;
}

std::string TextModel::Load(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return "cannot open the model " + path + "; 'build' makes one";
  const uint64_t size = static_cast<uint64_t>(file.tellg());
  file.seekg(0);
  std::array<char, 8> magic{};
  uint64_t count = 0;
  file.read(magic.data(), magic.size());
  file.read(reinterpret_cast<char*>(&count), sizeof(count));
  const uint64_t header = sizeof(magic) + sizeof(count);
  const uint64_t per_term = sizeof(uint64_t) + sizeof(float) * (1 + kDim);
  if (!file || magic != kMagic || count > size / per_term || size != header + count * per_term) {
    return path + " is not a model that 'build' wrote, or only part of one";
  }
  Read(file, count, terms_);
  Read(file, count, idf_);
  Read(file, count * kDim, basis_);
  return file ? "" : "cannot read the model " + path;
}

std::optional<size_t> TextModel::Find(uint64_t term) const {
  const auto found = std::lower_bound(terms_.begin(), terms_.end(), term);
  if (found == terms_.end() || *found != term) return std::nullopt;
  return static_cast<size_t>(found - terms_.begin());
}

}  // namespace packages
