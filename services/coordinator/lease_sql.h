// Statements about many leases at once; apart so that a test can ask for their plans. Internal to
// the store.
//
// Each names its rows of `heartbeats` by `= ANY($1)`, also where a join implies them. Few rows of
// that table live at a time, so the planner may take it for tiny and read it whole, by its index,
// to join it: with all the row versions that some transaction held open keeps from being vacuumed.
// All who lock several of its rows do so in the order of their tasks.
#pragma once

#include "services/coordinator/database.h"

namespace foundry::coordinator {

// $1 tasks, $2 their epochs. Answers job, task and epoch of those whose starts are not told yet.
inline constexpr char kToAnnounceSql[] =
    "SELECT h.job_id, h.task_id, h.epoch FROM unnest($1::text[], $2::bigint[]) AS l(task_id, epoch)"
    " JOIN heartbeats h USING (task_id, epoch) "
    "WHERE h.task_id = ANY($1::text[]) AND NOT h.announced";

// $1 tasks, $2 their epochs. Marks the starts that are not told yet and answers them. Locks in the
// order of all who lock several heartbeats.
inline constexpr char kAnnounceSql[] =
    "WITH held AS MATERIALIZED (SELECT h.task_id, h.epoch FROM heartbeats h "
    "WHERE h.task_id = ANY($1::text[]) AND NOT h.announced ORDER BY h.task_id FOR UPDATE) "
    "UPDATE heartbeats h SET announced = true "
    "FROM unnest($1::text[], $2::bigint[]) AS l(task_id, epoch) JOIN held USING (task_id, epoch) "
    "JOIN tasks t USING (task_id) "
    "WHERE h.task_id = ANY($1::text[]) AND h.task_id = l.task_id AND h.epoch = l.epoch "
    "AND t.epoch = l.epoch AND t.state = 3 "
    "RETURNING t.job_id, t.step, t.key, t.worker_id, t.attempt, " FOUNDRY_MICROS("t.state_time");

// $1 tasks, $2 epochs, $3 workers, $4 whether there is progress, $5 to $8 the progress; $9 the
// lease's duration. Answers the leases that are held.
inline constexpr char kHeartbeatsSql[] =
    "WITH beat AS MATERIALIZED (SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], "
    "$4::smallint[], $5::float8[], $6::float8[], $7::text[], $8::text[]) "
    "AS b(task_id, epoch, worker_id, told, done, total, unit, message)),"
    "held AS MATERIALIZED (SELECT h.task_id, h.epoch FROM heartbeats h WHERE h.task_id = "
    "ANY($1::text[]) ORDER BY h.task_id FOR UPDATE) "
    "UPDATE heartbeats h SET lease_until = clock_timestamp() + $9::interval, acknowledged = true,"
    " done = CASE WHEN b.told <> 0 THEN b.done ELSE h.done END,"
    " total = CASE WHEN b.told <> 0 THEN b.total ELSE h.total END,"
    " unit = CASE WHEN b.told <> 0 THEN b.unit ELSE h.unit END,"
    " message = CASE WHEN b.told <> 0 THEN b.message ELSE h.message END "
    "FROM beat b JOIN held USING (task_id, epoch) JOIN tasks t USING (task_id) "
    "WHERE h.task_id = ANY($1::text[]) AND h.task_id = b.task_id AND h.epoch = b.epoch "
    "AND t.worker_id = b.worker_id "
    "RETURNING h.task_id, h.epoch, t.worker_id, t.state, t.job_id, t.step, t.key";

// $1 tasks. Locks them in the one order that everybody locks them in.
inline constexpr char kLockTasksSql[] =
    "SELECT t.task_id, t.job_id, t.worker_id, t.manifest, t.state, t.epoch, "
    "coalesce(h.announced, true), t.step, t.key, t.attempt, " FOUNDRY_MICROS("t.state_time") " "
    "FROM tasks t LEFT JOIN heartbeats h ON h.task_id = t.task_id AND h.task_id = ANY($1::text[]) "
    "WHERE t.task_id = ANY($1::text[]) ORDER BY t.task_id FOR UPDATE OF t";

// $1 tasks, which are locked, $2 their results, $3 their manifests. Ends their leases.
inline constexpr char kSucceedSql[] =
    "WITH done AS (UPDATE tasks t SET state = 4, reason = '', worker_id = '', "
    "state_time = clock_timestamp(), result = d.result, manifest = d.manifest "
    "FROM unnest($1::text[], $2::bytea[], $3::text[]) AS d(task_id, result, manifest) "
    "WHERE t.task_id = ANY($1::text[]) AND t.task_id = d.task_id),"
    "beats AS MATERIALIZED (SELECT task_id FROM heartbeats WHERE task_id = ANY($1::text[]) "
    "ORDER BY task_id FOR UPDATE) "
    "DELETE FROM heartbeats h USING beats b WHERE h.task_id = ANY($1::text[]) "
    "AND h.task_id = b.task_id";

// $1 tasks, whose leases end.
inline constexpr char kEndLeasesSql[] =
    "WITH beats AS MATERIALIZED (SELECT task_id FROM heartbeats WHERE task_id = ANY($1::text[]) "
    "ORDER BY task_id FOR UPDATE) "
    "DELETE FROM heartbeats h USING beats b WHERE h.task_id = ANY($1::text[]) "
    "AND h.task_id = b.task_id";

}  // namespace foundry::coordinator
