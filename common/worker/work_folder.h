// The local files of one worker process: fetched inputs, outputs being made, scratch.
//
//   <root>/lock            held while the process lives, so two never share a folder
//   <root>/inputs/…        parts of stored outputs, hard-linked from the artifact store; what
//                          no task holds goes an hour after its last fetch, with the next one
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
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/files.h"
#include "common/storage/artifact_store.h"
#include "common/worker/task_context.h"

namespace foundry::worker {

class WorkFolder {
 public:
  // Takes the folder and clears what an earlier process left, except scratch and cache. Unavailable
  // when another process has it. `store` may be null: then inputs must be paths.
  static absl::StatusOr<std::unique_ptr<WorkFolder>> Open(
      const std::filesystem::path& root, storage::ArtifactStore* store,
      absl::Duration input_life = absl::Hours(1));
  ~WorkFolder();

  struct Fetched {
    std::filesystem::path path;
    std::shared_ptr<const void> hold;  // the files stay for as long as somebody has it
  };
  // The local path of an input. Parts of manifests are made at most once and shared.
  absl::StatusOr<Fetched> Fetch(const InputRef& input);

  // An empty folder, removed by the result's destructor.
  absl::StatusOr<TempFolder> NewOutput();

  // Made if missing. `key` may hold any characters.
  absl::StatusOr<std::filesystem::path> Scratch(const std::string& key);
  void RemoveScratch(const std::string& key);

  std::filesystem::path cache() const { return root_ / "cache"; }

 private:
  // Parts of a stored output.
  struct Kept {
    std::mutex making;  // one lock an input, so that a large one does not hold up the others
    absl::Time used;    // guarded by the folder's mutex
  };

  WorkFolder(std::filesystem::path root, int lock, storage::ArtifactStore* store,
             absl::Duration input_life)
      : root_(std::move(root)), lock_(lock), store_(store), input_life_(input_life) {}
  absl::StatusOr<Fetched> FetchManifest(const InputRef& input);
  absl::Status Make(const InputRef& input, const std::filesystem::path& place);
  // Takes inputs that nobody has held for long out of sight; answers where they lie.
  std::vector<std::filesystem::path> UnusedLocked();
  void RemoveOld();

  const std::filesystem::path root_;
  const int lock_;
  storage::ArtifactStore* const store_;
  const absl::Duration input_life_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Kept>> inputs_;  // by folder; guarded by mutex_
};

}  // namespace foundry::worker
