// Blobs in a folder: <root>/blobs/sha256/ab/abcd…, each made under <root>/partial, synced and
// renamed. Works on NFS.
#pragma once

#include <filesystem>
#include <memory>

#include "common/storage/artifact_store.h"

namespace foundry::storage {

class FileStore : public ArtifactStore {
 public:
  static absl::StatusOr<std::unique_ptr<FileStore>> Open(const std::filesystem::path& root);

  absl::StatusOr<BlobInfo> PutFile(const std::filesystem::path& file) override;
  absl::StatusOr<BlobInfo> PutBytes(absl::string_view content) override;
  absl::StatusOr<bool> Has(absl::string_view sha256) override;
  absl::StatusOr<std::string> GetBytes(absl::string_view sha256) override;
  absl::Status GetFile(absl::string_view sha256, const std::filesystem::path& to,
                       Placement placement) override;
  absl::Status List(
      const std::function<bool(const std::string& sha256, absl::Time put)>& visit) override;
  absl::StatusOr<bool> RemoveOlder(absl::string_view sha256, absl::Time put_before) override;

  std::filesystem::path PathOf(absl::string_view sha256) const;

 private:
  explicit FileStore(std::filesystem::path root) : root_(std::move(root)) {}
  // A path under partial/ that nobody else uses.
  std::filesystem::path NewPartial() const;
  // Marks a blob as put now; false when it is not (or no longer) there.
  bool Touch(absl::string_view sha256) const;
  // Syncs a finished partial file and renames it to its place.
  absl::Status Publish(const std::filesystem::path& partial, absl::string_view sha256);

  const std::filesystem::path root_;
};

}  // namespace foundry::storage
