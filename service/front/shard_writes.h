#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "service/front/front.h"
#include "storage/base/error_details.h"
#include "storage/base/text.h"

namespace ordinate {

/// The rows of one request by shard, in request order within each.
class Front::ShardWrites {
 public:
  /// `what`: "row" or "key", as the request calls them.
  ShardWrites(uint32_t shards, std::string_view what) : shards_(shards), what_(what) {}

  /// INVALID_ARGUMENT when a row of the same address was added before (contract 1.6).
  absl::Status Add(RowWrite row) {
    const auto number = static_cast<uint32_t>(added_++);
    const auto [first, fresh] = seen_.try_emplace({row.preferred_id, row.key}, number);
    if (!fresh) {
      return InField(
          absl::InvalidArgumentError(Concat(what_, " ", number, " has the same key as ", what_, " ",
                                            first->second, "; a request may name a key once")),
          FieldOf(number));
    }
    Part& part = parts_[ShardOf(row.preferred_id, shards_)];
    part.rows.push_back(std::move(row));
    part.numbers.push_back(number);
    return absl::OkStatus();
  }

  /// The request's id and what goes with it, for every part. `first`: the shard that is written
  /// before the others, and gets a part in any case.
  void Remember(std::string request_id, uint64_t fingerprint, RowId first_row_id, uint32_t first) {
    request_id_ = std::move(request_id);
    fingerprint_ = fingerprint;
    first_row_id_ = first_row_id;
    first_shard_ = first;
    parts_[first];
  }

  struct Part {
    std::vector<RowWrite> rows;
    std::vector<uint32_t> numbers;  // of the rows in the request
  };
  std::map<uint32_t, Part>& parts() { return parts_; }  // by shard; but for `first`, none is empty

  /// What is sent to the shard. Takes the part's rows.
  ShardWrite Take(uint32_t shard) {
    return {.rows = std::move(parts_[shard].rows),
            .request_id = request_id_,
            .fingerprint = fingerprint_,
            .first_row_id = first_row_id_,
            .first = shard == first_shard_};
  }

  bool remembered() const { return !request_id_.empty(); }
  uint32_t first_shard() const { return first_shard_; }
  RowId first_row_id() const { return first_row_id_; }
  std::string_view what() const { return what_; }
  /// rows[3]
  std::string FieldOf(uint32_t number) const { return Concat(what_, "s[", number, "]"); }

 private:
  const uint32_t shards_;
  const std::string_view what_;
  size_t added_ = 0;
  std::map<uint32_t, Part> parts_;
  absl::flat_hash_map<std::pair<RowId, std::string>, uint32_t> seen_;
  std::string request_id_;
  uint64_t fingerprint_ = 0;
  RowId first_row_id_ = 0;
  uint32_t first_shard_ = 0;
};

}  // namespace ordinate
