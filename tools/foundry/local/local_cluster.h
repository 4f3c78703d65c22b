// A whole Foundry on this machine: private PostgreSQL, coordinator and one node, on Unix sockets.
//
// The processes end with their owner; the state (database, artifacts, work folders) stays, so that
// the next start goes on where this one stopped. Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tools/foundry/local/state_folder.h"
#include "tools/foundry/local/supervisor.h"

namespace foundry::postgres {
class LocalServer;
}

namespace foundry::cli {

struct LocalClusterOptions {
  int metrics_port = 0;  // of the node; 0: any free one
};

class LocalCluster {
 public:
  // Starts everything, or attaches to the cluster that another process on this machine owns.
  static absl::StatusOr<std::unique_ptr<LocalCluster>> Start(
      const LocalClusterOptions& options = {});
  // Drains and stops what this object started: running tasks are given back.
  ~LocalCluster();

  std::string coordinator() const { return state_.coordinator(); }
  const StateFolder& state() const { return state_; }
  // Another process owns the services.
  bool attached() const { return attached_; }

  // Not OK when a process keeps ending. While attached: when the owner has ended, its services
  // with it, this starts them anew and becomes the owner.
  absl::Status Health();

  // Notes this process as the one that `foundry down` stops.
  absl::Status RecordOwner() const;
  // Stops the process that RecordOwner noted and waits for its end. NotFound: none runs.
  static absl::Status StopOwner();

 private:
  explicit LocalCluster(const LocalClusterOptions& options);
  // OK without the lock: another process has it.
  absl::Status Own();
  absl::Status StartProcesses();
  void Drain();

  const LocalClusterOptions options_;
  std::mutex mutex_;  // one Health or Drain at a time
  std::atomic<bool> attached_ = true;
  StateFolder state_;
  std::unique_ptr<FileLock> lock_;  // null: attached
  std::unique_ptr<postgres::LocalServer> database_;
  std::unique_ptr<Supervisor> supervisor_;
};

// Path of a program that lies beside this one.
std::string SiblingProgram(const std::string& name);

}  // namespace foundry::cli
