// Planning inside the store: what a finished task makes possible.
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "services/coordinator/job_edit.h"
#include "services/coordinator/store.h"

namespace foundry::coordinator {
namespace {

constexpr char kReused[] = "the output of an earlier job serves";

// States of steps as the plan has them.
absl::Status ApplyStep(JobEdit& job, const PlannedStep& planned, const std::set<std::string>& ran) {
  const State state = job.steps().at(planned.name).state;
  if (planned.phase == StepPhase::kWaiting) return absl::OkStatus();
  FOUNDRY_RETURN_IF_ERROR(job.SetStepPlan(planned.name, planned.expected_weight, planned.manifest));
  if (planned.phase == StepPhase::kSkipped) {
    if (state != State::STATE_PENDING) return absl::OkStatus();
    FOUNDRY_RETURN_IF_ERROR(job.SetExported(planned.name));  // it has no files
    return job.MoveStep(planned.name, State::STATE_SKIPPED, planned.reason);
  }
  if (state == State::STATE_PENDING) {
    FOUNDRY_RETURN_IF_ERROR(job.MoveStep(planned.name, State::STATE_READY));
  }
  if (planned.phase == StepPhase::kActive || IsEnd(job.steps().at(planned.name).state)) {
    return absl::OkStatus();
  }
  if (ran.count(planned.name) == 0) {
    return job.MoveStep(planned.name, State::STATE_SKIPPED, kReused);
  }
  FOUNDRY_RETURN_IF_ERROR(job.Started(planned.name));
  return job.MoveStep(planned.name, State::STATE_SUCCEEDED);
}

// (step, key) of the tasks that exist but have not finished, and the steps in which a task ran.
struct Existing {
  std::set<std::pair<std::string, std::string>> tasks;
  std::set<std::string> steps_that_ran;
};

Existing ReadExisting(JobEdit& job) {
  Existing existing;
  for (const auto& row :
       Exec(job.work(), "SELECT step, key FROM tasks WHERE job_id = $1 AND state NOT IN (4, 9)",
            job.id())) {
    existing.tasks.emplace(row[0].as<std::string>(), row[1].as<std::string>());
  }
  for (const auto& row :
       Exec(job.work(), "SELECT DISTINCT step FROM tasks WHERE job_id = $1 AND state = 4",
            job.id())) {
    existing.steps_that_ran.insert(row[0].as<std::string>());
  }
  return existing;
}

void InsertTask(JobEdit& job, const PlannedTask& task, State state, const std::string& reason,
                const std::string& result, const std::string& manifest) {
  Exec(job.work(),
       "INSERT INTO tasks (task_id, job_id, step, key, stage, needs_gpu, weight, state, reason, "
       "request, "
       "fingerprint, result, manifest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, "
       "$13)",
       RandomId(), job.id(), task.step, task.key, task.stage, task.needs_gpu, task.weight,
       static_cast<int>(state), reason, Bytes(task.request.SerializeAsString()), task.fingerprint,
       Bytes(result), manifest);
  job.Event(task.step, task.key, state, reason);
  if (state == State::STATE_READY) job.set_tasks_ready();
}

}  // namespace

absl::Status Store::Advance(JobEdit& job) {
  // Each pass plans on what the pass before found finished already.
  for (;;) {
    if (job.state() != State::STATE_READY && job.state() != State::STATE_RUNNING)
      return absl::OkStatus();
    FOUNDRY_ASSIGN_OR_RETURN(const bool open, job.HasOpenTasks());
    if (open) return absl::OkStatus();
    FOUNDRY_ASSIGN_OR_RETURN(const std::vector<FinishedTask> finished,
                             ReadFinishedTasks(job.work(), job.id(), ""));
    const auto plan = MakePlan(job.spec(), job.facts(), finished);
    if (!plan.ok()) return job.Fail("", std::string(plan.status().message()));
    const Existing existing = ReadExisting(job);
    for (const PlannedStep& step : plan->steps) {
      FOUNDRY_RETURN_IF_ERROR(ApplyStep(job, step, existing.steps_that_ran));
    }
    if (plan->complete) return Succeed(job);
    for (const PlannedTask& task : plan->tasks) {
      if (existing.tasks.count({task.step, task.key}) != 0) {
        // Only failed and cancelled tasks are unfinished when none is open: RetryJob revives them
        // all.
        return absl::InternalError(
            absl::StrCat("task ", task.key, " of job ", job.id(), " is stuck"));
      }
      if (!task.fingerprint.empty()) {
        const pqxx::result earlier =
            Exec(job.work(),
                 "SELECT result, manifest FROM tasks WHERE fingerprint = $1 "
                 "AND state = 4 ORDER BY state_time DESC LIMIT 1",
                 task.fingerprint);
        if (!earlier.empty() && options_.output_exists(earlier[0][1].as<std::string>())) {
          InsertTask(job, task, State::STATE_SKIPPED, kReused, FromBytes(earlier[0][0]),
                     earlier[0][1].as<std::string>());
          continue;
        }
      }
      InsertTask(job, task, State::STATE_READY, "", "", "");
    }
  }
}

absl::Status Store::Succeed(JobEdit& job) {
  if (options_.wait_for_exports) {
    for (const auto& [name, step] : job.steps()) {
      if (step.exported) continue;
      // The exporter's ExportDone comes back here.
      if (job.state() == State::STATE_READY) return job.MoveJob(State::STATE_RUNNING);
      return absl::OkStatus();
    }
  }
  return job.MoveJob(State::STATE_SUCCEEDED);
}

}  // namespace foundry::coordinator
