-- Events and metrics in partitions, dropped whole by age. What belongs to a job lies in the partition
-- of the week in which the job was made (its period, a Monday), so that each question about a job
-- looks into one partition and a job's history goes at once.
CREATE FUNCTION foundry_period(at timestamptz) RETURNS date LANGUAGE sql STABLE AS
  $$ SELECT date_trunc('week', at AT TIME ZONE 'UTC')::date $$;

ALTER TABLE jobs ADD COLUMN period date;
UPDATE jobs SET period = foundry_period(create_time);
ALTER TABLE jobs ALTER COLUMN period SET NOT NULL,
  ALTER COLUMN period SET DEFAULT foundry_period(clock_timestamp());
CREATE INDEX jobs_by_period ON jobs (period);

ALTER TABLE events RENAME TO events_before;
ALTER TABLE events_before RENAME CONSTRAINT events_pkey TO events_before_pkey;
CREATE TABLE events (
  period   date NOT NULL,
  job_id   text NOT NULL,
  event_id bigint NOT NULL,  -- per job, without gaps, under the lock of the job's row
  time     timestamptz NOT NULL DEFAULT clock_timestamp(),
  step     text NOT NULL,
  task_key text NOT NULL,
  state    smallint NOT NULL,
  message  text NOT NULL,
  severity text NOT NULL,
  PRIMARY KEY (period, job_id, event_id)
) PARTITION BY RANGE (period);

ALTER TABLE metrics RENAME TO metrics_before;
ALTER TABLE metrics_before RENAME CONSTRAINT metrics_pkey TO metrics_before_pkey;
CREATE TABLE metrics (
  period   date NOT NULL,
  job_id   text NOT NULL,
  step     text NOT NULL,
  task_key text NOT NULL,
  name     text NOT NULL,
  x        bigint NOT NULL,
  value    double precision NOT NULL,
  PRIMARY KEY (period, job_id, step, task_key, name, x)
) PARTITION BY RANGE (period);

-- Makes the partitions of a period, where they are missing. Attached, not created in place: that
-- waits for nobody who reads or writes other periods.
CREATE FUNCTION foundry_ensure_history(wanted date) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  parent text;
  part text;
BEGIN
  IF to_regclass(format('metrics_%s', to_char(wanted, 'YYYYMMDD'))) IS NOT NULL THEN
    RETURN;
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('foundry_ensure_history', 0));
  FOREACH parent IN ARRAY ARRAY['events', 'metrics'] LOOP
    part := format('%s_%s', parent, to_char(wanted, 'YYYYMMDD'));
    IF to_regclass(part) IS NULL THEN
      EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part, parent);
      EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
                     parent, part, wanted, wanted + 7);
    END IF;
  END LOOP;
END $$;

SELECT foundry_ensure_history(period) FROM (SELECT DISTINCT period FROM jobs) p;
SELECT foundry_ensure_history(foundry_period(clock_timestamp()));
INSERT INTO events (period, job_id, event_id, time, step, task_key, state, message, severity)
  SELECT j.period, e.job_id, e.event_id, e.time, e.step, e.task_key, e.state, e.message, e.severity
  FROM events_before e JOIN jobs j USING (job_id);
INSERT INTO metrics (period, job_id, step, task_key, name, x, value)
  SELECT j.period, m.job_id, m.step, m.task_key, m.name, m.x, m.value
  FROM metrics_before m JOIN jobs j USING (job_id);
DROP TABLE events_before, metrics_before;

-- The coordinator that does the maintenance. Its lease ends with its session, or when it is not
-- renewed in time.
CREATE TABLE leaders (
  name          text PRIMARY KEY,
  holder        text NOT NULL,  -- a random id
  backend_pid   integer NOT NULL,
  backend_start timestamptz NOT NULL,
  lease_until   timestamptz NOT NULL
);
