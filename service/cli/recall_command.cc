#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "service/cli/command.h"
#include "service/cli/json_row.h"
#include "service/cli/line_reader.h"
#include "service/cli/progress.h"
#include "service/cli/query_options.h"
#include "service/cli/recall.h"
#include "service/cli/text_table.h"
#include "service/cli/vector_file.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate::cli {

namespace {

struct RecallOptions {
  QueryOptions query;
  std::string queries;
  std::string vector_field;
  double min_recall = 0;
};

absl::StatusOr<std::vector<v1::Vector>> ReadVectors(const RecallOptions& options) {
  std::vector<v1::Vector> vectors;
  if (const auto format = VectorFile::FormatOf(options.queries)) {
    ASSIGN_OR_RETURN(const auto file, VectorFile::Open(options.queries, *format));
    while (true) {
      v1::Vector vector;
      ASSIGN_OR_RETURN(const bool more, file->Next(vector.mutable_packed_f32()));
      if (!more) return vectors;
      vectors.push_back(std::move(vector));
    }
  }
  const std::string& field =
      options.vector_field.empty() ? options.query.column : options.vector_field;
  ASSIGN_OR_RETURN(const auto lines, LineReader::Open(options.queries));
  std::string_view line;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, lines->Next(&line));
    if (!more) return vectors;
    absl::StatusOr<v1::Vector> vector = ParseQueryLine(line, field);
    if (!vector.ok()) {
      return Prefixed(Concat(lines->name(), ":", lines->line_number(), ": "), vector.status());
    }
    vectors.push_back(*std::move(vector));
  }
}

struct Answer {
  std::vector<uint64_t> ids;
  double millis = 0;
};

absl::StatusOr<Answer> Ask(Client& client, const v1::QueryRequest& request) {
  ASSIGN_OR_RETURN(const auto response, client.Call(&QueryStub::Query, request));
  if (response.plan().path() != request.path()) {
    return FromServer(grpc::Status(
        grpc::StatusCode::FAILED_PRECONDITION,
        Concat("the ANN path was asked for and EXACT was taken: ", response.plan().sentence())));
  }
  Answer answer;
  for (const v1::ResultRow& row : response.rows()) answer.ids.push_back(row.row().row_id());
  answer.millis = static_cast<double>(response.server_time().seconds()) * 1e3 +
                  response.server_time().nanos() * 1e-6;
  return answer;
}

absl::StatusOr<RecallSummary> Measure(Client& client, v1::QueryRequest request,
                                      const std::vector<v1::Vector>& vectors) {
  RecallSummary summary;
  Progress progress("recall", "queries");
  request.set_with_plan(true);
  for (const v1::Vector& vector : vectors) {
    *request.mutable_vector() = vector;
    request.set_path(v1::PATH_ANN);
    ASSIGN_OR_RETURN(const Answer ann, Ask(client, request));
    request.set_path(v1::PATH_EXACT);
    ASSIGN_OR_RETURN(const Answer exact, Ask(client, request));
    AddQuery(RecallOf(ann.ids, exact.ids), ann.millis, exact.millis, &summary);
    progress.Update(summary.queries,
                    static_cast<double>(summary.queries) / static_cast<double>(vectors.size()));
  }
  return summary;
}

void PrintSummary(const RecallOptions& options, const RecallSummary& summary) {
  if (options.query.client.json()) {
    nlohmann::ordered_json json;
    json["k"] = options.query.limit;
    json["queries"] = summary.queries;
    json["recall_mean"] = summary.mean;
    json["recall_min"] = summary.min;
    json["ann_ms_mean"] = summary.ann_millis;
    json["exact_ms_mean"] = summary.exact_millis;
    Print(json.dump() + "\n");
    return;
  }
  const std::string at = Concat("recall@", options.query.limit);
  Print(RenderFacts(
      {{at + " mean", absl::StrFormat("%.4f", summary.mean)},
       {at + " min", absl::StrFormat("%.4f", summary.min)},
       {"queries", Grouped(summary.queries)},
       {"ANN mean", absl::StrFormat("%.3f ms in the server", summary.ann_millis)},
       {"EXACT mean", absl::StrFormat("%.3f ms in the server", summary.exact_millis)}}));
}

absl::Status RunRecall(const RecallOptions& options) {
  ASSIGN_OR_RETURN(const v1::QueryRequest request, BuildQuery(options.query));
  ASSIGN_OR_RETURN(const auto vectors, ReadVectors(options));
  if (vectors.empty()) return FileError(Concat(options.queries, ": holds no queries"));
  ASSIGN_OR_RETURN(const auto client, Client::Connect(options.query.client));
  ASSIGN_OR_RETURN(const RecallSummary summary, Measure(*client, request, vectors));
  PrintSummary(options, summary);
  if (summary.mean >= options.min_recall) return absl::OkStatus();
  return Finding(absl::StrFormat("the mean recall is %.4f, and --min-recall asks for %.4f",
                                 summary.mean, options.min_recall));
}

}  // namespace

void AddRecallCommand(CLI::App& app, int* exit_code) {
  auto options = std::make_shared<RecallOptions>();
  CLI::App& command =
      *app.add_subcommand("recall", "Compare the ANN path with the EXACT path over many queries");
  AddQueryOptions(command, &options->query);
  command
      .add_option("--queries", options->queries,
                  "Query vectors: .fvecs, .npy, or JSON lines ('-': stdin)")
      ->required();
  command.add_option("--vector-field", options->vector_field,
                     "JSON lines: the field with the vector; default: the column's name");
  command.add_option("--min-recall", options->min_recall, "Exit with 3 when the mean is below")
      ->check(CLI::Range(0.0, 1.0));
  AddClientOptions(command, &options->query.client);
  RunWith(command, exit_code, options, &RunRecall);
}

}  // namespace ordinate::cli
