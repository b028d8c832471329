#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "engine/query/request.h"
#include "storage/model/schema.h"

namespace ordinate {

/// Where the next page of an ordered answer begins: strictly after `last`, on the snapshots the
/// earlier pages were read from (contract 2.6).
struct QueryCursor {
  uint64_t rows_before = 0;            // rows that come before the next page in the order
  RankedRow last;                      // its keys as the request's sort keys
  std::vector<uint64_t> snapshot_ids;  // by shard
  uint32_t index_id = 0;               // what they were read from; 0: the rows
  LagPolicy lag_policy = LagPolicy::kScanTail;
  // With `like`: the row it names, as it was when the first page was made.
  RowId like_id = 0;
  Vector like_vector;
};

/// A question's identity: everything that decides which rows come in which order, and nothing that
/// may change from page to page (limit, columns, offset, settings, path) or is in the cursor.
uint64_t QueryFingerprint(const QueryRequest& request, const TableDef& table);

/// Opaque to clients: base64url of a version byte (3), the table id, the fingerprint, the cursor
/// (little-endian), the keys as row cells, and the XXH3-64 of all that. It guards against
/// accidents, not forgery. `keys`: bound. INVALID_ARGUMENT: the keys are too large for a token.
absl::StatusOr<std::string> MakeQueryToken(const TableDef& table, uint64_t fingerprint,
                                           const std::vector<SortKey>& keys,
                                           const QueryCursor& cursor);

/// INVALID_ARGUMENT: malformed, damaged, of another table, or of another question.
absl::StatusOr<QueryCursor> ReadQueryToken(const std::string& token, const TableDef& table,
                                           uint64_t fingerprint, const std::vector<SortKey>& keys);

}  // namespace ordinate
