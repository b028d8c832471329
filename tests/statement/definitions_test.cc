#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "service/statement/parser.h"
#include "service/statement/show_create.h"
#include "service/statement/translate.h"
#include "storage/base/text.h"
#include "tests/statement/read.h"

namespace ordinate::statement {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TableDef Table(std::string_view text) { return Accepted(ToTable(Read<CreateTable>(text))); }
std::string TableRefusal(std::string_view text) {
  return RefusalOf(ToTable(Read<CreateTable>(text)));
}

TEST(ToTable, GivesEachColumnTheRoleOfItsType) {
  const TableDef table = Table(
      "CREATE TABLE docs (id INT64 PRIMARY KEY, body VECTOR(3) NOT NULL, any VECTOR, price DOUBLE, "
      "raw BYTES PAYLOAD, extra JSON)");
  EXPECT_EQ(table.name, "docs");
  EXPECT_THAT(table.columns,
              ElementsAre(ColumnDef{0, "id", ColumnRole::kKey, DataType::kInt64, false, 0},
                          ColumnDef{0, "body", ColumnRole::kVector, DataType::kVector, false, 3},
                          ColumnDef{0, "any", ColumnRole::kVector, DataType::kVector, true, 0},
                          ColumnDef{0, "price", ColumnRole::kAttribute, DataType::kDouble, true, 0},
                          ColumnDef{0, "raw", ColumnRole::kPayload, DataType::kBytes, true, 0},
                          ColumnDef{0, "extra", ColumnRole::kPayload, DataType::kJson, true, 0}));
  EXPECT_THAT(table.key, ElementsAre(0));
  EXPECT_TRUE(ValidateTable(table).ok());
}

TEST(ToTable, KeepsTheOrderOfTheKey) {
  EXPECT_THAT(Table("CREATE TABLE t (a INT64, b STRING, PRIMARY KEY (b, a))").key,
              ElementsAre(1, 0));
  EXPECT_THAT(Table("CREATE TABLE t (a INT64)").key, ElementsAre());
}

TEST(ToTable, NamesTheCulprit) {
  EXPECT_THAT(TableRefusal("CREATE TABLE t (a INT64 PRIMARY KEY, b INT64 PRIMARY KEY)"),
              HasSubstr("table \"t\" has more than one PRIMARY KEY"));
  EXPECT_THAT(TableRefusal("CREATE TABLE t (a INT64 PRIMARY KEY, b INT64, PRIMARY KEY (b))"),
              HasSubstr("more than one PRIMARY KEY"));
  EXPECT_EQ(TableRefusal("CREATE TABLE t (a INT64, PRIMARY KEY (c))"),
            "PRIMARY KEY names column \"c\", which table \"t\" does not have");
  EXPECT_EQ(TableRefusal("CREATE TABLE t (a INT64 PAYLOAD)"),
            "column \"a\" is of type INT64; only BYTES and JSON are PAYLOAD");
}

NewIndex Index(const std::string& options) {
  return Accepted(ToIndex(Read<CreateIndex>("CREATE VECTOR INDEX i ON t(v)" + options)));
}
std::string IndexRefusal(const std::string& options) {
  return RefusalOf(ToIndex(Read<CreateIndex>("CREATE VECTOR INDEX i ON t(v) WITH " + options)));
}

// contract 6.1
TEST(ToIndex, ReadsEveryOption) {
  const NewIndex made = Index(
      " USING hnsw WITH (metric='cosine', dim=3, mode=batched, m=8, ef_build=100, ef_search=50, "
      "dim_policy='SKIP', quantization='sq8', batch_rows=7, batch_interval='1.5s', "
      "max_lag_rows=9)");
  IndexDef index;
  index.name = "i";
  index.engine = Engine::kHnsw;
  index.metric = Metric::kCosine;
  index.dim = 3;
  index.m = 8;
  index.ef_build = 100;
  index.ef_search = 50;
  index.mode = FreshnessMode::kBatched;
  index.dim_policy = DimPolicy::kSkip;
  index.quantization = Quantization::kSq8;
  index.batch_rows = 7;
  index.batch_interval_micros = 1'500'000;
  index.max_lag_rows = 9;
  EXPECT_EQ(made.index, index);
  EXPECT_EQ(made.table, "t");
  EXPECT_EQ(made.column, "v");
  EXPECT_EQ(made.given.size(), 11);
}

TEST(ToIndex, LeavesToTheServerWhatIsNotGiven) {
  const NewIndex made = Index("");
  EXPECT_EQ(made.index.engine, Engine::kHnsw);
  EXPECT_EQ(made.index.dim, 0);
  EXPECT_EQ(made.index.m, 0);
  EXPECT_EQ(made.index.ef_build, 0);
  EXPECT_EQ(made.index.mode, FreshnessMode::kImmediate);
  EXPECT_TRUE(made.given.empty());
}

TEST(ToIndex, RefusesOptionsByName) {
  EXPECT_EQ(IndexRefusal("(links = 3)"),
            "there is no option \"links\"; expected one of metric, dim, mode, m, ef_build, "
            "ef_search, dim_policy, quantization, batch_rows, batch_interval, max_lag_rows, "
            "rebuild_interval");
  EXPECT_THAT(IndexRefusal("(m = 8, M = 8)"), HasSubstr("option m is given twice; expected each"));
  EXPECT_EQ(IndexRefusal("(m = 3)"), "option m is 3; expected a whole number from 4 to 128");
  EXPECT_EQ(IndexRefusal("(m = 129)"), "option m is 129; expected a whole number from 4 to 128");
  EXPECT_EQ(IndexRefusal("(m = '8')"), "option m is \"8\"; expected a whole number from 4 to 128");
  EXPECT_EQ(IndexRefusal("(dim = -1)"),
            "option dim is -1; expected a whole number from 1 to 16384");
  EXPECT_THAT(IndexRefusal("(dim = 18446744073709551615)"), HasSubstr("from 1 to 16384"));
  EXPECT_THAT(IndexRefusal("(dim = 2.5)"), HasSubstr("option dim is 2.5"));
  EXPECT_EQ(IndexRefusal("(metric = dot)"),
            "option metric is \"dot\"; expected one of L2, COSINE, IP");
  EXPECT_THAT(IndexRefusal("(mode = 3)"), HasSubstr("IMMEDIATE, BATCHED, ASYNC, REBUILD_ONLY"));
  EXPECT_EQ(IndexRefusal("(batch_interval = 5)"),
            "option batch_interval is 5; expected a duration such as '250ms' or '5s'");
  EXPECT_EQ(IndexRefusal("(batch_interval = '25h')"),
            "option batch_interval is \"25h\"; expected 1ms to 24h, in whole microseconds");
  EXPECT_THAT(IndexRefusal("(batch_interval = '999us')"), HasSubstr("expected 1ms to 24h"));
  EXPECT_THAT(IndexRefusal("(batch_interval = '1000.5us')"), HasSubstr("whole microseconds"));
  EXPECT_THAT(IndexRefusal("(batch_interval = 'inf')"), HasSubstr("expected 1ms to 24h"));
}

TEST(ToChange, ChangesWhatIsGivenOnly) {
  const IndexChange change = Accepted(
      ToChange(Read<AlterIndex>("ALTER VECTOR INDEX i SET MODE ASYNC WITH (max_lag_rows = 5)")));
  EXPECT_EQ(change.index, "i");
  IndexDef current;
  current.m = 99;
  current.batch_rows = 77;
  const IndexDef changed = Apply(change, current);
  current.mode = FreshnessMode::kAsync;
  current.max_lag_rows = 5;
  EXPECT_EQ(changed, current);
}

// contract 6.1
TEST(ToChange, ChangesWhatABuildMakesGood) {
  const IndexChange change = Accepted(ToChange(
      Read<AlterIndex>("ALTER VECTOR INDEX i SET (m = 32, ef_build = 9, quantization = sq8)")));
  const IndexDef changed = Apply(change, IndexDef());
  IndexDef expected;
  expected.m = 32;
  expected.ef_build = 9;
  expected.quantization = Quantization::kSq8;
  EXPECT_EQ(changed, expected);
}

TEST(ToChange, RefusesWhatAnIndexIs) {
  const auto refusal = [](std::string_view text) {
    return RefusalOf(ToChange(Read<AlterIndex>(text)));
  };
  EXPECT_EQ(refusal("ALTER VECTOR INDEX i SET (metric = ip)"),
            "option metric is what the index is, and set by CREATE only; ALTER takes mode, m, "
            "ef_build, ef_search, dim_policy, quantization, batch_rows, batch_interval, "
            "max_lag_rows, rebuild_interval");
  EXPECT_THAT(refusal("ALTER VECTOR INDEX i SET (dim = 3)"), HasSubstr("set by CREATE only"));
  EXPECT_THAT(refusal("ALTER VECTOR INDEX i SET (m = 3)"), HasSubstr("from 4 to 128"));
  EXPECT_THAT(refusal("ALTER VECTOR INDEX i SET MODE ASYNC WITH (mode = async)"),
              HasSubstr("option mode is given twice"));
  EXPECT_THAT(refusal("ALTER VECTOR INDEX i SET (x = 1)"),
              HasSubstr("there is no option \"x\"; expected one of mode, m, ef_build"));
}

// contract 6.2
TEST(ToGate, HasWhatIsGivenAndDefaults) {
  const auto gate = [](std::string_view options) {
    return ToGate(Read<RebuildIndex>(Concat("REBUILD VECTOR INDEX i", options)));
  };
  EXPECT_EQ(Accepted(gate("")), std::nullopt);
  const auto least = Accepted(gate(" WITH (min_recall = 0.9)"));
  ASSERT_TRUE(least.has_value());
  EXPECT_EQ(least->min_recall, 0.9);
  EXPECT_EQ(least->k, RebuildGate().k);
  EXPECT_EQ(least->samples, RebuildGate().samples);
  const auto whole = Accepted(gate(" WITH (K = 5, MIN_RECALL = 1, samples = 77)"));
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ(whole->min_recall, 1);
  EXPECT_EQ(whole->k, 5u);
  EXPECT_EQ(whole->samples, 77u);
  const auto refusal = [&](std::string_view options) { return RefusalOf(gate(options)); };
  EXPECT_THAT(refusal(" WITH (k = 5)"), HasSubstr("option min_recall is missing"));
  EXPECT_THAT(refusal(" WITH (min_recall = 'x')"),
              HasSubstr("min_recall is \"x\"; expected a number"));
  EXPECT_THAT(refusal(" WITH (min_recall = 0.9, k = 0.5)"), HasSubstr("expected a whole number"));
  EXPECT_THAT(refusal(" WITH (min_recall = 0.9, k = -1)"), HasSubstr("expected a whole number"));
  EXPECT_THAT(refusal(" WITH (min_recall = 0.9, k = 5000000000)"),
              HasSubstr("expected a whole number"));
  EXPECT_THAT(refusal(" WITH (min_recall = 0.9, min_recall = 0.8)"), HasSubstr("given twice"));
  EXPECT_THAT(refusal(" WITH (m = 16)"), HasSubstr("REBUILD has no option \"m\""));
}

// contract 3.2
TEST(ToSettings, ChecksNamesAndRanges) {
  EXPECT_THAT(Accepted(ToSettings(Read<Set>("SET vector.preselect_alpha = 8"))),
              ElementsAre(testing::Pair("vector.preselect_alpha", "8")));
  EXPECT_THAT(RefusalOf(ToSettings(Read<Set>("SET vector.preselect_alpha = 800"))),
              HasSubstr("from 1 to 100"));
  EXPECT_THAT(RefusalOf(ToSettings(Read<Set>("SET alpha = 8"))),
              HasSubstr("there is no setting \"alpha\"; expected one of vector.preselect_alpha"));
}

// contract 6.1: the text creates the same again, mode included.
TEST(ShowCreate, WritesWhatCreatesTheSame) {
  const std::string_view docs =
      "CREATE TABLE docs (\n"
      "  id INT64 PRIMARY KEY,\n"
      "  body VECTOR(3) NOT NULL,\n"
      "  any VECTOR,\n"
      "  \"order\" STRING,\n"
      "  raw BYTES PAYLOAD NOT NULL\n"
      ")";
  TableDef table = Table(docs);
  EXPECT_EQ(ShowCreateText(table), docs);
  const std::string_view pairs =
      "CREATE TABLE \"a-b\" (\n"
      "  a INT64,\n"
      "  b STRING,\n"
      "  PRIMARY KEY (b, a)\n"
      ")";
  EXPECT_EQ(ShowCreateText(Table(pairs)), pairs);

  table.columns[1].id = 2;
  IndexDef index;
  index.name = "i.1";
  index.column_id = 2;
  index.dim = 3;
  index.mode = FreshnessMode::kBatched;
  EXPECT_EQ(
      ShowCreateText(index, table),
      "CREATE VECTOR INDEX \"i.1\" ON docs(body) USING hnsw WITH (metric = 'l2', dim = 3, "
      "mode = 'batched', m = 16, ef_build = 200, dim_policy = 'error', quantization = 'none', "
      "batch_rows = 1000, batch_interval = '1s')");
}

// contract 6.1: what has no effect is refused by name.
TEST(Definitions, AFlatIndexHasNoGraphOptions) {
  for (const char* option : {"m=8", "ef_build=100", "ef_search=50"}) {
    const auto statement =
        ParseStatement(Concat("CREATE VECTOR INDEX i ON t(v) USING flat WITH (", option, ")"));
    ASSERT_TRUE(statement.ok()) << statement.status();
    const auto index = ToIndex(std::get<CreateIndex>(*statement));
    EXPECT_TRUE(absl::IsInvalidArgument(index.status()));
    EXPECT_NE(index.status().message().find("does not apply to FLAT"), std::string::npos)
        << index.status();
  }
}

class RandomDefinitions : public testing::Test {
 protected:
  RandomDefinitions() : seed_(std::random_device()()), random_(seed_) {}

  uint64_t Below(uint64_t end) { return random_() % end; }
  uint64_t Between(uint64_t low, uint64_t high) { return low + random_() % (high - low + 1); }
  std::string Name(size_t number) {
    constexpr std::string_view kNames[] = {"a", "Order",   "x-y",     "x.y",
                                           "_", "selects", "primary", "Null"};
    return std::string(kNames[Below(std::size(kNames))]) + (Below(2) == 0 ? "" : "z") +
           (number == 0 ? "" : std::to_string(number));
  }
  ColumnDef Column(size_t number) {
    constexpr DataType kTypes[] = {DataType::kBool,   DataType::kInt64,     DataType::kDouble,
                                   DataType::kString, DataType::kTimestamp, DataType::kVector,
                                   DataType::kBytes,  DataType::kJson};
    ColumnDef column;
    column.name = Name(number);
    column.type = kTypes[Below(std::size(kTypes))];
    column.nullable = Below(2) == 0;
    if (column.type == DataType::kVector) {
      column.role = ColumnRole::kVector;
      column.dim = static_cast<uint32_t>(Below(2) * Between(1, kMaxDim));
    } else if (column.type == DataType::kBytes || column.type == DataType::kJson) {
      column.role = ColumnRole::kPayload;
    }
    return column;
  }
  TableDef MakeTable() {
    TableDef table;
    table.name = Name(0);
    const size_t columns = Between(1, 9);
    for (size_t i = 1; i <= columns; ++i) table.columns.push_back(Column(i));
    const size_t keys = Below(4);
    for (size_t i = 0; i < keys; ++i) {
      constexpr DataType kKeyTypes[] = {DataType::kInt64, DataType::kUint64, DataType::kString};
      ColumnDef key{.id = 0, .name = Name(columns + 1 + i), .role = ColumnRole::kKey};
      key.type = kKeyTypes[Below(3)];
      key.nullable = false;
      table.key.push_back(static_cast<uint32_t>(table.columns.size()));
      table.columns.push_back(key);
    }
    std::shuffle(table.key.begin(), table.key.end(), random_);
    return table;
  }
  IndexDef MakeIndex() {
    IndexDef index;
    index.name = Name(0);
    index.engine = static_cast<Engine>(Between(1, 2));
    index.metric = static_cast<Metric>(Between(1, 3));
    index.dim = static_cast<uint32_t>(Between(1, kMaxDim));
    index.m = static_cast<uint32_t>(Below(2) * Between(kMinM, kMaxM));
    index.ef_build = static_cast<uint32_t>(Below(2) * Between(kMinEfBuild, kMaxEfBuild));
    index.ef_search = static_cast<uint32_t>(Below(2) * Between(1, kMaxEfSearch));
    if (index.engine == Engine::kFlat) index.m = index.ef_build = index.ef_search = 0;
    index.mode = static_cast<FreshnessMode>(Between(1, 4));
    index.dim_policy = static_cast<DimPolicy>(Between(1, 2));
    index.quantization = static_cast<Quantization>(Between(1, 2));
    if (Below(2) == 0) index.batch_rows = Between(1, kMaxBatchRows);
    if (Below(2) == 0) {
      const uint64_t span = Below(2) == 0 ? kMaxBatchIntervalMicros : 10'000'000;
      index.batch_interval_micros = Between(kMinBatchIntervalMicros, span);
    }
    if (Below(2) == 0) index.max_lag_rows = Between(1, kMaxLagRows);
    if (Below(2) == 0) {
      index.rebuild_interval_micros = Between(kMinRebuildIntervalMicros, kMaxRebuildIntervalMicros);
    }
    return index;
  }

  const uint32_t seed_;
  std::mt19937_64 random_;
};

TEST_F(RandomDefinitions, ComeBackFromTheirText) {
  SCOPED_TRACE(testing::Message() << "seed " << seed_);
  for (int round = 0; round < 2'000; ++round) {
    const TableDef table = MakeTable();
    ASSERT_TRUE(ValidateTable(table).ok()) << ValidateTable(table);
    const std::string text = ShowCreateText(table);
    ASSERT_EQ(Table(text), table) << text;
    ASSERT_EQ(ShowCreateText(Table(text)), text);

    const IndexDef index = MakeIndex();
    TableDef indexed;
    indexed.name = Name(0);
    indexed.columns.push_back({.id = 0, .name = Name(1)});
    const std::string index_text = ShowCreateText(index, indexed);
    const NewIndex made = Accepted(ToIndex(Read<CreateIndex>(index_text)));
    ASSERT_EQ(made.index, index) << index_text;
    ASSERT_EQ(made.table, indexed.name);
    ASSERT_EQ(made.column, indexed.columns[0].name);
    ASSERT_EQ(ShowCreateText(made.index, indexed), index_text);
  }
}

}  // namespace
}  // namespace ordinate::statement
