// Jobs, steps and tasks in PostgreSQL: everything the coordinator knows, and the only code that
// changes it. Any number of stores (in any number of processes) work on one database at once.
//
// Promises: every call is one transaction and idempotent, so a call whose outcome is in doubt is
// repeated; a worker's write carries the epoch of its lease and is refused (FailedPrecondition,
// reason STALE_LEASE) once the task was leased anew or ended; a completion is recorded once; what
// it enables is planned in the same transaction. Every state change obeys state.h and leaves a
// numbered event.
//
// Errors: NotFound (no such job or task), Unavailable (no database), DeadlineExceeded.
// Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "foundry/coordinator/v1/gangs.pb.h"
#include "foundry/coordinator/v1/jobs.pb.h"
#include "foundry/coordinator/v1/workers.pb.h"
#include "services/coordinator/database.h"
#include "services/coordinator/gang.h"
#include "services/coordinator/planner/planner.h"
#include "services/coordinator/ready_floors.h"
#include "services/coordinator/schedule.h"
#include "services/coordinator/state.h"

namespace foundry::coordinator {

class JobEdit;

struct StoreOptions {
  DatabaseOptions database;
  // How long a lease lasts without a heartbeat.
  absl::Duration lease = absl::Seconds(30);
  // True: claims and heartbeats, too, are on disk before they are answered. A crash of PostgreSQL
  // then loses no lease that a worker holds; each life of a task waits for the disk more often.
  bool durable_leases = false;
  // Retryable failures of a task before it fails the job.
  int max_retries = 3;
  // Leases of a task that end in silence before it is set aside …
  int max_crashes = 3;
  // … and such that never saw a heartbeat: most likely the answer to LeaseTask got lost.
  int max_lost = 10;
  // A failed task waits this long, doubled with each failure up to the cap, times 0.5 to 1.
  absl::Duration first_backoff = absl::Seconds(2);
  absl::Duration longest_backoff = absl::Seconds(60);
  // Fair shares go by numbers of running tasks that may be this old; zero: read for each claim.
  absl::Duration shares_age = absl::Milliseconds(50);
  GangTimes gangs;
  // A job succeeds only when its outputs were exported (ExportDone); false: when its steps are
  // done.
  bool wait_for_exports = false;
  // Whether a committed output can still be read; asked before an earlier job's is used again.
  std::function<bool(const std::string& manifest)> output_exists = [](const std::string&) {
    return true;
  };
  // Hints after a commit: a task may be leased; a job changed. Called from any thread, must not
  // block.
  std::function<void()> on_tasks_ready = [] {};
  std::function<void(const std::string& job_id)> on_job_changed = [](const std::string&) {};
};

// What a worker's call is about.
struct LeaseKey {
  std::string task_id;
  std::string worker_id;
  int64_t epoch = 0;
};

// Workers that wait for the same kind of task.
struct LeaseQuery {
  std::vector<std::string> stages;
  bool has_gpu = false;
  std::vector<std::string> worker_ids;  // at most one task for each
  // Ranks that each runs at once; 0: any number. Tasks that want more are not claimed, see Gather.
  int devices = 0;
  std::vector<std::string> rank_addresses = {};  // of the workers; Gather alone reads them
};

struct GrantedLease {
  std::string worker_id;
  v1::Lease lease;
};

struct JobPage {
  std::vector<v1::Job> jobs;
  std::string next_page_token;  // empty: the last page
};

// A finished step whose files are not in output_dir yet.
struct PendingExport {
  std::string job_id;
  std::string step;
  pipeline::v1::PipelineSpec spec;
  std::vector<FinishedTask> tasks;  // of the step
};

// A worker that asked for tasks.
struct SeenWorker {
  std::string worker_id;
  std::vector<std::string> stages;
  bool has_gpu = false;
  int devices = 0;
};

// What became of waiting workers.
struct Gathered {
  std::vector<GrantedLease> granted;
  std::set<std::string> seated;  // hold a seat of a gang that gathers, and wait for it
};

class Store {
 public:
  // Brings the schema up to date.
  static absl::StatusOr<std::unique_ptr<Store>> Open(StoreOptions options);

  // ---- Clients.
  // Answers the job's id. `spec` is resolved. AlreadyExists: the request_id came with another spec.
  absl::StatusOr<std::string> CreateJob(const std::string& request_id,
                                        const pipeline::v1::PipelineSpec& spec,
                                        const InputFacts& facts, absl::Time deadline);
  absl::StatusOr<v1::Job> GetJob(const std::string& job_id, absl::Time deadline);
  // Newest first, without tasks. InvalidArgument for a page token that this did not make.
  absl::StatusOr<JobPage> ListJobs(int page_size, const std::string& page_token, State state,
                                   absl::Time deadline);
  absl::StatusOr<std::vector<v1::Event>> Events(const std::string& job_id, int64_t after_event_id,
                                                int limit, absl::Time deadline);
  // Empty step or name: all.
  absl::StatusOr<std::vector<v1::Curve>> Metrics(const std::string& job_id, const std::string& step,
                                                 const std::string& name, absl::Time deadline);
  // FailedPrecondition when it has ended otherwise.
  absl::Status CancelJob(const std::string& job_id, const std::string& reason, absl::Time deadline);
  // FailedPrecondition when it succeeded.
  absl::Status RetryJob(const std::string& job_id, absl::Time deadline);

  // ---- Workers.
  // Claim, then RecordStarts.
  absl::StatusOr<std::vector<GrantedLease>> Lease(const LeaseQuery& query, absl::Time deadline);
  // Leases tasks and waits for nobody: rows that others hold are skipped. `granted` gets what each
  // transaction leased as soon as it is committed; these leases stand whatever the answer is. A
  // lease that PostgreSQL forgets when it crashes is given anew, to another worker; the first one's
  // writes are stale.
  absl::Status Claim(const LeaseQuery& query, absl::Time deadline,
                     const std::function<void(std::vector<GrantedLease>)>& granted);
  // The same, all at once; an error only when there is none.
  absl::StatusOr<std::vector<GrantedLease>> Claim(const LeaseQuery& query, absl::Time deadline);
  // The events of claimed leases that still hold. What ends a lease writes its start's event when
  // this has not.
  absl::Status RecordStarts(const std::vector<GrantedLease>& leases, absl::Time deadline);
  // True: the job was cancelled, stop.
  absl::StatusOr<bool> Heartbeat(const v1::HeartbeatRequest& request, absl::Time deadline);
  // Many in one transaction, each with its own outcome.
  std::vector<absl::StatusOr<bool>> Heartbeats(
      const std::vector<const v1::HeartbeatRequest*>& requests, absl::Time deadline);
  absl::Status Complete(const v1::CompleteTaskRequest& request, absl::Time deadline);
  // The same, all of one job.
  std::vector<absl::Status> CompleteAll(const std::string& job_id,
                                        const std::vector<const v1::CompleteTaskRequest*>& requests,
                                        absl::Time deadline);
  // The same, of any jobs, in one transaction that waits for no job's row and plans nothing.
  // nullopt is for CompleteAll: this process does not know the job without asking, another has its
  // row, it is ending, the task may be the last of its step, or a request was no good.
  std::vector<std::optional<absl::Status>> CompleteSome(
      const std::vector<const v1::CompleteTaskRequest*>& requests, absl::Time deadline);
  // A task's job, where this process knows it without asking the database.
  std::optional<std::string> KnownJobOf(const std::string& task_id);
  // NotFound.
  absl::StatusOr<std::string> JobOf(const std::string& task_id, absl::Time deadline);
  absl::Status Fail(const v1::FailTaskRequest& request, absl::Time deadline);
  absl::Status Release(const LeaseKey& key, absl::Time deadline);

  // ---- Gangs: tasks that want more ranks than a worker has devices.
  // Whether a gang goes before what its workers could claim.
  enum class GangTurn { kInOrder, kNow };
  // Seats waiting workers with the first task (by priority, then age) that wants more than each of
  // them has, makes the generation once there are enough, and hands out its seats, those of earlier
  // calls too. kInOrder: only where no claimable task goes before. To be repeated while the workers
  // wait; a seat lasts as long as GangTimes::seat.
  absl::StatusOr<Gathered> Gather(const LeaseQuery& query, GangTurn turn, absl::Time deadline);
  // From the leader: where ranks meet.
  absl::Status OpenMeeting(const v1::OpenMeetingRequest& request, absl::Time deadline);
  absl::StatusOr<v1::HeartbeatSeatResponse> HeartbeatSeat(const LeaseKey& key, absl::Time deadline);
  absl::Status LeaveSeat(const v1::LeaveSeatRequest& request, absl::Time deadline);
  // From who holds the lease; handed out with later ones.
  absl::Status RegisterCheckpoint(const LeaseKey& key, const std::string& manifest,
                                  absl::Time deadline);

  // Who serves which stages: what waiting tasks give as their reason.
  absl::Status SawWorkers(const std::vector<SeenWorker>& workers, absl::Time deadline);

  // Whether the database answers.
  absl::Status Ping(absl::Time deadline);

  // ---- Maintenance; harmless when several processes do it at once.
  // Ends the pauses of tasks that are longer than any that is given: the database's clock was set
  // back.
  absl::Status ShortenPauses(absl::Time deadline);
  // Ends leases that ran out; answers how many.
  absl::StatusOr<int> ExpireLeases(absl::Time deadline);
  // Outputs to be written, oldest jobs first, but those `without`.
  absl::StatusOr<std::vector<PendingExport>> PendingExports(int limit,
                                                            const std::set<std::string>& without,
                                                            absl::Time deadline);
  absl::Status ExportDone(const std::string& job_id, const std::string& step, absl::Time deadline);
  // The steps of a job that have outputs, in order, exported or not.
  absl::StatusOr<std::vector<PendingExport>> StepsWithOutputs(const std::string& job_id,
                                                              absl::Time deadline);
  // Has every step with outputs exported once more.
  absl::Status ExportAgain(const std::string& job_id, absl::Time deadline);
  // Ends the job as FAILED; RetryJob exports again.
  absl::Status ExportFailed(const std::string& job_id, const std::string& step,
                            const std::string& reason, absl::Time deadline);
  // Drops the events and metrics of all jobs that were made in weeks which ended longer ago than
  // `age`, unless some of them still run; answers the weeks' Mondays. Waits for nobody: what is in
  // use is dropped by a later call. Internal names a week that something forbids to drop.
  absl::StatusOr<std::vector<std::string>> DropHistory(absl::Duration age, absl::Time deadline);
  // Drops workers that were not seen for so long.
  absl::Status ForgetWorkers(absl::Duration unseen, absl::Time deadline);
  // Manifests that rows name: what must stay in the artifact store.
  // Reads tasks `part` at a time; what is committed meanwhile may be left out.
  absl::StatusOr<std::set<std::string>> CommittedManifests(absl::Time deadline, int part = 50000);
  // Tasks by stage and state (READY, RUNNING), for metrics.
  struct QueueCount {
    std::string stage;
    State state;
    int64_t count;
  };
  absl::StatusOr<std::vector<QueueCount>> QueueCounts(absl::Time deadline);

 private:
  struct LeasedTask;
  struct GangTask;
  struct HeldTask;
  struct HeldLeases;
  explicit Store(StoreOptions options);

  // Runs `change` with the job's row locked and records its events.
  absl::Status Edit(absl::string_view what, const std::string& job_id, absl::Time deadline,
                    const std::function<absl::Status(JobEdit&)>& change);
  // The same with those of the jobs whose rows nobody else holds, in one transaction that waits for
  // none of them. What `change` takes out of the map is let alone.
  absl::Status EditFree(
      absl::string_view what, const std::vector<std::string>& job_ids, absl::Time deadline,
      const std::function<absl::Status(pqxx::work&, std::map<std::string, JobEdit>&)>& change);
  // Edit for the task of a lease, whose row is locked too.
  absl::Status EditLease(absl::string_view what, const LeaseKey& key, absl::Time deadline,
                         const std::function<absl::Status(JobEdit&, const LeasedTask&)>& change);
  // Tells of a job's change, after its commit.
  void Changed(const std::string& job_id, bool tasks_ready);
  // Plans what comes next when no task is open; ends the job when nothing does.
  absl::Status Advance(JobEdit& job);
  absl::Status Succeed(JobEdit& job);
  struct Look;
  absl::StatusOr<Look> LookForWork(const LeaseQuery& query, absl::Time deadline);
  struct Round;
  absl::StatusOr<Round> ClaimRound(const LeaseQuery& query, absl::Time deadline);
  // In the transaction, or as statements of their own where no job has a limit.
  absl::StatusOr<Round> ClaimShares(pqxx::transaction_base& work, const LeaseQuery& query,
                                    const Look& look, const std::vector<Allotment>& shares);
  // Running tasks of the jobs, where that matters: read now and then, or anew when some job has a
  // limit.
  void FillRunning(pqxx::transaction_base& work, std::vector<ReadyWork>* ready);
  // Jobs that this process gave a lease have not waited longer than since then.
  void SinceLastStarts(std::vector<ReadyWork>* ready);
  absl::StatusOr<bool> HeartbeatWithMetrics(const v1::HeartbeatRequest& request,
                                            absl::Time deadline);
  absl::Status ExpireLease(const std::string& job_id, const std::string& task_id,
                           absl::Time deadline);
  absl::Duration Backoff(int failures) const;
  // RecordStarts for the jobs whose rows are free, in one transaction; takes them out of `by_job`.
  absl::Status RecordFreeStarts(std::map<std::string, HeldLeases>* by_job, absl::Time deadline);
  // What claims of other calls and limits are told of a lease.
  void NoteGrants(const std::vector<GrantedLease>& granted);
  absl::Status FillCheckpoints(pqxx::transaction_base& work, std::vector<GrantedLease>* granted);
  absl::StatusOr<std::vector<GrantedLease>> GrantSeats(pqxx::work& work, const LeaseQuery& query);
  // Whether there are enough workers now; if not, ours are added to `seated`.
  absl::StatusOr<bool> SeatWorkers(pqxx::work& work, const GangTask& task,
                                   const LeaseQuery& workers, std::set<std::string>* seated);
  absl::StatusOr<bool> FormGang(pqxx::work& work, const GangTask& task, const GangPlan& plan);
  absl::Status ExpireSeats(absl::Time deadline);
  // The ends of a generation in which a worker lost a rank, or was lost itself.
  absl::Status LoseRank(JobEdit& job, const HeldTask& task, const std::string& message);
  absl::Status LoseWorker(JobEdit& job, const HeldTask& task);
  absl::Status EditSeat(absl::string_view what, const LeaseKey& key, absl::Time deadline,
                        const std::function<absl::Status(JobEdit&, const HeldTask&)>& change);
  // Whether this process has made a job of that week, so that its partitions are there.
  bool HasHistory(const std::string& period);

  // Tasks whose jobs are remembered; the rest is looked up.
  static constexpr size_t kMostJobsOfTasks = 200'000;
  static constexpr size_t kMostLastStarts = 10'000;

  const StoreOptions options_;
  Database database_;
  // Claims and heartbeats: what a crash of PostgreSQL may undo without harm (durable_leases).
  Database relaxed_;
  ReadyFloors floors_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::string> job_of_;     // of tasks; guarded by mutex_
  std::unordered_map<std::string, absl::Time> last_start_;  // of jobs; guarded by mutex_
  std::unordered_map<std::string, int> running_;            // of jobs; guarded by mutex_
  absl::Time running_until_ = absl::InfinitePast();         // read anew then; guarded by mutex_
  std::string history_of_;                                  // a period; guarded by mutex_
};

}  // namespace foundry::coordinator
