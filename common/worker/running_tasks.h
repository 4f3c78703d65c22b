// The attempts under way in one worker process.
//
// A lease may come for a task that another slot still runs: the earlier lease ran out while the
// coordinator was out of reach, or the coordinator's database lost it in a crash. Both attempts
// would share one scratch folder; so the earlier one ends first, and a lease that comes twice is
// run once. Thread-safe.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>

#include "common/base/cancel.h"

namespace foundry::worker {

class RunningTasks {
 public:
  // One attempt, under way from the constructor to the destructor.
  class Attempt {
   public:
    // Cancels attempts of the task under earlier epochs. `cancel` is this attempt's.
    Attempt(RunningTasks* tasks, std::string task_id, int64_t epoch, CancelToken cancel);
    ~Attempt();
    Attempt(const Attempt&) = delete;

    // False: the task is run under this lease, or a later one, already. Leave it alone.
    bool own() const { return own_; }
    // Waits until those of earlier epochs have ended.
    void AwaitEarlier();

   private:
    RunningTasks* const tasks_;
    const std::string task_id_;
    const int64_t epoch_;
    CancelToken cancel_;
    bool own_ = true;
    friend class RunningTasks;
  };

  void CancelAll(const std::string& reason);

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  std::list<Attempt*> attempts_;  // guarded by mutex_
};

}  // namespace foundry::worker
