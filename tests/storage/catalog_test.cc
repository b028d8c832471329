#include "storage/catalog/catalog.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "storage/base/text.h"
#include "storage/catalog/definitions.h"
#include "tests/support/temp_dir.h"

namespace ordinate {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class CatalogTest : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }
  void Reopen() {
    definitions_.reset();
    catalog_.reset();
    auto catalog = OpenRocksCatalog(path(), StoreMode::kCreate);
    ASSERT_TRUE(catalog.ok()) << catalog.status();
    catalog_ = *std::move(catalog);
    auto definitions = Definitions::Load(*catalog_);
    ASSERT_TRUE(definitions.ok()) << definitions.status();
    definitions_ = *std::move(definitions);
  }
  std::string path() const { return directory_.Sub("catalog"); }

  static TableDef Table(const std::string& name) {
    return {.name = name,
            .columns = {
                {.name = "vec", .role = ColumnRole::kVector, .type = DataType::kVector, .dim = 4}}};
  }
  static IndexDef Index(const std::string& name, uint32_t table_id, Engine engine) {
    return {.name = name, .table_id = table_id, .column_id = 1, .engine = engine, .dim = 4};
  }

  TempDir directory_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<Definitions> definitions_;
};

TEST_F(CatalogTest, ComparesAndSets) {
  const uint64_t first = *catalog_->Put("a", "1", 0);
  EXPECT_GT(first, 0u);
  EXPECT_TRUE(absl::IsAborted(catalog_->Put("a", "2", 0).status()));
  const uint64_t second = *catalog_->Put("a", "2", first);
  EXPECT_GT(second, first);
  EXPECT_TRUE(absl::IsAborted(catalog_->Put("a", "3", first).status()));
  EXPECT_TRUE(absl::IsAborted(catalog_->Delete("a", first)));
  Reopen();
  EXPECT_EQ((*catalog_->Get("a"))->value, "2");
  EXPECT_EQ((*catalog_->Get("a"))->revision, second);
  EXPECT_EQ(catalog_->Delete("a", second), absl::OkStatus());
  EXPECT_EQ(*catalog_->Get("a"), std::nullopt);
  // A key written anew never gets a revision it had before.
  EXPECT_GT(*catalog_->Put("a", "4", 0), second);
}

TEST_F(CatalogTest, ListsByPrefix) {
  for (const char* key : {"b/2", "b/1", "a", "b", "c"}) ASSERT_TRUE(catalog_->Put(key, "", 0).ok());
  std::vector<std::string> keys;
  const auto listed = catalog_->List("b/");
  ASSERT_TRUE(listed.ok()) << listed.status();
  for (const auto& entry : *listed) keys.push_back(entry.key);
  EXPECT_THAT(keys, ElementsAre("b/1", "b/2"));
}

TEST_F(CatalogTest, InUseIsNamedAndReadOnlyReads) {
  const absl::Status status = OpenRocksCatalog(path(), StoreMode::kCreate).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(path()));
  ASSERT_TRUE(catalog_->Put("a", "1", 0).ok());
  auto reader = OpenRocksCatalog(path(), StoreMode::kReadOnly);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*(*reader)->Get("a"))->value, "1");
  EXPECT_TRUE(absl::IsFailedPrecondition((*reader)->Put("b", "", 0).status()));
}

TEST_F(CatalogTest, SaysWhichTableIdsWereGiven) {
  EXPECT_EQ(definitions_->Current()->next_table_id, 1u);
  const TableDef t = *definitions_->CreateTable(Table("t"));
  EXPECT_EQ(definitions_->Current()->next_table_id, t.id + 1);
  ASSERT_TRUE(definitions_->DropTable("t").ok());
  Reopen();
  EXPECT_EQ(definitions_->Current()->next_table_id, t.id + 1);
}

TEST_F(CatalogTest, TablesAndIndexesSurviveAndIdsAreNeverReused) {
  const TableDef t = *definitions_->CreateTable(Table("t"));
  EXPECT_TRUE(absl::IsAlreadyExists(definitions_->CreateTable(Table("t")).status()));
  ASSERT_TRUE(definitions_->CreateIndex(Index("flat", t.id, Engine::kFlat)).ok());
  ASSERT_TRUE(definitions_->CreateIndex(Index("z", t.id, Engine::kHnsw)).ok());
  const IndexDef last = *definitions_->CreateIndex(Index("a", t.id, Engine::kHnsw));
  Reopen();
  EXPECT_EQ(*definitions_->Current()->FindTable("t"), t);
  std::vector<std::string> names;
  for (const IndexDef* index : definitions_->Current()->IndexesOf(t.id)) {
    names.push_back(index->name);
  }
  EXPECT_THAT(names, ElementsAre("a", "z", "flat"));  // contract 1.3
  EXPECT_EQ(*definitions_->DropIndex("a"), last);
  EXPECT_GT(definitions_->CreateIndex(Index("a", t.id, Engine::kHnsw))->id, last.id);
  EXPECT_EQ(*definitions_->DropTable("t"), t);
  EXPECT_EQ(definitions_->Current()->indexes.size(), 0u);
  Reopen();
  EXPECT_EQ(definitions_->Current()->tables.size(), 0u);
  EXPECT_GT(definitions_->CreateTable(Table("t"))->id, t.id);
}

TEST_F(CatalogTest, RefusesWhatIsNotThereOrTaken) {
  const TableDef t = *definitions_->CreateTable(Table("t"));
  const TableDef u = *definitions_->CreateTable(Table("u"));
  ASSERT_TRUE(definitions_->CreateIndex(Index("i", t.id, Engine::kFlat)).ok());
  EXPECT_TRUE(
      absl::IsAlreadyExists(definitions_->CreateIndex(Index("i", u.id, Engine::kFlat)).status()));
  EXPECT_TRUE(absl::IsNotFound(definitions_->CreateIndex(Index("j", 99, Engine::kFlat)).status()));
  EXPECT_TRUE(absl::IsNotFound(definitions_->DropTable("none").status()));
  EXPECT_TRUE(absl::IsNotFound(definitions_->DropIndex("none").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(definitions_->CreateTable({.name = "1"}).status()));
}

TEST_F(CatalogTest, LimitsIndexesOfATable) {
  const TableDef t = *definitions_->CreateTable(Table("t"));
  for (size_t i = 0; i < Definitions::kMaxIndexesPerTable; ++i) {
    ASSERT_TRUE(definitions_->CreateIndex(Index(Concat("i", i), t.id, Engine::kFlat)).ok());
  }
  EXPECT_TRUE(absl::IsResourceExhausted(
      definitions_->CreateIndex(Index("more", t.id, Engine::kFlat)).status()));
}

// contract 1.2: ORDINAL ids are assigned once and never reused.
TEST_F(CatalogTest, RowIdsAreNeverGivenTwice) {
  const TableDef t = *definitions_->CreateTable(Table("t"));
  EXPECT_EQ(*definitions_->AllocateRowIds(t.id, 10), 1u);
  EXPECT_EQ(*definitions_->AllocateRowIds(t.id, 1), 11u);
  const RowId before = *definitions_->AllocateRowIds(t.id, 200'000);
  EXPECT_GE(before, 12u);
  Reopen();
  const RowId after = *definitions_->AllocateRowIds(t.id, 1);
  EXPECT_GE(after, before + 200'000);
  // Another process on the same catalog.
  const auto other = *Definitions::Load(*catalog_);
  const RowId theirs = *other->AllocateRowIds(t.id, 5);
  EXPECT_GT(theirs, after);
  const RowId ours = *definitions_->AllocateRowIds(t.id, 100'000);
  EXPECT_GE(ours, theirs + 5);
  EXPECT_TRUE(absl::IsResourceExhausted(definitions_->AllocateRowIds(t.id, UINT64_MAX).status()));
  EXPECT_TRUE(absl::IsNotFound(definitions_->AllocateRowIds(99, 1).status()));
}

TEST_F(CatalogTest, DamagedDefinitionIsNamed) {
  ASSERT_TRUE(catalog_->Put("table/x", "{", 0).ok());
  const absl::Status status = Definitions::Load(*catalog_).status();
  EXPECT_TRUE(absl::IsDataLoss(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("'table/x'"));
}

}  // namespace
}  // namespace ordinate
