DROP TABLE metrics, events, heartbeats, tasks, steps, jobs;
