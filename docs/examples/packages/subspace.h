#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace packages {

/// A sparse matrix that can be walked by rows and by columns.
class SparseMatrix {
 public:
  struct Entry {
    uint32_t index = 0;  ///< of the column in a row, of the row in a column
    float value = 0;
  };

  /// The entries of a row come in ascending order of column.
  SparseMatrix(const std::vector<std::vector<Entry>>& rows, size_t columns);

  size_t rows() const { return row_starts_.size() - 1; }
  size_t columns() const { return column_starts_.size() - 1; }

  /// this × dense, where `dense` has columns() rows of `width`.
  std::vector<float> Times(const std::vector<float>& dense, size_t width, int threads) const;
  /// transpose(this) × dense, where `dense` has rows() rows of `width`.
  std::vector<float> TransposedTimes(const std::vector<float>& dense, size_t width,
                                     int threads) const;

 private:
  std::vector<size_t> row_starts_, column_starts_;
  std::vector<Entry> by_row_, by_column_;
};

/// Numbers in -1..1 that depend on nothing but the arguments.
std::vector<float> PseudoRandom(uint64_t seed, size_t count);

/// columns() rows of `width`: an orthonormal basis of (nearly) the span of the matrix's `width`
/// leading right singular vectors, by subspace iteration from a fixed start. Where the rank is less
/// than `width`, the columns beyond it are zero. The bits do not depend on `threads`.
std::vector<float> LeadingSubspace(const SparseMatrix& matrix, size_t width, int passes,
                                   int threads);

}  // namespace packages
