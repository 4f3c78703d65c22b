// Keeps a lease alive while its task runs, and carries what the task tells.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "absl/time/time.h"
#include "common/base/cancel.h"
#include "common/worker/coordinator_client.h"
#include "common/worker/task_report.h"

namespace foundry::worker {

// Sends a heartbeat at once and then every `period`, from a thread of its own, until destroyed.
// When the lease is lost or the job is cancelled, it cancels `task`. Thread-safe.
class Heartbeat {
 public:
  Heartbeat(CoordinatorClient* client, const coordinator::v1::Lease& lease, TaskReport* report,
            CancelToken task, absl::Duration period);
  ~Heartbeat();

  // Another worker may hold the task: nothing may be written for it any more.
  bool lost() const { return lost_; }
  // The job was cancelled.
  bool cancelled() const { return cancelled_; }

  // Sends what was told since the last one, now.
  void Flush();

  // The outcome is being sent. Beats go on, since that may take long; but one that is refused from
  // now on may have come after the outcome was taken, and is no alarm.
  void OutcomeUnderWay() { outcome_under_way_ = true; }

 private:
  void Loop();
  // False: the coordinator was not reached.
  bool Beat();

  CoordinatorClient* const client_;
  const std::string task_id_;
  const int64_t epoch_;
  TaskReport* const report_;
  CancelToken task_;
  const absl::Duration period_;
  std::atomic<bool> lost_ = false;
  std::atomic<bool> cancelled_ = false;
  std::atomic<bool> outcome_under_way_ = false;
  CancelToken stop_;
  std::mutex beating_;  // one beat at a time, so that batches keep their order
  std::thread thread_;  // last: it uses everything above
};

}  // namespace foundry::worker
