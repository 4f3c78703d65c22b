// Workers that wait for a task.
//
// All waiters are served by one thread, which claims for everybody of the same kind in one
// statement: sixty-four idle workers cost as many claims as one. It looks when a hint comes, when a
// worker starts to wait, and every poll interval (a hint may get lost; a failed task's pause ends
// silently). Thread-safe.
#pragma once

#include <condition_variable>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/cancel.h"
#include "services/coordinator/store.h"

namespace foundry::coordinator {

class LeaseQueue {
 public:
  struct Options {
    absl::Duration poll = absl::Milliseconds(500);
  };

  // `store` must outlive it.
  LeaseQueue(Store* store, const Options& options);
  ~LeaseQueue();
  LeaseQueue(const LeaseQueue&) = delete;

  // Sends every waiter away, now and from now on: Unavailable. Claims under way are answered.
  void Drain();

  // A task may have become ready.
  void Wake();

  // Blocks until there is a lease, or none until `until`, or `cancel`. A lease that arrives for a
  // cancelled call goes back.
  absl::StatusOr<std::optional<v1::Lease>> Wait(const v1::LeaseTaskRequest& request,
                                                absl::Time until, const CancelToken& cancel);

 private:
  struct Waiter {
    LeaseQuery query;  // with this worker alone
    bool claiming = false;
    std::optional<v1::Lease> lease;
    absl::Status error;
  };
  void Run();
  // One claim for the first waiter and all of its kind; false when nothing was claimed.
  void Serve(std::unique_lock<std::mutex>& lock);

  Store* const store_;
  const Options options_;
  std::mutex mutex_;
  std::condition_variable work_;    // for the serving thread
  std::condition_variable served_;  // for waiters
  std::list<Waiter*> waiters_;      // guarded by mutex_
  bool look_ = false;               // guarded by mutex_
  bool draining_ = false;           // guarded by mutex_
  bool stopping_ = false;           // guarded by mutex_
  std::thread thread_;
};

}  // namespace foundry::coordinator
