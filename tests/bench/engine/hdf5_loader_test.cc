#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <hdf5.h>

#include <string>
#include <vector>

#include "tests/bench/engine/loaders.h"
#include "tests/support/temp_dir.h"

namespace ordinate::bench {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

void AddSet(hid_t file, const char* name, hsize_t rows, hsize_t dim,
            const std::vector<float>& values) {
  const hsize_t shape[2] = {rows, dim};
  const hid_t space = H5Screate_simple(2, shape, nullptr);
  const hid_t set =
      H5Dcreate2(file, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Dwrite(set, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  H5Dclose(set);
  H5Sclose(space);
}

void AddText(hid_t file, const char* name, const std::string& text) {
  const hid_t type = H5Tcopy(H5T_C_S1);
  H5Tset_size(type, H5T_VARIABLE);
  const hid_t space = H5Screate(H5S_SCALAR);
  const hid_t attribute = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
  const char* pointer = text.c_str();
  H5Awrite(attribute, type, &pointer);
  H5Aclose(attribute);
  H5Sclose(space);
  H5Tclose(type);
}

TEST(Hdf5LoaderTest, ReadsAnnBenchmarksFiles) {
  const TempDir folder;
  const std::string path = folder.Sub("a.hdf5");
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  AddSet(file, "train", 3, 2, {1, 2, 3, 4, 5, 6});
  AddSet(file, "test", 1, 2, {7, 8});
  AddText(file, "distance", "angular");
  H5Fclose(file);
  const auto set = LoadSet({.name = "a", .path = path}, 1'000, 1);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(Metric::kCosine, set->metric);
  EXPECT_THAT(set->base, ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(set->queries, ElementsAre(7, 8));
}

TEST(Hdf5LoaderTest, RefusesOthers) {
  const TempDir folder;
  const std::string path = folder.Sub("a.hdf5");
  EXPECT_FALSE(ReadHdf5(path).ok());
  hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  AddSet(file, "train", 1, 1, {1});
  H5Fclose(file);
  EXPECT_THAT(std::string(ReadHdf5(path).status().message()), HasSubstr("'test'"));
  file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
  AddSet(file, "test", 1, 1, {1});
  AddText(file, "distance", "jaccard");
  H5Fclose(file);
  EXPECT_THAT(std::string(ReadHdf5(path).status().message()), HasSubstr("'jaccard'"));
}

}  // namespace
}  // namespace ordinate::bench
