// Planning inside the store: what a finished task makes possible.
#include <algorithm>
#include <map>
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

struct NewTask {
  const PlannedTask* planned;
  State state;
  std::string reason, result, manifest;
};

// In pieces, so that neither a statement nor its parameters grow with the job.
constexpr size_t kInsertBatch = 2000;

void InsertTasks(JobEdit& job, const std::vector<NewTask>& tasks) {
  for (size_t first = 0; first < tasks.size(); first += kInsertBatch) {
    std::vector<std::string> ids, steps, keys, stages, reasons, requests, prints, results,
        manifests;
    std::vector<int> gpus, states, ranks, min_ranks;
    std::vector<std::string> weights;
    for (size_t i = first; i < std::min(tasks.size(), first + kInsertBatch); ++i) {
      const PlannedTask& planned = *tasks[i].planned;
      ids.push_back(RandomId());
      steps.push_back(planned.step);
      keys.push_back(planned.key);
      stages.push_back(planned.stage);
      gpus.push_back(planned.needs_gpu);
      const RankWish wish = RankWishOf(planned.request);
      ranks.push_back(wish.ranks);
      min_ranks.push_back(wish.min_ranks);
      weights.push_back(pqxx::to_string(planned.weight));
      states.push_back(static_cast<int>(tasks[i].state));
      reasons.push_back(tasks[i].reason);
      requests.push_back(planned.request.SerializeAsString());
      prints.push_back(planned.fingerprint);
      results.push_back(tasks[i].result);
      manifests.push_back(tasks[i].manifest);
      job.Event(planned.step, planned.key, tasks[i].state, tasks[i].reason);
      if (tasks[i].state == State::STATE_READY) job.set_tasks_ready();
    }
    // Positions count up in the order of the rows.
    Exec(job.work(),
         "INSERT INTO tasks (task_id, job_id, step, key, stage, needs_gpu, weight, state, reason, "
         "request, fingerprint, result, manifest, ranks, min_ranks) "
         "SELECT id, $1, step, key, stage, gpu <> 0, weight, state, reason, request, fingerprint, "
         "result, manifest, ranks, min_ranks FROM unnest($2::text[], $3::text[], $4::text[], "
         "$5::text[], $6::smallint[], $7::float8[], $8::smallint[], $9::text[], $10::bytea[], "
         "$11::text[], $12::bytea[], $13::text[], $14::int[], $15::int[]) WITH ORDINALITY AS "
         "t(id, step, key, stage, gpu, weight, state, reason, request, fingerprint, result, "
         "manifest, ranks, min_ranks, n) ORDER BY n",
         job.id(), TextArray(ids), TextArray(steps), TextArray(keys), TextArray(stages),
         NumberArray(gpus), TextArray(weights), NumberArray(states), TextArray(reasons),
         BytesArray(requests), TextArray(prints), BytesArray(results), TextArray(manifests),
         NumberArray(ranks), NumberArray(min_ranks));
  }
}

struct Output {
  std::string result, manifest;
};

// The newest committed output of each fingerprint that some task has.
std::map<std::string, Output> EarlierOutputs(JobEdit& job, const std::vector<PlannedTask>& tasks) {
  std::map<std::string, Output> outputs;
  for (size_t first = 0; first < tasks.size(); first += kInsertBatch) {
    std::vector<std::string> wanted;
    for (size_t i = first; i < std::min(tasks.size(), first + kInsertBatch); ++i) {
      if (!tasks[i].fingerprint.empty()) wanted.push_back(tasks[i].fingerprint);
    }
    if (wanted.empty()) continue;
    for (const auto& row : Exec(
             job.work(),
             "SELECT w.fingerprint, t.result, t.manifest FROM unnest($1::text[]) AS w(fingerprint) "
             "CROSS JOIN LATERAL (SELECT result, manifest FROM tasks WHERE fingerprint = "
             "w.fingerprint AND fingerprint <> '' AND state = 4 ORDER BY state_time DESC LIMIT 1) "
             "t",
             TextArray(wanted))) {
      outputs[row[0].as<std::string>()] = {FromBytes(row[1]), row[2].as<std::string>()};
    }
  }
  return outputs;
}

}  // namespace

absl::Status Store::Advance(JobEdit& job) {
  // Each pass plans on what the pass before found finished already.
  for (;;) {
    if (job.state() != State::STATE_READY && job.state() != State::STATE_RUNNING)
      return absl::OkStatus();
    FOUNDRY_ASSIGN_OR_RETURN(const bool open, job.HasOpenTasks());
    if (open) return absl::OkStatus();
    FOUNDRY_RETURN_IF_ERROR(job.LoadSpec());
    FOUNDRY_ASSIGN_OR_RETURN(const std::vector<FinishedTask> finished,
                             ReadFinishedTasks(job.work(), job.id(), ""));
    const auto plan = MakePlan(job.spec(), job.facts(), finished);
    if (!plan.ok()) return job.Fail("", std::string(plan.status().message()));
    const Existing existing = ReadExisting(job);
    for (const PlannedStep& step : plan->steps) {
      FOUNDRY_RETURN_IF_ERROR(ApplyStep(job, step, existing.steps_that_ran));
    }
    if (plan->complete) return Succeed(job);
    const auto earlier = EarlierOutputs(job, plan->tasks);
    std::vector<NewTask> tasks;
    for (const PlannedTask& task : plan->tasks) {
      if (existing.tasks.count({task.step, task.key}) != 0) {
        // Only failed and cancelled tasks are unfinished when none is open: RetryJob revives them
        // all.
        return absl::InternalError(
            absl::StrCat("task ", task.key, " of job ", job.id(), " is stuck"));
      }
      const auto found = earlier.find(task.fingerprint);
      if (found != earlier.end() && options_.output_exists(found->second.manifest)) {
        tasks.push_back(
            {&task, State::STATE_SKIPPED, kReused, found->second.result, found->second.manifest});
      } else {
        tasks.push_back({&task, State::STATE_READY, "", "", ""});
      }
    }
    InsertTasks(job, tasks);
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
