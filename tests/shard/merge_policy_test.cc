#include "engine/shard/merge_policy.h"

#include "gmock/gmock.h"

namespace ordinate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr MergePolicy kPolicy{.least_rows = 10, .fanout = 4, .max_segments = 8, .most_dead = 0.25};

std::vector<size_t> Choose(std::vector<SegmentRows> segments) {
  return ChooseMerge(segments, kPolicy);
}

TEST(MergePolicy, FourOfATierBecomeOne) {
  EXPECT_THAT(Choose({{900, 900}, {11, 11}, {12, 12}, {10, 10}}), IsEmpty());
  EXPECT_THAT(Choose({{900, 900}, {11, 11}, {12, 12}, {10, 10}, {13, 13}}),
              ElementsAre(4, 2, 1, 3));
}

TEST(MergePolicy, TooManyBecomeFewer) {
  const auto chosen = Choose({{9'000, 9'000},
                              {2'000, 2'000},
                              {1'900, 1'900},
                              {500, 500},
                              {490, 490},
                              {100, 100},
                              {90, 90},
                              {20, 20},
                              {10, 10}});
  EXPECT_THAT(chosen, ElementsAre(7, 8));
}

// What is smaller holds the newer versions of many of its dead rows.
TEST(MergePolicy, OneThatHasLostAQuarterTakesInWhatIsSmaller) {
  EXPECT_THAT(Choose({{2'000, 2'000}, {751, 1'000}, {20, 20}}), IsEmpty());
  EXPECT_THAT(Choose({{2'000, 2'000}, {750, 1'000}, {20, 20}}), ElementsAre(1, 2));
  EXPECT_THAT(Choose({{2'000, 3'000}, {750, 1'000}, {20, 20}}), ElementsAre(0, 1, 2));
  EXPECT_THAT(Choose({{100, 200}}), ElementsAre(0));
  EXPECT_THAT(Choose({{100, 100}, {4, 9}}), IsEmpty()) << "too small to matter";
}

// A graph is taken over while few of its nodes are gone; rows that are revised keep theirs.
TEST(MergePolicy, OneMayHaveToLoseLess) {
  MergePolicy policy = kPolicy;
  policy.most_gone = 0.08;
  const auto choose = [&policy](std::vector<SegmentRows> segments) {
    return ChooseMerge(segments, policy);
  };
  EXPECT_THAT(choose({{921, 1'000}, {20, 20}}), IsEmpty());
  EXPECT_THAT(choose({{920, 1'000}, {20, 20}}), ElementsAre(0, 1));
  EXPECT_THAT(choose({{1'000, 1'000, 249}, {20, 20}}), IsEmpty());
  EXPECT_THAT(choose({{1'000, 1'000, 250}, {20, 20}}), ElementsAre(0, 1));
}

}  // namespace
}  // namespace ordinate
