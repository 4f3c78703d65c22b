-- What claims are shared out by, and who was there to take them.
ALTER TABLE jobs ADD COLUMN priority integer NOT NULL DEFAULT 0;
ALTER TABLE jobs ADD COLUMN max_running integer NOT NULL DEFAULT 0;  -- tasks at once; 0: any number

-- Workers that asked for tasks: says what a waiting task waits for. Written every few seconds.
CREATE TABLE workers (
  worker_id text PRIMARY KEY,
  stages    text[] NOT NULL,
  has_gpu   boolean NOT NULL,
  last_seen timestamptz NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
