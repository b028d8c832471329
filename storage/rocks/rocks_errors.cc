#include "storage/rocks/rocks_errors.h"

#include <rocksdb/listener.h>

namespace ordinate {
namespace {

using rocksdb::BackgroundErrorReason;

class ErrorPolicy final : public rocksdb::EventListener {
 public:
  // By whichever thread met the error; RocksDB holds none of its locks.
  void OnBackgroundError(BackgroundErrorReason reason, rocksdb::Status* error) override {
    if (reason != BackgroundErrorReason::kWriteCallback || error->ok()) return;
    *error = rocksdb::Status(*error, rocksdb::Status::Severity::kFatalError);
  }
  void OnErrorRecoveryBegin(BackgroundErrorReason reason, rocksdb::Status,
                            bool* auto_recovery) override {
    if (reason == BackgroundErrorReason::kWriteCallback) *auto_recovery = false;
  }
};

}  // namespace

std::shared_ptr<rocksdb::EventListener> MakeRocksErrorPolicy() {
  return std::make_shared<ErrorPolicy>();
}

}  // namespace ordinate
