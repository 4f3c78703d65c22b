-- Tasks that several workers run together, each some ranks of a training.
ALTER TABLE tasks ADD COLUMN ranks integer NOT NULL DEFAULT 1,      -- devices that it wants
                  ADD COLUMN min_ranks integer NOT NULL DEFAULT 1;  -- and those that it does with
CREATE INDEX tasks_gangs ON tasks (stage, position) WHERE state = 2 AND ranks > 1;
ALTER TABLE workers ADD COLUMN devices integer NOT NULL DEFAULT 0;  -- for one task; 0: any number

-- One row per task that gathered workers.
CREATE TABLE gangs (
  task_id         text PRIMARY KEY,
  gathering_since timestamptz,                                    -- NULL: it does not gather
  hold_after      timestamptz NOT NULL DEFAULT clock_timestamp(), -- before: its workers are free
  leader          text NOT NULL DEFAULT '',                       -- of the last generation
  rendezvous      text NOT NULL DEFAULT '',                       -- of rank 0 of the generation
  inputs          text NOT NULL DEFAULT '',                       -- manifest of what its ranks are told
  furthest        double precision NOT NULL DEFAULT 0             -- progress at the last loss
);

-- Seats: of a gathering (epoch 0), then of the generation that the epoch names.
CREATE TABLE seats (
  task_id      text NOT NULL,
  worker_id    text NOT NULL,
  devices      integer NOT NULL,
  address      text NOT NULL,
  taken        timestamptz NOT NULL DEFAULT clock_timestamp(),
  epoch        bigint NOT NULL DEFAULT 0,
  first_rank   integer NOT NULL DEFAULT 0,
  ranks        integer NOT NULL DEFAULT 0,
  world_size   integer NOT NULL DEFAULT 0,
  granted      boolean NOT NULL DEFAULT false,  -- handed out to its worker
  acknowledged boolean NOT NULL DEFAULT false,  -- the worker has been heard from
  lease_until  timestamptz NOT NULL,
  PRIMARY KEY (task_id, worker_id)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);

-- States of tasks under way, stored where a worker of another machine finds them.
CREATE TABLE checkpoints (
  task_id  text PRIMARY KEY,
  epoch    bigint NOT NULL,
  manifest text NOT NULL
);
