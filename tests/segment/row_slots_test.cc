#include "engine/segment/row_slots.h"

#include <map>
#include <random>

#include "gtest/gtest.h"

namespace ordinate {
namespace {

using Content = std::map<uint32_t, uint32_t>;

Content ContentOf(const RowSlots& slots, uint32_t first, uint32_t last) {
  Content content;
  uint32_t before = 0;
  slots.ForEach(first, last, [&](uint32_t row, uint32_t slot) {
    EXPECT_TRUE(content.empty() || row > before);
    before = row;
    content[row] = slot;
  });
  return content;
}

TEST(RowSlots, KeepsTheLastSlotOfARow) {
  RowSlots slots(2'000);
  EXPECT_EQ(slots.Get(0), RowSlots::kNone);
  slots.Set(1'024, 7);
  slots.Set(1'024, 0);
  slots.Set(1'999, 5);
  EXPECT_EQ(slots.Get(1'024), 0u);
  EXPECT_EQ(slots.Get(1'023), RowSlots::kNone);
  EXPECT_EQ(slots.count(), 2u);
  EXPECT_EQ(ContentOf(slots, 0, 2'000), (Content{{1'024, 0}, {1'999, 5}}));
  EXPECT_EQ(ContentOf(slots, 1'025, 1'999), Content());
}

TEST(RowSlots, WhatWasSharedNeverChanges) {
  constexpr uint32_t kRows = 3'000;
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 random(seed);
  RowSlots slots(kRows);
  Content model;
  std::vector<std::pair<RowSlots, Content>> shared;
  for (int step = 0; step < 2'000; ++step) {
    const auto row = static_cast<uint32_t>(random() % kRows);
    slots.Set(row, model[row] = static_cast<uint32_t>(random() % 100));
    if (step % 100 == 0) shared.emplace_back(slots.Share(), model);
    if (step % 500 == 0) slots = RowSlots(slots);  // a copy is its own
  }
  shared.emplace_back(std::move(slots), model);
  for (const auto& [copy, content] : shared) {
    EXPECT_EQ(ContentOf(copy, 0, kRows), content);
    EXPECT_EQ(copy.count(), content.size());
    const uint32_t first = 700, last = 2'100;
    EXPECT_EQ(ContentOf(copy, first, last),
              Content(content.lower_bound(first), content.lower_bound(last)));
  }
}

}  // namespace
}  // namespace ordinate
