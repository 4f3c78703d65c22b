// What the store knows about why tasks wait.
#include <algorithm>

#include "absl/time/clock.h"
#include "common/base/status.h"
#include "services/coordinator/store.h"
#include "services/coordinator/store_waiting.h"

namespace foundry::coordinator {
namespace {

absl::Duration Ago(const pqxx::field& seconds) {
  return seconds.is_null() ? absl::InfiniteDuration() : absl::Seconds(seconds.as<double>());
}

std::map<std::string, StageWorkers> ReadWorkers(pqxx::work& work) {
  std::map<std::string, StageWorkers> workers;
  // Who holds a task is there, however long ago it asked for one.
  for (const auto& row :
       Exec(work,
            "SELECT s.stage, min(w.ago), min(w.ago) FILTER (WHERE w.has_gpu), "
            "coalesce(sum(w.devices) FILTER (WHERE w.ago < $1), 0), "
            "coalesce(max(w.devices) FILTER (WHERE w.ago < $1), 0) FROM ("
            "  SELECT stages, has_gpu, CASE WHEN devices = 0 THEN $2 ELSE devices END AS devices, "
            "  CASE WHEN h.worker_id IS NULL THEN "
            "    extract(epoch FROM clock_timestamp() - last_seen)::float8 ELSE 0 END AS ago"
            "  FROM workers LEFT JOIN (SELECT t.worker_id FROM heartbeats b "
            "    JOIN tasks t USING (task_id) WHERE b.lease_until > clock_timestamp() UNION "
            "    SELECT worker_id FROM seats WHERE lease_until > clock_timestamp()) h "
            "  USING (worker_id)) w "
            "CROSS JOIN LATERAL unnest(w.stages) AS s(stage) GROUP BY s.stage",
            absl::ToDoubleSeconds(kWorkerGone), kAnyNumber)) {
    workers[row[0].as<std::string>()] = {Ago(row[1]), Ago(row[2]), row[3].as<int64_t>(),
                                         row[4].as<int64_t>()};
  }
  return workers;
}

}  // namespace

WaitingReasons::WaitingReasons(pqxx::work& work, const std::string& job_id)
    : workers_(ReadWorkers(work)) {
  const pqxx::result job =
      Exec(work,
           "SELECT max_running, (SELECT count(*) FROM heartbeats WHERE job_id = $1) FROM jobs "
           "WHERE job_id = $1",
           job_id);
  max_running_ = job[0][0].as<int>();
  running_ = job[0][1].as<int>();
}

std::string WaitingReasons::Of(pqxx::work& work, const std::string& task_id, WaitingTask task,
                               int64_t position) {
  if (task.ranks > 1) {
    task.seats =
        Exec(work,
             "SELECT coalesce(sum(devices), 0) FROM seats WHERE task_id = $1 AND epoch = 0 "
             "AND lease_until > clock_timestamp()",
             task_id)[0][0]
            .as<int64_t>();
  }
  task.max_running = max_running_;
  task.running = running_;
  const auto [ahead, first] = ahead_.try_emplace(task.stage, 0);
  if (first) {
    // Tasks of the same job come in order of position, so one count serves for all of them.
    ahead->second = Exec(work,
                         "SELECT count(*) FROM (SELECT FROM tasks WHERE state = 2 AND stage = $1 "
                         "AND position < $2 AND not_before <= clock_timestamp() LIMIT $3) t",
                         task.stage, position, kMostAhead)[0][0]
                        .as<int64_t>();
  }
  task.ahead = std::min(ahead->second, kMostAhead);
  std::string reason = WhyWaiting(task, workers_);
  if (task.backoff <= absl::ZeroDuration()) ++ahead->second;
  return reason;
}

absl::Status Store::SawWorkers(const std::vector<SeenWorker>& workers, absl::Time deadline) {
  return relaxed_.Transact("workers seen", deadline, [&](pqxx::work& work) {
    for (const SeenWorker& worker : workers) {
      Exec(work,
           "INSERT INTO workers (worker_id, stages, has_gpu, devices, last_seen) "
           "VALUES ($1, $2::text[], $3, $4, clock_timestamp()) ON CONFLICT (worker_id) DO UPDATE "
           "SET stages = excluded.stages, has_gpu = excluded.has_gpu, devices = excluded.devices, "
           "last_seen = excluded.last_seen",
           worker.worker_id, TextArray(worker.stages), worker.has_gpu, worker.devices);
    }
    return absl::OkStatus();
  });
}

absl::Status Store::ForgetWorkers(absl::Duration unseen, absl::Time deadline) {
  return relaxed_.Transact("forget workers", deadline, [&](pqxx::work& work) {
    Exec(work, "DELETE FROM workers WHERE last_seen < clock_timestamp() - $1 * interval '1 second'",
         absl::ToDoubleSeconds(unseen));
    Exec(work,
         "DELETE FROM seats s WHERE lease_until < clock_timestamp() - $1 * interval '1 second' "
         "OR (epoch > 0 AND NOT EXISTS (SELECT FROM tasks t WHERE t.task_id = s.task_id "
         "AND t.epoch = s.epoch AND t.state IN (3, 6)))",
         absl::ToDoubleSeconds(unseen));
    // What only a task that is not done yet may need.
    Exec(work,
         "DELETE FROM checkpoints c USING tasks t WHERE t.task_id = c.task_id AND t.state IN (4, "
         "9)");
    Exec(work,
         "DELETE FROM gangs g USING tasks t WHERE t.task_id = g.task_id AND t.state IN (4, 9)");
    return absl::OkStatus();
  });
}

}  // namespace foundry::coordinator
