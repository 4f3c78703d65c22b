// Completions: the result of a task, recorded once, and what it makes possible.
#include <map>
#include <utility>

#include "common/base/status.h"
#include "services/coordinator/job_edit.h"
#include "services/coordinator/lease_sql.h"
#include "services/coordinator/store.h"
#include "services/coordinator/store_lease.h"

namespace foundry::coordinator {
namespace {

using Requests = std::vector<const v1::CompleteTaskRequest*>;

struct CompletingTask {
  std::string job_id, worker_id, manifest;
  State state;
  int64_t epoch;
  LeaseStart start;
  bool announced;
};

using CompletingTasks = std::map<std::string, CompletingTask>;

// Those that are there, now locked.
CompletingTasks LockTasks(pqxx::work& work, const std::vector<std::string>& ids) {
  CompletingTasks tasks;
  for (const auto& row : Exec(work, kLockTasksSql, TextArray(ids))) {
    CompletingTask& task = tasks[row[0].as<std::string>()];
    task.job_id = row[1].as<std::string>();
    task.worker_id = row[2].as<std::string>();
    task.manifest = row[3].as<std::string>();
    task.state = static_cast<State>(row[4].as<int>());
    task.epoch = row[5].as<int64_t>();
    task.announced = row[6].as<bool>();
    task.start = {row[7].as<std::string>(), row[8].as<std::string>(), task.worker_id,
                  row[9].as<int>(), row[10].as<int64_t>()};
  }
  return tasks;
}

// Results to be written in one statement.
class Results {
 public:
  // Judges a completion and notes its result and its events. The status is a mistake of ours; what
  // the worker is told goes to `outcome`.
  absl::Status Add(JobEdit& job, const v1::CompleteTaskRequest& request, CompletingTasks* tasks,
                   absl::Status* outcome) {
    const LeaseKey key{request.task_id(), request.worker_id(), request.epoch()};
    *outcome = StaleLease(key);
    const auto found = tasks->find(key.task_id);
    if (found == tasks->end()) return absl::OkStatus();
    CompletingTask& task = found->second;
    if (task.job_id != job.id() || task.epoch != key.epoch) return absl::OkStatus();
    if (task.state == State::STATE_SUCCEEDED) {
      // A repeated call. Two leases can have one epoch when PostgreSQL crashed and forgot the
      // first: the other's worker must not be told that its output counts.
      if (task.manifest == request.manifest()) *outcome = absl::OkStatus();
      return absl::OkStatus();
    }
    const bool held = task.state == State::STATE_RUNNING || task.state == State::STATE_CANCELLING;
    if (!held || task.worker_id != key.worker_id) return absl::OkStatus();
    FOUNDRY_RETURN_IF_ERROR(CheckTransition(Entity::kTask, task.state, State::STATE_SUCCEEDED));
    const std::string& step = task.start.step;
    if (task.state == State::STATE_RUNNING) {
      FOUNDRY_RETURN_IF_ERROR(task.announced ? job.Started(step) : job.Announce(task.start));
    }
    job.Event(step, task.start.key, State::STATE_SUCCEEDED, "done");
    for (const std::string& warning : request.result().warnings()) {
      job.Event(step, task.start.key, State::STATE_UNSPECIFIED, warning, "warning");
    }
    task.state = State::STATE_SUCCEEDED;
    task.manifest = request.manifest();
    ids_.push_back(key.task_id);
    results_.push_back(request.result().SerializeAsString());
    manifests_.push_back(request.manifest());
    job.TaskLeft();
    *outcome = absl::OkStatus();
    return absl::OkStatus();
  }

  bool empty() const { return ids_.empty(); }

  void Write(pqxx::work& work) const {
    if (empty()) return;
    Exec(work, kSucceedSql, TextArray(ids_), BytesArray(results_), TextArray(manifests_));
  }

 private:
  std::vector<std::string> ids_, results_, manifests_;
};

std::vector<std::string> TasksOf(const Requests& requests) {
  std::vector<std::string> ids;
  for (const auto* request : requests) ids.push_back(request->task_id());
  return ids;
}

// Forgets the jobs that are ending, and those without an open task beside `ids`: what comes next
// may have to be planned. The answer holds until the jobs are unlocked.
void KeepGoingOn(pqxx::work& work, const std::vector<std::string>& ids,
                 std::map<std::string, JobEdit>* jobs) {
  for (auto it = jobs->begin(); it != jobs->end();) {
    const State state = it->second.state();
    const bool open = state == State::STATE_READY || state == State::STATE_RUNNING;
    it = open ? std::next(it) : jobs->erase(it);
  }
  std::vector<std::string> job_ids;
  for (const auto& [id, job] : *jobs) job_ids.push_back(id);
  if (job_ids.empty()) return;
  for (const auto& row :
       Exec(work,
            "SELECT w.job_id FROM unnest($1::text[]) AS w(job_id) WHERE (SELECT t.task_id FROM "
            "tasks t WHERE t.job_id = w.job_id AND t.state IN (2, 3, 6) AND t.task_id <> "
            "ALL($2::text[]) ORDER BY t.position DESC LIMIT 1) IS NULL",
            TextArray(job_ids), TextArray(ids))) {
    jobs->erase(row[0].as<std::string>());
  }
}

}  // namespace

absl::Status Store::Complete(const v1::CompleteTaskRequest& request, absl::Time deadline) {
  FOUNDRY_ASSIGN_OR_RETURN(const std::string job_id, JobOf(request.task_id(), deadline));
  return CompleteAll(job_id, {&request}, deadline)[0];
}

std::vector<absl::Status> Store::CompleteAll(const std::string& job_id, const Requests& requests,
                                             absl::Time deadline) {
  std::vector<absl::Status> outcomes(requests.size());
  const absl::Status status =
      Edit("complete tasks", job_id, deadline, [&](JobEdit& job) -> absl::Status {
        CompletingTasks tasks = LockTasks(job.work(), TasksOf(requests));
        Results results;
        for (size_t i = 0; i < requests.size(); ++i) {
          FOUNDRY_RETURN_IF_ERROR(results.Add(job, *requests[i], &tasks, &outcomes[i]));
        }
        if (results.empty()) return absl::OkStatus();
        results.Write(job.work());
        FOUNDRY_RETURN_IF_ERROR(job.EndIfCancelled());
        return Advance(job);
      });
  if (!status.ok()) outcomes.assign(requests.size(), status);
  return outcomes;
}

std::vector<std::optional<absl::Status>> Store::CompleteSome(const Requests& requests,
                                                             absl::Time deadline) {
  std::vector<std::optional<std::string>> job_of;
  std::set<std::string> known;
  for (const auto* request : requests) {
    job_of.push_back(KnownJobOf(request->task_id()));
    if (job_of.back().has_value()) known.insert(*job_of.back());
  }
  std::vector<std::optional<absl::Status>> outcomes;
  const absl::Status status = EditFree(
      "complete tasks of several jobs", {known.begin(), known.end()}, deadline,
      [&](pqxx::work& work, std::map<std::string, JobEdit>& jobs) -> absl::Status {
        outcomes.assign(requests.size(), std::nullopt);
        KeepGoingOn(work, TasksOf(requests), &jobs);
        if (jobs.empty()) return absl::OkStatus();
        std::vector<JobEdit*> job_for(requests.size(), nullptr);
        std::vector<std::string> ids;  // of tasks whose jobs are locked
        for (size_t i = 0; i < requests.size(); ++i) {
          const auto job = job_of[i].has_value() ? jobs.find(*job_of[i]) : jobs.end();
          if (job == jobs.end()) continue;
          job_for[i] = &job->second;
          ids.push_back(requests[i]->task_id());
        }
        CompletingTasks tasks = LockTasks(work, ids);
        Results results;
        for (size_t i = 0; i < requests.size(); ++i) {
          if (job_for[i] == nullptr) continue;
          absl::Status outcome;
          FOUNDRY_RETURN_IF_ERROR(results.Add(*job_for[i], *requests[i], &tasks, &outcome));
          outcomes[i] = std::move(outcome);
        }
        results.Write(work);
        return absl::OkStatus();
      });
  if (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)) {
    outcomes.assign(requests.size(), status);
  } else if (!status.ok()) {
    // One request's fault, as far as others are concerned.
    outcomes.assign(requests.size(), std::nullopt);
  }
  return outcomes;
}

}  // namespace foundry::coordinator
