#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "storage/model/schema.h"

namespace ordinate {

/// A column captured for filters and sort keys. All spans have one entry per row of the segment.
struct CapturedColumn {
  uint32_t column_id = 0;
  DataType type = DataType::kInt64;
  /// Bit i (word i/64, bit i%64) set: row i is not NULL.
  std::span<const uint64_t> present;
  /// BOOL (0/1), INT64, UINT64, TIMESTAMP (two's complement), DOUBLE (bits). Empty for STRING.
  std::span<const uint64_t> words;
  /// STRING: rows + 1 offsets into `bytes`. Empty otherwise.
  std::span<const uint64_t> offsets;
  std::span<const char> bytes;

  /// REQUIRES: row < number of rows.
  ValueView Get(uint32_t row) const;
  /// STRING, not NULL. Offsets of a lost file may be zeros: its texts are empty.
  std::string_view Text(uint32_t row) const {
    const uint64_t begin = offsets[row], end = offsets[row + 1];
    return {bytes.data() + begin, std::max(begin, end) - begin};
  }
};

/// The graph of an HNSW segment (Malkov & Yashunin, arXiv 1603.09320), frozen. Node ids are
/// 0-based.
struct GraphView {
  uint32_t degree0 = 0;  // links per node on level 0; a multiple of 16 (whole cache lines)
  uint32_t degree = 0;   // links per node and upper level
  uint32_t entry = 0;    // a node of the highest level
  uint32_t max_level = 0;
  /// nodes × degree0, row-major; unused slots hold the node's own id.
  std::span<const uint32_t> links0;
  /// Highest level of each node.
  std::span<const uint8_t> levels;
  /// Nodes + 1 offsets, in blocks of `degree` links, into upper_links: node i's levels
  /// 1..levels[i] are blocks upper_offsets[i] .. upper_offsets[i + 1].
  std::span<const uint32_t> upper_offsets;
  /// A link on level l leads to a node that has level l. Unused slots hold the node's own id.
  std::span<const uint32_t> upper_links;
};

/// 8-bit codes of the nodes' vectors, which a graph search scores instead (engine/search/
/// scalar_code.h). A segment without them has quantization NONE, and the rest empty or 0.
struct CodesView {
  Quantization quantization = Quantization::kNone;
  uint32_t stride = 0;  // bytes from one node's code to the next: dim rounded up to 64
  uint64_t rotation_seed = 0;
  float scale = 0;
  float error = 0;  // no vector, clamped, is farther than this from what its code stands for
  std::span<const float> centre;   // dim
  std::span<const uint8_t> codes;  // nodes × stride, 64-byte aligned; padding is zero
};

/// A segment's content: what the writer takes and what an opened file gives, in place. Rows are
/// grouped by class and node: rows of node i are node_rows[i] .. node_rows[i + 1], by row id; then
/// `null_rows` rows without a vector, then `invalid_rows` rows whose dim is not the index's.
struct SegmentView {
  RowIdFlavour flavour = RowIdFlavour::kPkU64;
  Engine engine = Engine::kFlat;
  Metric metric = Metric::kL2;
  uint32_t dim = 0;
  uint32_t m = 0;
  uint32_t ef_build = 0;
  uint64_t seq = 0;          // the rows are as of this sequence
  uint32_t nodes = 0;        // distinct vectors (by bits)
  uint32_t vector_rows = 0;  // rows with a vector = node_rows[nodes]
  uint32_t null_rows = 0;
  uint32_t invalid_rows = 0;
  uint32_t rows() const { return vector_rows + null_rows + invalid_rows; }

  /// Floats from one node's vector to the next: dim rounded up to 16. Padding is zero.
  uint32_t stride = 0;
  std::span<const float> vectors;        // nodes × stride, 64-byte aligned
  double longest = 0;                    // length of the longest vector
  std::span<const float> inverse_norms;  // COSINE: nodes × 1/|x|; else empty
  bool norms_fit = false;                // NormsFit(inverse_norms), once it was looked at
  std::span<const uint32_t> node_rows;   // nodes + 1
  std::span<const RowId> row_ids;        // rows
  std::span<const uint64_t> versions;    // rows
  std::span<const uint32_t> by_row_id;   // rows: row numbers in ascending row id order
  GraphView graph;                       // HNSW only
  CodesView codes;                       // HNSW only
  std::vector<CapturedColumn> columns;

  /// Row number of `id`, or -1. Binary search in by_row_id.
  int64_t FindRow(RowId id) const;
};

/// The shortest vector whose products with one of length 1 do not vanish in f32 has this norm
/// inverted.
inline constexpr float kMostInverseNorm = 0x1p120f;
/// Whether f32 products of a query of length 1 with every vector keep their accuracy: none is
/// shorter than that, or so long that they overflow. A zero vector's are exact.
bool NormsFit(std::span<const float> inverse_norms);

/// A section of a file, as its table lists it.
struct SegmentSection {
  std::string name;  // "links0", "words of column 3"
  uint64_t offset = 0;
  uint64_t bytes = 0;
  uint64_t checksum = 0;
  uint64_t blocks = 0;  // of those that have a checksum each; 0: the section has one as a whole
};

/// Writes a segment to `path` (a temporary name beside it, synced, renamed, directory synced) and
/// returns the XXH3-64 of the header page and section table, which hold all other checksums, as
/// .vindex records it. The same segment gives the same bytes. Never leaves a partial file under
/// `path`. INVALID_ARGUMENT, naming section and culprit, for what Open or Verify would refuse.
absl::StatusOr<uint64_t> WriteSegmentFile(const std::string& path, const SegmentView& segment);

/// An opened .vdata file, mapped read-only. Immutable, thread-safe. The mapping lives as long as
/// this object. The file must not be written or truncated meanwhile; removing it is fine. A disk
/// error is a DATA_LOSS from Open, Verify and the two Ensure functions. One in a page that was read
/// once, evicted, and can no longer be read turns the whole view into zeros: CheckReads tells.
class SegmentFile {
 public:
  /// Opens and verifies header, section table, ids, links, levels and offsets (checksums and
  /// ranges), so no later search can leave the mapping. Blocks of vectors and codes are verified by
  /// Verify, or at first touch (EnsureVectors, EnsureCodes). DATA_LOSS for damage;
  /// FAILED_PRECONDITION for another format version, naming it; NOT_FOUND.
  static absl::StatusOr<std::unique_ptr<SegmentFile>> Open(const std::string& path);
  ~SegmentFile();

  const SegmentView& view() const;
  const std::string& path() const;
  uint64_t file_bytes() const;
  /// As WriteSegmentFile returned it.
  uint64_t checksum() const;
  uint32_t format_version() const;
  /// In the order of the file.
  std::vector<SegmentSection> Sections() const;

  /// Checks the checksums of the vector blocks that hold nodes [first, last) the first time each
  /// is asked for; later calls cost one load per block, or one in all when every block is checked.
  /// DATA_LOSS names section and block. REQUIRES: first <= last <= nodes.
  absl::Status EnsureVectors(uint32_t first, uint32_t last) const;
  /// Whether every block of the vectors was found right: EnsureVectors has nothing left to do.
  bool VectorsChecked() const;
  /// The same for the nodes' codes. REQUIRES: the segment has them.
  absl::Status EnsureCodes(uint32_t first, uint32_t last) const;
  bool CodesChecked() const;

  /// DATA_LOSS when a page could not be read since the file was opened: what was read of the view
  /// may have been zeros. Zeros lead nowhere outside of the view; to be asked, for the price of a
  /// load, before anything that was read is believed. Once lost, a file stays so.
  absl::Status CheckReads() const;
  /// Whether a DATA_LOSS of the Ensure functions or CheckReads was, or would be, of this file.
  bool FoundDamaged() const;

  /// Checks every byte of the file.
  absl::Status Verify() const;

 private:
  struct Impl;
  explicit SegmentFile(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace ordinate
