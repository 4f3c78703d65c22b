#include "common/worker/worker_loop.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "common/storage/manifest.h"
#include "common/telemetry/log.h"
#include "common/worker/gang_link.h"
#include "common/worker/heartbeat.h"
#include "common/worker/state_keeper.h"

namespace foundry::worker {

using coordinator::v1::Lease;

WorkerLoop::WorkerLoop(const WorkerOptions& options, const StageRunner* runner,
                       const rpc::Channel* channel, storage::ArtifactStore* store)
    : options_(options), runner_(runner), store_(store), client_(channel, RandomId()) {
  for (int i = 0; i < options_.slots; ++i) slots_.emplace_back([this] { RunSlot(); });
}

WorkerLoop::~WorkerLoop() { Drain(); }

void WorkerLoop::Drain() {
  draining_.Cancel("the worker is shutting down");
  tasks_.CancelAll("the worker is shutting down");
  for (std::thread& slot : slots_) {
    if (slot.joinable()) slot.join();
  }
}

void WorkerLoop::RunSlot() {
  coordinator::v1::LeaseTaskRequest request;
  request.set_worker_id(client_.worker_id());
  for (const Stage& stage : runner_->stages) request.add_stages(stage.name);
  request.set_has_gpu(options_.has_gpu);
  request.set_devices(options_.devices);
  request.set_rank_address(options_.rank_address);
  request.mutable_wait_time()->set_seconds(absl::ToInt64Seconds(options_.poll_wait));
  int failures = 0;
  while (!draining_.Cancelled()) {
    const absl::StatusOr<Lease> lease = client_.Lease(request, draining_);
    if (lease.ok()) {
      failures = 0;
      if (lease->task_id().empty()) continue;
      const telemetry::LogScope scope({{"job", lease->job_id()},
                                       {"step", lease->step()},
                                       {"task", lease->key()},
                                       {"attempt", absl::StrCat(lease->attempt())}});
      telemetry::LogInfo("task leased", {{"epoch", absl::StrCat(lease->epoch())}});
      if (lease->seat().first_rank() > 0) {
        RunSeat(*lease);
      } else {
        RunTask(*lease);
      }
      continue;
    }
    if (draining_.Cancelled()) return;
    if (failures == 0) {  // one line an outage
      telemetry::LogWarning("cannot lease tasks from the coordinator, trying again",
                            {{"error", std::string(lease.status().message())}});
    }
    client_.Pause(Backoff(failures++), draining_);
  }
}

void WorkerLoop::RunTask(const Lease& lease) {
  const auto count = [&](const char* outcome) { Count(lease, outcome); };
  CancelToken cancel;
  RunningTasks::Attempt attempt(&tasks_, lease.task_id(), lease.epoch(), cancel);
  if (!attempt.own()) return count("doubled");
  if (draining_.Cancelled()) cancel.Cancel("the worker is shutting down");
  TaskReport report;
  Heartbeat heartbeat(&client_, lease, &report, cancel, HeartbeatPeriod(lease));
  attempt.AwaitEarlier();
  absl::StatusOr<Finished> finished = Execute(lease, cancel, &report);
  // The last points and lines go up before the task ends under them.
  heartbeat.Flush();

  if (heartbeat.lost()) return count("lost");
  heartbeat.OutcomeUnderWay();
  absl::Status sent;
  if (heartbeat.cancelled() || (!finished.ok() && cancel.Cancelled())) {
    sent = client_.Release(lease, draining_);
    count("released");
  } else if (finished.ok()) {
    sent = client_.Complete(lease, std::move(finished->result), finished->manifest, draining_);
    if (sent.ok()) runner_->files->RemoveScratch(lease.task_id());
    // A worker that shuts down has one try: what passes is no refusal, another worker finishes.
    const bool passing = IsAway(sent) || (draining_.Cancelled() && IsTransient(sent));
    if (!sent.ok() && !IsStaleLease(sent) && !passing) {
      // Running it again would end the same way: say why instead of falling silent.
      sent = client_.Fail(lease, Annotate(sent, "the coordinator refused the result"),
                          /*retryable=*/false, draining_);
      count("failed");
    } else {
      count(sent.ok() ? "completed" : "lost");
    }
  } else {
    const bool retryable = IsRetryable(finished.status());
    telemetry::LogError("task failed", {{"error", finished.status().ToString()},
                                        {"retryable", retryable ? "yes" : "no"}});
    sent = client_.Fail(lease, finished.status(), retryable, draining_);
    count("failed");
  }
  if (!sent.ok()) {
    telemetry::LogWarning("the coordinator did not take the outcome", {{"error", sent.ToString()}});
  }
}

void WorkerLoop::RunSeat(const Lease& lease) {
  // Not known to Drain: the seat is given back first, then its ranks end.
  CancelToken cancel;
  RunningTasks::Attempt attempt(&seats_, lease.task_id(), lease.epoch(), cancel);
  if (!attempt.own()) return Count(lease, "doubled");
  absl::Status status;
  bool lost = false, cancelled = false, given_back = false;
  {
    SeatLink seat(&client_, lease, {options_.rank_address, HeartbeatPeriod(lease)}, runner_->files,
                  cancel, draining_);
    attempt.AwaitEarlier();
    TaskReport report;  // the leader's counts
    StageRun run;
    run.cancel = cancel;
    run.report = &report;
    run.gang = &seat;
    const std::string key = absl::StrCat(lease.task_id(), "-seat");
    status = [&]() -> absl::Status {
      FOUNDRY_ASSIGN_OR_RETURN(const TempFolder output, runner_->files->NewOutput());
      run.output = output.path();
      FOUNDRY_ASSIGN_OR_RETURN(run.scratch, runner_->files->Scratch(key));
      return RunStage(*runner_, lease.request(), run).status();
    }();
    runner_->files->RemoveScratch(key);
    lost = seat.lost();
    cancelled = seat.cancelled();
    given_back = seat.given_back();
  }
  if (lost) return Count(lease, "lost");
  if (given_back) return Count(lease, "released");
  const auto reason = status.ok() ? coordinator::v1::LEAVE_REASON_DONE
                      : cancelled ? coordinator::v1::LEAVE_REASON_RELEASED
                                  : coordinator::v1::LEAVE_REASON_LOST;
  const absl::Status sent =
      client_.LeaveSeat(lease, reason, std::string(status.message()), draining_);
  if (!sent.ok() && !IsStaleLease(sent)) {
    telemetry::LogWarning("the coordinator did not take the seat's outcome",
                          {{"error", sent.ToString()}});
  }
  Count(lease, status.ok() ? "completed" : cancelled ? "released" : "failed");
}

void WorkerLoop::Count(const Lease& lease, const char* outcome) {
  runner_->metrics->Count(
      "foundry_worker_tasks_total", "Leased tasks by how they ended.",
      {{"stage", StageOf(*runner_, lease.request().request_case())}, {"outcome", outcome}});
  // Only a leader's result is the task's.
  telemetry::LogInfo(absl::StrCat(lease.seat().first_rank() > 0 ? "seat " : "task ", outcome));
}

absl::Duration WorkerLoop::HeartbeatPeriod(const Lease& lease) const {
  const absl::Duration duration = absl::Seconds(lease.lease_duration().seconds());
  if (duration <= absl::ZeroDuration()) return options_.heartbeat_period;
  // Several may get lost before the lease does.
  return std::min(options_.heartbeat_period, duration / 6);
}

absl::StatusOr<WorkerLoop::Finished> WorkerLoop::Execute(const Lease& lease,
                                                         const CancelToken& cancel,
                                                         TaskReport* report) {
  FOUNDRY_ASSIGN_OR_RETURN(const TempFolder output, runner_->files->NewOutput());
  StageRun run;
  run.output = output.path();
  FOUNDRY_ASSIGN_OR_RETURN(run.scratch, runner_->files->Scratch(lease.task_id()));
  run.cancel = cancel;
  run.report = report;
  LeaderLink gang(&client_, lease, options_.rank_address, store_, cancel);
  if (lease.has_seat()) run.gang = &gang;
  StateKeeper keeper(store_, options_.state_period, [&](const std::string& manifest) {
    return client_.RegisterCheckpoint(lease, manifest);
  });
  run.keeper = &keeper;
  run.kept_state = lease.checkpoint();
  Finished finished;
  FOUNDRY_ASSIGN_OR_RETURN(finished.result, RunStage(*runner_, lease.request(), run));
  FOUNDRY_ASSIGN_OR_RETURN(storage::StoredManifest stored,
                           storage::PutFolder(output.path(), store_));
  *finished.result.mutable_manifest() = std::move(stored.manifest);
  finished.manifest = std::move(stored.sha256);
  return finished;
}

}  // namespace foundry::worker
