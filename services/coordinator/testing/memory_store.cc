#include "services/coordinator/testing/memory_store.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "services/coordinator/store_lease.h"

namespace foundry::coordinator {
namespace {

template <typename Request>
LeaseKey KeyOf(const Request& request) {
  return {request.task_id(), request.worker_id(), request.epoch()};
}

}  // namespace

bool MemoryStore::Job::HasOpenTasks() const {
  return std::any_of(tasks.begin(), tasks.end(), [](const Task* task) {
    return task->state == v1::STATE_READY || task->Held();
  });
}

absl::StatusOr<MemoryStore::Job*> MemoryStore::Find(const std::string& job_id) {
  for (Job& job : jobs_) {
    if (job.id == job_id) return &job;
  }
  return absl::NotFoundError(absl::StrCat("no job ", job_id));
}

absl::StatusOr<MemoryStore::Task*> MemoryStore::FindLeased(const LeaseKey& key) {
  const auto found = by_id_.find(key.task_id);
  if (found == by_id_.end()) return absl::NotFoundError(absl::StrCat("no task ", key.task_id));
  Task* task = found->second;
  if (task->epoch != key.epoch) return StaleLease(key);
  if (task->Held() && task->worker != key.worker_id) return StaleLease(key);
  if (task->state == v1::STATE_RUNNING) FOUNDRY_RETURN_IF_ERROR(Announce(*task));
  return task;
}

// ---- Workers.

bool MemoryStore::Fits(const Task& task, const LeaseQuery& query) const {
  return task.state == v1::STATE_READY && task.not_before <= now_ &&
         (!task.needs_gpu || query.has_gpu) &&
         std::count(query.stages.begin(), query.stages.end(), task.stage) > 0;
}

absl::StatusOr<std::vector<GrantedLease>> MemoryStore::Lease(const LeaseQuery& query) {
  std::vector<GrantedLease> granted;
  const auto fits = [&](const Task& task) {
    return Fits(task, query) && (query.devices == 0 || task.wish.ranks <= query.devices);
  };
  while (granted.size() < query.worker_ids.size()) {
    const size_t before = granted.size();
    std::map<std::pair<std::string, std::string>, ReadyWork> ready;  // by job and stage
    std::map<std::string, int> running;
    for (size_t i = 0; i < tasks_.size(); ++i) {
      const Task& task = tasks_[i];
      running[task.job->id] += task.Held();
      if (!fits(task)) continue;
      ReadyWork& work = ready[{task.job->id, task.stage}];
      if (!work.job_id.empty()) continue;
      work.job_id = task.job->id;
      work.stage = task.stage;
      work.first_position = static_cast<int64_t>(i);
      work.priority = task.job->spec.priority();
      work.max_running = task.job->spec.max_running_tasks();
    }
    std::vector<ReadyWork> work;
    for (auto& [key, item] : ready) {
      item.running = running[item.job_id];
      work.push_back(item);
    }
    for (Allotment& allotment :
         ShareOut(work, static_cast<int>(query.worker_ids.size() - granted.size()))) {
      for (Task& task : tasks_) {
        if (allotment.most == 0) break;
        if (task.job->id != allotment.job_id || task.stage != allotment.stage || !fits(task)) {
          continue;
        }
        const std::string& worker = query.worker_ids[granted.size()];
        Hold(task, worker, options_.lease);
        FOUNDRY_RETURN_IF_ERROR(Announce(task));
        // Who has other work holds no seat.
        if (query.devices > 0) LeaveGatherings(worker, nullptr);
        granted.push_back(LeaseOf(task, worker));
        --allotment.most;
      }
    }
    if (granted.size() == before) break;
  }
  return granted;
}

void MemoryStore::Hold(Task& task, const std::string& worker, absl::Duration lease) {
  task.worker = worker;
  task.state = v1::STATE_RUNNING;
  task.reason.clear();
  ++task.epoch;
  ++task.attempt;
  task.until = now_ + lease;
  task.acknowledged = task.announced = false;
  task.done = 0;
}

absl::Status MemoryStore::Announce(Task& task) {
  FOUNDRY_RETURN_IF_ERROR(Started(*task.job, task.step));
  if (task.announced) return absl::OkStatus();
  task.announced = true;
  Event(*task.job, task.step, task.key, v1::STATE_RUNNING,
        absl::StrCat("attempt ", task.attempt, " on worker ", task.worker));
  return absl::OkStatus();
}

GrantedLease MemoryStore::LeaseOf(const Task& task, const std::string& worker) const {
  GrantedLease grant;
  grant.worker_id = worker;
  grant.lease.set_task_id(task.id);
  grant.lease.set_epoch(task.epoch);
  grant.lease.set_job_id(task.job->id);
  grant.lease.set_step(task.step);
  grant.lease.set_key(task.key);
  grant.lease.set_attempt(task.attempt);
  grant.lease.mutable_lease_duration()->set_seconds(absl::ToInt64Seconds(options_.lease));
  *grant.lease.mutable_request() = task.request;
  grant.lease.set_checkpoint(task.checkpoint);
  return grant;
}

absl::StatusOr<bool> MemoryStore::Heartbeat(const v1::HeartbeatRequest& request) {
  const LeaseKey key = KeyOf(request);
  const auto found = by_id_.find(key.task_id);
  if (found == by_id_.end()) return StaleLease(key);
  Task& task = *found->second;
  if (!task.Held() || task.epoch != key.epoch || task.worker != key.worker_id) {
    return StaleLease(key);
  }
  task.until = now_ + options_.lease;
  task.acknowledged = true;
  if (request.has_progress()) task.done = request.progress().done();
  for (const std::string& message : request.messages()) {
    Event(*task.job, task.step, task.key, v1::STATE_UNSPECIFIED, message);
  }
  return task.state == v1::STATE_CANCELLING;
}

absl::Status MemoryStore::Complete(const v1::CompleteTaskRequest& request) {
  const LeaseKey key = KeyOf(request);
  FOUNDRY_ASSIGN_OR_RETURN(Task * task, FindLeased(key));
  if (task->state == v1::STATE_SUCCEEDED) {
    return task->manifest == request.manifest() ? absl::OkStatus() : StaleLease(key);
  }
  if (!task->Held()) return StaleLease(key);
  FOUNDRY_RETURN_IF_ERROR(MoveTask(*task, v1::STATE_SUCCEEDED, ""));
  task->result = request.result();
  task->manifest = request.manifest();
  if (!task->fingerprint.empty()) by_fingerprint_[task->fingerprint] = task;
  FOUNDRY_RETURN_IF_ERROR(EndIfCancelled(*task->job));
  return PlanNext(*task->job);
}

absl::Status MemoryStore::Fail(const v1::FailTaskRequest& request) {
  const LeaseKey key = KeyOf(request);
  FOUNDRY_ASSIGN_OR_RETURN(Task * task, FindLeased(key));
  if (!task->Held()) return task->state == v1::STATE_SUCCEEDED ? StaleLease(key) : absl::OkStatus();
  if (task->state == v1::STATE_CANCELLING) {
    FOUNDRY_RETURN_IF_ERROR(MoveTask(*task, v1::STATE_CANCELLED, request.message()));
    return EndIfCancelled(*task->job);
  }
  return EndFailed(*task, AfterFailure(task->attempts, request.retryable(), WentOn(*task),
                                       LimitsOf(options_), request.message()));
}

absl::Status MemoryStore::EndFailed(Task& task, const AttemptEnd& end) {
  FOUNDRY_RETURN_IF_ERROR(MoveTask(task, end.next, end.reason));
  task.attempts = end.attempts;
  if (end.next == v1::STATE_FAILED) {
    return FailJob(*task.job, task.step, absl::StrCat(task.key, ": ", end.reason));
  }
  // The longest that the pause may be.
  task.not_before = now_ + std::min(options_.longest_backoff,
                                    options_.first_backoff *
                                        std::pow(2.0, std::min(end.attempts.failures - 1, 30)));
  return absl::OkStatus();
}

absl::Status MemoryStore::Release(const LeaseKey& key) {
  FOUNDRY_ASSIGN_OR_RETURN(Task * task, FindLeased(key));
  if (!task->Held()) return task->state == v1::STATE_SUCCEEDED ? StaleLease(key) : absl::OkStatus();
  const bool cancelling = task->state == v1::STATE_CANCELLING;
  FOUNDRY_RETURN_IF_ERROR(MoveTask(*task, cancelling ? v1::STATE_CANCELLED : v1::STATE_READY,
                                   cancelling ? "cancelled" : "given back by its worker"));
  return EndIfCancelled(*task->job);
}

// ---- Maintenance.

absl::StatusOr<int> MemoryStore::ExpireLeases() {
  int expired = 0;
  for (Task& task : tasks_) {
    if (!task.Held() || task.until >= now_) continue;
    FOUNDRY_RETURN_IF_ERROR(ExpireLease(task));
    ++expired;
  }
  FOUNDRY_RETURN_IF_ERROR(ExpireSeats());
  return expired;
}

absl::Status MemoryStore::ExpireLease(Task& task) {
  if (task.state == v1::STATE_CANCELLING) {
    FOUNDRY_RETURN_IF_ERROR(MoveTask(task, v1::STATE_CANCELLED, "its worker fell silent"));
    return EndIfCancelled(*task.job);
  }
  FOUNDRY_RETURN_IF_ERROR(Announce(task));
  return EndInSilence(task, AfterSilence(task.attempts, task.acknowledged, WentOn(task),
                                         LimitsOf(options_), absl::StrCat("worker ", task.worker)));
}

absl::Status MemoryStore::EndInSilence(Task& task, const AttemptEnd& end) {
  FOUNDRY_RETURN_IF_ERROR(MoveTask(task, end.next, end.reason));
  task.attempts = end.attempts;
  task.not_before = now_;
  if (end.next == v1::STATE_READY) return absl::OkStatus();
  return FailJob(*task.job, task.step, absl::StrCat(task.key, " was ", end.reason));
}

// ---- States.

void MemoryStore::Event(Job& job, const std::string& step, const std::string& key, State state,
                        const std::string& message) {
  v1::Event& event = job.events.emplace_back();
  event.set_event_id(static_cast<int64_t>(job.events.size()));
  event.set_step(step);
  event.set_task_key(key);
  event.set_state(state);
  event.set_message(message);
}

absl::Status MemoryStore::MoveJob(Job& job, State to, const std::string& reason) {
  FOUNDRY_RETURN_IF_ERROR(CheckTransition(Entity::kJob, job.state, to));
  job.state = to;
  job.reason = reason;
  Event(job, "", "", to, reason);
  return absl::OkStatus();
}

absl::Status MemoryStore::MoveStep(Job& job, const std::string& step, State to,
                                   const std::string& reason) {
  FOUNDRY_RETURN_IF_ERROR(CheckTransition(Entity::kStep, job.steps.at(step).state, to));
  job.steps.at(step).state = to;
  Event(job, step, "", to, reason);
  return absl::OkStatus();
}

absl::Status MemoryStore::MoveTask(Task& task, State to, const std::string& reason) {
  FOUNDRY_RETURN_IF_ERROR(CheckTransition(Entity::kTask, task.state, to));
  task.state = to;
  task.reason = reason;
  if (to != v1::STATE_CANCELLING) task.worker.clear();
  Event(*task.job, task.step, task.key, to, reason);
  return absl::OkStatus();
}

absl::Status MemoryStore::MoveTasks(Job& job, State from, State to, const std::string& reason) {
  for (Task* task : job.tasks) {
    if (task->state != from) continue;
    FOUNDRY_RETURN_IF_ERROR(MoveTask(*task, to, reason));
    if (to != v1::STATE_READY) continue;
    // A fresh start; the next epoch fences off a worker that still holds the task.
    ++task->epoch;
    task->attempts = {};
    task->not_before = now_;
  }
  return absl::OkStatus();
}

absl::Status MemoryStore::Started(Job& job, const std::string& step) {
  if (job.state == v1::STATE_READY) {
    FOUNDRY_RETURN_IF_ERROR(MoveJob(job, v1::STATE_RUNNING, ""));
  }
  if (job.steps.at(step).state != v1::STATE_READY) return absl::OkStatus();
  return MoveStep(job, step, v1::STATE_RUNNING, "");
}

absl::Status MemoryStore::FailJob(Job& job, const std::string& step, const std::string& reason) {
  if (job.state != v1::STATE_READY && job.state != v1::STATE_RUNNING) return absl::OkStatus();
  const std::string why = absl::StrCat("the job failed: ", reason);
  FOUNDRY_RETURN_IF_ERROR(MoveTasks(job, v1::STATE_READY, v1::STATE_CANCELLED, why));
  FOUNDRY_RETURN_IF_ERROR(MoveTasks(job, v1::STATE_RUNNING, v1::STATE_CANCELLING, why));
  if (IsLegal(Entity::kStep, job.steps.at(step).state, v1::STATE_FAILED)) {
    FOUNDRY_RETURN_IF_ERROR(MoveStep(job, step, v1::STATE_FAILED, reason));
  }
  return MoveJob(job, v1::STATE_FAILED, absl::StrCat(step, ": ", reason));
}

absl::Status MemoryStore::EndIfCancelled(Job& job) {
  if (job.state != v1::STATE_CANCELLING || job.HasOpenTasks()) return absl::OkStatus();
  for (auto& [name, step] : job.steps) {
    if (step.state != v1::STATE_CANCELLING) continue;
    FOUNDRY_RETURN_IF_ERROR(MoveStep(job, name, v1::STATE_CANCELLED, ""));
  }
  return MoveJob(job, v1::STATE_CANCELLED, job.reason);
}

}  // namespace foundry::coordinator
