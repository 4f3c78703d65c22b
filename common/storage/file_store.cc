#include "common/storage/file_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "common/base/files.h"
#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/base/status.h"

namespace foundry::storage {
namespace {

namespace fs = std::filesystem;

// Other processes and machines may be writing theirs.
constexpr auto kPartialLife = std::chrono::hours(24);

absl::Status Failed(const fs::path& path, absl::string_view what, const std::error_code& error) {
  return absl::ErrnoToStatus(error.value(), absl::StrCat(path.string(), ": ", what));
}

absl::Status SyncFile(const fs::path& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return absl::ErrnoToStatus(errno, absl::StrCat(path.string(), ": cannot open to sync"));
  const int result = fsync(fd);
  const int error = errno;
  close(fd);
  return result == 0 ? absl::OkStatus()
                     : absl::ErrnoToStatus(error, absl::StrCat(path.string(), ": cannot sync"));
}

absl::Status Missing(absl::string_view sha256) {
  return absl::NotFoundError(absl::StrCat("artifact ", sha256, " is not in the store"));
}

absl::Status Changed(const fs::path& path, absl::string_view sha256) {
  return absl::DataLossError(absl::StrCat(path.string(), ": the content is not that of artifact ",
                                          sha256, "; remove the file and run the step again"));
}

// Removes a file unless it was renamed away.
class RemoveAtEnd {
 public:
  explicit RemoveAtEnd(fs::path path) : path_(std::move(path)) {}
  ~RemoveAtEnd() { unlink(path_.c_str()); }

 private:
  const fs::path path_;
};

}  // namespace

absl::Status CheckSha256(absl::string_view sha256) {
  bool good = sha256.size() == 64;
  for (const char c : sha256) good &= absl::ascii_isdigit(c) || (c >= 'a' && c <= 'f');
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("\"", sha256.substr(0, 80), "\" is not a SHA-256 (64 lower-case hex digits)"));
}

absl::StatusOr<std::unique_ptr<ArtifactStore>> OpenStore(const std::string& root) {
  absl::string_view path = root;
  absl::ConsumePrefix(&path, "file://");
  if (absl::StrContains(path, "://")) {
    return absl::InvalidArgumentError(
        absl::StrCat(root, ": not a folder or file:// address of an artifact store"));
  }
  return FileStore::Open(std::string(path));
}

absl::StatusOr<std::unique_ptr<FileStore>> FileStore::Open(const fs::path& root) {
  if (root.empty()) return absl::InvalidArgumentError("the artifact store needs a folder");
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(root / "blobs" / "sha256"));
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(root / "partial"));
  std::error_code error;
  // What was being written when a process was killed.
  for (fs::directory_iterator it(root / "partial", error), end; !error && it != end;
       it.increment(error)) {
    std::error_code ignored;
    const auto age = fs::file_time_type::clock::now() - it->last_write_time(ignored);
    if (!ignored && age > kPartialLife) fs::remove(it->path(), ignored);
  }
  return std::unique_ptr<FileStore>(new FileStore(fs::absolute(root, error)));
}

fs::path FileStore::PathOf(absl::string_view sha256) const {
  return root_ / "blobs" / "sha256" / std::string(sha256.substr(0, 2)) / std::string(sha256);
}

fs::path FileStore::NewPartial() const { return root_ / "partial" / RandomId(); }

absl::Status FileStore::Publish(const fs::path& partial, absl::string_view sha256) {
  FOUNDRY_RETURN_IF_ERROR(SyncFile(partial));
  std::error_code error;
  fs::permissions(partial, fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read,
                  error);
  const fs::path place = PathOf(sha256);
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(place.parent_path()));
  // Whoever renames last replaces the same content by the same content.
  return RenameDurably(partial, place);
}

absl::StatusOr<BlobInfo> FileStore::PutFile(const fs::path& file) {
  std::error_code error;
  const fs::path partial = NewPartial();
  const RemoveAtEnd remove(partial);
  // A copy, not a link: the hash is taken of bytes that nobody else holds open.
  fs::copy_file(file, partial, error);
  if (error) return Failed(file, "cannot copy into the artifact store", error);
  FOUNDRY_ASSIGN_OR_RETURN(std::string sha256, Sha256HexOfFile(partial));
  const int64_t size = static_cast<int64_t>(fs::file_size(partial, error));
  if (error) return Failed(partial, "cannot get the size", error);
  if (!Touch(sha256)) FOUNDRY_RETURN_IF_ERROR(Publish(partial, sha256));
  return BlobInfo{std::move(sha256), size};
}

absl::StatusOr<BlobInfo> FileStore::PutBytes(absl::string_view content) {
  std::string sha256 = Sha256Hex(content);
  if (!Touch(sha256)) {
    const fs::path partial = NewPartial();
    const RemoveAtEnd remove(partial);
    FOUNDRY_RETURN_IF_ERROR(WriteFileAtomic(partial, content));
    FOUNDRY_RETURN_IF_ERROR(Publish(partial, sha256));
  }
  return BlobInfo{std::move(sha256), static_cast<int64_t>(content.size())};
}

absl::StatusOr<bool> FileStore::Has(absl::string_view sha256) {
  FOUNDRY_RETURN_IF_ERROR(CheckSha256(sha256));
  std::error_code error;
  const bool exists = fs::exists(PathOf(sha256), error);
  if (error) return Failed(PathOf(sha256), "cannot look for it", error);
  return exists;
}

absl::StatusOr<std::string> FileStore::GetBytes(absl::string_view sha256) {
  FOUNDRY_ASSIGN_OR_RETURN(const bool stored, Has(sha256));
  if (!stored) return Missing(sha256);
  FOUNDRY_ASSIGN_OR_RETURN(std::string content, ReadFile(PathOf(sha256)));
  if (Sha256Hex(content) != sha256) return Changed(PathOf(sha256), sha256);
  return content;
}

absl::Status FileStore::GetFile(absl::string_view sha256, const fs::path& to, Placement placement) {
  FOUNDRY_ASSIGN_OR_RETURN(const bool stored, Has(sha256));
  if (!stored) return Missing(sha256);
  const fs::path place = PathOf(sha256);
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(to.parent_path()));
  std::error_code error;
  if (placement == Placement::kLink) fs::create_hard_link(place, to, error);
  if (placement == Placement::kCopy || error) {
    error.clear();
    fs::copy_file(place, to, error);
    if (error) return Failed(to, "cannot copy out of the artifact store", error);
    fs::permissions(to, fs::perms::owner_write, fs::perm_options::add, error);
  }
  FOUNDRY_ASSIGN_OR_RETURN(const std::string actual, Sha256HexOfFile(to));
  if (actual != sha256) {
    fs::remove(to, error);
    return Changed(place, sha256);
  }
  return absl::OkStatus();
}

bool FileStore::Touch(absl::string_view sha256) const {
  return utimensat(AT_FDCWD, PathOf(sha256).c_str(), nullptr, 0) == 0;
}

absl::Status FileStore::List(
    const std::function<bool(const std::string& sha256, absl::Time put)>& visit) {
  std::error_code error;
  for (fs::recursive_directory_iterator it(root_ / "blobs" / "sha256", error), end;
       !error && it != end; it.increment(error)) {
    struct stat info {};
    const std::string name = it->path().filename().string();
    // A folder, a foreign file, or a blob that went away meanwhile.
    if (!CheckSha256(name).ok() || stat(it->path().c_str(), &info) != 0) continue;
    if (!visit(name, absl::TimeFromTimespec(info.st_mtim))) return absl::OkStatus();
  }
  return error ? Failed(root_, "cannot list", error) : absl::OkStatus();
}

absl::StatusOr<bool> FileStore::RemoveOlder(absl::string_view sha256, absl::Time put_before) {
  FOUNDRY_RETURN_IF_ERROR(CheckSha256(sha256));
  // Out of the way first: from here on a Put stores the content anew. One that came before this
  // has left its mark on the time.
  const fs::path aside = NewPartial();
  const RemoveAtEnd remove(aside);
  std::error_code error;
  fs::rename(PathOf(sha256), aside, error);
  if (error == std::errc::no_such_file_or_directory) return true;
  if (error) return Failed(PathOf(sha256), "cannot remove", error);
  struct stat info {};
  if (stat(aside.c_str(), &info) == 0 && absl::TimeFromTimespec(info.st_mtim) < put_before) {
    return true;
  }
  fs::rename(aside, PathOf(sha256), error);
  if (error) return Failed(PathOf(sha256), "cannot put back", error);
  return false;
}

}  // namespace foundry::storage
