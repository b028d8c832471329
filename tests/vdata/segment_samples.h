#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "storage/vdata/segment_file.h"

namespace ordinate::test {

/// A segment and the memory its view points into.
struct OwnedSegment {
  struct Column {
    uint32_t id = 0;
    DataType type = DataType::kInt64;
    std::vector<uint64_t> present, words, offsets;
    std::string bytes;
  };

  OwnedSegment() = default;
  OwnedSegment(const OwnedSegment&) = delete;
  OwnedSegment& operator=(const OwnedSegment&) = delete;

  /// `scalars` with every span pointing at the vectors below.
  SegmentView View() const;

  SegmentView scalars;
  std::vector<float> vectors, inverse_norms, centre;
  std::vector<uint32_t> node_rows, by_row_id, links0, upper_offsets, upper_links;
  std::vector<RowId> row_ids;
  std::vector<uint64_t> versions;
  std::vector<uint8_t> levels, codes;
  std::vector<Column> columns;
};

struct SampleOptions {
  Engine engine = Engine::kFlat;
  Metric metric = Metric::kL2;
  uint32_t dim = 2;
  uint32_t nodes = 5;
  uint32_t null_rows = 0;
  uint32_t invalid_rows = 0;
  bool codes = false;   // SQ8; any bytes are codes
  bool columns = true;  // one of each type, with NULLs and empty strings
};

/// A well-formed segment of random content.
std::unique_ptr<OwnedSegment> RandomSegment(const SampleOptions& options, std::mt19937_64& random);

/// The worked example of docs/vdata-format.md.
std::unique_ptr<OwnedSegment> DocumentedSegment();

/// Scalars, and spans bit by bit.
void ExpectSame(const SegmentView& expected, const SegmentView& actual);

/// Recomputes every checksum of a possibly nonsensical file, as far as its tables make sense.
void RepairChecksums(std::string& file);

/// A folder that goes away with its content.
class ScratchFolder {
 public:
  ScratchFolder();
  ~ScratchFolder();
  std::string File(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::string ReadBytes(const std::string& path);
void WriteBytes(const std::string& path, const std::string& bytes);

}  // namespace ordinate::test
