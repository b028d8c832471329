#include "docs/examples/packages/subspace.h"

#include <algorithm>
#include <cmath>

#include "docs/examples/packages/parallel.h"

namespace packages {
namespace {

constexpr size_t kGramRows = 2048;  // summed apart, then added up in order
constexpr double kLeastPivot = 1e-9;

std::vector<float> Multiply(const std::vector<size_t>& starts,
                            const std::vector<SparseMatrix::Entry>& entries,
                            const std::vector<float>& dense, size_t width, int threads) {
  const size_t count = starts.size() - 1;
  std::vector<float> product(count * width);
  ParallelFor(count, 128, threads, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) {
      float* sum = product.data() + i * width;
      for (size_t e = starts[i]; e < starts[i + 1]; ++e) {
        const float value = entries[e].value;
        const float* row = dense.data() + entries[e].index * width;
        for (size_t j = 0; j < width; ++j) sum[j] += value * row[j];
      }
    }
  });
  return product;
}

/// gram += transpose(rows) × rows, upper triangle, four rows at a time.
void AddGram(const float* rows, size_t count, size_t width, std::vector<double>& gram) {
  std::vector<double> group(4 * width);
  for (size_t r = 0; r < count; r += 4) {
    const size_t used = std::min<size_t>(4, count - r) * width;
    std::copy(rows + r * width, rows + r * width + used, group.begin());
    std::fill(group.begin() + static_cast<std::ptrdiff_t>(used), group.end(), 0.0);
    const double *a = group.data(), *b = a + width, *c = b + width, *d = c + width;
    for (size_t i = 0; i < width; ++i) {
      double* sum = gram.data() + i * width;
      for (size_t j = i; j < width; ++j) {
        sum[j] += (a[i] * a[j] + b[i] * b[j]) + (c[i] * c[j] + d[i] * d[j]);
      }
    }
  }
}

std::vector<double> Gram(const std::vector<float>& dense, size_t width, int threads) {
  const size_t rows = dense.size() / width;
  std::vector<std::vector<double>> parts((rows + kGramRows - 1) / kGramRows);
  ParallelFor(rows, kGramRows, threads, [&](size_t begin, size_t end) {
    std::vector<double>& part = parts[begin / kGramRows];
    part.resize(width * width);
    AddGram(dense.data() + begin * width, end - begin, width, part);
  });
  std::vector<double> gram(width * width);
  for (const auto& part : parts) {
    for (size_t i = 0; i < gram.size(); ++i) gram[i] += part[i];
  }
  return gram;
}

/// Cholesky in place: the upper triangle becomes R with transpose(R) × R = gram. A column that
/// depends on those before it gets a zero on the diagonal.
void Factor(std::vector<double>& gram, size_t width) {
  double largest = 0;
  for (size_t i = 0; i < width; ++i) largest = std::max(largest, gram[i * width + i]);
  for (size_t i = 0; i < width; ++i) {
    double* row = gram.data() + i * width;
    const bool dependent = row[i] <= largest * kLeastPivot;
    const double pivot = dependent ? 0 : std::sqrt(row[i]);
    for (size_t j = i; j < width; ++j) row[j] = dependent ? 0 : row[j] / pivot;
    for (size_t k = i + 1; k < width; ++k) {
      for (size_t j = k; j < width; ++j) gram[k * width + j] -= row[k] * row[j];
    }
  }
}

void Orthonormalise(std::vector<float>& dense, size_t width, int threads) {
  std::vector<double> r = Gram(dense, width, threads);
  Factor(r, width);
  ParallelFor(dense.size() / width, 128, threads, [&](size_t begin, size_t end) {
    std::vector<double> row(width);
    for (size_t n = begin; n < end; ++n) {
      float* values = dense.data() + n * width;
      std::copy(values, values + width, row.begin());
      for (size_t i = 0; i < width; ++i) {
        const double* factors = r.data() + i * width;
        row[i] = factors[i] > 0 ? row[i] / factors[i] : 0;
        for (size_t j = i + 1; j < width; ++j) row[j] -= row[i] * factors[j];
      }
      std::transform(row.begin(), row.end(), values,
                     [](double x) { return static_cast<float>(x); });
    }
  });
}

}  // namespace

SparseMatrix::SparseMatrix(const std::vector<std::vector<Entry>>& rows, size_t columns)
    : row_starts_(1), column_starts_(columns + 1) {
  for (const auto& row : rows) {
    by_row_.insert(by_row_.end(), row.begin(), row.end());
    row_starts_.push_back(by_row_.size());
    for (const Entry& entry : row) ++column_starts_[entry.index + 1];
  }
  for (size_t i = 0; i < columns; ++i) column_starts_[i + 1] += column_starts_[i];
  std::vector<size_t> next(column_starts_.begin(), column_starts_.end() - 1);
  by_column_.resize(by_row_.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    for (const Entry& entry : rows[i]) {
      by_column_[next[entry.index]++] = {static_cast<uint32_t>(i), entry.value};
    }
  }
}

std::vector<float> SparseMatrix::Times(const std::vector<float>& dense, size_t width,
                                       int threads) const {
  return Multiply(row_starts_, by_row_, dense, width, threads);
}

std::vector<float> SparseMatrix::TransposedTimes(const std::vector<float>& dense, size_t width,
                                                 int threads) const {
  return Multiply(column_starts_, by_column_, dense, width, threads);
}

std::vector<float> PseudoRandom(uint64_t seed, size_t count) {
  std::vector<float> values(count);
  uint64_t state = seed;
  for (float& value : values) {  // SplitMix64
    uint64_t z = state += 0x9e3779b97f4a7c15;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    value = static_cast<float>(static_cast<int64_t>((z ^ (z >> 31)) >> 40) - (1 << 23)) /
            static_cast<float>(1 << 23);
  }
  return values;
}

std::vector<float> LeadingSubspace(const SparseMatrix& matrix, size_t width, int passes,
                                   int threads) {
  std::vector<float> basis = PseudoRandom(0, matrix.columns() * width);
  for (int pass = 0; pass < passes; ++pass) {
    basis = matrix.TransposedTimes(matrix.Times(basis, width, threads), width, threads);
    Orthonormalise(basis, width, threads);
  }
  return basis;
}

}  // namespace packages
