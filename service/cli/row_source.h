#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ordinate/v1/row_service.pb.h"
#include "ordinate/v1/table_service.pb.h"
#include "service/cli/vector_file.h"

namespace ordinate::cli {

/// Rows to load, one after the other. One thread at a time.
class RowSource {
 public:
  virtual ~RowSource() = default;

  /// The next row; false at the end. The error names file, line or vector, and what is wrong there.
  virtual absl::StatusOr<bool> Next(v1::Row* row) = 0;

  /// Of the row last returned: its line, 1-based, or the number of its vector, 0-based.
  virtual uint64_t number() const = 0;
  /// Where the row of that number stands: "packages.jsonl:17" or "base.fvecs, vector 16".
  virtual std::string PositionOf(uint64_t number) const = 0;
  /// Bytes behind the rows returned so far.
  virtual uint64_t bytes_read() const = 0;
  /// 0 when not known.
  virtual uint64_t total_bytes() const = 0;
};

/// Rows from JSON objects, one per line. "-": stdin.
absl::StatusOr<std::unique_ptr<RowSource>> OpenJsonlSource(const v1::Table& table,
                                                           const std::string& path);

/// Where the parts of a row come from beside a file of vectors.
struct VectorSourceOptions {
  std::string path;        // "-": stdin
  std::string column;      // takes the vectors
  std::string attributes;  // a JSONL file, a line per vector; "-": stdin; empty: none
  std::string id_column;   // takes first_id, first_id + 1, ...; empty: none
  int64_t first_id = 0;
  VectorFile::Format format = VectorFile::Format::kFvecs;
};
absl::StatusOr<std::unique_ptr<RowSource>> OpenVectorSource(const v1::Table& table,
                                                            const VectorSourceOptions& options);

/// Cuts a source into upserts of at most kMaxRows rows and, a last row apart, kMaxBytes; no key is
/// twice in one, so that a later line of a file replaces an earlier one as it would in a stream of
/// single writes.
class Batcher {
 public:
  static constexpr int kMaxRows = 1000;
  static constexpr size_t kMaxBytes = 1u << 20;

  struct Batch {
    v1::StreamUpsertRequest request;
    std::vector<uint64_t> numbers;  // RowSource::number of each row
    uint64_t bytes_read = 0;        // of the source, up to the last row
  };

  /// `source` outlives this.
  Batcher(RowSource& source, const v1::Table& table, v1::OnInvalid on_invalid);

  /// A request that may be sent again as it is. nullopt at the end. After an error of the source
  /// the rows before it come as a last batch, and then the error.
  absl::StatusOr<std::optional<Batch>> Next();

  /// RowSource::PositionOf. Any thread.
  std::string PositionOf(uint64_t number) const { return source_.PositionOf(number); }

 private:
  std::string KeyOf(const v1::Row& row) const;

  RowSource& source_;
  const std::string table_;
  const v1::OnInvalid on_invalid_;
  std::vector<std::string> key_columns_;
  std::optional<v1::Row> held_;  // read, and the first of the next batch
  absl::Status failed_;          // what the source said, once it said it
  bool ended_ = false;
};

}  // namespace ordinate::cli
