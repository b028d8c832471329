#include <hdf5.h>

#include "absl/strings/str_cat.h"
#include "storage/base/status_macros.h"
#include "tests/bench/engine/loaders.h"

namespace ordinate::bench {
namespace {

/// A handle of the library, given back at the end of its scope.
class Handle {
 public:
  Handle(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  hid_t id() const { return id_; }
  bool ok() const { return id_ >= 0; }

 private:
  const hid_t id_;
  herr_t (*const close_)(hid_t);
};

absl::Status Bad(const std::string& path, const std::string& what) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", what));
}

absl::StatusOr<Matrix> ReadMatrix(const std::string& path, hid_t file, const char* name) {
  const Handle set(H5Dopen2(file, name, H5P_DEFAULT), H5Dclose);
  if (!set.ok()) return Bad(path, absl::StrCat("it has no data set '", name, "'"));
  const Handle space(H5Dget_space(set.id()), H5Sclose);
  hsize_t shape[2] = {0, 0};
  if (H5Sget_simple_extent_ndims(space.id()) != 2 ||
      H5Sget_simple_extent_dims(space.id(), shape, nullptr) != 2 || shape[1] == 0 ||
      shape[1] > kMaxDim || shape[0] > UINT32_MAX) {
    return Bad(path, absl::StrCat("data set '", name, "' is not rows of dim 1 to ", kMaxDim));
  }
  Matrix matrix{.dim = static_cast<uint32_t>(shape[1])};
  matrix.values.resize(shape[0] * shape[1]);
  if (H5Dread(set.id(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, matrix.values.data()) <
      0) {
    return Bad(path, absl::StrCat("data set '", name, "' does not read as floats"));
  }
  return matrix;
}

/// The text of the file's attribute, or nothing.
std::string ReadText(hid_t file, const char* name) {
  if (H5Aexists(file, name) <= 0) return "";
  const Handle attribute(H5Aopen(file, name, H5P_DEFAULT), H5Aclose);
  const Handle type(H5Aget_type(attribute.id()), H5Tclose);
  if (!type.ok() || H5Tget_class(type.id()) != H5T_STRING) return "";
  if (H5Tis_variable_str(type.id()) > 0) {
    char* text = nullptr;
    if (H5Aread(attribute.id(), type.id(), &text) < 0 || text == nullptr) return "";
    const std::string copy = text;
    H5free_memory(text);
    return copy;
  }
  std::string text(H5Tget_size(type.id()), '\0');
  if (H5Aread(attribute.id(), type.id(), text.data()) < 0) return "";
  return text.c_str();
}

}  // namespace

absl::StatusOr<AnnBenchmarksFile> ReadHdf5(const std::string& path) {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);  // errors are told by the statuses
  const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
  if (!file.ok()) return absl::NotFoundError(absl::StrCat("cannot read ", path, " as HDF5"));
  AnnBenchmarksFile data;
  ASSIGN_OR_RETURN(data.train, ReadMatrix(path, file.id(), "train"));
  ASSIGN_OR_RETURN(data.test, ReadMatrix(path, file.id(), "test"));
  const std::string distance = ReadText(file.id(), "distance");
  if (distance == "angular") {
    data.metric = Metric::kCosine;
  } else if (distance == "ip" || distance == "dot") {
    data.metric = Metric::kIp;
  } else if (!distance.empty() && distance != "euclidean") {
    return Bad(path,
               absl::StrCat("its distance is '", distance, "', not euclidean, angular, ip or dot"));
  }
  return data;
}

}  // namespace ordinate::bench
