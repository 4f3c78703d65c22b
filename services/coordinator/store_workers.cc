// The store's calls for workers.
#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "services/coordinator/attempts.h"
#include "services/coordinator/job_edit.h"
#include "services/coordinator/lease_sql.h"
#include "services/coordinator/store.h"
#include "services/coordinator/store_lease.h"

namespace foundry::coordinator {
namespace {

void StoreMetrics(pqxx::work& work, const std::string& job_id, const std::string& step,
                  const std::string& key, const v1::HeartbeatRequest& request) {
  // One point per name and x: a statement cannot update a row twice.
  std::map<std::pair<std::string, int64_t>, double> points;
  for (const auto& point : request.metrics()) points[{point.name(), point.step()}] = point.value();
  if (points.empty()) return;
  std::vector<std::string> names, steps, values;
  for (const auto& [where, value] : points) {
    names.push_back(where.first);
    steps.push_back(absl::StrCat(where.second));
    values.push_back(std::isnan(value)   ? "NaN"
                     : std::isinf(value) ? (value > 0 ? "Infinity" : "-Infinity")
                                         : pqxx::to_string(value));
  }
  Exec(work,
       "INSERT INTO metrics (period, job_id, step, task_key, name, x, value) "
       "SELECT (SELECT period FROM jobs WHERE job_id = $1), $1, $2, $3, * FROM unnest($4::text[], "
       "$5::bigint[], $6::float8[]) "
       "ON CONFLICT (period, job_id, step, task_key, name, x) DO UPDATE SET value = excluded.value",
       job_id, step, key, TextArray(names), TextArray(steps), TextArray(values));
}

}  // namespace

struct Store::LeasedTask {
  std::string step, key;
  State state;
  int failures = 0;
  bool held = false;  // RUNNING or CANCELLING under the given epoch
};

absl::StatusOr<bool> Store::Heartbeat(const v1::HeartbeatRequest& request, absl::Time deadline) {
  return Heartbeats({&request}, deadline)[0];
}

std::vector<absl::StatusOr<bool>> Store::Heartbeats(
    const std::vector<const v1::HeartbeatRequest*>& requests, absl::Time deadline) {
  std::vector<absl::StatusOr<bool>> outcomes(requests.size(), absl::UnknownError("not tried"));
  std::vector<size_t> plain;
  std::vector<std::string> ids, workers, units, messages, done, total;
  std::vector<int64_t> epochs;
  std::vector<int> told;
  for (size_t i = 0; i < requests.size(); ++i) {
    const v1::HeartbeatRequest& request = *requests[i];
    if (request.metrics_size() > 0) {
      outcomes[i] = HeartbeatWithMetrics(request, deadline);
      continue;
    }
    plain.push_back(i);
    ids.push_back(request.task_id());
    epochs.push_back(request.epoch());
    workers.push_back(request.worker_id());
    told.push_back(request.has_progress());
    done.push_back(pqxx::to_string(request.progress().done()));
    total.push_back(pqxx::to_string(request.progress().total()));
    units.push_back(request.progress().unit());
    messages.push_back(request.progress().message());
  }
  // Held leases: (task, epoch, worker) → whether the task is being cancelled.
  std::map<std::tuple<std::string, int64_t, std::string>, bool> held;
  const absl::Status status =
      plain.empty()
          ? absl::OkStatus()
          : relaxed_.Singly("heartbeats", deadline, [&](pqxx::transaction_base& work) {
              held.clear();
              for (const auto& row :
                   Exec(work, kHeartbeatsSql, TextArray(ids), NumberArray(epochs),
                        TextArray(workers), NumberArray(told), TextArray(done), TextArray(total),
                        TextArray(units), TextArray(messages), Interval(options_.lease))) {
                held[{row[0].as<std::string>(), row[1].as<int64_t>(), row[2].as<std::string>()}] =
                    static_cast<State>(row[3].as<int>()) == State::STATE_CANCELLING;
              }
              return absl::OkStatus();
            });
  for (size_t i : plain) {
    const LeaseKey key{requests[i]->task_id(), requests[i]->worker_id(), requests[i]->epoch()};
    const auto found = held.find({key.task_id, key.epoch, key.worker_id});
    if (!status.ok()) {
      outcomes[i] = status;
    } else if (found == held.end()) {
      outcomes[i] = StaleLease(key);
    } else {
      outcomes[i] = found->second;
    }
  }
  for (size_t i = 0; i < requests.size(); ++i) {
    if (!outcomes[i].ok() || requests[i]->messages_size() == 0) continue;
    // Apart, because events need the job's row, which is locked before any heartbeat.
    const LeaseKey key{requests[i]->task_id(), requests[i]->worker_id(), requests[i]->epoch()};
    const absl::Status told_messages =
        EditLease("task messages", key, deadline, [&](JobEdit& job, const LeasedTask& task) {
          for (const std::string& message : requests[i]->messages()) {
            job.Event(task.step, task.key, State::STATE_UNSPECIFIED, message);
          }
          return absl::OkStatus();
        });
    if (!told_messages.ok()) outcomes[i] = told_messages;
  }
  return outcomes;
}

absl::StatusOr<bool> Store::HeartbeatWithMetrics(const v1::HeartbeatRequest& request,
                                                 absl::Time deadline) {
  const LeaseKey key{request.task_id(), request.worker_id(), request.epoch()};
  bool cancel = false;
  FOUNDRY_RETURN_IF_ERROR(
      database_.Transact("heartbeat", deadline, [&](pqxx::work& work) -> absl::Status {
        const auto& progress = request.progress();
        const pqxx::result rows =
            Exec(work, kHeartbeatsSql, TextArray(std::vector<std::string>{key.task_id}),
                 NumberArray(std::vector<int64_t>{key.epoch}),
                 TextArray(std::vector<std::string>{key.worker_id}),
                 NumberArray(std::vector<int>{request.has_progress()}),
                 TextArray(std::vector<std::string>{pqxx::to_string(progress.done())}),
                 TextArray(std::vector<std::string>{pqxx::to_string(progress.total())}),
                 TextArray(std::vector<std::string>{progress.unit()}),
                 TextArray(std::vector<std::string>{progress.message()}), Interval(options_.lease));
        if (rows.empty()) return StaleLease(key);
        cancel = static_cast<State>(rows[0][3].as<int>()) == State::STATE_CANCELLING;
        StoreMetrics(work, rows[0][4].as<std::string>(), rows[0][5].as<std::string>(),
                     rows[0][6].as<std::string>(), request);
        return absl::OkStatus();
      }));
  return cancel;
}

absl::Status Store::EditLease(
    absl::string_view what, const LeaseKey& key, absl::Time deadline,
    const std::function<absl::Status(JobEdit&, const LeasedTask&)>& change) {
  FOUNDRY_ASSIGN_OR_RETURN(const std::string job_id, JobOf(key.task_id, deadline));
  return Edit(what, job_id, deadline, [&](JobEdit& job) -> absl::Status {
    const pqxx::result rows = Exec(
        job.work(),
        "SELECT t.step, t.key, t.state, t.epoch, t.failures, t.worker_id, t.attempt, " FOUNDRY_MICROS(
            "t.state_time") ", h.announced FROM tasks t LEFT JOIN heartbeats h USING (task_id) "
                            "WHERE t.task_id = $1 FOR UPDATE OF t",
        key.task_id);
    if (rows.empty() || rows[0][3].as<int64_t>() != key.epoch) return StaleLease(key);
    LeasedTask task;
    task.step = rows[0][0].as<std::string>();
    task.key = rows[0][1].as<std::string>();
    task.state = static_cast<State>(rows[0][2].as<int>());
    task.failures = rows[0][4].as<int>();
    task.held = task.state == State::STATE_RUNNING || task.state == State::STATE_CANCELLING;
    if (task.held && rows[0][5].as<std::string>() != key.worker_id) return StaleLease(key);
    if (task.state == State::STATE_RUNNING && !rows[0][8].is_null() && !rows[0][8].as<bool>()) {
      FOUNDRY_RETURN_IF_ERROR(job.Announce(
          {task.step, task.key, key.worker_id, rows[0][6].as<int>(), rows[0][7].as<int64_t>()}));
      Exec(job.work(), "UPDATE heartbeats SET announced = true WHERE task_id = $1", key.task_id);
    }
    return change(job, task);
  });
}

absl::Status Store::Fail(const v1::FailTaskRequest& request, absl::Time deadline) {
  const LeaseKey key{request.task_id(), request.worker_id(), request.epoch()};
  return EditLease(
      "fail task", key, deadline, [&](JobEdit& job, const LeasedTask& task) -> absl::Status {
        if (!task.held) {
          // The same call before: it left the task READY or ended under this epoch.
          return task.state == State::STATE_SUCCEEDED ? StaleLease(key) : absl::OkStatus();
        }
        if (task.state == State::STATE_CANCELLING) {
          FOUNDRY_RETURN_IF_ERROR(job.MoveTask(key.task_id, task.step, task.key, task.state,
                                               State::STATE_CANCELLED, request.message(), "info",
                                               request.message()));
          return job.EndIfCancelled();
        }
        const AttemptEnd end = AfterFailure({.failures = task.failures}, request.retryable(),
                                            GangWentOn(job.work(), key.task_id), LimitsOf(options_),
                                            request.message());
        if (end.next == State::STATE_READY) {
          const int failures = end.attempts.failures;
          const absl::Duration pause = Backoff(failures);
          FOUNDRY_RETURN_IF_ERROR(
              job.MoveTask(key.task_id, task.step, task.key, task.state, State::STATE_READY,
                           request.message(), "warning",
                           absl::StrCat("failed, tried again in ",
                                        absl::FormatDuration(absl::Ceil(pause, absl::Seconds(1))),
                                        " (", failures, " of ", options_.max_retries,
                                        " retries): ", request.message())));
          Exec(job.work(),
               "UPDATE tasks SET failures = $2, not_before = clock_timestamp() + $3::interval "
               "WHERE task_id = $1",
               key.task_id, failures, Interval(pause));
          return absl::OkStatus();
        }
        FOUNDRY_RETURN_IF_ERROR(job.Started(task.step));
        FOUNDRY_RETURN_IF_ERROR(job.MoveTask(key.task_id, task.step, task.key, task.state,
                                             State::STATE_FAILED, end.reason, "error", end.reason));
        return job.Fail(task.step, absl::StrCat(task.key, ": ", end.reason));
      });
}

absl::Status Store::Release(const LeaseKey& key, absl::Time deadline) {
  return EditLease(
      "release task", key, deadline, [&](JobEdit& job, const LeasedTask& task) -> absl::Status {
        if (!task.held)
          return task.state == State::STATE_SUCCEEDED ? StaleLease(key) : absl::OkStatus();
        const bool cancelling = task.state == State::STATE_CANCELLING;
        FOUNDRY_RETURN_IF_ERROR(
            job.MoveTask(key.task_id, task.step, task.key, task.state,
                         cancelling ? State::STATE_CANCELLED : State::STATE_READY,
                         cancelling ? "cancelled" : "given back by its worker", "info",
                         cancelling ? "stopped" : "given back by its worker"));
        return job.EndIfCancelled();
      });
}

absl::Duration Store::Backoff(int failures) const {
  thread_local std::mt19937_64 random(RandomSeed());
  const absl::Duration pause = std::min(
      options_.longest_backoff, options_.first_backoff * std::pow(2.0, std::min(failures - 1, 30)));
  return pause * std::uniform_real_distribution<double>(0.5, 1.0)(random);
}

}  // namespace foundry::coordinator
