// The local files of one worker process: fetched inputs, outputs being made, scratch.
//
//   <root>/lock            held while the process lives, so two never share a folder
//   <root>/inputs/…        parts of stored outputs, hard-linked from the artifact store
//   <root>/outputs/<id>/   what the attempts under way write
//   <root>/scratch/<key>/  what a later attempt of the same task may find; a week old, it goes
//   <root>/cache/…         what later tasks of any job may find; unopened for a month, it goes
// Thread-safe.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "common/base/files.h"
#include "common/storage/artifact_store.h"
#include "common/worker/task_context.h"

namespace foundry::worker {

class WorkFolder {
 public:
  // Takes the folder and clears what an earlier process left, except scratch and cache. Unavailable
  // when another process has it. `store` may be null: then inputs must be paths.
  static absl::StatusOr<std::unique_ptr<WorkFolder>> Open(const std::filesystem::path& root,
                                                          storage::ArtifactStore* store);
  ~WorkFolder();

  // The local path of an input. Parts of manifests are made at most once and shared.
  absl::StatusOr<std::filesystem::path> Fetch(const InputRef& input);

  // An empty folder, removed by the result's destructor.
  absl::StatusOr<TempFolder> NewOutput();

  // Made if missing. `key` may hold any characters.
  absl::StatusOr<std::filesystem::path> Scratch(const std::string& key);
  void RemoveScratch(const std::string& key);

  std::filesystem::path cache() const { return root_ / "cache"; }

 private:
  WorkFolder(std::filesystem::path root, int lock, storage::ArtifactStore* store)
      : root_(std::move(root)), lock_(lock), store_(store) {}
  absl::StatusOr<std::filesystem::path> FetchManifest(const InputRef& input);
  void RemoveOld();

  const std::filesystem::path root_;
  const int lock_;
  storage::ArtifactStore* const store_;
  std::mutex mutex_;
  // One lock an input, so that a large one does not hold up the others.
  std::map<std::string, std::shared_ptr<std::mutex>> fetching_;
};

}  // namespace foundry::worker
