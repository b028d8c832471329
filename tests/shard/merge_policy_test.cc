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

// What a merge of the four would insert, that merge soon inserts again.
TEST(MergePolicy, FourWaitForALargerOneThatIsMadeAnewSoon) {
  EXPECT_THAT(Choose({{813, 1'000}, {11, 11}, {12, 12}, {10, 10}, {13, 13}}),
              ElementsAre(4, 2, 1, 3));
  EXPECT_THAT(Choose({{812, 1'000}, {11, 11}, {12, 12}, {10, 10}, {13, 13}}), IsEmpty());
  EXPECT_THAT(Choose({{750, 1'000}, {11, 11}, {12, 12}, {10, 10}, {13, 13}}),
              ElementsAre(0, 4, 2, 1, 3));
}

TEST(MergePolicy, TooManyDoNotWait) {
  EXPECT_THAT(Choose({{812, 1'000},
                      {11, 11},
                      {12, 12},
                      {10, 10},
                      {13, 13},
                      {14, 14},
                      {15, 15},
                      {16, 16},
                      {17, 17}}),
              ElementsAre(8, 7, 6, 5, 4, 2, 1, 3));
}

// Beside a merge of 8,000 rows.
TEST(MergePolicy, WhatIsTooLargeNowLeavesSmallerOnesToBeMerged) {
  MergePolicy policy = kPolicy;
  policy.may_wait = false;
  const auto choose = [&policy](std::vector<SegmentRows> segments) {
    return ChooseMergeUpTo(2'000, segments, policy);
  };
  const SegmentRows small{80, 80};
  EXPECT_THAT(choose({{1'500, 2'000}, small, small, small, small}), ElementsAre(4, 3, 2, 1));
  EXPECT_THAT(choose({{1'620, 2'000}, small, small, small, small}), ElementsAre(4, 3, 2, 1));
  EXPECT_THAT(choose({{1'500, 2'000}, small, small, small}), IsEmpty());
  EXPECT_THAT(choose({{1'500, 1'700}, {75, 100}, {60, 60}}), ElementsAre(1, 2));
  EXPECT_THAT(choose({{700, 700}, {700, 700}, {700, 700}, {700, 700}, small, small, small, small}),
              ElementsAre(7, 6, 5, 4));
  const SegmentRows middle{320, 320}, large{1'280, 1'280};
  EXPECT_THAT(choose({large, large, large, middle, middle, middle, small, small, small, small}),
              ElementsAre(5, 4, 3, 9, 8, 7, 6));
}

// Those that are left as they are count, too.
TEST(MergePolicy, TooManyBecomeFewerBesideALargeOne) {
  const SegmentRows small{80, 80}, middle{700, 700}, large{9'000, 9'000};
  const std::vector<SegmentRows> nine = {large,  large, middle, middle, middle,
                                         middle, small, small,  small};
  EXPECT_THAT(ChooseMergeUpTo(2'000, nine, kPolicy), ElementsAre(7, 6));
  EXPECT_THAT(ChooseMergeUpTo(2'000, std::span(nine).subspan(1), kPolicy), IsEmpty());
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
