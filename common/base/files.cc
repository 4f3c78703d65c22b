#include "common/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <utility>

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
  std::error_code error;
  if (!fs::exists(path, error))
    return absl::NotFoundError(absl::StrCat(path.string(), ": no such file"));
  if (fs::is_directory(path, error)) {
    return absl::InvalidArgumentError(absl::StrCat(path.string(), ": is a folder, not a file"));
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) return Failed(path, "cannot open", errno);
  std::ostringstream out;
  out << in.rdbuf();
  if (in.bad()) return Failed(path, "cannot read", errno);
  return std::move(out).str();
}

absl::Status MakeFolders(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  return error ? Failed(folder, "cannot make folder", error.value()) : absl::OkStatus();
}

absl::Status WriteFileAtomic(const fs::path& path, absl::string_view content) {
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(FolderOf(path)));
  const fs::path temporary = path.string() + ".partial-" + RandomId();
  absl::Status status = WriteAll(temporary, content);
  if (status.ok()) status = RenameDurably(temporary, path);
  if (!status.ok()) unlink(temporary.c_str());
  return status;
}

absl::Status RenameDurably(const fs::path& from, const fs::path& to) {
  std::error_code error;
  if (fs::is_directory(to, error)) {
    // A folder cannot be renamed over another: the old one steps aside first.
    const fs::path aside = to.string() + ".old-" + RandomId();
    fs::rename(to, aside, error);
    if (error) return Failed(to, "cannot move aside", error.value());
    fs::rename(from, to, error);
    if (error) return Failed(to, "cannot rename into place", error.value());
    fs::remove_all(aside, error);
  } else {
    fs::rename(from, to, error);
    if (error) return Failed(to, "cannot rename into place", error.value());
  }
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
