-- Jobs, steps, tasks and what they tell. States are the numbers of foundry.coordinator.v1.State:
-- 1 PENDING, 2 READY, 3 RUNNING, 4 SUCCEEDED, 5 FAILED, 6 CANCELLING, 7 CANCELLED, 8 QUARANTINED,
-- 9 SKIPPED.
--
-- Lock order, everywhere: the job's row, then task rows, then heartbeats. Claiming a task is the one
-- exception: it skips rows that are locked and never waits for a job.

CREATE TABLE jobs (
  job_id        text PRIMARY KEY,
  request_id    text NOT NULL UNIQUE,
  payload_hash  text NOT NULL,           -- SHA-256 of the request's spec: tells a repeat from a clash
  name          text NOT NULL,
  state         smallint NOT NULL,
  reason        text NOT NULL DEFAULT '',
  spec          bytea NOT NULL,          -- PipelineSpec
  facts         jsonb NOT NULL,          -- what was seen of the handed-in files when the job was made
  last_event_id bigint NOT NULL DEFAULT 0,
  create_time   timestamptz NOT NULL DEFAULT clock_timestamp(),
  end_time      timestamptz
);
CREATE INDEX jobs_newest ON jobs (create_time DESC, job_id DESC);
CREATE INDEX jobs_open ON jobs (job_id) WHERE state IN (2, 3, 6);

CREATE TABLE steps (
  job_id          text NOT NULL REFERENCES jobs ON DELETE CASCADE,
  name            text NOT NULL,
  position        smallint NOT NULL,
  state           smallint NOT NULL,
  reason          text NOT NULL DEFAULT '',
  manifest        text NOT NULL DEFAULT '',
  expected_weight double precision NOT NULL DEFAULT 0,  -- of all tasks, those to come included
  exported        boolean NOT NULL DEFAULT false,       -- its files lie in output_dir
  start_time      timestamptz,
  end_time        timestamptz,
  PRIMARY KEY (job_id, name)
);
CREATE INDEX steps_to_export ON steps (job_id) WHERE NOT exported AND state IN (4, 9);

CREATE TABLE tasks (
  task_id     text PRIMARY KEY,
  job_id      text NOT NULL REFERENCES jobs ON DELETE CASCADE,
  step        text NOT NULL,
  key         text NOT NULL,
  position    bigint GENERATED ALWAYS AS IDENTITY,  -- order of leasing and of lists
  stage       text NOT NULL,
  needs_gpu   boolean NOT NULL,
  weight      double precision NOT NULL,
  state       smallint NOT NULL,
  reason      text NOT NULL DEFAULT '',
  epoch       bigint NOT NULL DEFAULT 0,   -- fencing number: rises with every lease
  attempt     integer NOT NULL DEFAULT 0,  -- leases given
  failures    integer NOT NULL DEFAULT 0,  -- retryable failures: the retry budget
  crashes     integer NOT NULL DEFAULT 0,  -- leases that ended in silence after a heartbeat
  lost        integer NOT NULL DEFAULT 0,  -- leases that ended without any heartbeat
  not_before  timestamptz NOT NULL DEFAULT clock_timestamp(),
  worker_id   text NOT NULL DEFAULT '',
  request     bytea NOT NULL,              -- StageRequest
  fingerprint text NOT NULL,               -- '': its inputs cannot be hashed, never reused
  result      bytea NOT NULL DEFAULT '',   -- StageResult
  manifest    text NOT NULL DEFAULT '',    -- the commit: SHA-256 of the stored manifest blob
  state_time  timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (job_id, step, key)
);
CREATE INDEX tasks_ready ON tasks (stage, position) WHERE state = 2;
CREATE INDEX tasks_open ON tasks (job_id) WHERE state IN (2, 3, 6);
CREATE INDEX tasks_output ON tasks (fingerprint) WHERE state = 4 AND fingerprint <> '';

-- One row per lease: what changes every few seconds, kept narrow and apart so that updates stay
-- inside the page (HOT).
CREATE TABLE heartbeats (
  task_id      text PRIMARY KEY,
  epoch        bigint NOT NULL,
  lease_until  timestamptz NOT NULL,
  acknowledged boolean NOT NULL DEFAULT false,  -- the worker has been heard from
  done         double precision NOT NULL DEFAULT 0,
  total        double precision NOT NULL DEFAULT 0,
  unit         text NOT NULL DEFAULT '',
  message      text NOT NULL DEFAULT ''
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

-- Numbered per job without gaps, under the lock of the job's row: a sequence commits out of order.
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

-- Points of curves. A later attempt writes over an earlier one's.
CREATE TABLE metrics (
  job_id   text NOT NULL,
  step     text NOT NULL,
  task_key text NOT NULL,
  name     text NOT NULL,
  x        bigint NOT NULL,
  value    double precision NOT NULL,
  PRIMARY KEY (job_id, step, task_key, name, x)
);
