// Where local mode keeps its state: $FOUNDRY_HOME, else $XDG_STATE_HOME/foundry, else
// ~/.local/state/foundry.
#pragma once

#include <filesystem>
#include <string>

#include "absl/status/statusor.h"

namespace foundry::cli {

struct StateFolder {
  std::filesystem::path root;

  std::filesystem::path lock() const { return root / "lock"; }
  std::filesystem::path postgres() const { return root / "postgres"; }
  std::filesystem::path artifacts() const { return root / "artifacts"; }
  std::filesystem::path work() const { return root / "work"; }
  std::filesystem::path logs() const { return root / "logs"; }
  // gRPC address of the coordinator's socket.
  std::string coordinator() const { return "unix:" + (root / "coordinator.sock").string(); }
};

// Makes the folder (mode 0700, for root 0711) and its parts. Unix socket paths hold at most 107
// bytes: a longer root is an InvalidArgument that says to set FOUNDRY_HOME.
absl::StatusOr<StateFolder> OpenStateFolder();

// An exclusive lock on a file, held until destruction or process end. Move-only.
class FileLock {
 public:
  // Unavailable when another process holds it.
  static absl::StatusOr<FileLock> TryTake(const std::filesystem::path& path);
  FileLock(FileLock&& other) noexcept;
  FileLock& operator=(FileLock&&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace foundry::cli
