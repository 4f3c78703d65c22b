-- Programs: 4 and later.
DROP TABLE checkpoints, seats, gangs;
DROP INDEX tasks_gangs;
ALTER TABLE workers DROP COLUMN devices;
ALTER TABLE tasks DROP COLUMN ranks, DROP COLUMN min_ranks;
