// The reader of .vdata files: well-formed files with a few numbers changed and every checksum
// repaired, as damage that no checksum finds would be.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "engine/search/graph_search.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/vdata/segment_format.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/rules.h"
#include "tests/fuzz/target.h"
#include "tests/vdata/segment_samples.h"

namespace ordinate::fuzz {
namespace {

// An input: one byte that picks a sample, then edits. What is cut off at its end counts for
// nothing.
struct Edit {
  enum Op : uint8_t { kHeader, kTable, kSection, kSwap, kCut, kLeaveChecksums, kOps };
  uint8_t op = 0;
  uint8_t what = 0;    // the section
  uint16_t where = 0;  // the number in it, counted from either end
  uint32_t value = 0;
};
static_assert(sizeof(Edit) == 8);

const std::vector<std::string>& Samples() {
  static const auto& samples = *new std::vector<std::string>([] {
    using test::SampleOptions;
    const SampleOptions all[] = {
        {.engine = Engine::kHnsw, .metric = Metric::kCosine, .dim = 3, .nodes = 40, .null_rows = 3},
        {.engine = Engine::kFlat, .dim = 20, .nodes = 30, .invalid_rows = 2, .columns = false},
        {.engine = Engine::kHnsw, .metric = Metric::kIp, .dim = 17, .nodes = 70, .columns = false},
        {.nodes = 0, .null_rows = 5},
        {.engine = Engine::kHnsw, .dim = 66, .nodes = 60, .codes = true, .columns = false},
        {.engine = Engine::kHnsw, .dim = 300, .nodes = 20, .codes = true, .columns = false}};
    const test::ScratchFolder folder;
    std::mt19937_64 random(3);
    std::vector<std::string> files;
    for (const SampleOptions& options : all) {
      const auto segment = test::RandomSegment(options, random);
      if (!WriteSegmentFile(folder.File("sample.vdata"), segment->View()).ok()) std::abort();
      files.push_back(test::ReadBytes(folder.File("sample.vdata")));
    }
    return files;
  }());
  return samples;
}

// Writes `value` over the number `where` of the `bytes` from `begin` on.
void Put(std::string& file, uint64_t begin, uint64_t bytes, uint16_t where, uint32_t value) {
  const uint64_t count = bytes / sizeof(value);
  if (count == 0 || begin > file.size() || bytes > file.size() - begin) return;
  const uint64_t at = where < 0x8000 ? where % count : count - 1 - (0xffff - where) % count;
  std::memcpy(file.data() + begin + at * sizeof(value), &value, sizeof(value));
}

// Applies one edit; `good` is the sample, which says where its sections are.
void Apply(const Edit& edit, const std::string& good, std::string& file) {
  vdata::Header header;
  std::memcpy(&header, good.data(), sizeof(header));
  const auto table_entry = [&](uint64_t number) {
    return sizeof(header) + number % header.sections * sizeof(vdata::SectionEntry);
  };
  vdata::SectionEntry entry;
  std::memcpy(&entry, good.data() + table_entry(edit.what), sizeof(entry));
  switch (edit.op % Edit::kOps) {
    case Edit::kHeader:
      return Put(file, 0, offsetof(vdata::Header, reserved), edit.where, edit.value);
    case Edit::kTable:
      return Put(file, table_entry(edit.what), sizeof(entry), edit.where, edit.value);
    case Edit::kSection:
      return Put(file, entry.offset, entry.bytes, edit.where, edit.value);
    case Edit::kSwap:
      if (file.size() == good.size()) {
        std::swap_ranges(
            file.begin() + static_cast<ptrdiff_t>(table_entry(edit.what)),
            file.begin() + static_cast<ptrdiff_t>(table_entry(edit.what) + sizeof(entry)),
            file.begin() + static_cast<ptrdiff_t>(table_entry(edit.where)));
      }
      return;
    case Edit::kCut:
      return file.resize(edit.value % (good.size() + 2 * vdata::kPageBytes));
    default:
      return;
  }
}

std::vector<Edit> EditsOf(std::string_view input) {
  std::vector<Edit> edits(input.size() / sizeof(Edit));
  if (!edits.empty()) std::memcpy(edits.data(), input.data(), edits.size() * sizeof(Edit));
  return edits;
}

std::string FileOf(std::string_view input) {
  const std::string& good = Samples()[static_cast<uint8_t>(input[0]) % Samples().size()];
  std::string file = good;
  bool repair = true;
  for (const Edit& edit : EditsOf(input.substr(1))) {
    Apply(edit, good, file);
    repair &= edit.op % Edit::kOps != Edit::kLeaveChecksums;
  }
  if (repair) test::RepairChecksums(file);
  return file;
}

absl::Status CheckRefusalCode(const absl::Status& status) {
  return Rule(status.ok() || absl::IsDataLoss(status) || absl::IsFailedPrecondition(status),
              "a file is refused with DATA_LOSS or FAILED_PRECONDITION", status.ToString());
}

// Reads what a search of the segment reads.
absl::Status CheckSearch(const SegmentFile& file) {
  const SegmentView& view = file.view();
  if (view.engine != Engine::kHnsw || view.nodes == 0) return absl::OkStatus();
  std::vector<float> vector(view.dim, 0.5f);
  const auto prepared = PreparedQuery::Create(view, vector);
  RETURN_IF_ERROR(Rule(prepared.ok(), "a query of the file's dim can be prepared"));
  for (const uint32_t ef : {3u, view.nodes, 600u}) {
    const GraphQuery search{.query = &*prepared, .ef = ef, .file = &file};
    const auto hits = SearchGraph(view, search, CallContext(), nullptr);
    if (!hits.ok()) return CheckRefusalCode(hits.status());
    std::set<uint32_t> nodes;
    for (const GraphHit& hit : *hits) nodes.insert(hit.node);
    RETURN_IF_ERROR(Rule(nodes.size() == hits->size(), "a search finds no node twice"));
    RETURN_IF_ERROR(Rule(nodes.empty() || *nodes.rbegin() < view.nodes, "hits are nodes"));
  }
  return absl::OkStatus();
}

absl::Status CheckRows(const SegmentFile& file) {
  const SegmentView& view = file.view();
  for (uint32_t row = 0; row < view.rows(); ++row) {
    RETURN_IF_ERROR(Rule(view.FindRow(view.row_ids[row]) == row, "a row is found by its id"));
    for (const CapturedColumn& column : view.columns) column.Get(row);
  }
  for (uint32_t node = 0; node < view.nodes; ++node) {
    RETURN_IF_ERROR(Rule(view.node_rows[node] <= view.node_rows[node + 1], "rows of nodes follow"));
  }
  return absl::OkStatus();
}

absl::Status CheckFile(const std::string& path) {
  const auto file = SegmentFile::Open(path);
  if (!file.ok()) return CheckRefusalCode(file.status());
  RETURN_IF_ERROR(CheckRows(**file));
  RETURN_IF_ERROR(CheckSearch(**file));
  RETURN_IF_ERROR(CheckRefusalCode((*file)->EnsureVectors(0, (*file)->view().nodes)));
  return CheckRefusalCode((*file)->Verify());
}

}  // namespace

absl::Status RunSegment(std::string_view input) {
  if (input.empty()) return absl::OkStatus();
  const std::string bytes = FileOf(input);
  const int fd = memfd_create("segment", MFD_CLOEXEC);
  if (fd < 0) return absl::InternalError("memfd_create failed");
  const absl::Cleanup close_it = [fd] { close(fd); };
  if (write(fd, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    return absl::InternalError("writing the file failed");
  }
  return CheckFile(Concat("/proc/self/fd/", fd));
}

std::string MutateSegment(std::string_view input, size_t most_bytes, uint32_t seed) {
  Random random(seed);
  const uint8_t sample = input.empty() || random.OneIn(8)
                             ? static_cast<uint8_t>(random.Below(Samples().size()))
                             : static_cast<uint8_t>(input[0]);
  std::vector<Edit> edits = EditsOf(input.empty() ? input : input.substr(1));
  if (!edits.empty() && random.OneIn(3)) edits.erase(edits.begin() + random.Below(edits.size()));
  if (edits.size() < 6) edits.emplace_back();
  Edit& edit = edits[random.Below(edits.size())];
  const uint32_t values[] = {0, 1, 2, 7, 8, 63, 64, 0x7fffffff, 0x80000000, 0xffffffff};
  edit.op = static_cast<uint8_t>(random.Below(2 * Edit::kOps));
  if (edit.op >= Edit::kOps) edit.op = Edit::kSection;
  edit.what = static_cast<uint8_t>(random.Next());
  edit.where = static_cast<uint16_t>(random.Next());
  edit.value = random.OneIn(3)   ? static_cast<uint32_t>(random.Next())
               : random.OneIn(2) ? values[random.Below(std::size(values))]
                                 : static_cast<uint32_t>(random.Below(100));
  std::string changed(1, static_cast<char>(sample));
  changed.append(reinterpret_cast<const char*>(edits.data()), edits.size() * sizeof(Edit));
  return changed.size() <= most_bytes ? changed : std::string(input.substr(0, most_bytes));
}

}  // namespace ordinate::fuzz
