// The store's calls for clients that change a job.
#include "absl/strings/str_cat.h"
#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "services/coordinator/job_edit.h"
#include "services/coordinator/planner/decide.h"
#include "services/coordinator/store.h"

namespace foundry::coordinator {

absl::StatusOr<std::string> Store::CreateJob(const std::string& request_id,
                                             const pipeline::v1::PipelineSpec& spec,
                                             const InputFacts& facts, absl::Time deadline) {
  // A spec that cannot be planned is the caller's error, not a failed job.
  FOUNDRY_RETURN_IF_ERROR(MakePlan(spec, facts, {}).status());
  const std::string bytes = spec.SerializeAsString();
  const std::string hash = Sha256Hex(bytes);
  const std::string new_id = RandomId();
  std::string job_id, period;
  bool ready = false;
  FOUNDRY_RETURN_IF_ERROR(
      database_.Transact("create job", deadline, [&](pqxx::work& work) -> absl::Status {
        const pqxx::result inserted =
            Exec(work,
                 "INSERT INTO jobs (job_id, request_id, payload_hash, name, state, spec, facts, "
                 "priority, max_running) "
                 "VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb, $8, $9) ON CONFLICT (request_id) DO "
                 "NOTHING "
                 "RETURNING period",
                 new_id, request_id, hash, spec.name(), static_cast<int>(State::STATE_READY),
                 Bytes(bytes), FactsToJson(facts), spec.priority(), spec.max_running_tasks());
        if (inserted.empty()) {
          const pqxx::result known =
              Exec(work, "SELECT job_id, payload_hash FROM jobs WHERE request_id = $1", request_id);
          if (known[0][1].as<std::string>() != hash) {
            return absl::AlreadyExistsError(absl::StrCat("request_id ", request_id,
                                                         " was used for another spec, in job ",
                                                         known[0][0].as<std::string>()));
          }
          job_id = known[0][0].as<std::string>();
          return absl::OkStatus();
        }
        job_id = new_id;
        period = inserted[0][0].as<std::string>();
        // Partitions of this week stay once they are there.
        if (!HasHistory(period)) Exec(work, "SELECT foundry_ensure_history($1::date)", period);
        Exec(work,
             "INSERT INTO steps (job_id, name, position, state) SELECT $1, name, n - 1, $3 "
             "FROM unnest($2::text[]) WITH ORDINALITY AS s(name, n)",
             job_id, TextArray(std::vector<std::string>(std::begin(kSteps), std::end(kSteps))),
             static_cast<int>(State::STATE_PENDING));
        FOUNDRY_ASSIGN_OR_RETURN(JobEdit job, JobEdit::Lock(work, job_id));
        job.Event("", "", State::STATE_READY, "created");
        FOUNDRY_RETURN_IF_ERROR(Advance(job));
        ready = job.tasks_ready();
        job.Save();
        return absl::OkStatus();
      }));
  {
    std::lock_guard lock(mutex_);
    if (!period.empty()) history_of_ = period;
  }
  if (ready) options_.on_tasks_ready();
  options_.on_job_changed(job_id);
  return job_id;
}

bool Store::HasHistory(const std::string& period) {
  std::lock_guard lock(mutex_);
  return history_of_ == period;
}

absl::Status Store::CancelJob(const std::string& job_id, const std::string& reason,
                              absl::Time deadline) {
  return Edit("cancel job", job_id, deadline, [&](JobEdit& job) -> absl::Status {
    if (job.state() == State::STATE_CANCELLED || job.state() == State::STATE_CANCELLING) {
      return absl::OkStatus();
    }
    if (IsEnd(job.state())) {
      return absl::FailedPreconditionError(
          absl::StrCat("job ", job_id, " has ended: it is ", StateName(job.state())));
    }
    FOUNDRY_RETURN_IF_ERROR(job.MoveTasks(State::STATE_READY, State::STATE_CANCELLED, reason));
    FOUNDRY_RETURN_IF_ERROR(job.MoveTasks(State::STATE_RUNNING, State::STATE_CANCELLING, reason));
    FOUNDRY_ASSIGN_OR_RETURN(const bool held, job.HasOpenTasks());
    const auto steps = job.steps();
    for (const auto& [name, step] : steps) {
      if (IsEnd(step.state)) continue;
      const bool running = step.state == State::STATE_RUNNING && held;
      FOUNDRY_RETURN_IF_ERROR(
          job.MoveStep(name, running ? State::STATE_CANCELLING : State::STATE_CANCELLED, reason));
    }
    if (!held && job.state() == State::STATE_READY)
      return job.MoveJob(State::STATE_CANCELLED, reason);
    // A lease may have been given without its start being recorded yet.
    if (job.state() == State::STATE_READY)
      FOUNDRY_RETURN_IF_ERROR(job.MoveJob(State::STATE_RUNNING));
    FOUNDRY_RETURN_IF_ERROR(job.MoveJob(State::STATE_CANCELLING, reason));
    return job.EndIfCancelled();
  });
}

absl::Status Store::RetryJob(const std::string& job_id, absl::Time deadline) {
  return Edit("retry job", job_id, deadline, [&](JobEdit& job) -> absl::Status {
    if (job.state() == State::STATE_READY || job.state() == State::STATE_RUNNING)
      return absl::OkStatus();
    if (job.state() == State::STATE_SUCCEEDED) {
      return absl::FailedPreconditionError(
          absl::StrCat("job ", job_id, " succeeded: nothing to retry"));
    }
    for (State state : {State::STATE_FAILED, State::STATE_CANCELLED, State::STATE_CANCELLING,
                        State::STATE_QUARANTINED}) {
      FOUNDRY_RETURN_IF_ERROR(job.MoveTasks(state, State::STATE_READY, "retried"));
    }
    std::map<std::string, bool> has_tasks;
    for (const auto& row :
         Exec(job.work(), "SELECT DISTINCT step FROM tasks WHERE job_id = $1", job_id)) {
      has_tasks[row[0].as<std::string>()] = true;
    }
    const auto steps = job.steps();
    for (const auto& [name, step] : steps) {
      const bool started = has_tasks[name];
      if (step.state == State::STATE_CANCELLED && !started) {
        FOUNDRY_RETURN_IF_ERROR(job.MoveStep(name, State::STATE_PENDING));
      } else if (step.state == State::STATE_FAILED || step.state == State::STATE_CANCELLED ||
                 step.state == State::STATE_CANCELLING) {
        FOUNDRY_RETURN_IF_ERROR(job.MoveStep(name, State::STATE_READY, "retried"));
      }
    }
    FOUNDRY_RETURN_IF_ERROR(job.MoveJob(State::STATE_READY, "retried"));
    return Advance(job);
  });
}

}  // namespace foundry::coordinator
