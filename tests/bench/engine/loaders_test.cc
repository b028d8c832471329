#include "tests/bench/engine/loaders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "tests/support/temp_dir.h"

namespace ordinate::bench {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class LoadersTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& bytes) {
    const std::string path = folder_.Sub(name);
    std::ofstream(path, std::ios::binary) << bytes;
    return path;
  }

  template <typename T>
  static std::string Bytes(const std::vector<T>& values) {
    std::string bytes(values.size() * sizeof(T), '\0');
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
  }

  static std::string Npy(const std::string& header, const std::string& values) {
    std::string bytes("\x93NUMPY\x01\x00", 8);
    bytes += Bytes<uint16_t>({static_cast<uint16_t>(header.size())});
    return bytes + header + values;
  }

  static void ExpectRefused(const absl::StatusOr<Matrix>& matrix, const std::string& words) {
    ASSERT_FALSE(matrix.ok());
    EXPECT_THAT(std::string(matrix.status().message()), HasSubstr(words));
  }

  const TempDir folder_;
};

constexpr char kShape23[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n";

TEST_F(LoadersTest, ReadsFvecs) {
  const std::string vector = Bytes<int32_t>({2});
  const auto matrix =
      ReadFvecs(Write("a.fvecs", vector + Bytes<float>({1, 2}) + vector + Bytes<float>({3, 4})));
  ASSERT_TRUE(matrix.ok()) << matrix.status();
  EXPECT_EQ(2u, matrix->dim);
  EXPECT_THAT(matrix->values, ElementsAre(1, 2, 3, 4));
}

TEST_F(LoadersTest, RefusesBrokenFvecs) {
  const std::string good = Bytes<int32_t>({1}) + Bytes<float>({1});
  ExpectRefused(ReadFvecs(folder_.Sub("none.fvecs")), "cannot read");
  ExpectRefused(ReadFvecs(Write("a.fvecs", good + "ab")), "inside a vector's dim");
  ExpectRefused(ReadFvecs(Write("b.fvecs", good + Bytes<int32_t>({1}) + "ab")), "inside vector 1");
  ExpectRefused(ReadFvecs(Write("c.fvecs", good + Bytes<int32_t>({-1}))), "vector 1 has dim");
  ExpectRefused(ReadFvecs(Write("d.fvecs", good + Bytes<int32_t>({2}) + Bytes<float>({1, 2}))),
                "vector 1 has dim 2");
}

TEST_F(LoadersTest, ReadsNpy) {
  const auto floats = ReadNpy(Write("a.npy", Npy(kShape23, Bytes<float>({1, 2, 3, 4, 5, 6}))));
  ASSERT_TRUE(floats.ok()) << floats.status();
  EXPECT_EQ(3u, floats->dim);
  EXPECT_THAT(floats->values, ElementsAre(1, 2, 3, 4, 5, 6));
  const auto doubles =
      ReadNpy(Write("b.npy", Npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1,2)}",
                                 Bytes<double>({7, 8}))));
  ASSERT_TRUE(doubles.ok()) << doubles.status();
  EXPECT_THAT(doubles->values, ElementsAre(7, 8));
}

TEST_F(LoadersTest, RefusesOtherNpy) {
  const auto refused = [this](const std::string& header, const std::string& words) {
    ExpectRefused(ReadNpy(Write("a.npy", Npy(header, Bytes<float>({1, 2})))), words);
  };
  refused(kShape23, "promises 24 bytes of numbers; 8 follow");
  refused("{'descr': '<f4', 'fortran_order': True, 'shape': (1, 2)}", "not in C order");
  refused("{'descr': '<i4', 'fortran_order': False, 'shape': (1, 2)}", "'<i4'");
  refused("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", "is not (rows, dim)");
  refused("{}", "C order");
  ExpectRefused(ReadNpy(Write("b.npy", "no such thing")), "not a NumPy file");
  ExpectRefused(ReadNpy(Write("c.npy", std::string("\x93NUMPY\x01\x00\xff\xff", 10) + "ab")),
                "inside its header");
}

TEST_F(LoadersTest, ReadsJsonl) {
  const auto matrix = ReadJsonl(Write("a.jsonl",
                                      "{\"name\":\"a\",\"tags\":[\"x\"],\"v\":[1,2.5]}\n"
                                      "{\"name\":\"b\",\"v\":null}\n\n"
                                      "{\"v\":[3,4]}\n"));
  ASSERT_TRUE(matrix.ok()) << matrix.status();
  EXPECT_EQ(2u, matrix->dim);
  EXPECT_THAT(matrix->values, ElementsAre(1, 2.5, 3, 4));
  ExpectRefused(ReadJsonl(Write("b.jsonl", "{\"v\":[1]}\n{\"v\":[1,2]}\n")), "line 2 has dim 2");
  ExpectRefused(ReadJsonl(Write("c.jsonl", "{\"v\":[1]}\n{\"v\"\n")), "line 2 is no JSON object");
}

TEST_F(LoadersTest, ReadsFileSpecs) {
  const auto spec = ParseFileSpec("a=b=c.npy,queries=q.fvecs,metric=cosine,rows=5");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ("a", spec->name);
  EXPECT_EQ("b=c.npy", spec->path);
  EXPECT_EQ("q.fvecs", spec->queries_path);
  EXPECT_EQ(Metric::kCosine, spec->metric);
  EXPECT_EQ(5u, spec->max_rows);
  for (const char* text : {"", "a", "=b", "a=", "a=b,metric=l3", "a=b,rows=0", "a=b,other=1"}) {
    EXPECT_FALSE(ParseFileSpec(text).ok()) << text;
  }
}

TEST_F(LoadersTest, HoldsQueriesOut) {
  Matrix base{.dim = 1};
  for (int i = 0; i < 100; ++i) base.values.push_back(static_cast<float>(i));
  const Matrix held = HoldOut(base, 10, /*seed=*/1);
  EXPECT_EQ(10u, held.rows());
  EXPECT_EQ(90u, base.rows());
  EXPECT_TRUE(std::ranges::is_sorted(base.values));
  std::vector<float> all = base.values;
  all.insert(all.end(), held.values.begin(), held.values.end());
  std::ranges::sort(all);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(static_cast<float>(i), all[static_cast<size_t>(i)]);
}

TEST_F(LoadersTest, LoadsASetWithItsQueries) {
  std::string rows, queries = Bytes<int32_t>({1}) + Bytes<float>({0.5});
  for (int i = 0; i < 30; ++i) {
    rows += Bytes<int32_t>({1}) + Bytes<float>({static_cast<float>(i)});
  }
  FileSpec spec{.name = "n", .path = Write("a.fvecs", rows)};
  const auto held = LoadSet(spec, 1'000, 1);
  ASSERT_TRUE(held.ok()) << held.status();
  EXPECT_EQ(27u, held->rows());
  EXPECT_EQ(3u, held->query_count());
  spec.queries_path = Write("q.fvecs", queries);
  spec.max_rows = 20;
  spec.metric = Metric::kIp;
  const auto given = LoadSet(spec, 1'000, 1);
  ASSERT_TRUE(given.ok()) << given.status();
  EXPECT_EQ(20u, given->rows());
  EXPECT_THAT(given->queries, ElementsAre(0.5));
  EXPECT_EQ(Metric::kIp, given->metric);
  EXPECT_NE(held->origin, given->origin);
  spec.queries_path = Write("q2.fvecs", Bytes<int32_t>({2}) + Bytes<float>({1, 2}));
  EXPECT_FALSE(LoadSet(spec, 1'000, 1).ok());
  spec.path = Write("a.txt", rows);
  EXPECT_FALSE(LoadSet(spec, 1'000, 1).ok());
}

}  // namespace
}  // namespace ordinate::bench
