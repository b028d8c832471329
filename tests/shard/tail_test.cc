#include "engine/segment/tail.h"

#include <random>
#include <set>

#include "engine/segment/tombstones.h"
#include "gtest/gtest.h"

namespace ordinate {
namespace {

TailRow MakeRow(RowId id, uint64_t version) {
  TailRow row;
  row.id = id;
  row.version = version;
  row.row_class = RowClass::kVector;
  row.vector = {static_cast<float>(version)};
  return row;
}

std::vector<uint64_t> LiveVersions(const Tail::View& view) {
  std::vector<uint64_t> versions;
  for (uint32_t slot = 0; slot < view.size; ++slot) {
    if (view.IsLive(slot)) versions.push_back(view.Row(slot).version);
  }
  return versions;
}

TEST(Tail, APublishedViewNeverChanges) {
  Tail tail;
  tail.Put(MakeRow(1, 10));
  tail.Put(MakeRow(2, 11));
  const Tail::View before = tail.Share();
  tail.Put(MakeRow(1, 12));
  tail.Mask(2);
  for (uint64_t i = 0; i < 2 * Tail::kChunkRows; ++i) tail.Put(MakeRow(100 + i, 20 + i));
  EXPECT_EQ(LiveVersions(before), (std::vector<uint64_t>{10, 11}));
  EXPECT_EQ(LiveVersions(tail.Share()).size(), 1 + 2 * Tail::kChunkRows);
}

TEST(Tail, NewerThanKeepsLiveRowsOfLaterVersions) {
  Tail tail;
  for (uint64_t i = 1; i <= 10; ++i) tail.Put(MakeRow(i, i));
  tail.Mask(9);
  Tail newer = tail.NewerThan(7);
  EXPECT_EQ(LiveVersions(newer.Share()), (std::vector<uint64_t>{8, 10}));
  EXPECT_EQ(newer.live(), 2u);
  EXPECT_TRUE(newer.Mask(8));
  EXPECT_FALSE(newer.Mask(8));
  EXPECT_FALSE(newer.Mask(1));
}

TEST(Tombstones, EqualASetAndLeavePublishedCopiesAlone) {
  constexpr uint64_t kSeed = 7;
  std::mt19937_64 random(kSeed);
  constexpr uint32_t kRows = 20'000;
  Tombstones tombstones(kRows);
  std::set<uint32_t> expected;
  std::vector<std::pair<Tombstones, std::set<uint32_t>>> published;
  for (int i = 0; i < 3'000; ++i) {
    const auto row = static_cast<uint32_t>(random() % kRows);
    ASSERT_EQ(tombstones.Set(row), expected.insert(row).second) << "seed " << kSeed;
    if (i % 300 == 0) published.emplace_back(tombstones.Share(), expected);
  }
  published.emplace_back(tombstones.Share(), expected);
  for (const auto& [copy, rows] : published) {
    ASSERT_EQ(copy.count(), rows.size());
    for (uint32_t row = 0; row < kRows; ++row) {
      ASSERT_EQ(copy.Test(row), rows.count(row) == 1) << "seed " << kSeed;
    }
  }
}

}  // namespace
}  // namespace ordinate
