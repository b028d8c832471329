#include "service/wire/backups.h"

#include "google/protobuf/util/time_util.h"

namespace ordinate {
namespace {

void PartToProto(const StoreBackup& part, v1::BackupPart* proto) {
  proto->set_sequence(part.sequence);
  proto->set_bytes(part.bytes);
  proto->set_new_bytes(part.new_bytes);
}

}  // namespace

void BackupToProto(const BackupDescription& backup, v1::Backup* proto) {
  proto->set_id(backup.id);
  *proto->mutable_time() =
      google::protobuf::util::TimeUtil::MicrosecondsToTimestamp(backup.time_micros);
  proto->set_version(backup.version);
  proto->set_bytes(backup.bytes());
  proto->set_new_bytes(backup.new_bytes());
  for (const StoreBackup& shard : backup.shards) PartToProto(shard, proto->add_shards());
  PartToProto(backup.catalog, proto->mutable_catalog());
}

void BackupListToProto(const BackupList& list, v1::ListBackupsResponse* proto) {
  for (const BackupDescription& backup : list.backups) {
    BackupToProto(backup, proto->add_backups());
  }
  for (const std::string& problem : list.problems) proto->add_problems(problem);
}

void BackupProgressToProto(const BackupProgress& progress, v1::BackupProgress* proto) {
  proto->set_part(progress.part);
  proto->set_parts_done(progress.parts_done);
  proto->set_parts(progress.parts);
  proto->set_bytes_copied(progress.bytes_copied);
}

}  // namespace ordinate
