// Measuring the recall of an index (contract 6.3).
#include <algorithm>
#include <cmath>
#include <random>
#include <utility>

#include "service/front/front.h"
#include "service/front/gather.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"

namespace ordinate {
namespace {

constexpr size_t kTogether = 64;      // samples asked about in one batch
constexpr double kDeviations = 1.96;  // of the normal distribution: 95 % lie within

absl::Status CheckRange(std::string_view field, uint64_t value, uint64_t max) {
  if (value >= 1 && value <= max) return absl::OkStatus();
  return InField(absl::InvalidArgumentError(
                     Concat(field, " is ", value, "; it takes a whole number from 1 to ", max)),
                 field);
}

// How many of `wanted` rows each shard gives, in proportion to what it has.
std::vector<uint32_t> Shares(uint32_t wanted, const std::vector<ShardIndexStatus>& shards) {
  uint64_t rows = 0;
  const auto weight = [](const ShardIndexStatus& s) { return s.rows_indexed + s.rows_pending; };
  for (const ShardIndexStatus& shard : shards) rows += weight(shard);
  std::vector<uint32_t> shares;
  uint64_t before = 0;  // rows of the shards so far
  uint64_t given = 0;
  for (const ShardIndexStatus& shard : shards) {
    before += weight(shard);
    const uint64_t until = rows == 0 ? 0 : wanted * before / rows;
    shares.push_back(static_cast<uint32_t>(until - given));
    given = until;
  }
  return shares;
}

// The k best scores but that of the row itself, best first. Rows that are equally near count alike.
std::vector<double> ScoresOf(const QueryResult& result, RowId self, uint32_t k) {
  std::vector<double> scores;
  for (const RankedRow& row : result.ranked) {
    if (row.id != self && row.score.has_value() && scores.size() < k) scores.push_back(*row.score);
  }
  return scores;
}

double RecallOf(const QueryResult& ann, const QueryResult& exact, RowId self, uint32_t k) {
  const std::vector<double> truth = ScoresOf(exact, self, k);
  if (truth.empty()) return 1;
  size_t found = 0;
  for (const double score : ScoresOf(ann, self, k)) {
    found += exact.plan.score_descending ? score >= truth.back() : score <= truth.back();
  }
  return std::min(1.0, static_cast<double>(found) / static_cast<double>(truth.size()));
}

std::string ColumnName(const IndexInfo& info) {
  for (const ColumnDef& column : info.table.columns) {
    if (column.id == info.index.column_id) return column.name;
  }
  return "";
}

int64_t Median(std::vector<int64_t> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// Wilson's interval of a share seen in n trials. A recall is a mean of trials that depend on each
// other; counted as one trial each they make the interval too wide, never too narrow.
void SetInterval(double n, RecallAnswer& answer) {
  if (n == 0) return;
  const double z2 = kDeviations * kDeviations;
  const double p = answer.recall;
  const double middle = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double half = kDeviations / (1 + z2 / n) * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  answer.low = std::max(0.0, std::min(p, middle - half));
  answer.high = std::min(1.0, std::max(p, middle + half));
}

}  // namespace

absl::StatusOr<std::vector<SampledVector>> Front::DrawSample(const RecallQuestion& question,
                                                             const CallContext& context) {
  ASSIGN_OR_RETURN(const IndexInfo info, GetIndex(question.index));
  const std::vector<uint32_t> shares = Shares(question.samples, info.shards);
  const uint64_t seed = question.seed != 0 ? question.seed : std::random_device()();
  ASSIGN_OR_RETURN(const auto parts,
                   Gather<std::vector<SampledVector>>(
                       shares.size(), Spread::kInline, options_.executor, context,
                       [&](size_t shard, ShardClient::Done<std::vector<SampledVector>> done) {
                         shards_[shard]->SampleVectors(info.index.id, shares[shard], seed + shard,
                                                       context, std::move(done));
                       }));
  std::vector<SampledVector> sample;
  for (const auto& part : parts) sample.insert(sample.end(), part.begin(), part.end());
  return sample;
}

absl::StatusOr<RecallAnswer> Front::MeasureRecall(const RecallQuestion& question,
                                                  const CallContext& context) {
  RETURN_IF_ERROR(CheckRange("samples", question.samples, RecallQuestion::kMaxSamples));
  RETURN_IF_ERROR(CheckRange("k", question.k, RecallQuestion::kMaxK));
  ASSIGN_OR_RETURN(const IndexInfo info, FindIndex(question.index));
  ASSIGN_OR_RETURN(const std::vector<SampledVector> sample, DrawSample(question, context));
  QueryRequest request;
  request.table = info.table.name;
  request.column = ColumnName(info);
  request.metric = info.index.metric;
  request.index = info.index.name;
  request.limit = question.k + 1;
  request.settings = question.settings;
  request.own = question.own;
  RecallAnswer answer;
  answer.samples = static_cast<uint32_t>(sample.size());
  std::vector<int64_t> times[2];
  double sum = 0;
  for (size_t first = 0; first < sample.size(); first += kTogether) {
    const size_t count = std::min(kTogether, sample.size() - first);
    std::vector<absl::StatusOr<QueryRequest>> requests;  // two of each sample: ANN, EXACT
    for (size_t i = 0; i < 2 * count; ++i) {
      request.vector = sample[first + i / 2].vector;
      request.path = i % 2 == 0 ? Path::kAnn : Path::kExact;
      requests.emplace_back(request);
    }
    const auto results = QueryBatch(requests, context);
    for (size_t i = 0; i < results.size(); ++i) {
      RETURN_IF_ERROR(results[i].status());
      times[i % 2].push_back(results[i]->server_nanos);
      if (i % 2 == 0) continue;
      const double recall =
          RecallOf(*results[i - 1], *results[i], sample[first + i / 2].id, question.k);
      sum += recall;
      answer.worst = std::min(answer.worst, recall);
      answer.plan = results[i - 1]->plan;
    }
  }
  if (!sample.empty()) answer.recall = sum / static_cast<double>(sample.size());
  SetInterval(static_cast<double>(sample.size()), answer);
  answer.ann_nanos = Median(std::move(times[0]));
  answer.exact_nanos = Median(std::move(times[1]));
  return answer;
}

}  // namespace ordinate
