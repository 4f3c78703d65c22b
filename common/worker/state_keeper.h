// Stores the states of a task under way where an attempt on any worker finds them.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/storage/artifact_store.h"

namespace foundry::worker {

// Thread-safe.
class StateKeeper {
 public:
  using Register = std::function<absl::Status(const std::string& manifest)>;
  // `store` must outlive it. `registers` is called from a thread of its own, with what was stored.
  StateKeeper(storage::ArtifactStore* store, absl::Duration period, Register registers);
  // Waits for the state being stored.
  ~StateKeeper();

  // Takes the folder over, which is removed when it was stored; at once when the last one was
  // stored less than a period ago. Of several that wait, the newest is stored. Does not block.
  void Keep(const std::filesystem::path& folder);

 private:
  void Run();
  void Store(const std::filesystem::path& folder);

  storage::ArtifactStore* const store_;
  const absl::Duration period_;
  const Register register_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<std::filesystem::path> next_;  // guarded by mutex_
  absl::Time due_ = absl::InfinitePast();      // guarded by mutex_
  bool stopping_ = false;                      // guarded by mutex_
  bool failed_ = false;                        // the last one was not stored; of the thread
  std::thread thread_;
};

}  // namespace foundry::worker
