#include <chrono>
#include <filesystem>
#include <thread>

#include "gmock/gmock.h"
#include "storage/catalog/definitions.h"
#include "storage/rows/row_store.h"
#include "tests/parity/dataset.h"

namespace ordinate {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr uint64_t kRows = 100;

/// A stopped server's directory of two shards with one table.
class MissingStore : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(node_.front().CreateTable(ParityTable(2)).ok());
    LoadRows(node_.front(), "items", RandomRows(5, kRows, 2));
    ASSERT_EQ(Count(), kRows);
    node_.Close();
  }

  uint64_t Count() {
    const CallContext context;
    const auto count = node_.front().Count("items", std::nullopt, context);
    EXPECT_TRUE(count.ok()) << count.status();
    return count.value_or(0);
  }
  /// Rows of dropped tables go in the background, a few at a time.
  void WaitUntilNoTableIsLeft() {
    const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    for (const uint32_t shard : {0u, 1u}) {
      absl::StatusOr<std::vector<uint32_t>> left = TablesIn(shard);
      for (; !left.ok() || !left->empty(); left = TablesIn(shard)) {
        ASSERT_LT(std::chrono::steady_clock::now(), until) << left.status();
        std::this_thread::yield();
      }
    }
  }
  /// Fails now and then: a compaction may take a file away that is just opened.
  absl::StatusOr<std::vector<uint32_t>> TablesIn(uint32_t shard) {
    const auto store = OpenShardStore(node_.shard_dir(shard) + "/rows", StoreMode::kReadOnly);
    if (!store.ok()) return store.status();
    return store->rows->TableIds();
  }
  std::string away() const { return node_.data_dir() + "/away"; }

  /// Starting without `path` is refused, naming it, and all is well once it is back.
  void ExpectRefusedWithout(const std::string& path) {
    SCOPED_TRACE(path);
    fs::rename(path, away());
    const absl::Status status = node_.TryOpen();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(path));
    EXPECT_THAT(std::string(status.message()), HasSubstr("missing"));
    node_.Close();
    fs::remove_all(path);
    fs::rename(away(), path);
    node_.Open();
    EXPECT_EQ(Count(), kRows);
    node_.Close();
  }

  Node node_{Node::Setup{.shards = 2}};
};

// contract 9: no acknowledged write is lost, whatever else is.
TEST_F(MissingStore, IsRefusedByNameAndTakesNothingWithIt) {
  ExpectRefusedWithout(node_.catalog_dir());
  ExpectRefusedWithout(node_.shard_dir(0) + "/rows");
  ExpectRefusedWithout(node_.shard_dir(1) + "/rows");
}

TEST_F(MissingStore, ACatalogThatLostItsTablesDropsNone) {
  fs::rename(node_.catalog_dir(), away());
  ASSERT_TRUE(OpenRocksCatalog(node_.catalog_dir(), StoreMode::kCreate).ok());
  const absl::Status status = node_.TryOpen();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("which the catalog has never given"));
  node_.Close();
  fs::remove_all(node_.catalog_dir());
  fs::rename(away(), node_.catalog_dir());
  node_.Open();
  EXPECT_EQ(Count(), kRows);
}

TEST_F(MissingStore, ADropThatWasCutShortIsCompleted) {
  {
    auto catalog = OpenRocksCatalog(node_.catalog_dir(), StoreMode::kExisting);
    ASSERT_TRUE(catalog.ok()) << catalog.status();
    ASSERT_TRUE((*Definitions::Load(**catalog))->DropTable("items").ok());
  }
  node_.Open();
  WaitUntilNoTableIsLeft();
}

TEST_F(MissingStore, RowsOfATableThatIsDroppedGoMeanwhile) {
  node_.Open();
  ASSERT_EQ(node_.front().DropTable("items"), absl::OkStatus());
  WaitUntilNoTableIsLeft();
}

}  // namespace
}  // namespace ordinate
