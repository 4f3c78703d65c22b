-- What claims and completions cost does not grow with finished tasks, nor with the row versions that
-- a transaction held open keeps from being vacuumed:
-- * a job's row is locked by each change but written only when its state changes. Its last event's
--   number is read from the events; jobs.last_event_id is a lower bound, for events that are gone;
-- * ready tasks are claimed job by job in order of position, from where the last claim ended;
-- * whether a job has open tasks is asked from its last task backwards; one index serves both.
-- The event of a task's start is written with the next change of its job; `announced` says whether
-- it has been.
DROP INDEX tasks_ready;
DROP INDEX tasks_open;
CREATE INDEX tasks_open ON tasks (job_id, position) WHERE state IN (2, 3, 6);
ALTER TABLE heartbeats ADD COLUMN announced boolean NOT NULL DEFAULT false;
ALTER TABLE heartbeats ADD COLUMN job_id text NOT NULL DEFAULT '';
UPDATE heartbeats h SET announced = true, job_id = t.job_id FROM tasks t WHERE t.task_id = h.task_id;
