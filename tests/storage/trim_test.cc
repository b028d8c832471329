#include <algorithm>

#include "gmock/gmock.h"
#include "tests/storage/shard_fixture.h"

namespace ordinate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class TrimTest : public ShardFixture {
 protected:
  /// Whether changes are left that may go.
  bool Trim(uint64_t up_to, std::vector<uint64_t> pinned = {}, size_t max_changes = 1'000) {
    const auto more = rows().TrimChanges(
        up_to, {.table_id = 1, .track_changes = true, .pinned = std::move(pinned)}, max_changes);
    EXPECT_TRUE(more.ok()) << more.status();
    return more.ok() && *more;
  }

  /// The rows of the changes that are kept, in order.
  std::vector<RowId> Changed() {
    std::vector<RowId> ids;
    EXPECT_EQ(rows().ReadChanges(nullptr, 1, 0,
                                 [&](const Change& change) {
                                   ids.push_back(change.row_id);
                                   return absl::OkStatus();
                                 }),
              absl::OkStatus());
    return ids;
  }
};

TEST_F(TrimTest, ForgetsChangesUpToASequenceWithTheVersionsTheyReplaced) {
  Write({Upsert(1, 7, "a")});
  Write({Upsert(1, 7, "b")}, {1});
  Write({Upsert(1, 8, "c"), Delete(1, 9)});
  ASSERT_EQ(CellsAt(1, 7, 1), "a");
  EXPECT_FALSE(Trim(2));
  EXPECT_THAT(Changed(), ElementsAre(8, 9));
  EXPECT_EQ(CellsAt(1, 7, 1), "-");
  EXPECT_EQ(CellsAt(1, 7), "b");
}

TEST_F(TrimTest, OfALongListTakesAFewChangesAtATimeUntilNoneIsLeft) {
  std::vector<Mutation> request;
  for (RowId row = 0; row < 50; ++row) request.push_back(Upsert(1, row, "one request"));
  Write(request);
  for (RowId row = 50; row < 100; ++row) Write({Upsert(1, row, "one by one")});
  // Steps end within a request too: it may be as long as the list.
  for (size_t left = 100; left > 8;) {
    EXPECT_TRUE(Trim(51, {}, 8));
    left -= 8;
    ASSERT_EQ(Changed().size(), left);
  }
  EXPECT_FALSE(Trim(51, {}, 8));
  EXPECT_THAT(Changed(), IsEmpty());
  Write({Upsert(1, 3, "later")});
  EXPECT_THAT(Changed(), ElementsAre(3));
  EXPECT_FALSE(Trim(52, {}, 8));
  EXPECT_THAT(Changed(), IsEmpty());
}

TEST_F(TrimTest, GoesOnAfterARestart) {
  for (RowId row = 0; row < 20; ++row) Write({Upsert(1, row, "a")});
  EXPECT_TRUE(Trim(20, {}, 7));
  Reopen();
  EXPECT_EQ(Changed().size(), 13u);
  EXPECT_FALSE(Trim(20));
  EXPECT_THAT(Changed(), IsEmpty());
}

// What was built from rows as of an earlier sequence cannot be caught up.
TEST_F(TrimTest, SaysAfterWhichSequenceTheListIsComplete) {
  const auto complete_after = [this] { return *rows().ChangesCompleteAfter(1); };
  for (RowId row = 0; row < 6; ++row) Write({Upsert(1, row, "a"), Upsert(1, row + 10, "a")});
  EXPECT_EQ(complete_after(), 0u);
  EXPECT_TRUE(Trim(6, {}, 3));
  EXPECT_EQ(complete_after(), 2u) << "half of the second request is gone";
  EXPECT_FALSE(Trim(4));
  EXPECT_EQ(complete_after(), 4u);
  Reopen();
  EXPECT_EQ(complete_after(), 4u);
  const LogRecord untracked{.seq = 7, .mutations = {Upsert(1, 3, "b")}};
  ASSERT_EQ(log().Append({&untracked, 1}), absl::OkStatus());
  ASSERT_EQ(rows().Apply({&untracked, 1}, {}, nullptr), absl::OkStatus());
  EXPECT_EQ(complete_after(), 7u) << "nobody noted the change";
  EXPECT_FALSE(Trim(6));
  EXPECT_EQ(complete_after(), 7u) << "nor is it by those before it that go";
  RemoveTable(1);
  EXPECT_EQ(complete_after(), 0u);
}

// A pin keeps the versions it reads, and the changes by which they are found once it is gone.
TEST_F(TrimTest, VersionsOfAPinAreCollectedOnceItIsGone) {
  Write({Upsert(1, 7, "a"), Upsert(1, 8, "x")});
  Write({Upsert(1, 7, "b")}, {1});
  Write({Upsert(1, 7, "c")}, {1, 2});
  EXPECT_FALSE(Trim(3, {1, 2}));
  EXPECT_EQ(CellsAt(1, 7, 1), "a");
  EXPECT_EQ(CellsAt(1, 7, 2), "b");
  EXPECT_FALSE(Trim(3, {2}));
  EXPECT_EQ(CellsAt(1, 7, 1), "-");
  EXPECT_EQ(CellsAt(1, 7, 2), "b");
  EXPECT_FALSE(Trim(3));
  EXPECT_EQ(CellsAt(1, 7, 2), "-");
  EXPECT_EQ(CellsAt(1, 7), "c");
  EXPECT_EQ(CellsAt(1, 8), "x");
  EXPECT_THAT(Changed(), IsEmpty());
}

}  // namespace
}  // namespace ordinate
