// docs/vdata-format.md shows a whole file, byte by byte; this is that file.

#include <gtest/gtest.h>

#include "segment_samples.h"
#include "storage/vdata/segment_file.h"

namespace ordinate {
namespace {

std::string HexLine(const std::string& bytes, size_t at) {
  char text[16];
  std::string hex;
  std::string ascii;
  for (size_t i = at; i < at + 16; ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    std::snprintf(text, sizeof(text), "%s%02x", i == at + 8 ? "  " : " ", byte);
    hex += text;
    ascii += byte >= 0x20 && byte < 0x7f ? static_cast<char>(byte) : '.';
  }
  return hex + "  |" + ascii + "|";
}

/// As `hexdump -C` prints it: a line that repeats its predecessor is left out, and '*' says so.
std::string HexDump(const std::string& bytes) {
  std::string dump;
  char offset[32];
  bool skipping = false;
  for (size_t at = 0; at < bytes.size(); at += 16) {
    if (at >= 16 && bytes.compare(at, 16, bytes, at - 16, 16) == 0) {
      if (!skipping) dump += "*\n";
      skipping = true;
      continue;
    }
    skipping = false;
    std::snprintf(offset, sizeof(offset), "%08zx ", at);
    dump += offset + HexLine(bytes, at) + "\n";
  }
  std::snprintf(offset, sizeof(offset), "%08zx\n", bytes.size());
  return dump + offset;
}

TEST(FormatPage, WorkedExampleIsWhatTheWriterWrites) {
  test::ScratchFolder folder;
  const auto segment = test::DocumentedSegment();
  ASSERT_TRUE(WriteSegmentFile(folder.File("a.vdata"), segment->View()).ok());
  const std::string dump = HexDump(test::ReadBytes(folder.File("a.vdata")));
  const std::string page = test::ReadBytes(ORDINATE_SOURCE_DIR "/docs/vdata-format.md");
  const std::string fence = "```hexdump\n";
  const size_t begin = page.find(fence);
  ASSERT_NE(begin, std::string::npos) << "docs/vdata-format.md has no ```hexdump block";
  const size_t start = begin + fence.size();
  EXPECT_EQ(page.substr(start, page.find("```", start) - start), dump)
      << "the format has changed: a new format version, or a page to correct";
}

}  // namespace
}  // namespace ordinate
