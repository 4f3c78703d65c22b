#include "common/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/base/status.h"

namespace foundry {
namespace fs = std::filesystem;
namespace {

absl::Status Failed(const fs::path& path, absl::string_view what, int error) {
  return absl::ErrnoToStatus(error, absl::StrCat(path.string(), ": ", what));
}

absl::Status SyncPath(const fs::path& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return Failed(path, "cannot open to sync", errno);
  const int result = fsync(fd);
  const int error = errno;
  close(fd);
  return result == 0 ? absl::OkStatus() : Failed(path, "cannot sync", error);
}

fs::path FolderOf(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

absl::Status WriteAll(const fs::path& path, absl::string_view content) {
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return Failed(path, "cannot create", errno);
  while (!content.empty()) {
    const ssize_t written = write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int error = errno;
      close(fd);
      return Failed(path, "cannot write", error);
    }
    content.remove_prefix(written);
  }
  const int synced = fsync(fd);
  const int error = errno;
  close(fd);
  return synced == 0 ? absl::OkStatus() : Failed(path, "cannot sync", error);
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const fs::path& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
    return absl::NotFoundError(absl::StrCat(path.string(), ": no such file"));
  }
  if (fd < 0) return Failed(path, "cannot open", errno);
  const auto close_file = absl::MakeCleanup([fd] { close(fd); });
  struct stat info {};
  if (fstat(fd, &info) != 0) return Failed(path, "cannot read", errno);
  if (S_ISDIR(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path.string(), ": is a folder, not a file"));
  }
  std::string content;
  // One byte more shows the end. Pipes and the files of /proc do not say how long they are.
  content.resize(std::max<size_t>(info.st_size + 1, 4096));
  for (size_t size = 0;;) {
    if (size == content.size()) content.resize(2 * size);
    const ssize_t count = read(fd, content.data() + size, content.size() - size);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Failed(path, "cannot read", errno);
    size += count;
    if (count > 0) continue;
    content.resize(size);
    return content;
  }
}

absl::Status MakeFolders(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  return error ? Failed(folder, "cannot make folder", error.value()) : absl::OkStatus();
}

absl::Status WriteFileAtomic(const fs::path& path, absl::string_view content) {
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(FolderOf(path)));
  // Names may have 255 bytes.
  const fs::path temporary = FolderOf(path) / absl::StrCat(path.filename().string().substr(0, 200),
                                                           ".partial-", RandomId());
  absl::Status status = WriteAll(temporary, content);
  if (status.ok()) status = RenameDurably(temporary, path);
  if (!status.ok()) unlink(temporary.c_str());
  return status;
}

absl::Status RenameDurably(const fs::path& from, const fs::path& to) {
  if (rename(from.c_str(), to.c_str()) == 0) return SyncPath(FolderOf(to));
  const int error = errno;
  struct stat info {};
  if (lstat(to.c_str(), &info) != 0 || lstat(from.c_str(), &info) != 0) {
    return Failed(to, "cannot rename into place", error);
  }
  // A folder cannot be renamed over what is there, nor anything over a folder: they change places,
  // so that `to` is the old or the new at every moment.
  std::error_code ignored;
  if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE) == 0) {
    fs::remove_all(from, ignored);
    return SyncPath(FolderOf(to));
  }
  if (errno != EINVAL && errno != ENOSYS) return Failed(to, "cannot rename into place", errno);
  // A file system that cannot do that (NFS): the old one steps aside.
  const fs::path aside = to.string() + ".old-" + RandomId();
  if (rename(to.c_str(), aside.c_str()) != 0) return Failed(to, "cannot move aside", errno);
  if (rename(from.c_str(), to.c_str()) != 0) {
    const int failure = errno;
    rename(aside.c_str(), to.c_str());
    return Failed(to, "cannot rename into place", failure);
  }
  fs::remove_all(aside, ignored);
  return SyncPath(FolderOf(to));
}

absl::Status SyncFolder(const fs::path& folder) {
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    FOUNDRY_RETURN_IF_ERROR(SyncPath(it->path()));
  }
  if (error) return Failed(folder, "cannot list", error.value());
  return SyncPath(folder);
}

absl::StatusOr<TempFolder> TempFolder::Make(const fs::path& parent) {
  std::error_code error;
  const fs::path base = parent.empty() ? fs::temp_directory_path(error) : parent;
  if (error) return absl::InternalError("no temporary folder: set TMPDIR");
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(base));
  std::string name = (base / "foundry-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) return Failed(base, "cannot make a temporary folder", errno);
  return TempFolder(name);
}

TempFolder::TempFolder(TempFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}

TempFolder& TempFolder::operator=(TempFolder&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

}  // namespace foundry
