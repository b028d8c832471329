#include "service/wire/indexes.h"
#include "service/wire/tables.h"
#include "storage/base/error_details.h"
#include "tests/wire/wire_fixture.h"

namespace ordinate {
namespace {

TEST(Tables, RoundTrip) {
  const TableDef table = Everything();
  v1::Table proto;
  TableInfoToProto({table, 12}, &proto);
  EXPECT_EQ(proto.row_count(), 12u);
  EXPECT_EQ(proto.row_id_flavour(), v1::ROW_ID_FLAVOUR_PK_HASHED);
  auto back = TableFromProto(proto);
  ASSERT_TRUE(back.ok()) << back.status();
  back->id = table.id;
  for (size_t i = 0; i < back->columns.size(); ++i) back->columns[i].id = table.columns[i].id;
  EXPECT_EQ(*back, table);
}

TEST(Tables, Refusals) {
  v1::Table proto;
  auto* column = proto.add_columns();
  EXPECT_THAT(TableFromProto(proto).status(),
              Refuses("table.columns[0].role is not given; expected one of KEY"));
  column->set_role(v1::COLUMN_ROLE_VECTOR);
  EXPECT_THAT(TableFromProto(proto).status(), Refuses("table.columns[0].type is not given"));
  column->set_type(static_cast<v1::DataType>(40));
  EXPECT_THAT(TableFromProto(proto).status(), Refuses("type is 40"));
  for (int i = 0; i < 256; ++i) proto.add_columns();
  EXPECT_THAT(TableFromProto(proto).status(), Refuses("257 columns; the most is 256"));
}

TEST(Indexes, RoundTrip) {
  IndexDef index{.name = "i", .table_id = 7, .column_id = 8};
  index.metric = Metric::kIp;
  index.dim = 4;
  index.m = 20;
  index.ef_build = 90;
  index.ef_search = 70;
  index.mode = FreshnessMode::kAsync;
  index.dim_policy = DimPolicy::kSkip;
  index.batch_rows = 5;
  index.batch_interval_micros = 1'500'000;
  index.max_lag_rows = 6;
  v1::Index proto;
  IndexToProto(index, Everything(), &proto);
  EXPECT_EQ(proto.table(), "all");
  EXPECT_EQ(proto.column(), "vec");
  auto back = IndexFromProto(proto);
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->table, "all");
  EXPECT_EQ(back->column, "vec");
  back->index.table_id = 7;
  back->index.column_id = 8;
  EXPECT_EQ(back->index, index);
}

TEST(Indexes, DefaultsAreTheFrontsOrTheDefinitions) {
  const auto input = IndexFromProto(v1::Index());
  ASSERT_TRUE(input.ok()) << input.status();
  EXPECT_EQ(input->index.m, 0u);
  EXPECT_EQ(input->index.ef_build, 0u);
  EXPECT_EQ(input->index.dim, 0u);
  EXPECT_EQ(input->index.engine, Engine::kHnsw);
  EXPECT_EQ(input->index.mode, FreshnessMode::kImmediate);
  EXPECT_EQ(input->index.batch_rows, 1000u);
  EXPECT_EQ(input->index.batch_interval_micros, 1'000'000u);
}

TEST(Indexes, Refusals) {
  const auto refused = [](auto change) {
    v1::Index proto;
    change(proto);
    return IndexFromProto(proto).status();
  };
  EXPECT_THAT(refused([](auto& i) { i.set_engine(static_cast<v1::Engine>(9)); }),
              Refuses("index.engine is 9; expected one of HNSW, FLAT"));
  EXPECT_THAT(refused([](auto& i) { i.set_metric(static_cast<v1::Metric>(9)); }),
              Refuses("index.metric is 9"));
  EXPECT_THAT(refused([](auto& i) { i.set_mode(static_cast<v1::FreshnessMode>(9)); }),
              Refuses("index.mode is 9"));
  EXPECT_THAT(refused([](auto& i) { i.set_dim_policy(static_cast<v1::DimPolicy>(9)); }),
              Refuses("index.dim_policy is 9"));
  EXPECT_THAT(refused([](auto& i) { i.set_quantization(static_cast<v1::Quantization>(9)); }),
              Refuses("index.quantization is 9"));
  EXPECT_THAT(refused([](auto& i) { i.mutable_batch_interval()->set_seconds(-1); }),
              Refuses("seconds -1"));
}

// contract 6.1: what an engine has no use for is refused by name, and not in its answers either, so
// that an index that was read can be created again.
TEST(Indexes, GraphOptionsDoNotApplyToFlat) {
  v1::Index flat;
  IndexToProto({.name = "i", .column_id = 8, .engine = Engine::kFlat, .ef_search = 7}, Everything(),
               &flat);
  EXPECT_EQ(flat.m(), 0u);
  EXPECT_EQ(flat.ef_build(), 0u);
  EXPECT_EQ(flat.ef_search(), 0u);
  EXPECT_TRUE(IndexFromProto(flat).ok());
  const auto refused = [&](auto change) {
    v1::Index proto = flat;
    change(proto);
    EXPECT_EQ(FieldViolations(IndexFromProto(proto).status()).size(), 1u);
    return IndexFromProto(proto).status();
  };
  EXPECT_THAT(refused([](auto& i) { i.set_m(16); }),
              Refuses("index.m is 16; m does not apply to FLAT"));
  EXPECT_THAT(refused([](auto& i) { i.set_ef_build(8); }),
              Refuses("ef_build does not apply to FLAT"));
  EXPECT_THAT(refused([](auto& i) { i.set_ef_search(8); }),
              Refuses("ef_search does not apply to FLAT"));
}

TEST(Indexes, InfoCarriesEveryStatusField) {
  IndexInfo info;
  info.index.name = "i";
  info.index.column_id = 8;
  info.table = Everything();
  ShardIndexStatus status{.state = IndexState::kStale, .reason = "lags"};
  status.rows_total = 1;
  status.rows_indexed = 2;
  status.rows_pending = 3;
  status.rows_null = 4;
  status.rows_invalid = 5;
  status.rows_deleted = 6;
  status.bytes_memory = 7;
  status.bytes_disk = 8;
  status.build_time_ms = 9;
  status.build_progress = 0.25;
  status.build_rows_per_second = 1.5;
  status.build_left_micros = 2'000'003;
  status.generation = 10;
  status.visible_seq = 11;
  status.lag_rows = 12;
  status.lag_micros = 1'000'001;
  status.segments = 13;
  status.tail_rows = 14;
  status.last_error = "e";
  info.total = status;
  info.shards = {status, status};
  info.visible_seq = {{0, 11}, {1, 11}};
  v1::IndexInfo proto;
  IndexInfoToProto(info, &proto);
  const v1::IndexStatus& out = proto.status();
  EXPECT_EQ(out.state(), v1::INDEX_STATE_STALE);
  EXPECT_EQ(out.reason(), "lags");
  EXPECT_EQ(out.rows_total(), 1u);
  EXPECT_EQ(out.rows_indexed(), 2u);
  EXPECT_EQ(out.rows_pending(), 3u);
  EXPECT_EQ(out.rows_null(), 4u);
  EXPECT_EQ(out.rows_invalid(), 5u);
  EXPECT_EQ(out.rows_deleted(), 6u);
  EXPECT_EQ(out.bytes_memory(), 7u);
  EXPECT_EQ(out.bytes_disk(), 8u);
  EXPECT_EQ(out.build_time_ms(), 9u);
  EXPECT_EQ(out.build_progress(), 0.25);
  EXPECT_EQ(out.build_rows_per_second(), 1.5);
  EXPECT_EQ(out.build_time_left().seconds(), 2);
  EXPECT_EQ(out.build_time_left().nanos(), 3'000);
  EXPECT_EQ(out.generation(), 10u);
  EXPECT_EQ(out.visible_seq().seq_by_shard_size(), 2);
  EXPECT_EQ(out.lag_rows(), 12u);
  EXPECT_EQ(out.lag().seconds(), 1);
  EXPECT_EQ(out.lag().nanos(), 1000);
  EXPECT_EQ(out.segments(), 13u);
  EXPECT_EQ(out.tail_rows(), 14u);
  EXPECT_EQ(out.last_error(), "e");
  ASSERT_EQ(proto.shards_size(), 2);
  EXPECT_EQ(proto.shards(1).visible_seq().seq_by_shard().at(1), 11u);
}

}  // namespace
}  // namespace ordinate
