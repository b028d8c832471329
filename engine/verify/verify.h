#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ordinate {

/// Where a data directory keeps what is verified.
struct VerifyPaths {
  std::string catalog;
  std::vector<std::string> shards;  // by shard number; each holds rows/ and index/
};

/// Something that is wrong.
struct VerifyProblem {
  std::string file;  // the file, or the directory of the store
  std::string what;  // what was found, and what was expected
};

struct VerifyReport {
  uint64_t tables = 0;
  uint64_t indexes = 0;
  uint64_t rows = 0;      // live, over all tables
  uint64_t segments = 0;  // .vdata files
  uint64_t bytes = 0;     // read and checked
  std::vector<VerifyProblem> problems;
  std::vector<std::string> notes;  // worth knowing, not wrong

  bool clean() const { return problems.empty(); }
};

/// Checks, without writing: every checksum of the catalog, the row stores and the index files; that
/// each row decodes, lies on its shard and has the id of its key; and that every index agrees with
/// the rows as of its sequence: each row is in it exactly once, in its class, with its version, its
/// vector bit for bit and its captured columns, and it has no other rows but those deleted or
/// replaced since. Goes on after a problem where it can. `progress` gets what is being done and the
/// bytes checked so far; it may be null. REQUIRES: no server uses these directories.
VerifyReport VerifyData(
    const VerifyPaths& paths,
    const std::function<void(const std::string& what, uint64_t bytes)>& progress);

}  // namespace ordinate
