// Runs every fuzz target, in any build, over its corpus and over mutations of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fuzz/target.h"

namespace ordinate::fuzz {
namespace {

constexpr uint32_t kMutations = 3'000;

struct Input {
  std::string file;
  std::string bytes;
};

std::vector<Input> Corpus(std::string_view target) {
  std::vector<Input> corpus;
  const auto folder = std::filesystem::path(ORDINATE_FUZZ_CORPUS) / target;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream stream(entry.path(), std::ios::binary);
    corpus.push_back({entry.path().filename().string(),
                      {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()}});
  }
  std::sort(corpus.begin(), corpus.end(),
            [](const Input& a, const Input& b) { return a.file < b.file; });
  return corpus;
}

class FuzzTargetTest : public testing::TestWithParam<Target> {};

TEST_P(FuzzTargetTest, TakesItsCorpus) {
  const std::vector<Input> corpus = Corpus(GetParam().name);
  EXPECT_GE(corpus.size(), 10u);
  for (const Input& input : corpus) {
    EXPECT_LE(input.bytes.size(), kMostBytes) << input.file;
    EXPECT_EQ(GetParam().run(input.bytes), absl::OkStatus()) << input.file;
  }
}

TEST_P(FuzzTargetTest, TakesInputsCutAtEveryByte) {
  for (const Input& input : Corpus(GetParam().name)) {
    for (size_t size = 0; size < input.bytes.size(); ++size) {
      // A copy of just this size, so that a read past its end is seen.
      const std::string cut = input.bytes.substr(0, size);
      ASSERT_EQ(GetParam().run(cut), absl::OkStatus()) << input.file << " cut at " << size;
    }
  }
}

TEST_P(FuzzTargetTest, TakesMutations) {
  const std::vector<Input> corpus = Corpus(GetParam().name);
  ASSERT_FALSE(corpus.empty());
  for (uint32_t seed = 0; seed < kMutations; ++seed) {
    const Input& input = corpus[seed % corpus.size()];
    std::string bytes = input.bytes;
    for (uint32_t step = 0; step <= seed % 4; ++step) {
      bytes = GetParam().mutate(bytes, kMostBytes, seed + step);
      ASSERT_LE(bytes.size(), kMostBytes);
    }
    ASSERT_EQ(GetParam().run(bytes), absl::OkStatus())
        << input.file << ", seed " << seed << ": " << testing::PrintToString(bytes);
  }
}

INSTANTIATE_TEST_SUITE_P(Every, FuzzTargetTest,
                         testing::ValuesIn(Targets().begin(), Targets().end()),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace ordinate::fuzz
