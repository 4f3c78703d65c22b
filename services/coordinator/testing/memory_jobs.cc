// MemoryStore's calls for clients, and the planning inside it.
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "services/coordinator/planner/decide.h"
#include "services/coordinator/testing/memory_store.h"

namespace foundry::coordinator {

absl::StatusOr<std::string> MemoryStore::CreateJob(const std::string& request_id,
                                                   const pipeline::v1::PipelineSpec& spec,
                                                   const InputFacts& facts) {
  FOUNDRY_RETURN_IF_ERROR(MakePlan(spec, facts, {}).status());
  for (const Job& job : jobs_) {
    if (job.request_id != request_id) continue;
    if (job.spec.SerializeAsString() == spec.SerializeAsString()) return job.id;
    return absl::AlreadyExistsError(
        absl::StrCat("request_id ", request_id, " was used for another spec, in job ", job.id));
  }
  Job& job = jobs_.emplace_back();
  job.id = absl::StrCat("job", jobs_.size());
  job.request_id = request_id;
  job.spec = spec;
  job.facts = facts;
  for (absl::string_view step : kSteps) job.steps[std::string(step)] = {};
  Event(job, "", "", v1::STATE_READY, "created");
  FOUNDRY_RETURN_IF_ERROR(PlanNext(job));
  return job.id;
}

absl::Status MemoryStore::CancelJob(const std::string& job_id, const std::string& reason) {
  FOUNDRY_ASSIGN_OR_RETURN(Job * job, Find(job_id));
  if (job->state == v1::STATE_CANCELLED || job->state == v1::STATE_CANCELLING) {
    return absl::OkStatus();
  }
  if (IsEnd(job->state)) {
    return absl::FailedPreconditionError(
        absl::StrCat("job ", job_id, " has ended: it is ", StateName(job->state)));
  }
  FOUNDRY_RETURN_IF_ERROR(MoveTasks(*job, v1::STATE_READY, v1::STATE_CANCELLED, reason));
  FOUNDRY_RETURN_IF_ERROR(MoveTasks(*job, v1::STATE_RUNNING, v1::STATE_CANCELLING, reason));
  const bool held = job->HasOpenTasks();
  for (auto& [name, step] : job->steps) {
    if (IsEnd(step.state)) continue;
    const bool running = step.state == v1::STATE_RUNNING && held;
    FOUNDRY_RETURN_IF_ERROR(
        MoveStep(*job, name, running ? v1::STATE_CANCELLING : v1::STATE_CANCELLED, reason));
  }
  if (job->state == v1::STATE_READY) {
    if (!held) return MoveJob(*job, v1::STATE_CANCELLED, reason);
    // A gang's leader has not come for its seat yet.
    FOUNDRY_RETURN_IF_ERROR(MoveJob(*job, v1::STATE_RUNNING, ""));
  }
  FOUNDRY_RETURN_IF_ERROR(MoveJob(*job, v1::STATE_CANCELLING, reason));
  return EndIfCancelled(*job);
}

absl::Status MemoryStore::RetryJob(const std::string& job_id) {
  FOUNDRY_ASSIGN_OR_RETURN(Job * job, Find(job_id));
  if (job->state == v1::STATE_READY || job->state == v1::STATE_RUNNING) return absl::OkStatus();
  if (job->state == v1::STATE_SUCCEEDED) {
    return absl::FailedPreconditionError(
        absl::StrCat("job ", job_id, " succeeded: nothing to retry"));
  }
  for (State state :
       {v1::STATE_FAILED, v1::STATE_CANCELLED, v1::STATE_CANCELLING, v1::STATE_QUARANTINED}) {
    FOUNDRY_RETURN_IF_ERROR(MoveTasks(*job, state, v1::STATE_READY, "retried"));
  }
  std::set<std::string> has_tasks;
  for (const Task* task : job->tasks) has_tasks.insert(task->step);
  for (auto& [name, step] : job->steps) {
    if (step.state == v1::STATE_CANCELLED && has_tasks.count(name) == 0) {
      FOUNDRY_RETURN_IF_ERROR(MoveStep(*job, name, v1::STATE_PENDING, ""));
    } else if (step.state == v1::STATE_FAILED || step.state == v1::STATE_CANCELLED ||
               step.state == v1::STATE_CANCELLING) {
      FOUNDRY_RETURN_IF_ERROR(MoveStep(*job, name, v1::STATE_READY, "retried"));
    }
  }
  FOUNDRY_RETURN_IF_ERROR(MoveJob(*job, v1::STATE_READY, "retried"));
  return PlanNext(*job);
}

absl::StatusOr<v1::Job> MemoryStore::GetJob(const std::string& job_id) {
  FOUNDRY_ASSIGN_OR_RETURN(const Job* job, Find(job_id));
  v1::Job view;
  view.set_job_id(job->id);
  view.set_state(job->state);
  view.set_reason(job->reason);
  *view.mutable_spec() = job->spec;
  view.set_last_event_id(static_cast<int64_t>(job->events.size()));
  for (absl::string_view name : kSteps) {
    const Step& state = job->steps.at(std::string(name));
    v1::Step* step = view.add_steps();
    step->set_name(std::string(name));
    step->set_state(state.state);
    step->set_manifest(state.manifest);
    for (const Task* known : job->tasks) {
      if (known->step != name) continue;
      v1::Task* task = step->add_tasks();
      task->set_task_id(known->id);
      task->set_key(known->key);
      task->set_stage(known->stage);
      task->set_state(known->state);
      task->set_attempt(known->attempt);
      task->set_reason(known->reason);
      task->set_worker_id(known->worker);
      *task->mutable_result() = known->result;
    }
  }
  return view;
}

absl::StatusOr<std::vector<v1::Event>> MemoryStore::Events(const std::string& job_id) {
  FOUNDRY_ASSIGN_OR_RETURN(const Job* job, Find(job_id));
  return job->events;
}

// ---- Planning.

absl::Status MemoryStore::ApplyStep(Job& job, const PlannedStep& planned) {
  Step& step = job.steps.at(planned.name);
  if (planned.phase == StepPhase::kWaiting) return absl::OkStatus();
  step.manifest = planned.manifest;
  if (planned.phase == StepPhase::kSkipped) {
    if (step.state != v1::STATE_PENDING) return absl::OkStatus();
    return MoveStep(job, planned.name, v1::STATE_SKIPPED, planned.reason);
  }
  if (step.state == v1::STATE_PENDING) {
    FOUNDRY_RETURN_IF_ERROR(MoveStep(job, planned.name, v1::STATE_READY, ""));
  }
  if (planned.phase == StepPhase::kActive || IsEnd(step.state)) return absl::OkStatus();
  bool ran = false;
  for (const Task* task : job.tasks) {
    ran |= task->step == planned.name && task->state == v1::STATE_SUCCEEDED;
  }
  if (!ran) {
    return MoveStep(job, planned.name, v1::STATE_SKIPPED, "the output of an earlier job serves");
  }
  FOUNDRY_RETURN_IF_ERROR(Started(job, planned.name));
  return MoveStep(job, planned.name, v1::STATE_SUCCEEDED, "");
}

void MemoryStore::Insert(Job& job, const PlannedTask& planned) {
  Task& task = tasks_.emplace_back();
  task.job = &job;
  task.id = absl::StrCat("task", tasks_.size());
  task.step = planned.step;
  task.key = planned.key;
  task.stage = planned.stage;
  task.needs_gpu = planned.needs_gpu;
  task.request = planned.request;
  task.wish = RankWishOf(planned.request);
  task.fingerprint = planned.fingerprint;
  task.not_before = now_;
  const auto earlier = by_fingerprint_.find(planned.fingerprint);
  if (earlier != by_fingerprint_.end() && options_.output_exists(earlier->second->manifest)) {
    task.state = v1::STATE_SKIPPED;
    task.reason = "the output of an earlier job serves";
    task.result = earlier->second->result;
    task.manifest = earlier->second->manifest;
  }
  job.tasks.push_back(&task);
  by_id_[task.id] = &task;
  Event(job, task.step, task.key, task.state, task.reason);
}

absl::Status MemoryStore::PlanNext(Job& job) {
  for (;;) {
    const bool going = job.state == v1::STATE_READY || job.state == v1::STATE_RUNNING;
    if (!going || job.HasOpenTasks()) return absl::OkStatus();
    std::vector<FinishedTask> finished;
    for (const Task* task : job.tasks) {
      if (task->state != v1::STATE_SUCCEEDED && task->state != v1::STATE_SKIPPED) continue;
      finished.push_back({task->step, task->key, task->result, task->manifest});
    }
    FOUNDRY_ASSIGN_OR_RETURN(const Plan plan, MakePlan(job.spec, job.facts, finished));
    for (const PlannedStep& step : plan.steps) FOUNDRY_RETURN_IF_ERROR(ApplyStep(job, step));
    if (plan.complete) return MoveJob(job, v1::STATE_SUCCEEDED, "");
    for (const PlannedTask& task : plan.tasks) {
      for (const Task* known : job.tasks) {
        if (known->step == task.step && known->key == task.key) {
          return absl::InternalError(absl::StrCat("task ", task.key, " is stuck"));
        }
      }
      Insert(job, task);
    }
  }
}

namespace {

// Coordinators without a state of their own: any of them is as good as another.
class MemoryWorld : public StoreWorld {
 public:
  explicit MemoryWorld(const StoreOptions& options) : store_(options) {}
  TaskStore& store(int) override { return store_; }
  int coordinators() const override { return 2; }
  void Restart(int) override {}
  void Advance(absl::Duration duration) override { store_.Advance(duration); }

 private:
  MemoryStore store_;
};

}  // namespace

std::unique_ptr<StoreWorld> NewMemoryWorld(const StoreOptions& options) {
  return std::make_unique<MemoryWorld>(options);
}

}  // namespace foundry::coordinator
