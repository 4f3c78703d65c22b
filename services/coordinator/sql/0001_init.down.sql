-- Programs: 1 and later.
DROP TABLE metrics, events, heartbeats, tasks, steps, jobs;
