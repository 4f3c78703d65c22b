// A whole Foundry on this machine: private PostgreSQL, coordinator and one node, on Unix sockets.
//
// The processes end with their owner; the state (database, artifacts, work folders) stays, so that
// the next start goes on where this one stopped.
#pragma once

#include <memory>
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
  // Stops what this object started.
  ~LocalCluster();

  std::string coordinator() const { return state_.coordinator(); }
  const StateFolder& state() const { return state_; }
  bool attached() const { return lock_ == nullptr; }

  // Not OK when a process keeps ending.
  absl::Status Health() const;

  // Drains: running tasks are given back, then all processes end. Idempotent.
  void Drain();
  // Notes this process as the one that `foundry down` stops.
  absl::Status RecordOwner() const;
  // Stops the process that RecordOwner noted and waits for its end. NotFound: none runs.
  static absl::Status StopOwner();

 private:
  LocalCluster() = default;
  absl::Status StartProcesses(const LocalClusterOptions& options);

  StateFolder state_;
  std::unique_ptr<FileLock> lock_;  // null: attached
  std::unique_ptr<postgres::LocalServer> database_;
  std::unique_ptr<Supervisor> supervisor_;
};

// Path of a program that lies beside this one.
std::string SiblingProgram(const std::string& name);

}  // namespace foundry::cli
