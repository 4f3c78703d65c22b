// The statements of a claim; apart so that a test can ask for their plans. Internal to the store.
#pragma once

#include "services/coordinator/database.h"

namespace foundry::coordinator {

// $1 stages, $2 whether there is a GPU, $3 to $5 floors: jobs, stages, positions; $6 devices, 0:
// any number.
// Answers job, stage, first position, priority, limit and seconds of waiting of what may be
// claimed.
inline constexpr char kReadyWorkSql[] =
    "SELECT j.job_id, s.stage, f.position, j.priority, j.max_running, "
    "extract(epoch FROM clock_timestamp() - f.state_time)::float8 "
    "FROM jobs j CROSS JOIN unnest($1::text[]) AS s(stage) "
    "LEFT JOIN unnest($3::text[], $4::text[], $5::bigint[]) AS fl(job_id, stage, position) "
    "ON fl.job_id = j.job_id AND fl.stage = s.stage "
    "CROSS JOIN LATERAL ("
    "  SELECT t.position, t.state_time FROM tasks t WHERE t.job_id = j.job_id AND t.stage = s.stage"
    "    AND t.state = 2 AND t.position >= coalesce(fl.position, 0) AND (NOT t.needs_gpu OR $2)"
    "    AND ($6 = 0 OR t.ranks <= $6) AND t.not_before <= clock_timestamp() "
    "    ORDER BY t.position LIMIT 1) f "
    "WHERE j.state IN (2, 3)";

// $1 to $4 jobs, stages, floors and numbers of tasks, in order of preference; $5 whether there is a
// GPU; $6 workers, one a task; $7 the lease's duration; $8 devices as above.
//
// MATERIALIZED: the locks are taken once, by exactly the rows that are claimed. Rows that others
// hold are skipped and no job's row is locked, so a claim waits for nobody.
inline constexpr char kClaimSql[] =
    "WITH candidate AS MATERIALIZED ("
    "  SELECT c.task_id, c.position, w.n FROM unnest($1::text[], $2::text[], $3::bigint[], "
    "$4::int[]) WITH ORDINALITY AS w(job_id, stage, floor, most, n) "
    "  CROSS JOIN LATERAL ("
    "    SELECT t.task_id, t.position FROM tasks t WHERE t.job_id = w.job_id AND t.stage = w.stage"
    "      AND t.state = 2 AND t.position >= w.floor AND (NOT t.needs_gpu OR $5)"
    "      AND ($8 = 0 OR t.ranks <= $8) AND t.not_before <= clock_timestamp()"
    "    ORDER BY t.position LIMIT w.most FOR UPDATE SKIP LOCKED) c),"
    "chosen AS MATERIALIZED (SELECT array_agg(task_id ORDER BY n, position) AS ids FROM candidate),"
    "claimed AS ("
    "  UPDATE tasks t SET state = 3, epoch = t.epoch + 1, attempt = t.attempt + 1, reason = '',"
    "    worker_id = ($6::text[])[array_position(c.ids, t.task_id)], state_time = clock_timestamp()"
    "  FROM chosen c WHERE t.task_id = ANY(c.ids)"
    "  RETURNING t.task_id, t.epoch, t.job_id, t.step, t.key, t.attempt, t.request, t.worker_id,"
    "    t.stage, t.position),"
    "beats AS ("
    "  INSERT INTO heartbeats (task_id, job_id, epoch, lease_until)"
    "  SELECT task_id, job_id, epoch, clock_timestamp() + $7::interval FROM claimed"
    "  ON CONFLICT (task_id) DO UPDATE SET epoch = excluded.epoch,"
    "    lease_until = excluded.lease_until, acknowledged = false, announced = false, done = 0,"
    "    total = 0, unit = '', message = '')"
    "SELECT task_id, epoch, job_id, step, key, attempt, request, worker_id, stage, position "
    "FROM claimed ORDER BY array_position((SELECT ids FROM chosen), task_id)";

}  // namespace foundry::coordinator
