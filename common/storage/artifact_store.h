// Where the outputs of tasks live: blobs, named by the SHA-256 of their content, written once.
//
// Storing commits nothing: an output counts once the coordinator's row names its manifest. So
// storing is idempotent, needs no locks, and a crash leaves at most blobs that no row names. Every
// read checks the hash: DataLoss names a blob whose content changed. NotFound names a missing one.
// Thread-safe.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace foundry::storage {

struct BlobInfo {
  std::string sha256;  // 64 lower-case hex digits
  int64_t size_bytes = 0;
};

// How a stored file gets to its place.
enum class Placement {
  kLink,  // a hard link where the file system allows one: the reader must not change it
  kCopy,  // the reader's own
};

class ArtifactStore {
 public:
  virtual ~ArtifactStore() = default;

  // `file` must not change any more; it may be removed afterwards.
  virtual absl::StatusOr<BlobInfo> PutFile(const std::filesystem::path& file) = 0;
  virtual absl::StatusOr<BlobInfo> PutBytes(absl::string_view content) = 0;

  // Whether it is stored; the content is not checked.
  virtual absl::StatusOr<bool> Has(absl::string_view sha256) = 0;

  virtual absl::StatusOr<std::string> GetBytes(absl::string_view sha256) = 0;
  // Makes `to`, which must not exist, hold the content. Parent folders are made.
  virtual absl::Status GetFile(absl::string_view sha256, const std::filesystem::path& to,
                               Placement placement) = 0;

  // Calls `visit` for every blob; the time is that of its last Put. Stops when it returns false.
  virtual absl::Status List(
      const std::function<bool(const std::string& sha256, absl::Time put)>& visit) = 0;
  // Removes a blob unless it was put again after `put_before`; true when it is gone. Safe beside
  // writers: a Put that finds the blob either saves it or stores it anew.
  virtual absl::StatusOr<bool> RemoveOlder(absl::string_view sha256, absl::Time put_before) = 0;
};

// 64 lower-case hex digits, or InvalidArgument: keeps "../" out of paths.
absl::Status CheckSha256(absl::string_view sha256);

// A store in the folder `root` (made if missing), which several processes and machines may share.
absl::StatusOr<std::unique_ptr<ArtifactStore>> OpenStore(const std::string& root);

}  // namespace foundry::storage
