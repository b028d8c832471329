#pragma once

#include "ordinate/v1/admin_service.pb.h"
#include "service/backup/backups.h"

namespace ordinate {

void BackupToProto(const BackupDescription& backup, v1::Backup* proto);
void BackupListToProto(const BackupList& list, v1::ListBackupsResponse* proto);
void BackupProgressToProto(const BackupProgress& progress, v1::BackupProgress* proto);

}  // namespace ordinate
