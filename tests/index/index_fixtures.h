#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/index/segment_builder.h"
#include "storage/model/schema.h"
#include "storage/vdata/segment_file.h"

namespace ordinate {

/// A folder of its own for each test, removed with it.
class IndexTest : public testing::Test {
 protected:
  IndexTest() {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::temp_directory_path() /
              (std::string("ordinate_index_") + info->test_suite_name() + "_" + info->name() + "_" +
               std::to_string(getpid()));
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  ~IndexTest() override { std::filesystem::remove_all(folder_); }

  std::string Path(const std::string& name) const { return folder_ / name; }

  /// Builds into `name` with one thread and opens what was written, checking every byte.
  std::unique_ptr<SegmentFile> Finish(SegmentBuilder& builder, const GraphBuilder* graphs,
                                      const std::string& name, BuiltSegment* built = nullptr) {
    const CallContext context;
    const auto finished = builder.Finish(graphs, {Path(name), 1, 42}, context);
    EXPECT_TRUE(finished.ok()) << finished.status();
    if (!finished.ok()) return nullptr;
    if (built != nullptr) *built = *finished;
    auto file = SegmentFile::Open(finished->path);
    EXPECT_TRUE(file.ok()) << file.status();
    if (!file.ok()) return nullptr;
    const absl::Status verified = (*file)->Verify();
    EXPECT_TRUE(verified.ok()) << verified;
    EXPECT_EQ((*file)->checksum(), finished->checksum);
    EXPECT_EQ((*file)->file_bytes(), finished->file_bytes);
    return *std::move(file);
  }

 private:
  std::filesystem::path folder_;
};

/// Key id UINT64, vector v, attributes name STRING, price DOUBLE, stock INT64, sold BOOL, at
/// TIMESTAMP, payload note.
inline TableDef ShopTable(uint32_t column_dim = 0) {
  TableDef table;
  table.id = 1;
  table.name = "shop";
  table.columns = {{1, "id", ColumnRole::kKey, DataType::kUint64, false, 0},
                   {2, "v", ColumnRole::kVector, DataType::kVector, true, column_dim},
                   {3, "name", ColumnRole::kAttribute, DataType::kString, true, 0},
                   {4, "price", ColumnRole::kAttribute, DataType::kDouble, true, 0},
                   {5, "stock", ColumnRole::kAttribute, DataType::kInt64, true, 0},
                   {6, "sold", ColumnRole::kAttribute, DataType::kBool, true, 0},
                   {7, "at", ColumnRole::kAttribute, DataType::kTimestamp, true, 0},
                   {8, "note", ColumnRole::kPayload, DataType::kJson, true, 0}};
  table.key = {0};
  return table;
}

inline IndexDef ShopIndex(Engine engine, Metric metric, uint32_t dim) {
  IndexDef index;
  index.id = 9;
  index.name = "by_v";
  index.table_id = 1;
  index.column_id = 2;
  index.engine = engine;
  index.metric = metric;
  index.dim = dim;
  return index;
}

inline Row ShopRow(RowId id, Value vector) {
  return {id, 1000 + id, {uint64_t{id}, std::move(vector)}};
}

}  // namespace ordinate
