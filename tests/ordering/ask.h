#pragma once

#include <bit>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "service/front/query_stream.h"
#include "tests/parity/dataset.h"

namespace ordinate {

using Answer = std::vector<std::pair<RowId, std::optional<double>>>;

inline void Append(const std::vector<RankedRow>& rows, Answer& answer) {
  for (const RankedRow& row : rows) answer.emplace_back(row.id, row.score);
}

inline QueryResult AskFor(Front& front, const QueryRequest& request) {
  const CallContext context;
  auto result = front.Query(request, context);
  EXPECT_TRUE(result.ok()) << result.status();
  return result.ok() ? *std::move(result) : QueryResult();
}

inline Answer Ask(Front& front, const QueryRequest& request) {
  Answer answer;
  Append(AskFor(front, request).ranked, answer);
  return answer;
}

/// All pages, by tokens. `pages`, when not null, is told how many there were.
inline Answer AskPages(Front& front, QueryRequest request, size_t most_rows,
                       size_t* pages = nullptr) {
  Answer answer;
  request.paged = true;
  for (size_t page = 1;; ++page) {
    const QueryResult result = AskFor(front, request);
    Append(result.ranked, answer);
    if (pages != nullptr) *pages = page;
    if (result.next_page_token.empty() || answer.size() >= most_rows) return answer;
    request.page_token = result.next_page_token;
  }
}

inline Answer AskStream(Front& front, const QueryRequest& request, StreamOrder order,
                        uint64_t* late = nullptr, Plan* plan = nullptr) {
  const CallContext context;
  Answer answer;
  auto stream = front.OpenStream(request, order, context);
  EXPECT_TRUE(stream.ok()) << stream.status();
  if (!stream.ok()) return answer;
  while (true) {
    const auto page = (*stream)->Next(context);
    EXPECT_TRUE(page.ok()) << page.status();
    if (!page.ok()) return answer;
    EXPECT_EQ(page->ranked.size(), page->rows.size());
    Append(page->ranked, answer);
    if (page->last) break;
  }
  EXPECT_EQ((*stream)->rows_sent(), answer.size());
  if (late != nullptr) *late = (*stream)->rows_late();
  if (plan != nullptr) *plan = (*stream)->plan();
  return answer;
}

/// Row for row: ids, and scores to the bit.
inline void ExpectEqual(const Answer& answer, const std::vector<OracleAnswer>& expected) {
  ASSERT_EQ(answer.size(), expected.size());
  for (size_t i = 0; i < answer.size(); ++i) {
    ASSERT_EQ(answer[i].first, expected[i].id) << "at position " << i;
    ASSERT_EQ(answer[i].second.has_value(), expected[i].score.has_value()) << "at position " << i;
    if (!expected[i].score.has_value()) continue;
    ASSERT_EQ(std::bit_cast<uint64_t>(*answer[i].second),
              std::bit_cast<uint64_t>(*expected[i].score))
        << "at position " << i << ": " << *answer[i].second << " and " << *expected[i].score;
  }
}

inline IndexInfo MakeIndex(Node& node, const std::string& name, Engine engine, Metric metric,
                           Quantization quantization = Quantization::kNone) {
  IndexDef index;
  index.name = name;
  index.engine = engine;
  index.metric = metric;
  index.quantization = quantization;
  const auto created = node.front().CreateIndex("items", "v", index);
  EXPECT_TRUE(created.ok()) << created.status();
  IndexInfo info = node.WaitForIndex(name);
  EXPECT_EQ(info.total.state, IndexState::kReady) << info.total.reason;
  return info;
}

}  // namespace ordinate
