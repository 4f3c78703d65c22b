-- Programs: 3 and later.
DROP TABLE workers;
ALTER TABLE jobs DROP COLUMN max_running, DROP COLUMN priority;
