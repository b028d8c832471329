#include "storage/rocks/rocks_disk.h"

#include <utility>

#include "storage/base/mutex.h"
#include "storage/files/folder.h"

namespace ordinate {
namespace {

Mutex mutex;

std::shared_ptr<rocksdb::FileSystem>& Current() ORDINATE_REQUIRES(mutex) {
  static auto* const current = new std::shared_ptr<rocksdb::FileSystem>();
  return *current;
}

class OrderedNames final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "OrderedNames"; }

  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override {
    std::unique_ptr<rocksdb::FSDirectory> folder;
    rocksdb::IOStatus status = target()->NewDirectory(FolderOf(to), options, &folder, debug);
    if (status.ok()) status = folder->Fsync(options, debug);
    if (!status.ok()) return status;
    return target()->RenameFile(from, to, options, debug);
  }
};

}  // namespace

void SetRocksFileSystem(std::shared_ptr<rocksdb::FileSystem> files) {
  MutexLock lock(mutex);
  Current() = std::move(files);
}

std::shared_ptr<rocksdb::FileSystem> RocksFileSystem() {
  MutexLock lock(mutex);
  return std::make_shared<OrderedNames>(Current() == nullptr ? rocksdb::FileSystem::Default()
                                                             : Current());
}

}  // namespace ordinate
