#include <chrono>
#include <string>
#include <thread>

#include "absl/strings/str_format.h"
#include "service/cli/command.h"
#include "service/cli/index_text.h"
#include "service/cli/progress.h"
#include "service/cli/proto_json.h"
#include "service/cli/specs.h"
#include "service/cli/text_table.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::cli {
namespace {

constexpr std::chrono::milliseconds kPollInterval{100};
/// Polls after which an idle index without a new generation counts as one whose rebuild failed.
constexpr int kIdlePolls = 20;

struct IndexOptions {
  ClientOptions client;
  std::string name;
  std::string table, column;
  std::string engine, metric, mode, dim_policy, quantization, batch_interval, rebuild_interval;
  uint32_t dim = 0, m = 0, ef_build = 0, ef_search = 0;
  uint64_t batch_rows = 0, max_lag_rows = 0;
  bool wait = false;
  double min_recall = 0;  // rebuild
};

struct MeasureOptions {
  ClientOptions client;
  std::string name;
  uint32_t samples = 200;
  uint32_t k = 10;
  uint64_t seed = 0;
  uint32_t ef_search = 0;
  double min_recall = 0;
};

/// Sets an enum field from the option's word; an empty word leaves it.
template <typename Set>
absl::Status SetEnum(const google::protobuf::EnumDescriptor& type, std::string_view option,
                     const std::string& word, Set set) {
  if (word.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const int value, ParseEnum(type, option, word));
  set(value);
  return absl::OkStatus();
}

absl::StatusOr<v1::Index> BuildIndex(const IndexOptions& options) {
  v1::Index index;
  index.set_name(options.name);
  index.set_table(options.table);
  index.set_column(options.column);
  RETURN_IF_ERROR(SetEnum(*v1::Engine_descriptor(), "--engine", options.engine,
                          [&](int v) { index.set_engine(static_cast<v1::Engine>(v)); }));
  RETURN_IF_ERROR(SetEnum(*v1::Metric_descriptor(), "--metric", options.metric,
                          [&](int v) { index.set_metric(static_cast<v1::Metric>(v)); }));
  RETURN_IF_ERROR(SetEnum(*v1::FreshnessMode_descriptor(), "--mode", options.mode,
                          [&](int v) { index.set_mode(static_cast<v1::FreshnessMode>(v)); }));
  RETURN_IF_ERROR(SetEnum(*v1::DimPolicy_descriptor(), "--dim-policy", options.dim_policy,
                          [&](int v) { index.set_dim_policy(static_cast<v1::DimPolicy>(v)); }));
  RETURN_IF_ERROR(
      SetEnum(*v1::Quantization_descriptor(), "--quantization", options.quantization,
              [&](int v) { index.set_quantization(static_cast<v1::Quantization>(v)); }));
  index.set_dim(options.dim);
  index.set_m(options.m);
  index.set_ef_build(options.ef_build);
  index.set_ef_search(options.ef_search);
  index.set_batch_rows(options.batch_rows);
  index.set_max_lag_rows(options.max_lag_rows);
  if (!options.batch_interval.empty()) {
    ASSIGN_OR_RETURN(const int64_t micros,
                     ParseDurationMicros("--batch-interval", options.batch_interval));
    index.mutable_batch_interval()->set_seconds(micros / 1'000'000);
    index.mutable_batch_interval()->set_nanos(static_cast<int32_t>(micros % 1'000'000 * 1000));
  }
  if (!options.rebuild_interval.empty()) {
    ASSIGN_OR_RETURN(const int64_t micros,
                     ParseDurationMicros("--rebuild-interval", options.rebuild_interval));
    index.mutable_rebuild_interval()->set_seconds(micros / 1'000'000);
    index.mutable_rebuild_interval()->set_nanos(static_cast<int32_t>(micros % 1'000'000 * 1000));
  }
  return index;
}

absl::StatusOr<v1::IndexInfo> GetInfo(Client& client, const std::string& name) {
  v1::GetIndexStatusRequest request;
  request.set_name(name);
  ASSIGN_OR_RETURN(auto response, client.Call(&IndexStub::GetIndexStatus, request));
  return std::move(*response.mutable_info());
}

absl::Status BuildFailed(const v1::IndexInfo& info) {
  const std::string& error =
      info.status().last_error().empty() ? info.status().reason() : info.status().last_error();
  return FromServer(
      grpc::Status(grpc::StatusCode::FAILED_PRECONDITION,
                   Concat("index '", info.index().name(), "' was not built: ", error)));
}

/// Waits until the index has a generation newer than `before` on every shard.
absl::StatusOr<v1::IndexInfo> WaitForBuild(Client& client, const std::string& name,
                                           const v1::IndexStatus& before) {
  Progress progress(Concat("build ", name), "rows");
  int idle = 0;
  while (true) {
    ASSIGN_OR_RETURN(v1::IndexInfo info, GetInfo(client, name));
    const v1::IndexStatus& status = info.status();
    const bool building = status.state() == v1::INDEX_STATE_BUILDING || status.build_progress() < 1;
    if (status.state() == v1::INDEX_STATE_FAILED && !building) return BuildFailed(info);
    if (!building && status.generation() > before.generation()) {
      progress.Say(Concat("built ", name, ": ", status.rows_indexed(), " rows in ",
                          DurationText(progress.seconds())));
      return info;
    }
    idle = building ? 0 : idle + 1;
    if (idle > 1 && !status.last_error().empty() && status.last_error() != before.last_error()) {
      return BuildFailed(info);
    }
    if (idle > kIdlePolls) return BuildFailed(info);
    const auto rows = static_cast<double>(status.rows_total());
    progress.Update(static_cast<uint64_t>(rows * status.build_progress()), status.build_progress());
    std::this_thread::sleep_for(kPollInterval);
  }
}

void PrintInfo(const ClientOptions& options, const v1::IndexInfo& info) {
  Print(options.json() ? MessageToJson(info).dump() + "\n" : IndexFacts(info));
}

absl::Status CreateIndex(const IndexOptions& options) {
  v1::CreateIndexRequest request;
  ASSIGN_OR_RETURN(*request.mutable_index(), BuildIndex(options));
  ASSIGN_OR_RETURN(const auto client, Client::Connect(options.client));
  ASSIGN_OR_RETURN(const auto response, client->Call(&IndexStub::CreateIndex, request));
  if (options.wait) {
    ASSIGN_OR_RETURN(const auto info, WaitForBuild(*client, options.name, v1::IndexStatus()));
    if (options.client.json()) PrintInfo(options.client, info);
  } else if (options.client.json()) {
    Print(MessageToJson(response).dump() + "\n");
  }
  if (!options.client.json()) {
    Print(Concat("index ", options.name, options.wait ? " created\n" : " created, building\n"));
  }
  return absl::OkStatus();
}

absl::Status RebuildIndex(const IndexOptions& options) {
  ASSIGN_OR_RETURN(const auto client, Client::Connect(options.client));
  ASSIGN_OR_RETURN(const v1::IndexInfo before, GetInfo(*client, options.name));
  v1::RebuildIndexRequest request;
  request.set_name(options.name);
  if (options.min_recall > 0) request.mutable_gate()->set_min_recall(options.min_recall);
  RETURN_IF_ERROR(client->Call(&IndexStub::RebuildIndex, request).status());
  if (!options.wait) {
    Print(options.client.json() ? nlohmann::json{{"rebuilding", options.name}}.dump() + "\n"
                                : Concat("index ", options.name, " is being rebuilt\n"));
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const auto info, WaitForBuild(*client, options.name, before.status()));
  if (options.client.json()) {
    PrintInfo(options.client, info);
  } else {
    Print(Concat("index ", options.name, " rebuilt\n"));
  }
  return absl::OkStatus();
}

absl::Status CancelRebuild(const IndexOptions& options) {
  ASSIGN_OR_RETURN(const auto client, Client::Connect(options.client));
  v1::CancelRebuildRequest request;
  request.set_name(options.name);
  RETURN_IF_ERROR(client->Call(&IndexStub::CancelRebuild, request).status());
  Print(options.client.json() ? nlohmann::json{{"cancelled", options.name}}.dump() + "\n"
                              : Concat("the rebuild of index ", options.name, " is cancelled\n"));
  return absl::OkStatus();
}

absl::Status DropIndex(const IndexOptions& options) {
  ASSIGN_OR_RETURN(const auto client, Client::Connect(options.client));
  v1::DropIndexRequest request;
  request.set_name(options.name);
  RETURN_IF_ERROR(client->Call(&IndexStub::DropIndex, request).status());
  Print(options.client.json() ? nlohmann::json{{"dropped", options.name}}.dump() + "\n"
                              : Concat("index ", options.name, " dropped\n"));
  return absl::OkStatus();
}

absl::Status ShowIndex(const IndexOptions& options) {
  ASSIGN_OR_RETURN(const auto client, Client::Connect(options.client));
  ASSIGN_OR_RETURN(const v1::IndexInfo info, GetInfo(*client, options.name));
  PrintInfo(options.client, info);
  return absl::OkStatus();
}

absl::StatusOr<v1::ListIndexesResponse> FetchIndexes(const IndexOptions& options) {
  ASSIGN_OR_RETURN(const auto client, Client::Connect(options.client));
  v1::ListIndexesRequest request;
  request.set_table(options.table);
  return client->Call(&IndexStub::ListIndexes, request);
}

absl::Status ListIndexes(const IndexOptions& options) {
  ASSIGN_OR_RETURN(const auto response, FetchIndexes(options));
  Print(options.client.json() ? MessageToJson(response).dump() + "\n" : IndexTable(response));
  return absl::OkStatus();
}

absl::Status ShowStatus(const IndexOptions& options) {
  if (!options.name.empty()) return ShowIndex(options);
  ASSIGN_OR_RETURN(const auto response, FetchIndexes(options));
  if (options.client.json()) {
    Print(MessageToJson(response).dump() + "\n");
    return absl::OkStatus();
  }
  for (int i = 0; i < response.indexes_size(); ++i) {
    Print(Concat(i > 0 ? "\n" : "", IndexFacts(response.indexes(i))));
  }
  if (response.indexes().empty()) Print("no indexes\n");
  return absl::OkStatus();
}

std::string MillisText(const google::protobuf::Duration& time) {
  const double millis = static_cast<double>(time.seconds()) * 1e3 + time.nanos() * 1e-6;
  return absl::StrFormat("%.3f ms", millis);
}

absl::Status MeasureRecall(const MeasureOptions& options) {
  ASSIGN_OR_RETURN(const auto client, Client::Connect(options.client));
  v1::MeasureRecallRequest request;
  request.set_name(options.name);
  request.set_samples(options.samples);
  request.set_k(options.k);
  request.set_seed(options.seed);
  if (options.ef_search != 0) {
    (*request.mutable_settings())["vector.search.ef_search"] = Concat(options.ef_search);
  }
  ASSIGN_OR_RETURN(const auto found, client->Call(&IndexStub::MeasureRecall, request));
  if (options.client.json()) {
    Print(MessageToJson(found).dump() + "\n");
  } else {
    Print(RenderFacts({{Concat("recall@", found.k()),
                        absl::StrFormat("%.4f (95 %% sure: %.4f to %.4f)", found.recall(),
                                        found.recall_low(), found.recall_high())},
                       {"worst", absl::StrFormat("%.4f", found.worst())},
                       {"samples", Grouped(found.samples())},
                       {"ef_search", found.ef_search() == 0 ? "exact" : Concat(found.ef_search())},
                       {"through the index", MillisText(found.ann_time())},
                       {"exact", MillisText(found.exact_time())}}));
  }
  if (found.recall() >= options.min_recall) return absl::OkStatus();
  return Finding(absl::StrFormat("recall@%d is %.4f, below %.4f", found.k(), found.recall(),
                                 options.min_recall));
}

void AddDefinitionOptions(CLI::App& command, IndexOptions* options) {
  command.add_option("--table", options->table, "Its table")->required();
  command.add_option("--column", options->column, "Its vector column")->required();
  command.add_option("--engine", options->engine, "HNSW (default) or FLAT");
  command.add_option("--metric", options->metric, "L2 (default), COSINE or IP");
  command.add_option("--dim", options->dim, "Components; default: the column's dim");
  command.add_option("--m", options->m, "HNSW: links per node, 4 to 128; default 16");
  command.add_option("--ef-build", options->ef_build,
                     "HNSW: candidates while inserting, 8 to 4000; default 200");
  command.add_option(
      "--ef-search", options->ef_search,
      "HNSW: candidates while searching, up to 10000; default: the server's setting");
  command.add_option("--mode", options->mode,
                     "When writes show: IMMEDIATE (default), BATCHED, ASYNC or REBUILD_ONLY");
  command.add_option("--dim-policy", options->dim_policy,
                     "Vectors of another dim: ERROR (default) or SKIP");
  command.add_option("--quantization", options->quantization, "NONE (default) or SQ8");
  command.add_option("--batch-rows", options->batch_rows, "BATCHED: rows per batch");
  command.add_option("--batch-interval", options->batch_interval,
                     "BATCHED: longest wait, as 500ms");
  command.add_option("--max-lag-rows", options->max_lag_rows, "ASYNC: rows it may lag");
  command.add_option("--rebuild-interval", options->rebuild_interval,
                     "Rebuild it so often where rows have changed, as 24h; default: when asked to");
}

void AddMeasureCommand(CLI::App& group, int* exit_code) {
  auto options = std::make_shared<MeasureOptions>();
  CLI::App& command = *group.add_subcommand(
      "recall", "Measure recall@k on rows drawn from the index, themselves left out");
  AddClientOptions(command, &options->client);
  command.add_option("INDEX", options->name, "Its name")->required();
  command.add_option("--samples", options->samples, "Rows asked about, 1 to 10000")
      ->capture_default_str();
  command.add_option("-k,--k", options->k, "Nearest rows asked for, 1 to 1000")
      ->capture_default_str();
  command.add_option("--seed", options->seed,
                     "Draws the same rows again; default: others each time");
  command.add_option("--ef-search", options->ef_search,
                     "Candidates while searching; default: the index's");
  command.add_option("--min-recall", options->min_recall, "Fail when recall is lower")
      ->check(CLI::Range(0.0, 1.0));
  RunWith(command, exit_code, options, &MeasureRecall);
}

}  // namespace

void AddIndexCommands(CLI::App& app, int* exit_code) {
  CLI::App& group =
      *app.add_subcommand("index", "Create, list, show, measure, rebuild and drop indexes");
  group.require_subcommand(1);
  const auto add = [exit_code](CLI::App& parent, const char* name, const char* help,
                               absl::Status (*run)(const IndexOptions&)) {
    auto options = std::make_shared<IndexOptions>();
    CLI::App* const command = parent.add_subcommand(name, help);
    AddClientOptions(*command, &options->client);
    RunWith(*command, exit_code, options, run);
    return std::make_pair(command, options);
  };
  const auto [create, created] =
      add(group, "create", "Create an index, and build it", &CreateIndex);
  create->add_option("INDEX", created->name, "Its name")->required();
  AddDefinitionOptions(*create, created.get());
  create->add_flag("--wait", created->wait, "Wait until it is built, showing progress");
  const auto [list, listed] = add(group, "list", "List indexes, one a line", &ListIndexes);
  list->add_option("--table", listed->table, "Of this table only");
  const auto [show, shown] = add(group, "show", "Show an index and its status", &ShowIndex);
  show->add_option("INDEX", shown->name, "Its name")->required();
  const auto [rebuild, rebuilt] =
      add(group, "rebuild", "Build it anew beside the live one, and switch", &RebuildIndex);
  rebuild->add_option("INDEX", rebuilt->name, "Its name")->required();
  rebuild->add_flag("--wait", rebuilt->wait, "Wait until it is built, showing progress");
  rebuild
      ->add_option("--min-recall", rebuilt->min_recall,
                   "Keep the live index unless the new one has this recall@10 on each shard")
      ->check(CLI::Range(0.0, 1.0));
  const auto [cancel, cancelled] = add(
      group, "cancel", "Give up a rebuild that is running; what answers goes on", &CancelRebuild);
  cancel->add_option("INDEX", cancelled->name, "Its name")->required();
  AddMeasureCommand(group, exit_code);
  const auto [drop, dropped] = add(group, "drop", "Drop an index", &DropIndex);
  drop->add_option("INDEX", dropped->name, "Its name")->required();
  const auto [status, asked] =
      add(app, "status", "Show every fact of one index, or of all", &ShowStatus);
  status->add_option("INDEX", asked->name, "Its name; without one: all indexes");
  status->add_option("--table", asked->table, "Of this table only");
}

}  // namespace ordinate::cli
