// The store's contract in memory: what store.h promises, without a database.
//
// A second implementation of the same rules, small enough to read beside state.h and on the real
// planner. It is what a million schedules run against, and what the PostgreSQL store is compared
// with, call by call.
//
// Not thread-safe; TaskStore facades share one of these.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "services/coordinator/attempts.h"
#include "services/coordinator/testing/task_store.h"

namespace foundry::coordinator {

class MemoryStore : public TaskStore {
 public:
  explicit MemoryStore(const StoreOptions& options) : options_(options) {}

  absl::StatusOr<std::string> CreateJob(const std::string& request_id,
                                        const pipeline::v1::PipelineSpec& spec,
                                        const InputFacts& facts) override;
  absl::Status CancelJob(const std::string& job_id, const std::string& reason) override;
  absl::Status RetryJob(const std::string& job_id) override;
  absl::StatusOr<v1::Job> GetJob(const std::string& job_id) override;
  absl::StatusOr<std::vector<v1::Event>> Events(const std::string& job_id) override;

  absl::StatusOr<std::vector<GrantedLease>> Lease(const LeaseQuery& query) override;
  absl::StatusOr<bool> Heartbeat(const v1::HeartbeatRequest& request) override;
  absl::Status Complete(const v1::CompleteTaskRequest& request) override;
  absl::Status Fail(const v1::FailTaskRequest& request) override;
  absl::Status Release(const LeaseKey& key) override;

  absl::StatusOr<Gathered> Gather(const LeaseQuery& query, Store::GangTurn turn) override;
  absl::Status OpenMeeting(const v1::OpenMeetingRequest& request) override;
  absl::StatusOr<v1::HeartbeatSeatResponse> HeartbeatSeat(const LeaseKey& key) override;
  absl::Status LeaveSeat(const v1::LeaveSeatRequest& request) override;
  absl::Status RegisterCheckpoint(const LeaseKey& key, const std::string& manifest) override;

  absl::StatusOr<int> ExpireLeases() override;

  void Advance(absl::Duration duration) { now_ += duration; }

 private:
  struct Job;
  // Of a gathering (epoch 0), then of the generation that the epoch names.
  struct Seat {
    std::string worker;
    int devices = 0;
    int64_t epoch = 0;
    SeatShare share;
    int world_size = 0;
    bool granted = false;       // handed out to its worker
    bool acknowledged = false;  // the worker has been heard from
    absl::Duration until;
  };
  // Of a task that gathered workers.
  struct Gang {
    std::optional<absl::Duration> gathering_since;
    absl::Duration hold_after;  // before: its workers are free
    std::string leader, rendezvous, inputs;
    double furthest = 0;
    std::vector<Seat> seats;  // in the order in which they were taken, then of ranks
  };
  struct Task {
    Job* job = nullptr;
    std::string id, step, key, stage, reason, worker, fingerprint, manifest;
    bool needs_gpu = false;
    State state = v1::STATE_READY;
    int64_t epoch = 0;
    int attempt = 0;
    Attempts attempts;
    absl::Duration not_before;
    v1::StageRequest request;
    common::v1::StageResult result;
    absl::Duration until;       // of the lease
    bool acknowledged = false;  // the worker has been heard from under it
    bool announced = false;     // its start has its event
    double done = 0;            // of the progress that it tells
    RankWish wish;
    std::optional<Gang> gang;
    std::string checkpoint;
    bool Held() const { return state == v1::STATE_RUNNING || state == v1::STATE_CANCELLING; }
  };
  struct Step {
    State state = v1::STATE_PENDING;
    std::string manifest;
  };
  struct Job {
    std::string id, request_id, reason;
    pipeline::v1::PipelineSpec spec;
    InputFacts facts;
    State state = v1::STATE_READY;
    std::vector<Task*> tasks;
    std::map<std::string, Step> steps;
    std::vector<v1::Event> events;
    bool HasOpenTasks() const;
  };

  absl::StatusOr<Job*> Find(const std::string& job_id);
  // The task of a lease, when the lease is its latest. NotFound, or STALE_LEASE.
  absl::StatusOr<Task*> FindLeased(const LeaseKey& key);
  // The task and the seat of a lease that is not the leader's. STALE_LEASE.
  struct Seated {
    Task* task;
    Seat* seat;
  };
  absl::StatusOr<Seated> FindSeat(const LeaseKey& key);
  bool Fits(const Task& task, const LeaseQuery& query) const;
  void Hold(Task& task, const std::string& worker, absl::Duration lease);
  absl::Status Announce(Task& task);
  GrantedLease LeaseOf(const Task& task, const std::string& worker) const;
  // Whether a gang's task has gone on since this was asked last.
  static bool WentOn(Task& task);
  absl::Status EndFailed(Task& task, const AttemptEnd& end);
  absl::Status EndInSilence(Task& task, const AttemptEnd& end);
  void Event(Job& job, const std::string& step, const std::string& key, State state,
             const std::string& message);
  absl::Status MoveJob(Job& job, State to, const std::string& reason);
  absl::Status MoveStep(Job& job, const std::string& step, State to, const std::string& reason);
  absl::Status MoveTask(Task& task, State to, const std::string& reason);
  absl::Status MoveTasks(Job& job, State from, State to, const std::string& reason);
  absl::Status Started(Job& job, const std::string& step);
  absl::Status FailJob(Job& job, const std::string& step, const std::string& reason);
  absl::Status EndIfCancelled(Job& job);
  absl::Status ExpireLease(Task& task);
  absl::Status ExpireSeats();
  // The task whose turn it is among those that want more devices than one of the workers has.
  bool Paused(const Task& task) const;
  Task* FirstGang(const LeaseQuery& query);
  bool ClaimableBefore(const Task& gang, const LeaseQuery& query) const;
  // Whether the generation was formed.
  bool SeatWorkers(Task& task, const LeaseQuery& workers);
  bool FormGang(Task& task, const GangPlan& plan);
  absl::Status GrantSeats(const LeaseQuery& query, std::vector<GrantedLease>* granted);
  void LeaveGatherings(const std::string& worker, const Task* except);
  absl::Status PlanNext(Job& job);
  absl::Status ApplyStep(Job& job, const PlannedStep& planned);
  void Insert(Job& job, const PlannedTask& planned);

  const StoreOptions options_;
  absl::Duration now_;
  std::deque<Job> jobs_;
  std::deque<Task> tasks_;  // in the order of planning: a job's tasks are leased in it
  std::map<std::string, Task*> by_id_;
  std::map<std::string, Task*> by_fingerprint_;  // the latest output of each
};

}  // namespace foundry::coordinator
