// What the applier decides about a write: retries, updates, conditions, filters
// (contract 1.7, 5.1).
#include <future>

#include "gmock/gmock.h"
#include "storage/base/error_details.h"
#include "tests/support/one_shard.h"

namespace ordinate {
namespace {

using ::testing::ElementsAre;

constexpr int64_t kDay = 86'400'000'000;

class WriteRequest : public ::testing::Test {
 protected:
  static ShardWrite Named(const std::string& id, std::vector<RowWrite> rows, uint64_t print = 1) {
    return {.rows = std::move(rows), .request_id = id, .fingerprint = print, .first = true};
  }
  static RowWrite Gone(int64_t id) {
    return {.kind = Mutation::Kind::kDelete, .preferred_id = static_cast<RowId>(id)};
  }
  /// An update of the columns at `columns`.
  static RowWrite Change(int64_t id, std::vector<uint32_t> columns, Vector v, std::string data) {
    RowWrite row;
    row.preferred_id = static_cast<RowId>(id);
    row.partial = true;
    row.columns = std::move(columns);
    row.cells = {Value(), v.empty() ? Value() : Value(std::move(v)),
                 data.empty() ? Value() : Value(std::move(data))};
    return row;
  }
  static RowWrite If(RowWrite row, WriteCondition::Kind kind, uint64_t version = 0) {
    row.condition = {kind, version};
    return row;
  }
  ShardWriteResult Write(ShardWrite write) {
    const auto result = one_.TryWrite(std::move(write));
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *result : ShardWriteResult();
  }
  ShardWriteResult Write(std::vector<RowWrite> rows) { return Write(ShardWrite{.rows = rows}); }
  std::optional<Row> Get(int64_t id) {
    const CallContext context;
    std::optional<Row> row;
    one_.shard().Get(one_.table(), {{.preferred_id = static_cast<RowId>(id)}}, {0, 1, 2}, context,
                     [&](auto found) {
                       ASSERT_TRUE(found.ok()) << found.status();
                       if (!found->empty()) row = found->front().second;
                     });
    return row;
  }
  std::string Data(int64_t id) {
    const auto row = Get(id);
    return row.has_value() ? std::get<std::string>(row->cells[2]) : "-";
  }
  uint64_t Durable() { return one_.shard().GetWatermarks().durable; }

  OneShard one_;
};

TEST_F(WriteRequest, ARetryGetsTheFirstAnswerAndAppliesNothing) {
  const auto first = Write(Named("a", OneShard::Rows(1, 4)));
  Write({Gone(2)});
  const uint64_t durable = Durable();
  for (int round = 0; round < 3; ++round) {
    const auto again = Write(Named("a", OneShard::Rows(1, 4)));
    EXPECT_EQ(again.seq, first.seq);
    EXPECT_EQ(again.row_ids, first.row_ids);
    EXPECT_EQ(again.affected, 3u);
    EXPECT_FALSE(Get(2).has_value());
    EXPECT_EQ(Durable(), durable);
    one_.Close();
    one_.Open();
  }
  one_.AddMicros(kDay + 1'000'000);
  EXPECT_GT(Write(Named("a", OneShard::Rows(1, 4))).seq, durable);
  EXPECT_TRUE(Get(2).has_value());
}

TEST_F(WriteRequest, OtherContentUnderTheSameIdIsRefused) {
  Write(Named("a", OneShard::Rows(1, 2)));
  const auto refused = one_.TryWrite(Named("a", OneShard::Rows(5, 6), 2)).status();
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  ASSERT_EQ(FieldViolations(refused).size(), 1u);
  EXPECT_EQ(FieldViolations(refused)[0].field, "request_id");
  EXPECT_FALSE(Get(5).has_value());
}

TEST_F(WriteRequest, RowIdsThatWereGivenFirstAreKnownToTheFirstShardAlone) {
  ShardWrite write = Named("a", OneShard::Rows(1, 2));
  write.first_row_id = 7;
  Write(write);
  write.first_row_id = 9;
  EXPECT_EQ(Write(write).first_row_id, 7u);
  // Another shard than the first one goes by what the request comes with.
  const uint64_t durable = Durable();
  write.first = false;
  EXPECT_EQ(Write(write).first_row_id, 9u);
  EXPECT_EQ(Durable(), durable + 1);
}

// Both calls wait in the queue: the second is answered from what the first one leaves.
TEST_F(WriteRequest, ARetryThatWaitsInTheSameQueueIsNotAppliedTwice) {
  const CallContext context;
  std::promise<void> waiting, released;
  one_.shard().Write(one_.table(), {.rows = OneShard::Rows(50, 51)}, context, [&](const auto&) {
    waiting.set_value();
    released.get_future().wait();
  });
  waiting.get_future().wait();
  std::promise<absl::StatusOr<ShardWriteResult>> answers[3];
  for (auto& answer : answers) {
    one_.shard().Write(one_.table(), Named("a", OneShard::Rows(1, 3)), context,
                       [&](auto result) { answer.set_value(std::move(result)); });
  }
  released.set_value();
  uint64_t seq = 0;
  for (auto& answer : answers) {
    const auto result = answer.get_future().get();
    ASSERT_TRUE(result.ok()) << result.status();
    if (seq == 0) seq = result->seq;
    EXPECT_EQ(result->seq, seq);
  }
  EXPECT_EQ(Durable(), seq);
}

TEST_F(WriteRequest, AnUpdateKeepsTheOtherColumns) {
  Write(OneShard::Rows(1, 3));
  const auto done =
      Write({Change(1, {2}, {}, "new"), Change(9, {2}, {}, "none"), Change(2, {1}, {5, 5}, "")});
  EXPECT_EQ(done.affected, 2u);
  EXPECT_THAT(done.missing, ElementsAre(1));
  EXPECT_THAT(done.row_ids, ElementsAre(1, 0, 2));
  EXPECT_EQ(Get(1)->cells, (std::vector<Value>{int64_t{1}, Vector{1, 0}, std::string("new")}));
  EXPECT_EQ(Get(1)->version, done.seq);
  EXPECT_EQ(std::get<Vector>(Get(2)->cells[1]), (Vector{5, 5}));
  EXPECT_EQ(Data(2), std::string(400, 'd'));
  EXPECT_FALSE(Get(9).has_value());
  one_.Close();
  one_.Open();
  EXPECT_EQ(Data(1), "new");
}

// Updates of different columns, and a write before them, that are committed together.
TEST_F(WriteRequest, UpdatesOfOneGroupSeeEachOther) {
  one_.CreateIndex(OneShard::Flat(1));
  one_.Settle(1);
  const CallContext context;
  std::promise<void> waiting, released;
  one_.shard().Write(one_.table(), {.rows = OneShard::Rows(50, 51)}, context, [&](const auto&) {
    waiting.set_value();
    released.get_future().wait();
  });
  waiting.get_future().wait();
  std::vector<std::vector<RowWrite>> writes = {OneShard::Rows(1, 3),
                                               {Change(1, {2}, {}, "x")},
                                               {Change(1, {1}, {7, 7}, "")},
                                               {Gone(2)},
                                               {Change(2, {2}, {}, "y")}};
  std::vector<std::promise<absl::StatusOr<ShardWriteResult>>> answers(writes.size());
  for (size_t i = 0; i < writes.size(); ++i) {
    one_.shard().Write(one_.table(), {.rows = writes[i]}, context,
                       [&answers, i](auto result) { answers[i].set_value(std::move(result)); });
  }
  released.set_value();
  for (size_t i = 0; i < writes.size(); ++i) {
    const auto result = answers[i].get_future().get();
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->missing.size(), i == 4 ? 1u : 0u) << i;
  }
  EXPECT_EQ(Get(1)->cells, (std::vector<Value>{int64_t{1}, Vector{7, 7}, std::string("x")}));
  EXPECT_FALSE(Get(2).has_value());
  const auto found = one_.Query(1, {2});
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_EQ(found->rows.size(), 2u);  // 1 and 50
  EXPECT_EQ(found->rows[0].id, 1u);
  EXPECT_EQ(found->rows[0].cells[0], Value(std::string("x")));
}

// contract 1.7, 5.1: all conditions are looked at before anything is applied.
TEST_F(WriteRequest, AConditionThatDoesNotHoldRefusesTheWholeWrite) {
  using Kind = WriteCondition::Kind;
  const uint64_t version = Write(OneShard::Rows(1, 3)).seq;
  const uint64_t durable = Durable();
  const auto refused =
      one_.TryWrite({OneShard::OneRow(8, {8, 8}), If(Change(1, {2}, {}, "x"), Kind::kVersion, 99),
                     If(Gone(2), Kind::kAbsent), If(Gone(3), Kind::kVersion, 4),
                     If(Gone(4), Kind::kExists)})
          .status();
  EXPECT_TRUE(absl::IsAborted(refused)) << refused;
  EXPECT_THAT(
      PreconditionViolations(refused),
      ElementsAre(PreconditionViolation{"ROW_VERSION", "1",
                                        Concat("version ", version, "; expected version 99")},
                  PreconditionViolation{"ROW_VERSION", "2",
                                        Concat("version ", version, "; expected no row")},
                  PreconditionViolation{"ROW_VERSION", "3", "no row; expected version 4"},
                  PreconditionViolation{"ROW_VERSION", "4", "no row; expected a row"}));
  EXPECT_EQ(Durable(), durable);
  EXPECT_FALSE(Get(8).has_value());
  const auto done =
      Write({If(Change(1, {2}, {}, "x"), Kind::kVersion, version), If(Gone(2), Kind::kExists),
             If(OneShard::OneRow(8, {8, 8}), Kind::kAbsent)});
  EXPECT_EQ(done.affected, 3u);
  EXPECT_EQ(Data(1), "x");
  // The version has moved on.
  EXPECT_TRUE(absl::IsAborted(
      one_.TryWrite({If(Change(1, {2}, {}, "y"), Kind::kVersion, version)}).status()));
  EXPECT_EQ(Get(1)->version, done.seq);
}

TEST_F(WriteRequest, ADeleteByFilterSparesWhatDoesNotMatchAnyMore) {
  const uint64_t matched = Write(OneShard::Rows(1, 4)).seq;
  const auto by_filter = [&](int64_t id, const char* text) {
    RowWrite row = Gone(id);
    row.filter = std::make_shared<const Filter>(*BindFilter(*ParseFilter(text), one_.table()));
    row.matched = matched;
    return row;
  };
  Write({OneShard::OneRow(2, {9, 9}), OneShard::OneRow(3, {9, 9})});
  // 1 was not changed: what was found then holds. 2 was, and is looked at again; so is 3.
  const auto done =
      Write({by_filter(1, "id > 100"), by_filter(2, "id = 2"), by_filter(3, "id > 100")});
  EXPECT_EQ(done.affected, 2u);
  EXPECT_FALSE(Get(1).has_value());
  EXPECT_FALSE(Get(2).has_value());
  EXPECT_TRUE(Get(3).has_value());
}

}  // namespace
}  // namespace ordinate
