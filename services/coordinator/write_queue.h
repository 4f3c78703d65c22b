// What workers tell, written in batches: all completions that came while the batch before was being
// committed go into one transaction, and so do heartbeats. Jobs' rows are locked and a commit
// waited for once a batch instead of once a task, and no call holds a thread. Completions that may
// have to wait or to plan go on in batches of their jobs' own, so that they hold up no other job.
// Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/cancel.h"
#include "services/coordinator/store.h"

namespace foundry::coordinator {

class WriteQueue {
 public:
  struct Options {
    int threads = 6;  // at least 2; two of them (of 2: one) never wait for a job
    size_t largest_batch = 256;
  };

  // `store` must outlive it.
  WriteQueue(Store* store, const Options& options);
  // Writes what was accepted.
  ~WriteQueue();
  WriteQueue(const WriteQueue&) = delete;

  // `request` must live until `done`, which runs once, on a thread of the queue. A call that is
  // cancelled before its turn is not written.
  void Complete(const v1::CompleteTaskRequest* request, absl::Time deadline,
                const CancelToken& cancel, std::function<void(absl::Status)> done);
  void Heartbeat(const v1::HeartbeatRequest* request, absl::Time deadline,
                 const CancelToken& cancel, std::function<void(absl::StatusOr<bool>)> done);

 private:
  struct Item {
    const v1::CompleteTaskRequest* completion = nullptr;  // or
    const v1::HeartbeatRequest* heartbeat = nullptr;
    std::string job;  // of a completion; empty: not known without asking
    absl::Time deadline;
    CancelToken cancel;
    std::function<void(absl::StatusOr<bool>)> done;
  };
  // Items that are written one batch after the other.
  struct Lane {
    std::deque<Item> items;
    bool busy = false;
  };
  std::string HeartbeatLane(const v1::HeartbeatRequest& request) const;
  void AddLocked(const std::string& lane, Item item);
  void DueLocked(const std::string& lane);
  // The next lane to work on; empty: there is none.
  std::string TakeLocked();
  void Run();
  // Answers what is left for lanes of the jobs' own.
  std::vector<Item> Write(const std::string& lane, std::vector<Item> batch);
  void WriteHeartbeats(const std::vector<Item>& batch, absl::Time deadline);
  // Of one job, or of a task whose job is not known.
  void WriteCompletions(const std::vector<Item>& batch, absl::Time deadline);
  // Of any jobs.
  std::vector<Item> WriteSharedCompletions(std::vector<Item> batch, absl::Time deadline);
  static std::vector<const v1::CompleteTaskRequest*> CompletionsOf(const std::vector<Item>& batch);
  static void Answer(const Item& item, const absl::Status& outcome);

  Store* const store_;
  const Options options_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, Lane> lanes_;  // with items or busy; guarded by mutex_
  // Lanes with items that are not busy: those of all jobs, and jobs' and tasks' own. Guarded by
  // mutex_.
  std::deque<std::string> due_shared_, due_own_;
  int own_busy_ = 0;       // threads on lanes of jobs and tasks; guarded by mutex_
  bool stopping_ = false;  // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace foundry::coordinator
