#include "engine/shard/merge_rows.h"

#include <cstring>

#include "absl/container/flat_hash_map.h"
#include "engine/segment/part_cells.h"
#include "storage/base/status_macros.h"

namespace ordinate {
namespace {

class MergeRows {
 public:
  MergeRows(const std::vector<IndexSnapshot::Sealed>& inputs, const CallContext& context,
            SegmentBuilder& builder)
      : inputs_(inputs), context_(context), builder_(builder), taken_(inputs_.size()) {}

  /// Adds them all, node by node. The nodes of the first segment that stay.
  absl::StatusOr<std::vector<uint32_t>> AddAll() {
    RETURN_IF_ERROR(FindHeirs());
    std::vector<uint32_t> kept;
    RETURN_IF_ERROR(AddFirst(kept));
    for (size_t i = 1; i < inputs_.size(); ++i) {
      const SegmentView& view = inputs_[i].segment->view();
      for (uint32_t node = 0; node < view.nodes; ++node) RETURN_IF_ERROR(AddNode(i, node));
      RETURN_IF_ERROR(AddOthers(i));
    }
    return kept;
  }

 private:
  struct Heir {
    size_t input;
    uint32_t row;
  };

  // Rows of later segments whose ids the first has under the same vector, in older versions.
  absl::Status FindHeirs() {
    const SealedSegment& first = *inputs_[0].segment;
    const SegmentView& base = first.view();
    for (size_t i = 0; i < inputs_.size(); ++i) {
      RETURN_IF_ERROR(
          inputs_[i].segment->file().EnsureVectors(0, inputs_[i].segment->view().nodes));
    }
    for (size_t i = 1; i < inputs_.size(); ++i) {
      const SegmentView& view = inputs_[i].segment->view();
      taken_[i].resize(view.vector_rows);
      uint32_t node = 0;
      for (uint32_t row = 0; row < view.vector_rows; ++row) {
        if (row % kCheckEvery == 0) RETURN_IF_ERROR(context_.Check());
        while (node + 1 < view.nodes && view.node_rows[node + 1] <= row) ++node;
        if (inputs_[i].masked.Test(row)) continue;
        const int64_t before = base.FindRow(view.row_ids[row]);
        if (before < 0 || before >= int64_t{base.vector_rows}) continue;
        const uint32_t base_node = first.NodeOf(static_cast<uint32_t>(before));
        if (std::memcmp(base.vectors.data() + size_t{base_node} * base.stride,
                        view.vectors.data() + size_t{node} * view.stride,
                        size_t{view.dim} * sizeof(float)) != 0) {
          continue;
        }
        heirs_[base_node].push_back({i, row});
        taken_[i][row] = true;
      }
    }
    return absl::OkStatus();
  }

  absl::Status AddFirst(std::vector<uint32_t>& kept) {
    for (uint32_t node = 0; node < inputs_[0].segment->view().nodes; ++node) {
      const uint32_t before = builder_.rows();
      RETURN_IF_ERROR(AddNode(0, node));
      if (const auto heirs = heirs_.find(node); heirs != heirs_.end()) {
        for (const Heir& heir : heirs->second) RETURN_IF_ERROR(Add(heir.input, heir.row, 0, node));
      }
      if (builder_.rows() > before) kept.push_back(node);
    }
    return AddOthers(0);
  }

  // The node's rows, but for such as another node has taken in.
  absl::Status AddNode(size_t input, uint32_t node) {
    if (node % kCheckEvery == 0) RETURN_IF_ERROR(context_.Check());
    const SegmentView& view = inputs_[input].segment->view();
    for (uint32_t row = view.node_rows[node]; row < view.node_rows[node + 1]; ++row) {
      if (!taken_[input].empty() && taken_[input][row]) continue;
      RETURN_IF_ERROR(Add(input, row, input, node));
    }
    return absl::OkStatus();
  }

  // The rows without a vector.
  absl::Status AddOthers(size_t input) {
    const SegmentView& view = inputs_[input].segment->view();
    for (uint32_t row = view.vector_rows; row < view.rows(); ++row) {
      if (row % kCheckEvery == 0) RETURN_IF_ERROR(context_.Check());
      RETURN_IF_ERROR(Add(input, row, input, 0));
    }
    return absl::OkStatus();
  }

  // A row, unless it is masked. Its vector, if it has one, is `node` of segment `of`.
  absl::Status Add(size_t input, uint32_t row, size_t of, uint32_t node) {
    const IndexSnapshot::Sealed& part = inputs_[input];
    if (part.masked.Test(row)) return absl::OkStatus();
    const SegmentView& view = part.segment->view();
    PartCells cells(part);
    cells.MoveTo(row);
    SegmentBuilder::KnownRow known{
        view.row_ids[row], cells.version(), BuilderClass(part.segment->ClassOf(row)), {}};
    if (row < view.vector_rows) {
      const SegmentView& vectors = inputs_[of].segment->view();
      known.vector = vectors.vectors.subspan(size_t{node} * vectors.stride, vectors.dim);
    }
    return builder_.AddKnown(known, [&](uint32_t position) { return Own(cells.Cell(position)); });
  }

  static constexpr uint32_t kCheckEvery = 4'096;

  const std::vector<IndexSnapshot::Sealed>& inputs_;
  const CallContext& context_;
  SegmentBuilder& builder_;
  absl::flat_hash_map<uint32_t, std::vector<Heir>> heirs_;  // by node of the first segment
  std::vector<std::vector<bool>> taken_;                    // rows of later segments that are heirs
};

}  // namespace

SegmentBuilder::RowClass BuilderClass(RowClass row_class) {
  switch (row_class) {
    case RowClass::kVector:
      return SegmentBuilder::RowClass::kVector;
    case RowClass::kNull:
      return SegmentBuilder::RowClass::kNull;
    case RowClass::kInvalid:
      return SegmentBuilder::RowClass::kInvalid;
  }
  return SegmentBuilder::RowClass::kInvalid;
}

absl::StatusOr<std::vector<uint32_t>> AddMergedRows(
    const std::vector<IndexSnapshot::Sealed>& inputs, const CallContext& context,
    SegmentBuilder& builder) {
  return MergeRows(inputs, context, builder).AddAll();
}

}  // namespace ordinate
