-- Programs: 4 and later.
DROP TABLE leaders;
ALTER TABLE events RENAME TO events_parts;
ALTER TABLE events_parts RENAME CONSTRAINT events_pkey TO events_parts_pkey;
ALTER TABLE metrics RENAME TO metrics_parts;
ALTER TABLE metrics_parts RENAME CONSTRAINT metrics_pkey TO metrics_parts_pkey;
CREATE TABLE events (
  job_id   text NOT NULL,
  event_id bigint NOT NULL,
  time     timestamptz NOT NULL DEFAULT clock_timestamp(),
  step     text NOT NULL,
  task_key text NOT NULL,
  state    smallint NOT NULL,
  message  text NOT NULL,
  severity text NOT NULL,
  PRIMARY KEY (job_id, event_id)
);
CREATE TABLE metrics (
  job_id   text NOT NULL,
  step     text NOT NULL,
  task_key text NOT NULL,
  name     text NOT NULL,
  x        bigint NOT NULL,
  value    double precision NOT NULL,
  PRIMARY KEY (job_id, step, task_key, name, x)
);
INSERT INTO events (job_id, event_id, time, step, task_key, state, message, severity)
  SELECT job_id, event_id, time, step, task_key, state, message, severity FROM events_parts;
INSERT INTO metrics (job_id, step, task_key, name, x, value)
  SELECT job_id, step, task_key, name, x, value FROM metrics_parts;
DROP TABLE events_parts, metrics_parts;
DROP INDEX jobs_by_period;
ALTER TABLE jobs DROP COLUMN period;
DROP FUNCTION foundry_ensure_history(date);
DROP FUNCTION foundry_period(timestamptz);
