#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "docs/examples/packages/catalogue.h"
#include "docs/examples/packages/features.h"
#include "docs/examples/packages/rows.h"
#include "docs/examples/packages/subspace.h"
#include "docs/examples/packages/text_model.h"

namespace packages {
namespace {

using ::testing::ElementsAre;

std::vector<Package> Sample() {
  std::ifstream file(PACKAGES_SAMPLE);
  return ReadCatalogue(file);
}

TextModel FitSample(const std::vector<Package>& catalogue, int threads) {
  std::vector<std::vector<Feature>> features;
  for (const Package& package : catalogue) features.push_back(FeaturesOfPackage(package));
  return TextModel::Fit(features, threads);
}

std::string RowsOf(const std::vector<Package>& catalogue, const TextModel& model) {
  std::string rows;
  for (const Package& package : catalogue) {
    rows += RowJson(package, model.Embed(FeaturesOfPackage(package)));
  }
  return rows;
}

float Cosine(const TextModel& model, const std::string& a, const std::string& b) {
  const auto x = model.Embed(FeaturesOfText(a)), y = model.Embed(FeaturesOfText(b));
  EXPECT_TRUE(x && y) << a << " / " << b;
  float sum = 0;
  for (size_t i = 0; i < kDim; ++i) sum += (*x)[i] * (*y)[i];
  return sum;
}

/// A file name of this process alone, removed at the end.
class TempFile {
 public:
  TempFile() {
    std::string pattern = (std::filesystem::temp_directory_path() / "packages.XXXXXX").string();
    const int descriptor = mkstemp(pattern.data());
    EXPECT_GE(descriptor, 0);
    close(descriptor);
    path_ = pattern;
  }
  ~TempFile() { std::filesystem::remove(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(Catalogue, ReadsEveryFieldOfAStanza) {
  std::istringstream input(
      "Package: cutter\nVersion: 2\nInstalled-Size: 120\nSection: video\nPriority: optional\n"
      "Tag: use::editing,\n works-with::video\nDescription: cuts films\n In place.\n .\n Fast.\n"
      "\n\nPackage: cutter\nVersion: 1\nDescription: an older one\n"
      "\nVersion: 3\nDescription: no name\n"
      "\nPackage: bare\nInstalled-Size: lots\nDescription-en: nothing else\n");
  const std::vector<Package> catalogue = ReadCatalogue(input);
  ASSERT_EQ(catalogue.size(), 2);
  EXPECT_EQ(catalogue[0].name, "cutter");
  EXPECT_EQ(catalogue[0].section, "video");
  EXPECT_EQ(catalogue[0].priority, "optional");
  EXPECT_EQ(catalogue[0].installed_size_kib, 120);
  EXPECT_EQ(catalogue[0].summary, "cuts films");
  EXPECT_EQ(catalogue[0].details, "In place. Fast. ");
  EXPECT_THAT(catalogue[0].tag_words, ElementsAre("editing", "video"));
  EXPECT_EQ(catalogue[1].name, "bare");
  EXPECT_EQ(catalogue[1].installed_size_kib, std::nullopt);
  EXPECT_EQ(catalogue[1].summary, "nothing else");
}

TEST(Catalogue, HoldOutDependsOnNamesOnly) {
  std::vector<Package> forwards = Sample(), backwards(forwards.rbegin(), forwards.rend());
  ASSERT_EQ(forwards.size(), 200);
  std::vector<Package> a = HoldOut(forwards, 20), b = HoldOut(backwards, 20);
  ASSERT_EQ(a.size(), 20);
  EXPECT_EQ(forwards.size(), 180);
  for (size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].name, b[a.size() - 1 - i].name);
  for (const Package& held : a) {
    for (const Package& row : forwards) EXPECT_NE(held.name, row.name);
  }
  EXPECT_EQ(HoldOut(forwards, 1000).size(), 180);
  EXPECT_TRUE(forwards.empty());
}

TEST(Features, WordsLoseEndingsAndStopWords) {
  EXPECT_THAT(Words("Editing the videos, with an EDITOR!"), ElementsAre("edit", "video", "edit"));
  EXPECT_THAT(Words("running libraries"), ElementsAre("run", "library"));
  EXPECT_THAT(Words("a of ; -"), ElementsAre());
}

TEST(Features, EachTermOnceInOrder) {
  const std::vector<Feature> features = FeaturesOfText("video of video of video");
  ASSERT_EQ(features.size(), 2);  // the word and the pair "video video"
  EXPECT_LT(features[0].term, features[1].term);
  EXPECT_EQ(FeaturesOfText("").size(), 0);
}

TEST(Subspace, FindsTheDirectionsOfASmallMatrix) {
  // Rows along e0 and along e1 + e2; rank 2, so the third column of the basis is zero.
  const SparseMatrix matrix({{{0, 3}}, {{0, 2}}, {{1, 1}, {2, 1}}}, 3);
  const std::vector<float> basis = LeadingSubspace(matrix, 3, 4, 2);
  const auto norm_of_image = [&](std::vector<float> x) {
    double sum = 0;
    for (int j = 0; j < 3; ++j) {
      const double dot = x[0] * basis[j] + x[1] * basis[3 + j] + x[2] * basis[6 + j];
      sum += dot * dot;
    }
    return sum;
  };
  EXPECT_NEAR(norm_of_image({1, 0, 0}), 1, 1e-4);
  EXPECT_NEAR(norm_of_image({0, 1, 1}), 2, 1e-4);
  EXPECT_NEAR(norm_of_image({0, 1, -1}), 0, 1e-4);
}

TEST(TextModel, SameBytesForAnyNumberOfThreads) {
  const std::vector<Package> catalogue = Sample();
  const std::string rows = RowsOf(catalogue, FitSample(catalogue, 1));
  EXPECT_EQ(rows, RowsOf(catalogue, FitSample(catalogue, 1)));
  EXPECT_EQ(rows, RowsOf(catalogue, FitSample(catalogue, 2)));
  EXPECT_EQ(rows, RowsOf(catalogue, FitSample(catalogue, 5)));
}

TEST(TextModel, RelatedTextsAreNearer) {
  const TextModel model = FitSample(Sample(), 2);
  EXPECT_GT(Cosine(model, "edit video files", "movie editor"),
            Cosine(model, "edit video files", "chess opponent"));
  EXPECT_GT(Cosine(model, "play chess", "chess engine with an opening book"),
            Cosine(model, "play chess", "mail server that filters spam"));
}

TEST(TextModel, UnknownWordsHaveNoVector) {
  EXPECT_EQ(FitSample(Sample(), 1).Embed(FeaturesOfText("zyzzyva")), std::nullopt);
  EXPECT_EQ(FitSample({}, 1).Embed(FeaturesOfText("video")), std::nullopt);
}

TEST(TextModel, SavedAndLoadedEmbedsTheSame) {
  const TextModel model = FitSample(Sample(), 2);
  const TempFile file;
  ASSERT_EQ(model.Save(file.path()), "");
  TextModel loaded;
  ASSERT_EQ(loaded.Load(file.path()), "");
  EXPECT_EQ(loaded.Embed(FeaturesOfText("edit video files")),
            model.Embed(FeaturesOfText("edit video files")));
}

TEST(TextModel, DamagedModelIsRefused) {
  const TempFile file;
  ASSERT_EQ(FitSample(Sample(), 1).Save(file.path()), "");
  TextModel loaded;
  EXPECT_THAT(loaded.Load(file.path() + ".missing"), testing::HasSubstr("cannot open"));
  std::filesystem::resize_file(file.path(), std::filesystem::file_size(file.path()) - 1);
  EXPECT_THAT(loaded.Load(file.path()), testing::HasSubstr("not a model"));
  std::ofstream(file.path()) << "something else";
  EXPECT_THAT(loaded.Load(file.path()), testing::HasSubstr("not a model"));
}

TEST(Rows, AreJsonWithTheTableColumns) {
  Package package{.name = "quo\"te",
                  .section = "net",
                  .priority = "extra",
                  .installed_size_kib = 7,
                  .summary = "bad \xff byte",
                  .details = {},
                  .tag_words = {}};
  Embedding embedding{};
  embedding[0] = 0.123456F;
  embedding[1] = -0.5F;
  embedding[2] = -0.000001F;
  embedding[3] = 1;
  const auto row = nlohmann::json::parse(RowJson(package, embedding));
  EXPECT_EQ(row["name"], "quo\"te");
  EXPECT_EQ(row["installed_size"], 7);
  EXPECT_EQ(row["description"], "bad \xEF\xBF\xBD byte");
  EXPECT_EQ(row["embedding"].size(), kDim);
  EXPECT_TRUE(VectorJson(embedding).starts_with("[0.12346,-0.50000,0.00000,1.00000,0.00000,"));
  package.installed_size_kib.reset();
  const auto empty = nlohmann::json::parse(RowJson(package, std::nullopt));
  EXPECT_TRUE(empty["installed_size"].is_null());
  EXPECT_TRUE(empty["embedding"].is_null());
}

}  // namespace
}  // namespace packages
