// The store's calls for workers.
#include <algorithm>
#include <cmath>
#include <map>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "common/base/error_details.h"
#include "common/base/ids.h"
#include "common/base/status.h"
#include "services/coordinator/job_edit.h"
#include "services/coordinator/store.h"

namespace foundry::coordinator {
namespace {

absl::Status Stale(const LeaseKey& key) {
  return WithReason(absl::FailedPreconditionError(absl::StrCat(
                        "the lease of task ", key.task_id, " with epoch ", key.epoch,
                        " has ended: the task was leased anew, cancelled or finished")),
                    "STALE_LEASE");
}

// A PostgreSQL array literal; `quote` for text.
template <typename Range>
std::string TextArray(const Range& values) {
  std::string literal = "{";
  for (const std::string& value : values) {
    absl::StrAppend(&literal, literal.size() == 1 ? "\"" : ",\"");
    for (char c : value) {
      if (c == '"' || c == '\\') literal.push_back('\\');
      literal.push_back(c);
    }
    literal.push_back('"');
  }
  return literal + "}";
}

std::string Seconds(absl::Duration duration) {
  return absl::StrCat(absl::ToDoubleSeconds(duration), " seconds");
}

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
       "INSERT INTO metrics (job_id, step, task_key, name, x, value) "
       "SELECT $1, $2, $3, * FROM unnest($4::text[], $5::bigint[], $6::float8[]) "
       "ON CONFLICT (job_id, step, task_key, name, x) DO UPDATE SET value = excluded.value",
       job_id, step, key, TextArray(names), TextArray(steps), TextArray(values));
}

}  // namespace

struct Store::LeasedTask {
  std::string step, key;
  State state;
  int failures = 0;
  bool held = false;  // RUNNING or CANCELLING under the given epoch
};

absl::StatusOr<std::vector<GrantedLease>> Store::Lease(const LeaseQuery& query,
                                                       absl::Time deadline) {
  std::vector<GrantedLease> granted;
  if (query.worker_ids.empty() || query.stages.empty()) return granted;
  // MATERIALIZED: the locks are taken once, by exactly the rows that are claimed. No job row is
  // locked, so a claim waits for nobody.
  FOUNDRY_RETURN_IF_ERROR(
      database_.Transact("lease tasks", deadline, [&](pqxx::work& work) -> absl::Status {
        granted.clear();
        const pqxx::result rows = Exec(
            work,
            "WITH candidate AS MATERIALIZED ("
            "  SELECT task_id, position FROM tasks"
            "  WHERE state = 2 AND stage = ANY($1::text[]) AND (NOT needs_gpu OR $2)"
            "    AND not_before <= clock_timestamp()"
            "  ORDER BY position LIMIT $3 FOR UPDATE SKIP LOCKED),"
            "chosen AS (SELECT task_id, row_number() OVER (ORDER BY position) AS n FROM candidate),"
            "claimed AS ("
            "  UPDATE tasks t SET state = 3, epoch = t.epoch + 1, attempt = t.attempt + 1, reason "
            "= '',"
            "    worker_id = ($4::text[])[c.n], state_time = clock_timestamp()"
            "  FROM chosen c WHERE t.task_id = c.task_id"
            "  RETURNING t.task_id, t.epoch, t.job_id, t.step, t.key, t.attempt, t.request, "
            "t.worker_id),"
            "beats AS ("
            "  INSERT INTO heartbeats (task_id, epoch, lease_until)"
            "  SELECT task_id, epoch, clock_timestamp() + $5::interval FROM claimed"
            "  ON CONFLICT (task_id) DO UPDATE SET epoch = excluded.epoch,"
            "    lease_until = excluded.lease_until, acknowledged = false, done = 0, total = 0, "
            "unit = '',"
            "    message = '')"
            "SELECT task_id, epoch, job_id, step, key, attempt, request, worker_id FROM claimed",
            TextArray(query.stages), query.has_gpu, query.worker_ids.size(),
            TextArray(query.worker_ids), Seconds(options_.lease));
        for (const auto& row : rows) {
          GrantedLease& grant = granted.emplace_back();
          v1::Lease& lease = grant.lease;
          lease.set_task_id(row[0].as<std::string>());
          lease.set_epoch(row[1].as<int64_t>());
          lease.set_job_id(row[2].as<std::string>());
          lease.set_step(row[3].as<std::string>());
          lease.set_key(row[4].as<std::string>());
          lease.set_attempt(row[5].as<int>());
          lease.mutable_lease_duration()->set_seconds(absl::ToInt64Seconds(options_.lease));
          lease.mutable_lease_duration()->set_nanos(
              static_cast<int>(absl::ToInt64Nanoseconds(options_.lease % absl::Seconds(1))));
          if (!lease.mutable_request()->ParseFromString(FromBytes(row[6]))) {
            return absl::DataLossError(
                absl::StrCat("the request of task ", lease.task_id(), " cannot be read"));
          }
          grant.worker_id = row[7].as<std::string>();
        }
        return absl::OkStatus();
      }));
  for (const GrantedLease& grant : granted) {
    // The lease stands whether or not its start could be recorded; Complete records it then.
    (void)RecordStart(grant.worker_id, grant.lease, deadline);
  }
  return granted;
}

absl::Status Store::RecordStart(const std::string& worker_id, const v1::Lease& lease,
                                absl::Time deadline) {
  return Edit("record start", lease.job_id(), deadline, [&](JobEdit& job) -> absl::Status {
    const pqxx::result held =
        Exec(job.work(), "SELECT FROM tasks WHERE task_id = $1 AND epoch = $2 AND state = 3",
             lease.task_id(), lease.epoch());
    if (held.empty()) return absl::OkStatus();
    FOUNDRY_RETURN_IF_ERROR(job.Started(lease.step()));
    job.Event(lease.step(), lease.key(), State::STATE_RUNNING,
              absl::StrCat("attempt ", lease.attempt(), " on worker ", worker_id));
    return absl::OkStatus();
  });
}

absl::StatusOr<bool> Store::Heartbeat(const v1::HeartbeatRequest& request, absl::Time deadline) {
  const LeaseKey key{request.task_id(), request.worker_id(), request.epoch()};
  bool cancel = false;
  std::string job_id;
  FOUNDRY_RETURN_IF_ERROR(
      database_.Transact("heartbeat", deadline, [&](pqxx::work& work) -> absl::Status {
        const auto& progress = request.progress();
        const pqxx::result rows = Exec(
            work,
            "UPDATE heartbeats h SET lease_until = clock_timestamp() + $3::interval, acknowledged "
            "= true,"
            " done = CASE WHEN $4 THEN $5 ELSE done END, total = CASE WHEN $4 THEN $6 ELSE total "
            "END,"
            " unit = CASE WHEN $4 THEN $7 ELSE unit END, message = CASE WHEN $4 THEN $8 ELSE "
            "message END "
            "FROM tasks t WHERE h.task_id = $1 AND h.epoch = $2 AND t.task_id = h.task_id "
            "AND t.worker_id = $9 RETURNING t.state, t.job_id, t.step, t.key",
            key.task_id, key.epoch, Seconds(options_.lease), request.has_progress(),
            progress.done(), progress.total(), progress.unit(), progress.message(), key.worker_id);
        if (rows.empty()) return Stale(key);
        cancel = static_cast<State>(rows[0][0].as<int>()) == State::STATE_CANCELLING;
        job_id = rows[0][1].as<std::string>();
        StoreMetrics(work, job_id, rows[0][2].as<std::string>(), rows[0][3].as<std::string>(),
                     request);
        return absl::OkStatus();
      }));
  if (request.messages_size() == 0) return cancel;
  // Apart, because events need the job's row, which is locked before any heartbeat.
  FOUNDRY_RETURN_IF_ERROR(
      EditLease("task messages", key, deadline, [&](JobEdit& job, const LeasedTask& task) {
        for (const std::string& message : request.messages()) {
          job.Event(task.step, task.key, State::STATE_UNSPECIFIED, message);
        }
        return absl::OkStatus();
      }));
  return cancel;
}

absl::Status Store::EditLease(
    absl::string_view what, const LeaseKey& key, absl::Time deadline,
    const std::function<absl::Status(JobEdit&, const LeasedTask&)>& change) {
  std::string job_id;
  FOUNDRY_RETURN_IF_ERROR(database_.Transact(what, deadline, [&](pqxx::work& work) -> absl::Status {
    const pqxx::result rows =
        Exec(work, "SELECT job_id FROM tasks WHERE task_id = $1", key.task_id);
    if (rows.empty()) return absl::NotFoundError(absl::StrCat("no task ", key.task_id));
    job_id = rows[0][0].as<std::string>();
    return absl::OkStatus();
  }));
  return Edit(what, job_id, deadline, [&](JobEdit& job) -> absl::Status {
    const pqxx::result rows = Exec(job.work(),
                                   "SELECT step, key, state, epoch, failures, worker_id FROM tasks "
                                   "WHERE task_id = $1 FOR UPDATE",
                                   key.task_id);
    if (rows.empty() || rows[0][3].as<int64_t>() != key.epoch) return Stale(key);
    LeasedTask task;
    task.step = rows[0][0].as<std::string>();
    task.key = rows[0][1].as<std::string>();
    task.state = static_cast<State>(rows[0][2].as<int>());
    task.failures = rows[0][4].as<int>();
    task.held = task.state == State::STATE_RUNNING || task.state == State::STATE_CANCELLING;
    if (task.held && rows[0][5].as<std::string>() != key.worker_id) return Stale(key);
    return change(job, task);
  });
}

absl::Status Store::Complete(const v1::CompleteTaskRequest& request, absl::Time deadline) {
  const LeaseKey key{request.task_id(), request.worker_id(), request.epoch()};
  return EditLease(
      "complete task", key, deadline, [&](JobEdit& job, const LeasedTask& task) -> absl::Status {
        if (task.state == State::STATE_SUCCEEDED) return absl::OkStatus();  // a repeated call
        if (!task.held) return Stale(key);
        FOUNDRY_RETURN_IF_ERROR(job.MoveTask(key.task_id, task.step, task.key, task.state,
                                             State::STATE_SUCCEEDED, "", "info", "done"));
        Exec(job.work(), "UPDATE tasks SET result = $2, manifest = $3 WHERE task_id = $1",
             key.task_id, Bytes(request.result().SerializeAsString()), request.manifest());
        for (const std::string& warning : request.result().warnings()) {
          job.Event(task.step, task.key, State::STATE_UNSPECIFIED, warning, "warning");
        }
        if (task.state == State::STATE_RUNNING) FOUNDRY_RETURN_IF_ERROR(job.Started(task.step));
        FOUNDRY_RETURN_IF_ERROR(job.EndIfCancelled());
        return Advance(job);
      });
}

absl::Status Store::Fail(const v1::FailTaskRequest& request, absl::Time deadline) {
  const LeaseKey key{request.task_id(), request.worker_id(), request.epoch()};
  return EditLease(
      "fail task", key, deadline, [&](JobEdit& job, const LeasedTask& task) -> absl::Status {
        if (!task.held) {
          // The same call before: it left the task READY or ended under this epoch.
          return task.state == State::STATE_SUCCEEDED ? Stale(key) : absl::OkStatus();
        }
        if (task.state == State::STATE_CANCELLING) {
          FOUNDRY_RETURN_IF_ERROR(job.MoveTask(key.task_id, task.step, task.key, task.state,
                                               State::STATE_CANCELLED, request.message(), "info",
                                               request.message()));
          return job.EndIfCancelled();
        }
        const int failures = task.failures + 1;
        if (request.retryable() && failures <= options_.max_retries) {
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
               key.task_id, failures, Seconds(pause));
          return absl::OkStatus();
        }
        FOUNDRY_RETURN_IF_ERROR(job.Started(task.step));
        FOUNDRY_RETURN_IF_ERROR(job.MoveTask(key.task_id, task.step, task.key, task.state,
                                             State::STATE_FAILED, request.message(), "error",
                                             request.message()));
        return job.Fail(task.step, absl::StrCat(task.key, ": ", request.message(),
                                                request.retryable() ? " (out of retries)" : ""));
      });
}

absl::Status Store::Release(const LeaseKey& key, absl::Time deadline) {
  return EditLease("release task", key, deadline,
                   [&](JobEdit& job, const LeasedTask& task) -> absl::Status {
                     if (!task.held)
                       return task.state == State::STATE_SUCCEEDED ? Stale(key) : absl::OkStatus();
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
