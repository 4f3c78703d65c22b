// Files: whole reads, atomic durable writes, temporary folders. Errors name the path.
// Thread-safe (no state).
#pragma once

#include <filesystem>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace foundry {

// The whole file. NotFound when it does not exist.
absl::StatusOr<std::string> ReadFile(const std::filesystem::path& path);

// Makes `content` visible at `path` all at once: temporary file beside it, fsync, rename, fsync of
// the folder. Parent folders are made. A crash leaves the old file or the new one.
absl::Status WriteFileAtomic(const std::filesystem::path& path, absl::string_view content);

// Renames `from` to `to` and syncs the folder that holds `to`; an existing `to` (file or folder) is
// replaced. Both must be on one file system.
absl::Status RenameDurably(const std::filesystem::path& from, const std::filesystem::path& to);

// Syncs every file and folder below `folder`, and itself.
absl::Status SyncFolder(const std::filesystem::path& folder);

// mkdir -p.
absl::Status MakeFolders(const std::filesystem::path& folder);

// A folder that is removed with its contents by the destructor. Move-only.
class TempFolder {
 public:
  // Made under `parent`, or under $TMPDIR (/tmp) when it is empty.
  static absl::StatusOr<TempFolder> Make(const std::filesystem::path& parent = {});
  TempFolder(TempFolder&& other) noexcept;
  TempFolder& operator=(TempFolder&& other) noexcept;
  ~TempFolder();
  const std::filesystem::path& path() const { return path_; }

 private:
  explicit TempFolder(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
};

}  // namespace foundry
