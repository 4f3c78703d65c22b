// The task door: leases tasks from the coordinator and runs them.
//
// At-least-once execution, exactly-once recorded completion: the coordinator refuses writes under a
// stale epoch, and outputs count only once it has recorded their manifest. A failed attempt leaves
// nothing but scratch. Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "common/base/cancel.h"
#include "common/rpc/channel.h"
#include "common/storage/artifact_store.h"
#include "common/worker/coordinator_client.h"
#include "common/worker/run_stage.h"
#include "common/worker/running_tasks.h"

namespace foundry::worker {

struct WorkerOptions {
  int slots = 1;  // tasks run at once
  bool has_gpu = false;
  int devices = 0;                         // ranks of a training at once; 0: any number
  std::string rank_address = "127.0.0.1";  // by which other workers' ranks reach them
  // States of a training are stored this often, for an attempt on another worker.
  absl::Duration state_period = absl::Minutes(5);
  absl::Duration poll_wait = absl::Seconds(20);  // longest wait of one LeaseTask
  // Or a sixth of the lease, if less. A cancellation is learnt with the next heartbeat.
  absl::Duration heartbeat_period = absl::Milliseconds(800);
};

class WorkerLoop {
 public:
  // Starts leasing. `runner`, `channel` and `store` must outlive the loop.
  WorkerLoop(const WorkerOptions& options, const StageRunner* runner, const rpc::Channel* channel,
             storage::ArtifactStore* store);
  // Drains.
  ~WorkerLoop();

  // Stops leasing, cancels the running tasks, gives them back and waits for all of it. A task that
  // finished in the same moment is completed.
  void Drain();

  // Random per process, never a host name.
  const std::string& worker_id() const { return client_.worker_id(); }

 private:
  struct Finished {
    common::v1::StageResult result;
    std::string manifest;  // SHA-256 of the stored manifest
  };
  void RunSlot();
  void RunTask(const coordinator::v1::Lease& lease);
  // A share of a task that another worker leads.
  void RunSeat(const coordinator::v1::Lease& lease);
  // "completed", "failed", …
  void Count(const coordinator::v1::Lease& lease, const char* outcome);
  absl::Duration HeartbeatPeriod(const coordinator::v1::Lease& lease) const;
  // Runs the handler and stores its output; the result's manifest is set.
  absl::StatusOr<Finished> Execute(const coordinator::v1::Lease& lease, const CancelToken& cancel,
                                   TaskReport* report);

  const WorkerOptions options_;
  const StageRunner* const runner_;
  storage::ArtifactStore* const store_;
  CoordinatorClient client_;
  CancelToken draining_;
  RunningTasks tasks_, seats_;
  std::vector<std::thread> slots_;
};

}  // namespace foundry::worker
