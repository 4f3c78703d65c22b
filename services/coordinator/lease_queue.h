// Workers that wait for a task.
//
// All waiters are served by one thread, which claims for everybody of the same kind in one
// transaction: sixty-four idle workers cost as many claims as one, and none holds a thread. It
// looks when a hint comes, when a worker starts to wait, and every poll interval (a hint may get
// lost; a failed task's pause ends silently). A second thread writes the events of starts, a moment
// later: those of quick tasks have been written with their completion by then; and it gives back
// leases whose callers have gone. Thread-safe.
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/cancel.h"
#include "services/coordinator/store.h"

namespace foundry::coordinator {

class LeaseQueue {
 public:
  struct Options {
    absl::Duration poll = absl::Milliseconds(500);
    absl::Duration record_after = absl::Milliseconds(50);
    // A waiting worker is written down as seen this often.
    absl::Duration seen_period = absl::Seconds(5);
  };
  // Runs on the serving thread, or on the caller's.
  using Answer = std::function<void(absl::StatusOr<std::optional<v1::Lease>>)>;

  // `store` must outlive it.
  LeaseQueue(Store* store, const Options& options);
  // Sends every waiter away.
  ~LeaseQueue();
  LeaseQueue(const LeaseQueue&) = delete;

  // Sends every waiter away, now and from now on: Unavailable. Claims under way are answered.
  void Drain();

  // A task may have become ready.
  void Wake();

  // Answers once: with a lease, with none at `until`, or with an error when `cancel` is cancelled.
  // A lease that arrives for a cancelled call goes back.
  void Wait(const v1::LeaseTaskRequest& request, absl::Time until, const CancelToken& cancel,
            Answer answer);

 private:
  struct Waiter {
    std::vector<std::string> stages;
    bool has_gpu = false;
    int devices = 0;
    std::string rank_address;
    std::string worker_id;
    absl::Time until;
    CancelToken cancel;
    Answer answer;
  };
  void Run();
  // Sends away who must not wait any longer.
  void Dismiss(std::unique_lock<std::mutex>& lock);
  // One claim for each kind of waiter.
  void Serve(std::unique_lock<std::mutex>& lock);
  void ServeKind(std::list<Waiter>* waiters);
  // All of the same kind.
  static LeaseQuery QueryFor(const std::list<Waiter>& waiters,
                             const std::set<std::string>& without);
  // Answers who got something and takes them off the list.
  void Grant(const std::vector<GrantedLease>& granted, std::list<Waiter>* waiters);
  // Of the recording thread.
  absl::Status GiveBack(const GrantedLease& grant);
  void RecordLoop();
  // Waiters that are due to be written down as seen.
  std::vector<SeenWorker> TakeSeen();

  Store* const store_;
  const Options options_;
  std::mutex mutex_;
  std::condition_variable work_;                 // for the serving thread
  std::condition_variable granted_;              // for the recording thread
  std::list<Waiter> waiters_;                    // guarded by mutex_
  std::vector<GrantedLease> to_record_;          // guarded by mutex_
  std::vector<GrantedLease> to_give_back_;       // nobody waits for them; guarded by mutex_
  absl::Time next_poll_ = absl::InfinitePast();  // of the serving thread
  std::map<std::string, absl::Time> seen_;       // worker → last written; guarded by mutex_
  std::vector<SeenWorker> just_seen_;            // new ones; guarded by mutex_
  absl::Time next_seen_ = absl::InfinitePast();  // guarded by mutex_
  bool look_ = false;                            // guarded by mutex_
  bool draining_ = false;                        // guarded by mutex_
  bool stopping_ = false;                        // guarded by mutex_
  std::thread thread_, recorder_;
};

}  // namespace foundry::coordinator
