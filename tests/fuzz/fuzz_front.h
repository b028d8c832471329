#pragma once

#include <memory>
#include <vector>

#include "service/front/front.h"
#include "tests/support/fake_shard.h"
#include "tests/support/memory_catalog.h"

namespace ordinate::fuzz {

/// A front over two shards in memory, that every input meets in the same state: tables
/// docs(id UINT64, part STRING, PRIMARY KEY (id, part), a column of each other type) and
/// log(text STRING, vec VECTOR(2)), without a key; some rows in each; and FLAT indexes docs_vec
/// (L2) and docs_cos (COSINE) of docs.vec. One thread.
class FuzzFront {
 public:
  /// As at the beginning: made anew if the one before it was written to.
  static FuzzFront& Fresh();

  Front& front() { return *front_; }
  const CallContext& context() const { return context_; }
  /// Every stored row of a table.
  std::vector<Row> Rows(const TableDef& table) const;

 private:
  FuzzFront();
  void Fill();
  bool Changed() const;
  size_t Writes() const;

  MemoryCatalog catalog_;
  std::unique_ptr<Definitions> definitions_;
  FakeShard shards_[2];
  std::unique_ptr<Front> front_;
  CallContext context_;
  std::shared_ptr<const DefinitionSet> first_definitions_;
  size_t first_writes_ = 0;
};

}  // namespace ordinate::fuzz
