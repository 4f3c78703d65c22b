-- Programs: 2 and later.
UPDATE jobs j SET last_event_id = greatest(last_event_id,
  (SELECT max(event_id) FROM events e WHERE e.job_id = j.job_id));
ALTER TABLE heartbeats DROP COLUMN job_id, DROP COLUMN announced;
DROP INDEX tasks_open;
CREATE INDEX tasks_ready ON tasks (stage, position) WHERE state = 2;
CREATE INDEX tasks_open ON tasks (job_id) WHERE state IN (2, 3, 6);
