#include "absl/strings/str_cat.h"
#include "tests/bench/engine/loaders.h"

namespace ordinate::bench {

absl::StatusOr<AnnBenchmarksFile> ReadHdf5(const std::string& path) {
  return absl::FailedPreconditionError(absl::StrCat(
      path,
      ": this program was built without HDF5: install libhdf5-dev, configure and build again"));
}

}  // namespace ordinate::bench
