#include "tools/foundry/local/state_folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/files.h"
#include "common/base/status.h"

namespace foundry::cli {
namespace fs = std::filesystem;
namespace {

constexpr size_t kLongestSocketPath = 107;  // sizeof(sockaddr_un::sun_path) - 1

fs::path Root() {
  auto set = [](const char* name) -> const char* {
    const char* value = getenv(name);
    return value != nullptr && *value != '\0' ? value : nullptr;
  };
  std::error_code error;
  if (const char* home = set("FOUNDRY_HOME")) return fs::absolute(home, error);
  if (const char* state = set("XDG_STATE_HOME")) return fs::path(state) / "foundry";
  const char* home = set("HOME");
  return fs::path(home != nullptr ? home : "/tmp") / ".local/state/foundry";
}

}  // namespace

absl::StatusOr<StateFolder> OpenStateFolder() {
  StateFolder state{Root()};
  if (state.coordinator().size() > kLongestSocketPath) {
    return absl::InvalidArgumentError(
        absl::StrCat(state.root.string(),
                     ": too long for a socket's path; set FOUNDRY_HOME to a shorter folder"));
  }
  std::error_code error;
  const bool fresh = !fs::exists(state.root, error);
  FOUNDRY_RETURN_IF_ERROR(MakeFolders(state.root));
  // It holds what was read from the user's documents. Root's database runs under another account,
  // which must pass through.
  if (fresh && chmod(state.root.c_str(), geteuid() == 0 ? 0711 : 0700) != 0) {
    return absl::ErrnoToStatus(errno,
                               absl::StrCat(state.root.string(), ": cannot restrict access"));
  }
  for (const fs::path& folder : {state.root, state.artifacts(), state.work(), state.logs()}) {
    FOUNDRY_RETURN_IF_ERROR(MakeFolders(folder));
  }
  return state;
}

absl::StatusOr<FileLock> FileLock::TryTake(const fs::path& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat(path.string(), ": cannot open"));
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    close(fd);
    if (error == EWOULDBLOCK) {
      return absl::UnavailableError(absl::StrCat(path.string(), ": held by another process"));
    }
    return absl::ErrnoToStatus(error, absl::StrCat(path.string(), ": cannot lock"));
  }
  return FileLock(fd);
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileLock::~FileLock() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace foundry::cli
