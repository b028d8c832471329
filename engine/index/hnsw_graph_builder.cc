#include <algorithm>
#include <exception>
#include <new>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "engine/index/build_crew.h"
#include "engine/index/build_matrix.h"
#include "engine/index/graph_builder.h"
#include "engine/index/insertion_order.h"
#include "engine/index/link_draft.h"
#include "engine/index/node_inserter.h"
#include "engine/index/reachable.h"
#include "engine/search/kernels.h"
#include "storage/base/status_macros.h"

namespace ordinate {
namespace {

constexpr uint32_t kMaxNodes = 1u << 30;
constexpr uint32_t kMaxThreads = 1024;
// Of the nodes of upper levels, the first are inserted by one thread: several would not see each
// other's, which matters while there are few.
constexpr size_t kAlone = 1024;

absl::Status Validate(const GraphParams& params, std::span<const float> vectors) {
  if (params.dim == 0 || params.dim > kMaxDim || params.stride != StrideOf(params.dim)) {
    return absl::InvalidArgumentError(absl::StrCat("a graph of dim ", params.dim, " with stride ",
                                                   params.stride, " cannot be built: dim is 1 to ",
                                                   kMaxDim, ", stride the next multiple of 16"));
  }
  if (params.m < kMinM || params.m > kMaxM || params.ef_build < 1 ||
      params.ef_build > kMaxEfBuild) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a graph of m ", params.m, " and ef_build ", params.ef_build, " cannot be built: m is ",
        kMinM, " to ", kMaxM, ", ef_build 1 to ", kMaxEfBuild));
  }
  if (vectors.size() % params.stride != 0 || vectors.size() / params.stride > kMaxNodes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a graph over ", vectors.size(), " floats cannot be built: they must be whole ",
        "vectors of stride ", params.stride, ", at most ", kMaxNodes));
  }
  return absl::OkStatus();
}

// One build. Levels are drawn beforehand, and nodes of upper levels inserted first: when the many
// nodes of level 0 alone come, the way down to each is known, and with it where it lies.
class HnswBuild {
 public:
  // REQUIRES: there are vectors.
  HnswBuild(const GraphParams& params, BuildMatrix matrix, std::vector<uint8_t> levels,
            std::vector<uint32_t> order, const CallContext& context, const BuildProgress& progress)
      : matrix_(std::move(matrix)),
        levels_(std::move(levels)),
        order_(std::move(order)),
        draft_(params.m, levels_),
        crew_(context, progress, matrix_.nodes()),
        context_(context) {
    const size_t useful = matrix_.nodes() / kAlone + 1;
    const size_t threads = std::min<size_t>(std::clamp(params.threads, 1u, kMaxThreads), useful);
    inserters_.reserve(threads);
    for (size_t i = 0; i < threads; ++i) {
      inserters_.emplace_back(matrix_, draft_, order_.front(), params.ef_build);
    }
  }

  absl::StatusOr<Graph> Run() {
    const std::span<uint32_t> order(order_);
    const auto on_level_0 = [&](uint32_t node) { return levels_[node] == 0; };
    const auto upper = static_cast<size_t>(
        std::find_if(order.begin() + 1, order.end(), on_level_0) - order.begin());
    const size_t alone = std::min(upper, kAlone);
    const auto none = [](size_t, std::span<const uint32_t>) {};
    RETURN_IF_ERROR(crew_.RunAndReport(order.first(1), 1, none));  // the entry
    RETURN_IF_ERROR(InsertUpper(order.subspan(1, alone - 1), 1));
    RETURN_IF_ERROR(InsertUpper(order.subspan(alone, upper - alone), inserters_.size()));
    RETURN_IF_ERROR(InsertLowest(upper, order.subspan(upper)));
    Graph graph = draft_.Finish(order_.front());
    RETURN_IF_ERROR(MakeReachable(context_, graph));
    return graph;
  }

 private:
  absl::Status InsertUpper(std::span<const uint32_t> nodes, size_t workers) {
    return crew_.RunAndReport(nodes, workers, [&](size_t worker, auto piece) {
      NodeInserter& inserter = inserters_[worker];
      for (const uint32_t node : piece) {
        const auto pass = [](uint32_t, uint32_t) {};
        inserter.Insert(node, inserter.Descend(node, levels_[node] + 1u, pass));
      }
    });
  }

  absl::Status InsertLowest(size_t linked, std::span<uint32_t> nodes) {
    Descent nowhere;
    nowhere.fill(order_.front());
    std::vector<Descent> descents(levels_.size(), nowhere);
    RETURN_IF_ERROR(crew_.Run(nodes, inserters_.size(), [&](size_t worker, auto piece) {
      for (const uint32_t node : piece) {
        inserters_[worker].Descend(node, 1, [&](uint32_t level, uint32_t nearest) {
          if (level <= descents[node].size()) descents[node][level - 1] = nearest;
        });
      }
    }));
    RETURN_IF_ERROR(OrderByPlace(descents, linked, nodes, context_));
    return crew_.RunAndReport(nodes, inserters_.size(), [&](size_t worker, auto piece) {
      for (const uint32_t node : piece) inserters_[worker].Insert(node, descents[node][0]);
    });
  }

  const BuildMatrix matrix_;
  const std::vector<uint8_t> levels_;
  std::vector<uint32_t> order_;
  LinkDraft draft_;
  BuildCrew crew_;
  const CallContext& context_;
  std::vector<NodeInserter> inserters_;  // of each worker
};

class HnswGraphBuilder : public GraphBuilder {
 public:
  absl::StatusOr<Graph> Build(const GraphParams& params, std::span<const float> vectors,
                              const CallContext& context,
                              const BuildProgress& progress) const override {
    RETURN_IF_ERROR(Validate(params, vectors));
    RETURN_IF_ERROR(context.Check());
    try {
      if (vectors.empty()) return LinkDraft(params.m, {}).Finish(0);
      ASSIGN_OR_RETURN(BuildMatrix matrix,
                       BuildMatrix::Create(params.metric, params.stride, vectors, context));
      std::vector<uint8_t> levels = DrawLevels(matrix.nodes(), params.m, params.seed);
      RETURN_IF_ERROR(context.Check());
      std::vector<uint32_t> order = OrderByLevel(levels, params.seed);
      RETURN_IF_ERROR(context.Check());
      return HnswBuild(params, std::move(matrix), std::move(levels), std::move(order), context,
                       progress)
          .Run();
    } catch (const std::bad_alloc&) {
      return absl::ResourceExhaustedError(absl::StrCat(
          "memory ran out while a graph of ", vectors.size() / params.stride, " vectors of dim ",
          params.dim, " was built: give the process more memory, or split the index"));
    } catch (const std::exception& error) {
      return absl::InternalError(absl::StrCat("building a graph failed: ", error.what()));
    }
  }
};

}  // namespace

absl::StatusOr<std::unique_ptr<GraphBuilder>> MakeGraphBuilder() {
  return std::make_unique<HnswGraphBuilder>();
}

}  // namespace ordinate
