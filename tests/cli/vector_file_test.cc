#include "service/cli/vector_file.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <limits>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "service/cli/errors.h"
#include "tests/support/temp_dir.h"

namespace ordinate::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename T>
std::string Raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

std::vector<float> Floats(const std::string& packed) {
  std::vector<float> values(packed.size() / sizeof(float));
  std::memcpy(values.data(), packed.data(), packed.size());
  return values;
}

std::string Fvecs(const std::vector<std::vector<float>>& vectors) {
  std::string bytes;
  for (const auto& vector : vectors) {
    bytes += Raw(std::vector<uint32_t>{static_cast<uint32_t>(vector.size())}) + Raw(vector);
  }
  return bytes;
}

std::string Npy(const std::string& type, const std::string& order, const std::string& shape,
                const std::string& data, char version = 1) {
  const std::string header =
      "{'descr': '" + type + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }\n";
  std::string bytes = "\x93NUMPY";
  bytes += version;
  bytes += '\0';
  const auto length = static_cast<uint32_t>(header.size());
  bytes += Raw(std::vector<uint32_t>{length}).substr(0, version == 1 ? 2 : 4);
  return bytes + header + data;
}

absl::StatusOr<std::unique_ptr<VectorFile>> OpenByName(const std::string& path) {
  return VectorFile::Open(path, *VectorFile::FormatOf(path));
}

class VectorFileTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& bytes) {
    std::ofstream(dir_.Sub(name), std::ios::binary) << bytes;
    return dir_.Sub(name);
  }
  /// The error of opening, or of reading to the end.
  std::string ErrorOf(const std::string& name, const std::string& bytes) {
    return ErrorIn(OpenByName(Write(name, bytes)));
  }
  /// The same through a pipe, whose size nobody knows.
  std::string StreamErrorOf(const std::string& name, const std::string& bytes) {
    const std::string path = dir_.Sub("pipe-" + name);
    if (mkfifo(path.c_str(), 0600) != 0 && errno != EEXIST) ADD_FAILURE() << path;
    std::thread writer([&] { std::ofstream(path, std::ios::binary) << bytes; });
    const std::string error = ErrorIn(OpenByName(path));
    writer.join();
    return error;
  }
  std::string ErrorIn(absl::StatusOr<std::unique_ptr<VectorFile>> file) {
    if (!file.ok()) return Message(file.status());
    std::string packed;
    read_.clear();
    while (true) {
      const auto more = (*file)->Next(&packed);
      if (!more.ok()) return Message(more.status());
      if (!*more) return "";
      read_ += packed;
    }
  }
  std::string Message(const absl::Status& status) {
    EXPECT_EQ(ExitCodeOf(status), kExitFile);
    EXPECT_THAT(std::string(status.message()), HasSubstr(dir_.path()));
    return std::string(status.message());
  }

  TempDir dir_;
  std::string read_;  // what ErrorIn read, vector after vector
};

TEST_F(VectorFileTest, ReadsFvecs) {
  const auto file = OpenByName(Write("a.fvecs", Fvecs({{1, 2, 3}, {4, 5, -6.5f}})));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ((*file)->count(), 2u);
  EXPECT_EQ((*file)->dim(), 3u);
  std::string packed;
  ASSERT_TRUE(*(*file)->Next(&packed));
  EXPECT_THAT(Floats(packed), ElementsAre(1, 2, 3));
  ASSERT_TRUE(*(*file)->Next(&packed));
  EXPECT_THAT(Floats(packed), ElementsAre(4, 5, -6.5f));
  EXPECT_FALSE(*(*file)->Next(&packed));
  EXPECT_EQ((*file)->bytes_read(), (*file)->total_bytes());
}

TEST_F(VectorFileTest, RefusesDamagedFvecs) {
  const std::string good = Fvecs({{1, 2, 3}, {4, 5, 6}});
  for (size_t size = 1; size < good.size(); ++size) {
    if (size == good.size() / 2) continue;  // one whole vector
    EXPECT_NE(ErrorOf("a.fvecs", good.substr(0, size)), "") << size;
  }
  std::string other_dim = good;
  other_dim[good.size() / 2] = 2;
  EXPECT_THAT(ErrorOf("a.fvecs", other_dim), HasSubstr("vector 1 says dim 2, expected 3"));
  EXPECT_THAT(ErrorOf("a.fvecs", Raw(std::vector<uint32_t>{0xFFFFFFFF, 0})), HasSubstr("dim"));
  EXPECT_THAT(ErrorOf("a.fvecs", Raw(std::vector<uint32_t>{0, 0})), HasSubstr("the dim is 0"));
}

TEST_F(VectorFileTest, ReadsNpyOfBothVersionsAndTypes) {
  const std::string f4 = Raw(std::vector<float>{1, 2, 3, 4});
  const std::string f8 = Raw(std::vector<double>{1, 2, 0.1, 1e300});
  for (const char version : {1, 2}) {
    const auto file = OpenByName(Write("a.npy", Npy("<f4", "False", "(2, 2)", f4, version)));
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ((*file)->count(), 2u);
    std::string packed;
    ASSERT_TRUE(*(*file)->Next(&packed));
    EXPECT_THAT(Floats(packed), ElementsAre(1, 2));
    ASSERT_TRUE(*(*file)->Next(&packed));
    EXPECT_THAT(Floats(packed), ElementsAre(3, 4));
    EXPECT_FALSE(*(*file)->Next(&packed));
  }
  const auto file = OpenByName(Write("b.npy", Npy("<f8", "False", "(1, 4)", f8)));
  ASSERT_TRUE(file.ok()) << file.status();
  std::string packed;
  ASSERT_TRUE(*(*file)->Next(&packed));
  EXPECT_THAT(Floats(packed), ElementsAre(1, 2, 0.1f, std::numeric_limits<float>::infinity()));
}

TEST_F(VectorFileTest, RefusesOtherNpyByName) {
  const std::string data = Raw(std::vector<float>{1, 2, 3, 4});
  EXPECT_THAT(ErrorOf("a.npy", Npy(">f4", "False", "(2, 2)", data)), HasSubstr("descr is '>f4'"));
  EXPECT_THAT(ErrorOf("a.npy", Npy("<i8", "False", "(2, 2)", data)), HasSubstr("'<i8'"));
  EXPECT_THAT(ErrorOf("a.npy", Npy("<f4", "True", "(2, 2)", data)), HasSubstr("fortran_order"));
  EXPECT_THAT(ErrorOf("a.npy", Npy("<f4", "False", "(4,)", data)), HasSubstr("two dimensions"));
  EXPECT_THAT(ErrorOf("a.npy", Npy("<f4", "False", "(1, 2, 2)", data)), HasSubstr("(1, 2, 2)"));
  EXPECT_THAT(ErrorOf("a.npy", Npy("<f4", "False", "(2, 0)", "")), HasSubstr("dim is 0"));
  EXPECT_THAT(ErrorOf("a.npy", Npy("<f4", "False", "(2, 2)", data, 3)), HasSubstr("version 3"));
  EXPECT_THAT(ErrorOf("a.npy", "PK\x03\x04 is a zip file"), HasSubstr("not a .npy file"));
  EXPECT_THAT(ErrorOf("a.npy", Npy("<f4", "False", "(9999999999999, 2)", data)),
              HasSubstr("16 bytes follow"));
}

TEST_F(VectorFileTest, RefusesNpyCutAnywhere) {
  const std::string good = Npy("<f4", "False", "(2, 2)", Raw(std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(ErrorOf("a.npy", good), "");
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_NE(ErrorOf("a.npy", good.substr(0, size)), "") << size;
  }
  EXPECT_NE(ErrorOf("a.npy", good + "x"), "");
}

TEST_F(VectorFileTest, ReadsStreams) {
  const std::vector<float> values = {1, 2, 3, 4};
  EXPECT_EQ(StreamErrorOf("a.fvecs", Fvecs({{1, 2}, {3, 4}})), "");
  EXPECT_EQ(read_, Raw(values));
  EXPECT_EQ(StreamErrorOf("a.fvecs", ""), "");
  EXPECT_EQ(read_, "");
  EXPECT_EQ(StreamErrorOf("a.npy", Npy("<f4", "False", "(2, 2)", Raw(values))), "");
  EXPECT_EQ(read_, Raw(values));
  EXPECT_EQ(StreamErrorOf("a.npy", Npy("<f8", "False", "(1, 2)", Raw<double>({1, 2}))), "");
  EXPECT_EQ(read_, Raw<float>({1, 2}));
}

TEST_F(VectorFileTest, RefusesStreamsCutAnywhere) {
  const std::string fvecs = Fvecs({{1, 2, 3}, {4, 5, 6}});
  for (size_t size = 1; size < fvecs.size(); ++size) {
    if (size == fvecs.size() / 2) continue;  // one whole vector
    EXPECT_THAT(StreamErrorOf("a.fvecs", fvecs.substr(0, size)), HasSubstr("ends early")) << size;
  }
  EXPECT_THAT(StreamErrorOf("a.fvecs", fvecs + Fvecs({{1}})),
              HasSubstr("it ends early, with 8 of the next 16 bytes"));
  EXPECT_THAT(StreamErrorOf("a.fvecs", fvecs + Fvecs({{1, 2}, {3, 4}})),
              HasSubstr("vector 2 says dim 2, expected 3"));
  const std::string npy = Npy("<f4", "False", "(2, 2)", Raw<float>({1, 2, 3, 4}));
  for (size_t size = 0; size < npy.size(); ++size) {
    EXPECT_NE(StreamErrorOf("a.npy", npy.substr(0, size)), "") << size;
  }
  EXPECT_THAT(StreamErrorOf("a.npy", npy + "x"), HasSubstr("bytes follow the 2 vectors"));
}

TEST_F(VectorFileTest, RefusesMissingFilesAndFolders) {
  EXPECT_THAT(ErrorIn(OpenByName(dir_.Sub("none.npy"))), HasSubstr("No such file"));
  EXPECT_THAT(ErrorIn(VectorFile::Open(dir_.path(), VectorFile::Format::kFvecs)),
              HasSubstr("Is a directory"));
  EXPECT_EQ(VectorFile::FormatOf("a.jsonl"), std::nullopt);
  EXPECT_EQ(VectorFile::FormatOf("-"), std::nullopt);
}

}  // namespace
}  // namespace ordinate::cli
