#include "engine/index/link_draft.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace ordinate {
namespace {

constexpr uint32_t kM = 4;

std::vector<uint32_t> LinksOf(LinkDraft& draft, uint32_t node, uint32_t level) {
  std::vector<uint32_t> links;
  draft.ForEach(node, level, [&](uint32_t link) { links.push_back(link); });
  return links;
}

// Of a full list.
void KeepNone(std::vector<Candidate>& all) { all.clear(); }

TEST(LinkDraft, AddsUntilAListIsFullAndThenThinsItOut) {
  LinkDraft draft(kM, {0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
  std::vector<Candidate> scratch;
  const std::vector<Candidate> first = {{1.0f, 3}, {5.0f, 4}};
  draft.Set(0, 0, first, /*spread=*/1);
  const auto unwanted = [](std::vector<Candidate>&) { FAIL() << "the list is not full"; };
  for (uint32_t node = 5; node <= 10; ++node) {
    draft.Add(0, 0, Candidate(4.0f, node), scratch, unwanted);
  }
  EXPECT_EQ(LinksOf(draft, 0, 0), (std::vector<uint32_t>{3, 4, 5, 6, 7, 8, 9, 10}));
  draft.Add(0, 0, Candidate(0.5f, 11), scratch, [](std::vector<Candidate>& all) {
    ASSERT_EQ(all.size(), 9u);
    EXPECT_TRUE(std::ranges::is_sorted(all, {}, &Candidate::distance));
    for (const Candidate link : all) EXPECT_EQ(link.expanded(), link.node() == 3);
    EXPECT_EQ(all[0].node(), 11u);
    EXPECT_EQ(all[0].distance(), 0.5f);
    all.resize(2);
  });
  EXPECT_EQ(LinksOf(draft, 0, 0), (std::vector<uint32_t>{11, 3}));
  EXPECT_TRUE(LinksOf(draft, 1, 0).empty());
}

TEST(LinkDraft, ListsOfLevelsAreApart) {
  LinkDraft draft(kM, {2, 1, 2, 0, 0});
  std::vector<Candidate> scratch;
  EXPECT_EQ(draft.capacity(0), 2 * kM);
  EXPECT_EQ(draft.capacity(1), kM);
  draft.Add(0, 2, Candidate(1.0f, 2), scratch, KeepNone);
  draft.Add(0, 1, Candidate(1.0f, 1), scratch, KeepNone);
  draft.Add(0, 0, Candidate(1.0f, 4), scratch, KeepNone);
  draft.Add(2, 2, Candidate(1.0f, 0), scratch, KeepNone);
  EXPECT_EQ(LinksOf(draft, 0, 0), std::vector<uint32_t>{4});
  EXPECT_EQ(LinksOf(draft, 0, 1), std::vector<uint32_t>{1});
  EXPECT_EQ(LinksOf(draft, 0, 2), std::vector<uint32_t>{2});
  const Graph graph = draft.Finish(2);
  EXPECT_EQ(graph.entry, 2u);
  EXPECT_EQ(graph.max_level, 2u);
  EXPECT_EQ(graph.degree0, 16u);
  EXPECT_EQ(graph.upper_offsets, (std::vector<uint32_t>{0, 2, 3, 5, 5, 5}));
  EXPECT_EQ(graph.links0[0], 4u);
  for (size_t i = 1; i < 16; ++i) EXPECT_EQ(graph.links0[i], 0u);
  EXPECT_EQ(graph.upper_links, (std::vector<uint32_t>{1, 0, 0, 0, 2, 0, 0, 0, 1, 1, 1, 1,  //
                                                      2, 2, 2, 2, 0, 2, 2, 2}));
}

TEST(LinkDraft, NodesThatShareALockKeepTheirOwnLists) {
  LinkDraft draft(kM, std::vector<uint8_t>(10'000, 0));
  std::vector<Candidate> scratch;
  draft.Add(1, 0, Candidate(1.0f, 7), scratch, KeepNone);
  draft.Add(1 + 4096, 0, Candidate(1.0f, 8), scratch, KeepNone);
  EXPECT_EQ(LinksOf(draft, 1, 0), std::vector<uint32_t>{7});
  EXPECT_EQ(LinksOf(draft, 1 + 4096, 0), std::vector<uint32_t>{8});
}

// Meant for ThreadSanitizer, too.
TEST(LinkDraft, ReadersMeetOnlyLinksWhileThreadsWrite) {
  constexpr uint32_t kNodes = 64;
  LinkDraft draft(kM, std::vector<uint8_t>(kNodes, 0));
  std::atomic<bool> done{false};
  std::thread reader([&] {
    while (!done.load()) {
      for (uint32_t node = 0; node < 4; ++node) {
        draft.ForEach(node, 0, [&](uint32_t link) { EXPECT_LT(link, kNodes); });
      }
    }
  });
  const auto write = [&](uint32_t first) {
    std::vector<Candidate> scratch;
    const auto halve = [](std::vector<Candidate>& all) { all.resize(all.size() / 2); };
    for (uint32_t i = 0; i < 20'000; ++i) {
      const uint32_t link = 4 + first + i % 28 * 2;
      draft.Add(i % 4, 0, Candidate(static_cast<float>(i % 13), link), scratch, halve);
    }
  };
  std::thread other(write, 0);
  write(1);
  other.join();
  done.store(true);
  reader.join();
  for (uint32_t node = 0; node < 4; ++node) {
    const size_t links = LinksOf(draft, node, 0).size();
    EXPECT_TRUE(links >= 4 && links <= 8) << links;
  }
}

}  // namespace
}  // namespace ordinate
