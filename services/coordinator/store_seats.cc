// What workers of a gang tell, how its generations end, and states stored for a later attempt.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/base/steady_time.h"
#include "services/coordinator/attempts.h"
#include "services/coordinator/job_edit.h"
#include "services/coordinator/store.h"
#include "services/coordinator/store_lease.h"

namespace foundry::coordinator {

// A task that a gang runs, whose row is locked.
struct Store::HeldTask {
  std::string id, step, key;
  State state;
  Attempts attempts;
  std::string worker_id;      // of the seat
  bool acknowledged = false;  // the seat's worker has been heard from
  bool silent = false;        // and is not any more
};

absl::Status Store::OpenMeeting(const v1::OpenMeetingRequest& request, absl::Time deadline) {
  return database_.Transact("open meeting", deadline, [&](pqxx::work& work) -> absl::Status {
    const pqxx::result rows =
        Exec(work,
             "UPDATE gangs g SET rendezvous = $4, inputs = $5 FROM tasks t WHERE g.task_id = $1 "
             "AND t.task_id = $1 AND t.worker_id = $2 AND t.epoch = $3 AND t.state IN (3, 6) "
             "RETURNING g.task_id",
             request.task_id(), request.worker_id(), request.epoch(), request.rendezvous(),
             request.inputs());
    if (!rows.empty()) return absl::OkStatus();
    return StaleLease({request.task_id(), request.worker_id(), request.epoch()});
  });
}

absl::StatusOr<v1::HeartbeatSeatResponse> Store::HeartbeatSeat(const LeaseKey& key,
                                                               absl::Time deadline) {
  v1::HeartbeatSeatResponse response;
  FOUNDRY_RETURN_IF_ERROR(
      relaxed_.Transact("heartbeat of a seat", deadline, [&](pqxx::work& work) -> absl::Status {
        const pqxx::result rows =
            Exec(work,
                 "UPDATE seats s SET lease_until = clock_timestamp() + $4::interval, "
                 "acknowledged = true FROM tasks t JOIN gangs g USING (task_id) "
                 "WHERE s.task_id = $1 AND s.worker_id = $2 AND s.epoch = $3 AND s.first_rank > 0 "
                 "AND t.task_id = $1 AND t.epoch = $3 AND t.state IN (3, 6) "
                 "RETURNING t.state, g.rendezvous, g.inputs",
                 key.task_id, key.worker_id, key.epoch, Interval(options_.lease));
        if (rows.empty()) return StaleLease(key);
        response.set_cancel(static_cast<State>(rows[0][0].as<int>()) == State::STATE_CANCELLING);
        response.set_rendezvous(rows[0][1].as<std::string>());
        response.set_inputs(rows[0][2].as<std::string>());
        return absl::OkStatus();
      }));
  return response;
}

absl::Status Store::EditSeat(absl::string_view what, const LeaseKey& key, absl::Time deadline,
                             const std::function<absl::Status(JobEdit&, const HeldTask&)>& change) {
  FOUNDRY_ASSIGN_OR_RETURN(const std::string job_id, JobOf(key.task_id, deadline));
  return Edit(what, job_id, deadline, [&](JobEdit& job) -> absl::Status {
    const pqxx::result rows = Exec(
        job.work(),
        "SELECT t.step, t.key, t.state, t.failures, t.crashes, t.lost, s.acknowledged, "
        "s.lease_until < clock_timestamp(), coalesce(h.announced, true), t.worker_id, "
        "t.attempt, " FOUNDRY_MICROS("t.state_time") " FROM tasks t JOIN seats s USING (task_id) "
        "LEFT JOIN heartbeats h USING (task_id) WHERE t.task_id = $1 AND s.worker_id = $2 "
        "AND t.epoch = $3 AND s.epoch = $3 AND s.first_rank > 0 AND t.state IN (3, 6) "
        "FOR UPDATE OF t",
        key.task_id, key.worker_id, key.epoch);
    if (rows.empty()) return StaleLease(key);
    const auto& row = rows[0];
    HeldTask task;
    task.id = key.task_id;
    task.step = row[0].as<std::string>();
    task.key = row[1].as<std::string>();
    task.state = static_cast<State>(row[2].as<int>());
    task.attempts = {row[3].as<int>(), row[4].as<int>(), row[5].as<int>()};
    task.worker_id = key.worker_id;
    task.acknowledged = row[6].as<bool>();
    task.silent = row[7].as<bool>();
    if (task.state == State::STATE_RUNNING && !row[8].as<bool>()) {
      FOUNDRY_RETURN_IF_ERROR(job.Announce({task.step, task.key, row[9].as<std::string>(),
                                            row[10].as<int>(), row[11].as<int64_t>()}));
      Exec(job.work(), "UPDATE heartbeats SET announced = true WHERE task_id = $1", task.id);
    }
    return change(job, task);
  });
}

absl::Status Store::LeaveSeat(const v1::LeaveSeatRequest& request, absl::Time deadline) {
  const LeaseKey key{request.task_id(), request.worker_id(), request.epoch()};
  return EditSeat("leave seat", key, deadline, [&](JobEdit& job, const HeldTask& task) {
    if (request.reason() == v1::LEAVE_REASON_DONE) {
      Exec(job.work(),
           "UPDATE seats SET lease_until = 'infinity' WHERE task_id = $1 AND worker_id = $2",
           task.id, task.worker_id);
      return absl::OkStatus();
    }
    Exec(job.work(), "DELETE FROM seats WHERE task_id = $1 AND worker_id = $2", task.id,
         task.worker_id);
    // The leader ends what is being cancelled.
    if (task.state == State::STATE_CANCELLING) return absl::OkStatus();
    if (request.reason() == v1::LEAVE_REASON_LOST) {
      return LoseRank(job, task, request.message());
    }
    const std::string reason =
        absl::StrCat("worker ", task.worker_id, " of the gang gave its seat back");
    return job.MoveTask(task.id, task.step, task.key, task.state, State::STATE_READY, reason,
                        "info", reason);
  });
}

absl::Status Store::LoseRank(JobEdit& job, const HeldTask& task, const std::string& message) {
  const AttemptEnd end = AfterFailure(
      task.attempts, /*retryable=*/true, GangWentOn(job.work(), task.id), LimitsOf(options_),
      absl::StrCat("worker ", task.worker_id, " of the gang: ", message));
  if (end.next == State::STATE_FAILED) {
    FOUNDRY_RETURN_IF_ERROR(job.Started(task.step));
    FOUNDRY_RETURN_IF_ERROR(job.MoveTask(task.id, task.step, task.key, task.state, end.next,
                                         end.reason, "error", end.reason));
    return job.Fail(task.step, absl::StrCat(task.key, ": ", end.reason));
  }
  const int failures = end.attempts.failures;
  FOUNDRY_RETURN_IF_ERROR(
      job.MoveTask(task.id, task.step, task.key, task.state, end.next, end.reason, "warning",
                   absl::StrCat("failed, tried again (", failures, " of ", options_.max_retries,
                                " retries): ", end.reason)));
  Exec(job.work(),
       "UPDATE tasks SET failures = $2, not_before = clock_timestamp() + $3::interval "
       "WHERE task_id = $1",
       task.id, failures, Interval(Backoff(failures)));
  return absl::OkStatus();
}

absl::Status Store::LoseWorker(JobEdit& job, const HeldTask& task) {
  const AttemptEnd end =
      AfterSilence(task.attempts, task.acknowledged, GangWentOn(job.work(), task.id),
                   LimitsOf(options_), absl::StrCat("worker ", task.worker_id, " of the gang"));
  const bool poison = end.next == State::STATE_QUARANTINED;
  FOUNDRY_RETURN_IF_ERROR(job.Started(task.step));
  FOUNDRY_RETURN_IF_ERROR(job.MoveTask(task.id, task.step, task.key, task.state, end.next,
                                       end.reason, poison ? "error" : "warning", end.reason));
  Exec(job.work(),
       "UPDATE tasks SET crashes = $2, lost = $3, not_before = clock_timestamp() "
       "WHERE task_id = $1",
       task.id, end.attempts.crashes, end.attempts.lost);
  return poison ? job.Fail(task.step, absl::StrCat(task.key, " was ", end.reason))
                : absl::OkStatus();
}

absl::Status Store::ExpireSeats(absl::Time deadline) {
  std::vector<LeaseKey> expired;
  FOUNDRY_RETURN_IF_ERROR(database_.Transact("find expired seats", deadline, [&](pqxx::work& work) {
    expired.clear();
    for (const auto& row :
         Exec(work,
              "WITH due AS MATERIALIZED (SELECT * FROM seats WHERE lease_until < clock_timestamp() "
              "AND first_rank > 0) "
              "SELECT s.task_id, s.worker_id, s.epoch FROM due s JOIN tasks t USING (task_id) "
              "WHERE s.epoch = t.epoch AND t.state = 3 ORDER BY s.task_id, s.first_rank LIMIT "
              "500")) {
      expired.push_back({row[0].as<std::string>(), row[1].as<std::string>(), row[2].as<int64_t>()});
    }
    return absl::OkStatus();
  }));
  for (const LeaseKey& key : expired) {
    const absl::Status status =
        EditSeat("expire seat", key, std::min(deadline, SteadyNow() + kHeldRow),
                 [&](JobEdit& job, const HeldTask& task) {
                   // Looked at again under the lock: a heartbeat may have come first.
                   const bool ended = task.silent && task.state == State::STATE_RUNNING;
                   return ended ? LoseWorker(job, task) : absl::OkStatus();
                 });
    // A job whose row is held waits for the next look. Two seats of one generation may run out
    // together: the first one ends it.
    if (absl::IsDeadlineExceeded(status) || absl::IsFailedPrecondition(status)) continue;
    FOUNDRY_RETURN_IF_ERROR(status);
  }
  return absl::OkStatus();
}

absl::Status Store::RegisterCheckpoint(const LeaseKey& key, const std::string& manifest,
                                       absl::Time deadline) {
  return database_.Transact("register checkpoint", deadline, [&](pqxx::work& work) -> absl::Status {
    const pqxx::result rows =
        Exec(work,
             "INSERT INTO checkpoints (task_id, epoch, manifest) SELECT task_id, epoch, $4 "
             "FROM tasks WHERE task_id = $1 AND worker_id = $2 AND epoch = $3 AND state = 3 "
             "FOR SHARE "
             "ON CONFLICT (task_id) DO UPDATE SET epoch = excluded.epoch, "
             "manifest = excluded.manifest RETURNING task_id",
             key.task_id, key.worker_id, key.epoch, manifest);
    return rows.empty() ? StaleLease(key) : absl::OkStatus();
  });
}

}  // namespace foundry::coordinator
