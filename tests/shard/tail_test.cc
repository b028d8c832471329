#include "engine/segment/tail.h"

#include <deque>
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
  static std::deque<float> kept;  // until Put has copied it
  row.vector = {&kept.emplace_back(static_cast<float>(version)), 1};
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
  Tail tail(1);
  tail.Put(MakeRow(1, 10));
  tail.Put(MakeRow(2, 11));
  EXPECT_EQ(LiveVersions(tail.Share()), (std::vector<uint64_t>{}));
  tail.ShowAll();
  const Tail::View before = tail.Share();
  tail.Put(MakeRow(1, 12));
  tail.Mask(2);
  for (uint64_t i = 0; i < 2 * Tail::kChunkRows; ++i) tail.Put(MakeRow(100 + i, 20 + i));
  EXPECT_EQ(LiveVersions(before), (std::vector<uint64_t>{10, 11}));
  EXPECT_EQ(LiveVersions(tail.Share()), (std::vector<uint64_t>{10})) << "until it is shown";
  tail.ShowAll();
  EXPECT_EQ(LiveVersions(tail.Share()).size(), 1 + 2 * Tail::kChunkRows);
}

TEST(Tail, ADeletedRowIsGoneFromBothStates) {
  Tail tail(1);
  tail.Put(MakeRow(1, 10));
  tail.Put(MakeRow(2, 11));
  tail.ShowAll();
  tail.Put(MakeRow(1, 12));
  tail.Supersede(2);
  EXPECT_EQ(tail.shown(), 2u);
  EXPECT_EQ(tail.current(RowClass::kVector), 0u);
  tail.Mask(1);
  tail.Mask(2);
  EXPECT_EQ(tail.shown(), 0u);
  tail.ShowAll();
  EXPECT_EQ(tail.shown(), 0u);
  EXPECT_EQ(tail.current(RowClass::kVector), 0u);
}

TEST(Tail, APartKeepsBothStates) {
  Tail tail(1);
  for (uint64_t i = 1; i <= 4; ++i) tail.Put(MakeRow(i, i));
  tail.ShowAll();
  tail.Put(MakeRow(3, 5));
  tail.Put(MakeRow(9, 6));
  Tail part = tail.From(2);
  EXPECT_EQ(LiveVersions(part.Share()), (std::vector<uint64_t>{3, 4}));
  EXPECT_EQ(part.current(RowClass::kVector), 1u);
  part.ShowAll();
  EXPECT_EQ(LiveVersions(part.Share()), (std::vector<uint64_t>{4, 5, 6}));
}

// Versions that are shown one after the other, as newer ones wait.
TEST(Tail, ARowIsShownInAVersionThatIsNotTheNewest) {
  Tail tail(1);
  tail.Put(MakeRow(1, 10));
  tail.ShowAll();
  tail.Supersede(1);  // by 11 and 12
  tail.Hide(1);
  tail.Put(MakeRow(1, 11));
  tail.ShowSlots();
  tail.Supersede(1);  // by 12
  EXPECT_EQ(LiveVersions(tail.Share()), (std::vector<uint64_t>{11}));
  EXPECT_EQ(tail.current(RowClass::kVector), 0u);
  tail.Hide(1);
  tail.Put(MakeRow(1, 12));
  tail.ShowSlots();
  EXPECT_EQ(LiveVersions(tail.Share()), (std::vector<uint64_t>{12}));
  EXPECT_EQ(tail.current(RowClass::kVector), 1u);
}

TEST(Tail, NewerThanKeepsLiveRowsOfLaterVersions) {
  Tail tail(1);
  for (uint64_t i = 1; i <= 10; ++i) tail.Put(MakeRow(i, i));
  tail.Mask(9);
  tail.ShowAll();
  Tail newer = tail.NewerThan(7);
  EXPECT_EQ(LiveVersions(newer.Share()), (std::vector<uint64_t>{8, 10}));
  EXPECT_EQ(newer.shown(), 2u);
  newer.Mask(8);
  newer.Mask(1);
  EXPECT_EQ(newer.shown(), 1u);
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

// What a copy is told does not reach what it was copied from, nor what is published of that.
TEST(TombstonesTest, ACopyIsItsOwn) {
  Tombstones live(10'000);
  live.Set(3);
  const Tombstones published = live.Share();
  live.Set(4);
  Tombstones copy = live;
  copy.Set(5);
  copy.Set(9'000);
  EXPECT_FALSE(live.Test(5));
  EXPECT_FALSE(live.Test(9'000));
  EXPECT_EQ(live.count(), 2u);
  EXPECT_TRUE(live.Set(5));
  EXPECT_FALSE(published.Test(4));
  EXPECT_EQ(copy.count(), 4u);
}

}  // namespace
}  // namespace ordinate
