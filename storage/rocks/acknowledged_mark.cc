#include "storage/rocks/acknowledged_mark.h"

#include <fcntl.h>
#include <xxhash.h>

#include <bit>
#include <cerrno>
#include <cstring>

#include "storage/base/status_macros.h"
#include "storage/base/text.h"
#include "storage/files/disk.h"
#include "storage/files/durable_file.h"

namespace ordinate {
namespace {

static_assert(std::endian::native == std::endian::little, "the mark is written as it lies here");

struct Content {
  char magic[8] = {'O', 'R', 'D', 'A', 'C', 'K', 'E', 'D'};
  uint64_t value = 0;
  uint64_t checksum = 0;

  uint64_t ExpectedChecksum() const { return XXH3_64bits(this, offsetof(Content, checksum)); }
};
static_assert(sizeof(Content) == 24);

Content ContentOf(uint64_t value) {
  Content content;
  content.value = value;
  content.checksum = content.ExpectedChecksum();
  return content;
}

absl::Status Failed(std::string_view doing, std::string_view path) {
  return absl::InternalError(
      Concat("cannot ", doing, " '", path, "': ", std::string(std::strerror(errno))));
}

}  // namespace

absl::StatusOr<std::unique_ptr<AcknowledgedMark>> AcknowledgedMark::Open(
    const std::string& directory, bool read_only) {
  std::unique_ptr<AcknowledgedMark> mark(new AcknowledgedMark(directory + "/ACKNOWLEDGED"));
  const int flags = read_only ? O_RDONLY : O_RDWR;
  mark->file_ = TheDisk().Open(mark->path_, flags);
  if (mark->file_ < 0 && errno == ENOENT) {
    if (read_only) return mark;
    // Whole and durable before its first use, so that a power loss finds an old number or a new
    // one, never a file without content: 24 bytes that lie in one sector are overwritten whole.
    const Content none = ContentOf(0);
    RETURN_IF_ERROR(WriteFileDurably(
        mark->path_, std::string_view(reinterpret_cast<const char*>(&none), sizeof(none))));
    mark->file_ = TheDisk().Open(mark->path_, flags);
  }
  if (mark->file_ < 0) return Failed("open", mark->path_);
  RETURN_IF_ERROR(mark->Load());
  return mark;
}

AcknowledgedMark::~AcknowledgedMark() {
  if (file_ >= 0) TheDisk().Close(file_);
}

absl::Status AcknowledgedMark::Load() {
  Content content;
  const Content fresh;
  const ssize_t size = TheDisk().Read(file_, &content, sizeof(content), 0);
  if (size < 0) return Failed("read", path_);
  if (size == 0) return absl::OkStatus();
  if (size != sizeof(content) || std::memcmp(content.magic, fresh.magic, 8) != 0 ||
      content.checksum != content.ExpectedChecksum()) {
    return absl::DataLossError(Concat("file '", path_,
                                      "' is damaged: its checksum does not match; verify the "
                                      "directory and remove this file, or restore the directory "
                                      "from a backup"));
  }
  value_ = content.value;
  known_ = true;
  return absl::OkStatus();
}

absl::Status AcknowledgedMark::Unknown() const {
  return absl::DataLossError(Concat("the write-ahead log is damaged, and without the file '", path_,
                                    "' nothing says what was acknowledged; put that file back, or "
                                    "restore the directory from a backup"));
}

absl::Status AcknowledgedMark::Set(uint64_t value) {
  const Content content = ContentOf(value);
  if (TheDisk().Write(file_, &content, sizeof(content), 0) != sizeof(content)) {
    return Failed("write", path_);
  }
  value_ = value;
  known_ = true;
  return absl::OkStatus();
}

}  // namespace ordinate
