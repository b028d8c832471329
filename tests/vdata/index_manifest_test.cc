#include "storage/vdata/index_manifest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "nlohmann/json.hpp"
#include "segment_samples.h"
#include "storage/files/checksum.h"

namespace ordinate {
namespace {

using test::ScratchFolder;
using testing::HasSubstr;

IndexManifest Sample() {
  IndexManifest manifest;
  manifest.definition.id = 4;
  manifest.definition.name = "by-embedding";
  manifest.definition.table_id = 2;
  manifest.definition.column_id = 3;
  manifest.definition.metric = Metric::kCosine;
  manifest.definition.dim = 128;
  manifest.definition.ef_search = 77;
  manifest.definition.mode = FreshnessMode::kBatched;
  manifest.flavour = RowIdFlavour::kPkHashed;
  manifest.generation = 3;
  manifest.seq = UINT64_MAX;
  manifest.build_time_ms = 1234;
  manifest.segments = {{"5f1b0a52-53ff-4d0c-9c49-5fbc2ad8a9a1.vdata", 40960, 0x0123456789abcdef},
                       {"b.vdata", UINT64_MAX, 0}};
  return manifest;
}

void ExpectSame(const IndexManifest& expected, const IndexManifest& actual) {
  EXPECT_EQ(expected.definition, actual.definition);
  EXPECT_EQ(expected.flavour, actual.flavour);
  EXPECT_EQ(expected.generation, actual.generation);
  EXPECT_EQ(expected.seq, actual.seq);
  EXPECT_EQ(expected.build_time_ms, actual.build_time_ms);
  ASSERT_EQ(expected.segments.size(), actual.segments.size());
  for (size_t i = 0; i < expected.segments.size(); ++i) {
    EXPECT_EQ(expected.segments[i].file, actual.segments[i].file);
    EXPECT_EQ(expected.segments[i].bytes, actual.segments[i].bytes);
    EXPECT_EQ(expected.segments[i].checksum, actual.segments[i].checksum);
  }
}

/// `text` with its checksum made to fit its manifest.
std::string Repaired(std::string text) {
  const size_t body = text.find("\"manifest\":") + 11;
  const size_t sum = text.find("\"checksum\":\"") + 12;
  char hex[17];
  std::snprintf(
      hex, sizeof(hex), "%016llx",
      static_cast<unsigned long long>(Checksum64(text.data() + body, text.size() - body - 2)));
  return text.replace(sum, 16, hex);
}

TEST(IndexManifest, ReadsBackAndReplaces) {
  ScratchFolder folder;
  const std::string path = folder.File("i.vindex");
  IndexManifest manifest = Sample();
  ASSERT_TRUE(WriteIndexManifest(path, manifest).ok()) << WriteIndexManifest(path, manifest);
  auto read = ReadIndexManifest(path);
  ASSERT_TRUE(read.ok()) << read.status();
  ExpectSame(manifest, *read);
  manifest.segments.clear();
  manifest.generation = 4;
  ASSERT_TRUE(WriteIndexManifest(path, manifest).ok());
  read = ReadIndexManifest(path);
  ASSERT_TRUE(read.ok()) << read.status();
  ExpectSame(manifest, *read);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST(IndexManifest, IsPlainJson) {
  ScratchFolder folder;
  ASSERT_TRUE(WriteIndexManifest(folder.File("i.vindex"), Sample()).ok());
  const auto json = nlohmann::json::parse(test::ReadBytes(folder.File("i.vindex")));
  EXPECT_EQ(json["version"], 2);
  EXPECT_EQ(json["manifest"]["segments"][0]["checksum"], "0123456789abcdef");
  EXPECT_EQ(json["manifest"]["definition"]["name"], "by-embedding");
}

// A file of revised rows makes the manifest one of version 4.
TEST(IndexManifest, ARevisionsFileIsReadAsWritten) {
  ScratchFolder folder;
  const std::string path = folder.File("i.vindex");
  IndexManifest manifest = Sample();
  manifest.revisions = IndexManifest::Segment{"r.vdata", 77, 0x12};
  ASSERT_EQ(WriteIndexManifest(path, manifest), absl::OkStatus());
  EXPECT_THAT(test::ReadBytes(path), HasSubstr("\"version\":4"));
  const absl::StatusOr<IndexManifest> read = ReadIndexManifest(path);
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_TRUE(read->revisions.has_value());
  EXPECT_EQ(read->revisions->file, "r.vdata");
  EXPECT_EQ(read->revisions->bytes, 77u);
  EXPECT_EQ(read->revisions->checksum, 0x12u);

  manifest.revisions->gone = {1};
  EXPECT_FALSE(WriteIndexManifest(path, manifest).ok()) << "no row is gone from it";
  manifest.revisions = manifest.segments[0];
  EXPECT_FALSE(WriteIndexManifest(path, manifest).ok()) << "one file cannot be both";
}

// Rows that are gone make the file one of version 3, which it is not without them.
TEST(IndexManifest, KeepsTheRowsThatAreGone) {
  ScratchFolder folder;
  const std::string path = folder.File("i.vindex");
  for (const std::vector<uint32_t>& gone :
       {std::vector<uint32_t>{0}, {0, 1, 2, 300}, {127, 128, 16'600, 4'294'967'295}}) {
    IndexManifest manifest = Sample();
    manifest.segments[0].gone = gone;
    ASSERT_EQ(WriteIndexManifest(path, manifest), absl::OkStatus());
    const auto read = ReadIndexManifest(path);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->segments[0].gone, gone);
    EXPECT_EQ(nlohmann::json::parse(test::ReadBytes(path))["version"], 3);
  }
  IndexManifest manifest = Sample();
  manifest.segments[0].gone = {2, 2};
  EXPECT_TRUE(absl::IsInvalidArgument(WriteIndexManifest(path, manifest)));
}

TEST(IndexManifest, AbsentFile) {
  ScratchFolder folder;
  EXPECT_TRUE(absl::IsNotFound(ReadIndexManifest(folder.File("i.vindex")).status()));
}

TEST(IndexManifest, EveryBitAndEveryTruncation) {
  ScratchFolder folder;
  const std::string path = folder.File("i.vindex");
  ASSERT_TRUE(WriteIndexManifest(path, Sample()).ok());
  const std::string good = test::ReadBytes(path);
  for (size_t bit = 0; bit < good.size() * 8; ++bit) {
    std::string bad = good;
    bad[bit / 8] ^= static_cast<char>(1 << bit % 8);
    test::WriteBytes(path, bad);
    const absl::Status status = ReadIndexManifest(path).status();
    ASSERT_TRUE(absl::IsDataLoss(status) || absl::IsFailedPrecondition(status))
        << "bit " << bit << ": " << status;
  }
  for (size_t size = 0; size < good.size(); ++size) {
    test::WriteBytes(path, good.substr(0, size));
    ASSERT_TRUE(absl::IsDataLoss(ReadIndexManifest(path).status())) << size;
  }
  for (const std::string extra : {"\n", " ", "}\n", "x"}) {
    test::WriteBytes(path, good + extra);
    ASSERT_TRUE(absl::IsDataLoss(ReadIndexManifest(path).status())) << extra;
  }
}

TEST(IndexManifest, OtherVersionsAreRefusedByName) {
  ScratchFolder folder;
  const std::string path = folder.File("i.vindex");
  ASSERT_TRUE(WriteIndexManifest(path, Sample()).ok());
  const std::string good = test::ReadBytes(path);
  for (const std::string version : {"1", "5", "20", "-2"}) {
    std::string other = good;
    other.replace(other.find("\"version\":2") + 10, 1, version);
    test::WriteBytes(path, other);
    const absl::Status status = ReadIndexManifest(path).status();
    EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("format version " + version));
  }
}

TEST(IndexManifest, WrongFieldsUnderARightChecksum) {
  ScratchFolder folder;
  const std::string path = folder.File("i.vindex");
  ASSERT_TRUE(WriteIndexManifest(path, Sample()).ok());
  const std::string good = test::ReadBytes(path);
  ASSERT_EQ(Repaired(good), good);
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    if (at != std::string::npos) text.replace(at, from.size(), to);
    return Repaired(text);
  };
  for (const std::string& bad :
       {changed("b.vdata", "../b.vdata"), changed("b.vdata", ".vdata"),
        changed("b.vdata", "b.vdat"), changed("\"generation\": 3", "\"generation\": 0"),
        changed("\"generation\": 3", "\"generation\": -3"),
        changed("\"generation\": 3", "\"generation\": \"3\""),
        changed("generation", "degeneration"),
        changed("\"row_id_flavour\": 2", "\"row_id_flavour\": 258"),
        changed("\"row_id_flavour\": 2", "\"row_id_flavour\": 4"),
        changed("0123456789abcdef", "0123456789ABCDEF"), changed("0123456789abcdef", "+123"),
        changed("by-embedding", "by\xff"), changed("\"segments\": [", "\"segments\": [7, "),
        changed("\"seq\"", "\"more\": 1, \"seq\"")}) {
    test::WriteBytes(path, bad);
    EXPECT_TRUE(absl::IsDataLoss(ReadIndexManifest(path).status())) << bad;
  }
}

TEST(IndexManifest, WriterRefusesNonsense) {
  ScratchFolder folder;
  const std::string path = folder.File("i.vindex");
  const auto expect_refused = [&](const IndexManifest& manifest) {
    EXPECT_TRUE(absl::IsInvalidArgument(WriteIndexManifest(path, manifest)));
    EXPECT_FALSE(std::filesystem::exists(path));
  };
  for (const std::string name : {"", ".vdata", "a/b.vdata", "..vdata", "a.vindex", "a b.vdata"}) {
    IndexManifest manifest = Sample();
    manifest.segments[0].file = name;
    expect_refused(manifest);
  }
  IndexManifest manifest = Sample();
  manifest.segments[0].file = manifest.segments[1].file;
  expect_refused(manifest);
  manifest = Sample();
  manifest.generation = 0;
  expect_refused(manifest);
  manifest = Sample();
  manifest.flavour = RowIdFlavour{9};
  expect_refused(manifest);
}

TEST(IndexManifest, RandomBytesNeverDoHarm) {
  ScratchFolder folder;
  const std::string path = folder.File("i.vindex");
  ASSERT_TRUE(WriteIndexManifest(path, Sample()).ok());
  const std::string good = test::ReadBytes(path);
  const size_t body = good.find("\"manifest\":") + 11;
  for (uint64_t seed = 0; seed < 5000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    std::string bad = good;
    for (uint64_t change = 0; change <= random() % 3; ++change) {
      bad[body + random() % (bad.size() - body - 2)] = static_cast<char>(random());
    }
    test::WriteBytes(path, Repaired(bad));
    const absl::Status status = ReadIndexManifest(path).status();
    ASSERT_TRUE(status.ok() || absl::IsDataLoss(status)) << status;
  }
}

}  // namespace
}  // namespace ordinate
