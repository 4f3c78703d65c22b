// The store's calls for the maintenance loop.
#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "common/base/status.h"
#include "common/base/steady_time.h"
#include "common/telemetry/log.h"
#include "services/coordinator/attempts.h"
#include "services/coordinator/job_edit.h"
#include "services/coordinator/store.h"
#include "services/coordinator/store_lease.h"

namespace foundry::coordinator {

absl::StatusOr<int> Store::ExpireLeases(absl::Time deadline) {
  std::vector<std::pair<std::string, std::string>> expired;
  FOUNDRY_RETURN_IF_ERROR(
      database_.Transact("find expired leases", deadline, [&](pqxx::work& work) {
        expired.clear();
        // Read once and in no order, so that the table is read page by page: where old row versions
        // cannot be vacuumed, going through them by an index takes ten times as long.
        std::vector<std::string> far;
        for (const auto& row :
             Exec(work,
                  "WITH due AS MATERIALIZED (SELECT task_id, lease_until FROM heartbeats WHERE "
                  "lease_until < clock_timestamp() OR "
                  "lease_until > clock_timestamp() + 2 * $1::interval) "
                  "SELECT t.job_id, t.task_id, d.lease_until > clock_timestamp() FROM due d "
                  "JOIN tasks t USING (task_id) ORDER BY d.lease_until LIMIT 500",
                  Interval(options_.lease))) {
          if (row[2].as<bool>()) {
            far.push_back(row[1].as<std::string>());
          } else {
            expired.emplace_back(row[0].as<std::string>(), row[1].as<std::string>());
          }
        }
        // After the database's clock was set back: what is not renewed by then runs out as it does.
        if (!far.empty()) {
          Exec(work,
               "WITH far AS MATERIALIZED (SELECT task_id FROM heartbeats WHERE task_id = "
               "ANY($1::text[]) AND lease_until > clock_timestamp() + 2 * $2::interval "
               "ORDER BY task_id FOR UPDATE) "
               "UPDATE heartbeats h SET lease_until = clock_timestamp() + $2::interval "
               "FROM far WHERE h.task_id = far.task_id",
               TextArray(far), Interval(options_.lease));
        }
        return absl::OkStatus();
      }));
  // A job whose row is held must not keep others' leases from ending; the next look takes its
  // again.
  std::set<std::string> held;
  int ended = 0;
  for (const auto& [job_id, task_id] : expired) {
    if (held.count(job_id) > 0) continue;
    const absl::Status status =
        ExpireLease(job_id, task_id, std::min(deadline, SteadyNow() + kHeldRow));
    if (absl::IsDeadlineExceeded(status)) {
      held.insert(job_id);
      telemetry::LogWarning("leases of a job cannot end for now: its row is held",
                            {{"job", job_id}, {"error", std::string(status.message())}});
      continue;
    }
    FOUNDRY_RETURN_IF_ERROR(status);
    ++ended;
  }
  FOUNDRY_RETURN_IF_ERROR(ExpireSeats(deadline));
  return ended;
}

absl::Status Store::ShortenPauses(absl::Time deadline) {
  bool some = false;
  FOUNDRY_RETURN_IF_ERROR(database_.Transact("shorten pauses", deadline, [&](pqxx::work& work) {
    some = Exec(work,
                "UPDATE tasks SET not_before = clock_timestamp() WHERE state = 2 "
                "AND not_before > clock_timestamp() + 2 * $1::interval",
                absl::StrCat(absl::ToDoubleSeconds(options_.longest_backoff), " seconds"))
               .affected_rows() > 0;
    return absl::OkStatus();
  }));
  if (some) options_.on_tasks_ready();
  return absl::OkStatus();
}

absl::Status Store::ExpireLease(const std::string& job_id, const std::string& task_id,
                                absl::Time deadline) {
  return Edit("expire lease", job_id, deadline, [&](JobEdit& job) -> absl::Status {
    // Looked at again under the locks: a heartbeat or the worker's last word may have come first.
    const pqxx::result rows =
        Exec(job.work(),
             "SELECT t.step, t.key, t.state, t.crashes, t.lost, h.acknowledged, t.worker_id, "
             "h.announced, t.attempt, " FOUNDRY_MICROS("t.state_time") " FROM tasks t JOIN heartbeats h USING (task_id) WHERE t.task_id = $1 "
             "AND h.lease_until < clock_timestamp() FOR UPDATE",
             task_id);
    if (rows.empty()) return absl::OkStatus();
    const auto step = rows[0][0].as<std::string>(), key = rows[0][1].as<std::string>();
    const State state = static_cast<State>(rows[0][2].as<int>());
    if (state == State::STATE_CANCELLING) {
      FOUNDRY_RETURN_IF_ERROR(job.MoveTask(task_id, step, key, state, State::STATE_CANCELLED,
                                           "its worker fell silent", "info",
                                           "its worker fell silent"));
      return job.EndIfCancelled();
    }
    if (!rows[0][7].as<bool>()) {
      FOUNDRY_RETURN_IF_ERROR(job.Announce({step, key, rows[0][6].as<std::string>(),
                                            rows[0][8].as<int>(), rows[0][9].as<int64_t>()}));
    }
    const AttemptEnd end =
        AfterSilence({.crashes = rows[0][3].as<int>(), .lost = rows[0][4].as<int>()},
                     rows[0][5].as<bool>(), GangWentOn(job.work(), task_id), LimitsOf(options_),
                     absl::StrCat("worker ", rows[0][6].as<std::string>()));
    const bool poison = end.next == State::STATE_QUARANTINED;
    FOUNDRY_RETURN_IF_ERROR(job.Started(step));
    FOUNDRY_RETURN_IF_ERROR(job.MoveTask(task_id, step, key, state, end.next, end.reason,
                                         poison ? "error" : "warning", end.reason));
    Exec(job.work(),
         "UPDATE tasks SET crashes = $2, lost = $3, not_before = clock_timestamp() WHERE task_id = "
         "$1",
         task_id, end.attempts.crashes, end.attempts.lost);
    return poison ? job.Fail(step, absl::StrCat(key, " was ", end.reason)) : absl::OkStatus();
  });
}

namespace {

// Rows of (job_id, step, spec) with the finished tasks of each step.
absl::Status ReadExports(pqxx::work& work, const pqxx::result& rows,
                         std::vector<PendingExport>* exports) {
  exports->clear();
  for (const auto& row : rows) {
    PendingExport& item = exports->emplace_back();
    item.job_id = row[0].as<std::string>();
    item.step = row[1].as<std::string>();
    if (!item.spec.ParseFromString(FromBytes(row[2]))) {
      return absl::DataLossError(absl::StrCat("the spec of job ", item.job_id, " cannot be read"));
    }
    FOUNDRY_ASSIGN_OR_RETURN(item.tasks, ReadFinishedTasks(work, item.job_id, item.step));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<PendingExport>> Store::PendingExports(
    int limit, const std::set<std::string>& without, absl::Time deadline) {
  std::vector<PendingExport> pending;
  FOUNDRY_RETURN_IF_ERROR(database_.Transact("pending exports", deadline, [&](pqxx::work& work) {
    return ReadExports(
        work,
        Exec(work,
             // From the steps, which are few, not by way of the jobs in their order.
             "WITH due AS MATERIALIZED (SELECT job_id, name, position FROM steps "
             "  WHERE NOT exported AND state IN (4, 9) AND job_id <> ALL($2::text[])) "
             "SELECT s.job_id, s.name, j.spec FROM due s CROSS JOIN LATERAL "
             "  (SELECT spec, state, create_time FROM jobs WHERE job_id = s.job_id OFFSET 0) j "
             "WHERE j.state IN (2, 3, 4) ORDER BY j.create_time, s.position LIMIT $1",
             limit, TextArray(without)),
        &pending);
  }));
  return pending;
}

absl::StatusOr<std::vector<PendingExport>> Store::StepsWithOutputs(const std::string& job_id,
                                                                   absl::Time deadline) {
  std::vector<PendingExport> steps;
  FOUNDRY_RETURN_IF_ERROR(database_.Transact("steps with outputs", deadline, [&](pqxx::work& work) {
    return ReadExports(
        work,
        Exec(work,
             "SELECT s.job_id, s.name, j.spec FROM steps s JOIN jobs j USING (job_id) "
             "WHERE s.job_id = $1 AND s.state IN (4, 9) AND s.manifest <> '' "
             "ORDER BY s.position",
             job_id),
        &steps);
  }));
  return steps;
}

absl::Status Store::ExportAgain(const std::string& job_id, absl::Time deadline) {
  return Edit("export again", job_id, deadline, [&](JobEdit& job) -> absl::Status {
    FOUNDRY_RETURN_IF_ERROR(job.LoadSpec());
    Exec(job.work(),
         "UPDATE steps SET exported = false WHERE job_id = $1 AND state IN (4, 9) AND manifest <> "
         "''",
         job_id);
    job.Event("", "", State::STATE_UNSPECIFIED,
              absl::StrCat("outputs are missing in ", job.spec().output_dir(),
                           ": they are written again"));
    return absl::OkStatus();
  });
}

absl::Status Store::ExportDone(const std::string& job_id, const std::string& step,
                               absl::Time deadline) {
  return Edit("export done", job_id, deadline, [&](JobEdit& job) -> absl::Status {
    if (job.steps().at(step).exported) return absl::OkStatus();
    FOUNDRY_RETURN_IF_ERROR(job.SetExported(step));
    FOUNDRY_RETURN_IF_ERROR(job.LoadSpec());
    job.Event(step, "", State::STATE_UNSPECIFIED,
              absl::StrCat("outputs written to ", job.spec().output_dir()));
    for (const auto& [name, row] : job.steps()) {
      if (!row.exported || !IsEnd(row.state)) return absl::OkStatus();
    }
    return Advance(job);
  });
}

absl::Status Store::ExportFailed(const std::string& job_id, const std::string& step,
                                 const std::string& reason, absl::Time deadline) {
  return Edit("export failed", job_id, deadline, [&](JobEdit& job) -> absl::Status {
    // One that has ended otherwise stays as it is: its outputs are written when it is tried again.
    if (job.state() != State::STATE_SUCCEEDED) {
      return IsEnd(job.state()) ? absl::OkStatus() : job.Fail("", absl::StrCat(step, ": ", reason));
    }
    // A job that succeeded stays so; its outputs could not be written once more.
    FOUNDRY_RETURN_IF_ERROR(job.SetExported(step));
    job.Event(step, "", State::STATE_UNSPECIFIED, reason, "error");
    return absl::OkStatus();
  });
}

absl::StatusOr<std::vector<std::string>> Store::DropHistory(absl::Duration age,
                                                            absl::Time deadline) {
  std::vector<std::string> old;
  FOUNDRY_RETURN_IF_ERROR(database_.Transact("old history", deadline, [&](pqxx::work& work) {
    old.clear();
    for (const auto& row :
         Exec(work,
              "SELECT p.period FROM (SELECT to_date(right(c.relname, 8), 'YYYYMMDD') AS period "
              "  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
              "  WHERE i.inhparent = 'events'::regclass) p "
              "WHERE p.period + 7 < clock_timestamp() - $1 * interval '1 second' AND NOT EXISTS "
              "  (SELECT FROM jobs j WHERE j.period = p.period AND j.state IN (2, 3, 6)) "
              "ORDER BY 1",
              absl::ToDoubleSeconds(age))) {
      old.push_back(row[0].as<std::string>());
    }
    return absl::OkStatus();
  }));
  std::vector<std::string> dropped;
  absl::Status refused;
  for (const std::string& period : old) {
    const absl::Status status = database_.Transact("drop history", deadline, [&](pqxx::work& work) {
      // Others would queue behind a lock that is waited for.
      work.exec("SET LOCAL lock_timeout = '300ms'");
      // Numbers of events go on from here, should a job be taken up again.
      Exec(work,
           "UPDATE jobs j SET last_event_id = e.last FROM (SELECT job_id, max(event_id) AS last "
           "FROM events WHERE period = $1::date GROUP BY job_id) e "
           "WHERE j.job_id = e.job_id AND j.last_event_id < e.last",
           period);
      const std::string suffix = absl::StrReplaceAll(period, {{"-", ""}});
      for (const char* table : {"events", "metrics"}) {
        work.exec(absl::StrCat("ALTER TABLE ", table, " DETACH PARTITION ", table, "_", suffix,
                               "; DROP TABLE ", table, "_", suffix));
      }
      return absl::OkStatus();
    });
    if (status.ok()) dropped.push_back(period);
    // What is in use is dropped by a later look; another reason is for people.
    if (!status.ok() && !absl::IsAborted(status)) {
      refused.Update(Annotate(status, absl::StrCat("week ", period)));
    }
  }
  if (!refused.ok()) return refused;
  return dropped;
}

absl::StatusOr<std::set<std::string>> Store::CommittedManifests(absl::Time deadline, int part) {
  std::set<std::string> manifests;
  FOUNDRY_RETURN_IF_ERROR(database_.Transact("committed states", deadline, [&](pqxx::work& work) {
    for (const auto& row : Exec(work,
                                "SELECT manifest FROM checkpoints UNION "
                                "SELECT inputs FROM gangs WHERE inputs <> ''")) {
      manifests.insert(row[0].as<std::string>());
    }
    return absl::OkStatus();
  }));
  // In parts, because a statement has seconds and there may be millions of tasks. What is committed
  // meanwhile, behind the part that is read, is too young to be collected.
  std::string last;
  for (bool more = true; more;) {
    FOUNDRY_RETURN_IF_ERROR(
        database_.Transact("committed manifests", deadline, [&](pqxx::work& work) {
          const pqxx::result rows = Exec(work,
                                         "SELECT task_id, manifest FROM tasks WHERE task_id > $1 "
                                         "ORDER BY task_id LIMIT $2",
                                         last, part);
          for (const auto& row : rows) {
            if (row[1].size() > 0) manifests.insert(row[1].as<std::string>());
          }
          more = static_cast<int>(rows.size()) == part;
          if (more) last = rows[part - 1][0].as<std::string>();
          return absl::OkStatus();
        }));
  }
  return manifests;
}

absl::StatusOr<std::vector<Store::QueueCount>> Store::QueueCounts(absl::Time deadline) {
  std::vector<QueueCount> counts;
  FOUNDRY_RETURN_IF_ERROR(database_.Transact("queue counts", deadline, [&](pqxx::work& work) {
    counts.clear();
    for (const auto& row :
         Exec(work,
              "SELECT stage, state, count(*) FROM tasks WHERE state IN (2, 3, 6) GROUP BY 1, 2")) {
      counts.push_back(
          {row[0].as<std::string>(), static_cast<State>(row[1].as<int>()), row[2].as<int64_t>()});
    }
    return absl::OkStatus();
  }));
  return counts;
}

}  // namespace foundry::coordinator
