#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/model/value.h"

// The bytes of a .vdata file, version 2. docs/vdata-format.md is the same for people; change both.

namespace ordinate::vdata {

static_assert(std::endian::native == std::endian::little && sizeof(size_t) == 8,
              "files are little-endian and mapped whole");

inline constexpr char kMagic[8] = {'O', 'R', 'D', 'V', 'D', 'A', 'T', 'A'};
inline constexpr uint32_t kVersion = 2;
inline constexpr uint64_t kPageBytes = 4096;    // of the header; sections are aligned to it
inline constexpr uint64_t kBlockBytes = 65536;  // one checksum per block of vectors and codes
inline constexpr uint32_t kStrideFloats = 16;   // a vector starts on a cache line
inline constexpr uint32_t kStrideCodes = 64;    // and so does a code
inline constexpr uint32_t kFlavourMask = 0xff;  // of Header::flags; the other bits are zero
inline constexpr uint32_t kMaxDegree = 4096;
inline constexpr uint32_t kMaxSections = 1024;

struct Header {
  char magic[8];
  uint32_t version;
  uint32_t flags;  // bits 0..7: RowIdFlavour
  uint32_t engine;
  uint32_t metric;
  uint32_t dim;
  uint32_t stride;
  uint32_t m;
  uint32_t ef_build;
  uint64_t seq;
  uint32_t nodes;
  uint32_t vector_rows;
  uint32_t null_rows;
  uint32_t invalid_rows;
  uint32_t degree0;
  uint32_t degree;
  uint32_t entry;
  uint32_t max_level;
  uint32_t columns;
  uint32_t sections;
  uint64_t table_offset;    // always kPageBytes
  uint64_t table_checksum;  // of the sections × SectionEntry
  uint64_t file_bytes;
  uint32_t quantization;
  uint32_t code_stride;
  uint64_t rotation_seed;
  float code_scale;
  float code_error;
  double longest;
  uint8_t reserved[3944];  // zero
  uint64_t checksum;       // of the bytes before it
};
static_assert(sizeof(Header) == kPageBytes && offsetof(Header, seq) == 40 &&
              offsetof(Header, degree0) == 64 && offsetof(Header, table_offset) == 88 &&
              offsetof(Header, quantization) == 112 && offsetof(Header, longest) == 136 &&
              offsetof(Header, reserved) == 144 && offsetof(Header, checksum) == 4088);

/// Numbers of section kinds never change meaning.
enum class SectionKind : uint32_t {
  kVectors = 1,
  kVectorChecksums = 2,
  kInverseNorms = 3,
  kNodeRows = 4,
  kRowIds = 5,
  kVersions = 6,
  kByRowId = 7,
  kLinks0 = 8,
  kLevels = 9,
  kUpperOffsets = 10,
  kUpperLinks = 11,
  kColumnPresent = 12,
  kColumnWords = 13,
  kColumnOffsets = 14,
  kColumnBytes = 15,
  kCodes = 16,
  kCodeChecksums = 17,
  kCodeCentre = 18,
};

/// Whether a section is checked block by block, against the checksums in the section behind it.
inline bool HasBlocks(SectionKind kind) {
  return kind == SectionKind::kVectors || kind == SectionKind::kCodes;
}

struct SectionEntry {
  uint32_t kind;
  uint32_t column_id;    // 0 but for the kColumn sections
  uint32_t type;         // DataType of that column, or 0
  uint32_t block_bytes;  // HasBlocks: kBlockBytes; else 0
  uint64_t offset;
  uint64_t bytes;
  uint64_t checksum;  // of the section; HasBlocks: of the whole section of its checksums
};
static_assert(sizeof(SectionEntry) == 40);

/// Which section an entry describes; what is common to writer and reader.
struct SectionId {
  SectionKind kind;
  uint32_t column_id = 0;
  uint32_t type = 0;

  bool operator==(const SectionId&) const = default;
};

inline SectionId IdOf(const SectionEntry& entry) {
  return {static_cast<SectionKind>(entry.kind), entry.column_id, entry.type};
}

/// "links0", "words of column 3"; "" for an unknown kind.
std::string SectionName(const SectionId& id);

inline uint64_t RoundUp(uint64_t value, uint64_t to) { return (value + to - 1) / to * to; }

/// The product, or UINT64_MAX (which no file's section can have) when it does not fit.
inline uint64_t SaturatingProduct(uint64_t a, uint64_t b) {
  uint64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

}  // namespace ordinate::vdata
