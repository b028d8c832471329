#include <chrono>

#include "ordinate/v1/admin_service.grpc.pb.h"
#include "service/server/services.h"
#include "service/wire/backups.h"
#include "storage/base/error_details.h"
#include "storage/base/status_macros.h"

namespace ordinate {
namespace {

class AdminServiceImpl final : public v1::AdminService::Service {
 public:
  AdminServiceImpl(Backups* backups, CallGate& gate, StreamWatch& watch)
      : backups_(backups), gate_(gate), watch_(watch) {}

  grpc::Status CreateBackup(grpc::ServerContext* call, const v1::CreateBackupRequest* request,
                            grpc::ServerWriter<v1::CreateBackupResponse>* writer) override {
    return gate_.Run("CreateBackup", *call, [&](const CallContext& context) -> absl::Status {
      RETURN_IF_ERROR(CheckConfigured());
      const auto send = [&](const v1::CreateBackupResponse& response) -> absl::Status {
        ASSIGN_OR_RETURN(const bool read,
                         watch_.Write(*call, [&] { return writer->Write(response); }));
        return read ? absl::OkStatus() : absl::CancelledError("the caller is gone");
      };
      const auto start = std::chrono::steady_clock::now();
      const auto made =
          backups_->Create(request->keep(), context, [&](const BackupProgress& progress) {
            v1::CreateBackupResponse response;
            BackupProgressToProto(progress, response.mutable_progress());
            return send(response);
          });
      const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
      gate_.metrics().RecordBackup(made.ok() ? &*made : nullptr, spent.count());
      if (!made.ok()) return made.status();
      v1::CreateBackupResponse response;
      BackupToProto(*made, response.mutable_backup());
      return send(response);
    });
  }

  grpc::Status ListBackups(grpc::ServerContext* call, const v1::ListBackupsRequest*,
                           v1::ListBackupsResponse* response) override {
    return gate_.Run("ListBackups", *call, [&](const CallContext&) -> absl::Status {
      RETURN_IF_ERROR(CheckConfigured());
      ASSIGN_OR_RETURN(const BackupList list, backups_->List());
      BackupListToProto(list, response);
      return absl::OkStatus();
    });
  }

  grpc::Status DeleteBackup(grpc::ServerContext* call, const v1::DeleteBackupRequest* request,
                            v1::DeleteBackupResponse*) override {
    return gate_.Run("DeleteBackup", *call, [&](const CallContext&) -> absl::Status {
      RETURN_IF_ERROR(CheckConfigured());
      if (request->id() == 0) {
        return InField(absl::InvalidArgumentError("the backup's id is 0; ids are from 1"), "id");
      }
      return backups_->Delete(request->id());
    });
  }

 private:
  absl::Status CheckConfigured() const {
    if (backups_ != nullptr) return absl::OkStatus();
    return absl::FailedPreconditionError(
        "the server has no directory for backups; start it with --backup-dir DIR "
        "(ORDINATE_BACKUP_DIR), best on another disk than --data-dir");
  }

  Backups* const backups_;  // null: not configured
  CallGate& gate_;
  StreamWatch& watch_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeAdminService(Backups* backups, CallGate& gate,
                                                StreamWatch& watch) {
  return std::make_unique<AdminServiceImpl>(backups, gate, watch);
}

}  // namespace ordinate
