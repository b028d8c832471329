#include <rocksdb/write_batch.h>

#include "storage/base/mutex.h"
#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/catalog/catalog.h"
#include "storage/rocks/acknowledged_mark.h"
#include "storage/rocks/rocks_backup.h"
#include "storage/rocks/rocks_db.h"

namespace ordinate {
namespace {

// Families of the database. entries: the caller's key; the revision in 8 bytes big-endian, then
// the value. meta: "revision", the newest given; "format".
enum Family : size_t { kEntries, kMeta };
constexpr char kRevisionKey[] = "revision";
constexpr char kFormatKey[] = "format";
constexpr char kFormat[] = "1";

std::string U64Bytes(uint64_t number) {
  std::string out;
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift);
  return out;
}

// REQUIRES: at least 8 bytes.
uint64_t U64At(const rocksdb::Slice& bytes) {
  uint64_t number = 0;
  for (size_t i = 0; i < 8; ++i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

rocksdb::Slice ToSlice(std::string_view text) { return {text.data(), text.size()}; }

/// The newest revision. DATA_LOSS when one that was acknowledged is missing.
absl::StatusOr<uint64_t> LoadRevision(const RocksDb& rocks, const AcknowledgedMark& mark) {
  std::string bytes;
  const rocksdb::Status status = rocks.db()->Get({}, rocks.family(kMeta), kRevisionKey, &bytes);
  uint64_t revision = 0;
  if (!status.IsNotFound()) {
    RETURN_IF_ERROR(FromRocks("read the revision of", rocks.path(), status));
    if (bytes.size() != 8) return StoreDamaged(rocks.path(), "its revision is not a number");
    revision = U64At(bytes);
  }
  if (mark.value() <= revision) return revision;
  return StoreDamaged(rocks.path(), Concat("its write-ahead log or manifest ends at revision ",
                                           revision, ", but writes up to ", mark.value(),
                                           " were acknowledged (file 'ACKNOWLEDGED')"));
}

absl::StatusOr<std::unique_ptr<AcknowledgedMark>> OpenMark(const RocksDb& rocks) {
  return AcknowledgedMark::Open(rocks.path(), rocks.mode() == StoreMode::kReadOnly);
}

class RocksCatalog : public Catalog {
 public:
  RocksCatalog(std::unique_ptr<RocksDb> rocks, std::unique_ptr<AcknowledgedMark> mark)
      : rocks_(std::move(rocks)), mark_(std::move(mark)) {}

  /// Checks format and revision of what was opened.
  absl::Status Start() ORDINATE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    ASSIGN_OR_RETURN(revision_, LoadRevision(*rocks_, *mark_));
    return CheckFormat();
  }

  absl::StatusOr<std::optional<Entry>> Get(std::string_view key) const override {
    std::string bytes;
    const rocksdb::Status status =
        rocks_->db()->Get({}, rocks_->family(kEntries), ToSlice(key), &bytes);
    if (status.IsNotFound()) return std::nullopt;
    RETURN_IF_ERROR(FromRocks("read the catalog in", rocks_->path(), status));
    ASSIGN_OR_RETURN(Entry entry, Decode(key, bytes));
    return entry;
  }

  absl::StatusOr<uint64_t> Put(std::string_view key, std::string_view value,
                               uint64_t expected) override ORDINATE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    RETURN_IF_ERROR(CheckRevision(key, expected));
    rocksdb::WriteBatch batch;
    batch.Put(rocks_->family(kEntries), ToSlice(key), Concat(U64Bytes(revision_ + 1), value));
    return Commit(batch);
  }

  absl::Status Delete(std::string_view key, uint64_t expected) override ORDINATE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    RETURN_IF_ERROR(CheckRevision(key, expected));
    if (expected == 0) return absl::OkStatus();
    rocksdb::WriteBatch batch;
    batch.Delete(rocks_->family(kEntries), ToSlice(key));
    return Commit(batch).status();
  }

  absl::StatusOr<std::vector<Entry>> List(std::string_view prefix) const override {
    std::vector<Entry> entries;
    std::unique_ptr<rocksdb::Iterator> it(rocks_->db()->NewIterator({}, rocks_->family(kEntries)));
    for (it->Seek(ToSlice(prefix)); it->Valid() && it->key().starts_with(ToSlice(prefix));
         it->Next()) {
      ASSIGN_OR_RETURN(Entry entry, Decode({it->key().data(), it->key().size()}, it->value()));
      entries.push_back(std::move(entry));
    }
    RETURN_IF_ERROR(FromRocks("read the catalog in", rocks_->path(), it->status()));
    return entries;
  }

  absl::StatusOr<StoreBackup> BackUp(const BackupTarget& target) const override
      ORDINATE_EXCLUDES(mutex_) {
    const uint64_t revision = NewestRevision();
    ASSIGN_OR_RETURN(StoreBackup made, BackUpStore(*rocks_, target));
    made.sequence = revision;
    return made;
  }

 private:
  uint64_t NewestRevision() const ORDINATE_EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    return revision_;
  }

  absl::StatusOr<Entry> Decode(std::string_view key, const rocksdb::Slice& bytes) const {
    if (bytes.size() < 8 || U64At(bytes) == 0) {
      return StoreDamaged(rocks_->path(), Concat("entry '", key, "' has no revision"));
    }
    return Entry{.key = std::string(key),
                 .value = std::string(bytes.data() + 8, bytes.size() - 8),
                 .revision = U64At(bytes)};
  }

  absl::Status CheckRevision(std::string_view key, uint64_t expected) const
      ORDINATE_REQUIRES(mutex_) {
    RETURN_IF_ERROR(rocks_->CheckWritable());
    if (failed_) {
      return absl::FailedPreconditionError(
          Concat("the catalog in '", rocks_->path(),
                 "' takes no writes since a write to the disk failed; free or repair the disk and "
                 "restart the server"));
    }
    ASSIGN_OR_RETURN(const std::optional<Entry> entry, Get(key));
    const uint64_t found = entry ? entry->revision : 0;
    if (found == expected) return absl::OkStatus();
    return absl::AbortedError(Concat("catalog entry '", key, "' is at revision ", found, ", not ",
                                     expected, "; read it again and retry"));
  }

  absl::StatusOr<uint64_t> Commit(rocksdb::WriteBatch& batch) ORDINATE_REQUIRES(mutex_) {
    const uint64_t revision = revision_ + 1;
    batch.Put(rocks_->family(kMeta), kRevisionKey, U64Bytes(revision));
    absl::Status written = rocks_->Write(batch, /*sync=*/true);
    if (written.ok()) written = mark_->Set(revision);
    if (!written.ok()) {
      failed_ = true;  // what reached the disk is not known
      return written;
    }
    revision_ = revision;
    return revision;
  }

  absl::Status CheckFormat() ORDINATE_REQUIRES(mutex_) {
    std::string format;
    const rocksdb::Status status =
        rocks_->db()->Get({}, rocks_->family(kMeta), kFormatKey, &format);
    if (status.IsNotFound() && rocks_->mode() == StoreMode::kCreate) {
      rocksdb::WriteBatch batch;
      batch.Put(rocks_->family(kMeta), kFormatKey, kFormat);
      return rocks_->Write(batch, /*sync=*/true);
    }
    RETURN_IF_ERROR(FromRocks("read the format of", rocks_->path(), status));
    if (format == kFormat) return absl::OkStatus();
    return absl::FailedPreconditionError(Concat("the catalog in '", rocks_->path(), "' has format ",
                                                format, "; this version reads ", kFormat,
                                                "; use the version that wrote it"));
  }

  const std::unique_ptr<RocksDb> rocks_;
  mutable Mutex mutex_;  // one writer at a time
  const std::unique_ptr<AcknowledgedMark> mark_ ORDINATE_GUARDED_BY(mutex_);
  uint64_t revision_ ORDINATE_GUARDED_BY(mutex_) = 0;
  bool failed_ ORDINATE_GUARDED_BY(mutex_) = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Catalog>> OpenRocksCatalog(const std::string& path, StoreMode mode) {
  const rocksdb::ColumnFamilyOptions options = BaseFamilyOptions(BaseTableOptions());
  const auto holds_all = [mode](std::unique_ptr<RocksDb> view) -> absl::Status {
    ASSIGN_OR_RETURN(const auto mark, OpenMark(*view));
    if (!mark->known() && mode != StoreMode::kCreate) return mark->Unknown();
    return LoadRevision(*view, *mark).status();
  };
  ASSIGN_OR_RETURN(auto rocks,
                   RocksDb::Open(path, {{"entries", options}, {"meta", options}}, mode, holds_all));
  ASSIGN_OR_RETURN(auto mark, OpenMark(*rocks));
  auto catalog = std::make_unique<RocksCatalog>(std::move(rocks), std::move(mark));
  RETURN_IF_ERROR(catalog->Start());
  return catalog;
}

}  // namespace ordinate
