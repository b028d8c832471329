#include "tests/faults/workload.h"

#include <algorithm>
#include <future>
#include <limits>
#include <utility>

#include "engine/verify/verify.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

constexpr int64_t kKeys = 40;
constexpr size_t kTables = 2;
constexpr size_t kIndexes = 2;
constexpr uint64_t kMinSealRows = 24;

/// Of a key at a revision: any other has another.
Vector VectorOf(int64_t key, int64_t revision) {
  return {static_cast<float>(key), static_cast<float>(revision)};
}

/// Some are long enough to be kept apart from the rows, in blob files.
std::string DataOf(int64_t key, int64_t revision) {
  return std::string(key % 4 == 0 ? 300 : 3, static_cast<char>('a' + revision % 26));
}

std::vector<Value> CellsOf(int64_t key, int64_t revision) {
  return {key, revision, VectorOf(key, revision), DataOf(key, revision)};
}

TableDef SmallTable(const std::string& name) {
  TableDef table;
  table.name = name;
  table.columns = {{0, "id", ColumnRole::kKey, DataType::kInt64, false, 0},
                   {0, "revision", ColumnRole::kAttribute, DataType::kInt64, false, 0},
                   {0, "v", ColumnRole::kVector, DataType::kVector, true, 2},
                   {0, "data", ColumnRole::kPayload, DataType::kBytes, true, 0}};
  table.key = {0};
  return table;
}

std::string NameOf(std::string_view prefix, uint64_t number) { return Concat(prefix, number); }

absl::Status Wrong(std::string_view what) { return absl::FailedPreconditionError(Concat(what)); }

absl::StatusOr<std::map<int64_t, int64_t>> ReadRows(Front& front, const std::string& table) {
  const CallContext context;
  ASSIGN_OR_RETURN(const RowsResult scan,
                   front.Scan(table, std::nullopt, {"*"}, kMaxPageSize, "", context));
  std::map<int64_t, int64_t> rows;
  for (const Row& row : scan.rows) {
    const int64_t key = std::get<int64_t>(row.cells.at(0));
    const int64_t revision = std::get<int64_t>(row.cells.at(1));
    if (!rows.emplace(key, revision).second) return Wrong(Concat("key ", key, " came twice"));
    if (row.cells != CellsOf(key, revision)) return Wrong(Concat("key ", key, " is a mixture"));
  }
  ASSIGN_OR_RETURN(const uint64_t count, front.Count(table, std::nullopt, context));
  if (count != rows.size()) return Wrong(Concat(count, " rows are counted of ", rows.size()));
  return rows;
}

/// Through the index: exactly the rows where it shows the newest, else none that is deleted.
absl::Status CheckIndex(Front& front, const IndexDef& index, const std::string& table,
                        const std::map<int64_t, int64_t>& rows) {
  const CallContext context;
  QueryRequest request;
  request.table = table;
  request.column = "v";
  request.vector = {0, 0};
  request.limit = kKeys * 2;
  request.index = index.name;
  request.columns = {"id", "revision"};
  ASSIGN_OR_RETURN(const QueryResult result, front.Query(request, context));
  std::map<int64_t, int64_t> shown;
  for (const Row& row : result.rows) {
    const int64_t key = std::get<int64_t>(row.cells.at(0));
    if (!shown.emplace(key, std::get<int64_t>(row.cells.at(1))).second) {
      return Wrong(Concat("index ", index.name, " shows key ", key, " twice"));
    }
    if (!rows.contains(key)) return Wrong(Concat(index.name, " shows key ", key, ", deleted"));
  }
  if (index.mode == FreshnessMode::kImmediate && shown != rows) {
    return Wrong(Concat("index ", index.name, " shows ", shown.size(), " rows of ", rows.size()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Standalone>> OpenSmallNode(const std::string& root) {
  StandaloneOptions options;
  options.data_dir = root + "/data";
  options.shards = 1;
  options.query_threads = 1;
  options.build_threads = 1;
  options.min_seal_rows = kMinSealRows;
  return Standalone::Open(options);
}

absl::StatusOr<Contents> ReadAll(Standalone& node) {
  Front& front = node.front();
  const std::shared_ptr<const DefinitionSet> definitions = front.definitions();
  Contents contents;
  for (const auto& [name, table] : definitions->tables) {
    ASSIGN_OR_RETURN(contents.tables[name], ReadRows(front, name));
    for (const IndexDef* index : definitions->IndexesOf(table.id)) {
      contents.indexes[index->name] = name;
      RETURN_IF_ERROR(CheckIndex(front, *index, name, contents.tables[name]));
    }
  }
  return contents;
}

std::string VerifyAll(const std::string& root) {
  const VerifyReport report =
      VerifyData({root + "/data/catalog", {root + "/data/shard-0000"}}, nullptr);
  std::string problems;
  for (const VerifyProblem& problem : report.problems) {
    absl::StrAppend(&problems, problem.file, ": ", problem.what, "\n");
  }
  return problems;
}

Workload::Workload(std::string root, uint64_t seed, Contents contents)
    : root_(std::move(root)), random_(seed), ledger_(contents) {
  for (const auto& [name, rows] : contents.tables) {
    for (const auto& [key, revision] : rows) revision_ = std::max(revision_, revision);
  }
  // Names of a later workload differ from those of an earlier one on the same directory.
  names_given_ = static_cast<uint64_t>(revision_) * 1'000;
}

absl::Status Workload::Open() {
  auto opened = OpenSmallNode(root_);
  if (opened.ok()) node_ = *std::move(opened);
  return opened.status();
}

RequestLedger Workload::ledger() const {
  MutexLock lock(mutex_);
  return ledger_;
}

std::string Workload::Settle(const Contents& found) {
  MutexLock lock(mutex_);
  std::string wrong = ledger_.Check(found);
  ledger_ = RequestLedger(found);
  return wrong;
}

absl::Status Workload::Change(Request request, const std::function<absl::Status()>& make) {
  {
    MutexLock lock(mutex_);
    ledger_.Begin(std::move(request));
    ++begun_;
  }
  const absl::Status made = make();
  MutexLock lock(mutex_);
  if (made.ok()) {
    ledger_.Acknowledge();
    ++acknowledged_;
  }
  return made;
}

absl::Status Workload::CreateTable() {
  const std::string name = NameOf("t", ++names_given_);
  return Change({.kind = Request::Kind::kCreateTable, .table = name},
                [&] { return node_->front().CreateTable(SmallTable(name)).status(); });
}

// Its indexes go first, one by one: cut short, a table without them remains.
absl::Status Workload::DropTable(const std::string& table) {
  std::vector<Request> drops;
  const Contents before = ledger().acknowledged();
  for (const auto& [index, of] : before.indexes) {
    if (of == table) drops.push_back({.kind = Request::Kind::kDropIndex, .index = index});
  }
  for (const Request& drop : drops) {
    MutexLock lock(mutex_);
    ledger_.Begin(drop);
    ++begun_;
  }
  RETURN_IF_ERROR(Change({.kind = Request::Kind::kDropTable, .table = table},
                         [&] { return node_->front().DropTable(table); }));
  MutexLock lock(mutex_);
  for (size_t i = 0; i < drops.size(); ++i) {
    ledger_.Acknowledge();
    ++acknowledged_;
  }
  return absl::OkStatus();
}

absl::Status Workload::CreateIndex(const std::string& table) {
  IndexDef index;
  index.name = NameOf("i", ++names_given_);
  index.engine = Engine::kFlat;
  index.mode = random_() % 3 == 0 ? FreshnessMode::kRebuildOnly : FreshnessMode::kImmediate;
  return Change({.kind = Request::Kind::kCreateIndex, .table = table, .index = index.name},
                [&] { return node_->front().CreateIndex(table, "v", index).status(); });
}

absl::Status Workload::DropIndex(const std::string& index) {
  return Change({.kind = Request::Kind::kDropIndex, .index = index},
                [&] { return node_->front().DropIndex(index); });
}

Request Workload::RandomWrite(const std::string& table) {
  Request request{.table = table, .revision = ++revision_};
  if (random_() % 4 == 0) request.kind = Request::Kind::kDelete;
  for (int64_t key = 0; key < kKeys; ++key) {
    if (random_() % 6 == 0) request.keys.push_back(key);
  }
  if (request.keys.empty()) request.keys.push_back(0);
  return request;
}

absl::Status Workload::Writes(const std::string& table) {
  std::vector<Request> requests(1 + random_() % 4);
  for (Request& request : requests) request = RandomWrite(table);
  return WriteAll(table, requests);
}

// Past the front, so that they arrive in order and share a group.
absl::Status Workload::WriteAll(const std::string& table, const std::vector<Request>& requests) {
  const TableDef definition = *node_->front().FindTable(table);
  const CallContext context;
  std::vector<std::future<absl::Status>> results;
  for (const Request& request : requests) {
    std::vector<RowWrite> rows;
    for (const int64_t key : request.keys) {
      RowWrite row;
      row.preferred_id = static_cast<RowId>(key);
      if (request.kind == Request::Kind::kDelete) {
        row.kind = Mutation::Kind::kDelete;
      } else {
        row.cells = CellsOf(key, request.revision);
      }
      rows.push_back(std::move(row));
    }
    {
      MutexLock lock(mutex_);
      ledger_.Begin(request);
      ++begun_;
    }
    const auto done = std::make_shared<std::promise<absl::Status>>();
    results.push_back(done->get_future());
    node_->shards()[0]->Write(definition, {.rows = std::move(rows)}, context,
                              [done](auto result) { done->set_value(result.status()); });
  }
  absl::Status first;
  size_t refused = 0;
  for (std::future<absl::Status>& result : results) {
    const absl::Status status = result.get();
    first.Update(status);
    if (!status.ok()) {
      ++refused;
      continue;
    }
    MutexLock lock(mutex_);
    // A write may be refused alone, for what could not be read: those after it are done without it.
    for (; refused > 0; --refused) ledger_.Refuse();
    ledger_.Acknowledge();
    ++acknowledged_;
  }
  return first;
}

absl::Status Workload::WriteNothing(const std::string& table) {
  ASSIGN_OR_RETURN(const TableDef definition, node_->front().FindTable(table));
  RowWrite row;
  row.kind = Mutation::Kind::kDelete;
  row.preferred_id = static_cast<RowId>(kKeys);  // no row's
  const CallContext context;
  const auto done = std::make_shared<std::promise<absl::Status>>();
  node_->shards()[0]->Write(definition, {.rows = {row}}, context,
                            [done](auto result) { done->set_value(result.status()); });
  return done->get_future().get();
}

absl::Status Workload::Step() {
  const Contents contents = ledger().acknowledged();
  const auto some = [this](const auto& named) {
    return std::next(named.begin(), static_cast<int64_t>(random_() % named.size()))->first;
  };
  if (contents.tables.empty()) return CreateTable();
  const uint64_t choice = random_() % 40;
  if (choice == 0 && contents.tables.size() < kTables) return CreateTable();
  if (choice == 1 && contents.tables.size() == kTables) return DropTable(some(contents.tables));
  if (choice <= 4 && contents.indexes.size() < kIndexes) return CreateIndex(some(contents.tables));
  if (choice == 5 && !contents.indexes.empty()) return DropIndex(some(contents.indexes));
  if (choice <= 7 && !contents.indexes.empty()) {
    const absl::Status begun = node_->front().RebuildIndex(some(contents.indexes));
    return absl::IsAborted(begun) ? absl::OkStatus() : begun;  // one is running
  }
  if (choice == 8) {
    Close();
    return Open();
  }
  return Writes(some(contents.tables));
}

}  // namespace ordinate
