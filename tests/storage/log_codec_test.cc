#include "storage/rows/log_codec.h"

#include "gtest/gtest.h"

namespace ordinate {
namespace {

LogRecord SomeRecord() {
  return {.seq = 300,
          .time_micros = 1'700'000'000'000'000,
          .mutations = {{.table_id = 1, .row_id = UINT64_MAX, .key = "k", .cells = "cells"},
                        {.kind = Mutation::Kind::kDelete, .table_id = 70'000, .row_id = 2}},
          .request = RequestNote{.id = "r-1",
                                 .fingerprint = 7,
                                 .first_row_id = 12,
                                 .affected = 2,
                                 .missing = {0, 9},
                                 .displaced = {{3, UINT64_MAX}}}};
}

TEST(LogCodec, RoundTrips) {
  EXPECT_EQ(*DecodeLogRecord(EncodeLogRecord(SomeRecord())), SomeRecord());
  EXPECT_EQ(*DecodeLogRecord(EncodeLogRecord({.seq = 1})), LogRecord{.seq = 1});
  LogRecord plain = SomeRecord();
  plain.request.reset();
  EXPECT_EQ(*DecodeLogRecord(EncodeLogRecord(plain)), plain);
  LogRecord only = SomeRecord();
  only.mutations.clear();
  EXPECT_EQ(*DecodeLogRecord(EncodeLogRecord(only)), only);
}

TEST(LogCodec, EveryTruncationIsDataLossAndFlipsDoNoHarm) {
  const std::string bytes = EncodeLogRecord(SomeRecord());
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_TRUE(absl::IsDataLoss(DecodeLogRecord(bytes.substr(0, size)).status())) << size;
  }
  EXPECT_TRUE(absl::IsDataLoss(DecodeLogRecord(bytes + "x").status()));
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const auto record = DecodeLogRecord(flipped);
    EXPECT_TRUE(record.ok() || absl::IsDataLoss(record.status())) << record.status();
  }
}

}  // namespace
}  // namespace ordinate
