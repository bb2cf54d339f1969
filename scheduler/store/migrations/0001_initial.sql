-- Times are nanoseconds since 1970-01-01 UTC; NULL: no time.
-- References are for readers and PRAGMA foreign_key_check. They are not enforced: a commit finds the run of each row
-- that it writes, and enforced ones stand in the way of migrations that rebuild a table.

CREATE TABLE scheduler (
    only         INTEGER PRIMARY KEY CHECK (only = 1),
    framework_id TEXT NOT NULL
) STRICT;

CREATE TABLE runs (
    sequence   INTEGER PRIMARY KEY CHECK (sequence > 0),
    id         TEXT    NOT NULL UNIQUE,
    name       TEXT    NOT NULL,
    project    TEXT    NOT NULL,
    owner      TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    submitted  INTEGER,
    phase      TEXT    NOT NULL,
    generation INTEGER NOT NULL,
    retried    INTEGER,
    cancelled  INTEGER,
    ended      INTEGER
) STRICT;

CREATE UNIQUE INDEX runs_key ON runs (project, key) WHERE key <> '';

-- What Load reads: few of the many runs that a store has in the end.
CREATE INDEX runs_open ON runs (sequence) WHERE phase NOT IN ('succeeded', 'failed', 'cancelled');

-- Apart from runs, so that a change of a run's phase does not write its text (up to 1 MiB) again.
CREATE TABLE specs (
    run    INTEGER PRIMARY KEY REFERENCES runs,
    spec   TEXT NOT NULL,
    params TEXT NOT NULL -- JSON object, or null
) STRICT;

CREATE TABLE attempts (
    run         INTEGER NOT NULL REFERENCES runs,
    step        TEXT    NOT NULL,
    task        INTEGER NOT NULL, -- the task's index
    number      INTEGER NOT NULL,
    generation  INTEGER NOT NULL,
    agent       TEXT    NOT NULL,
    hostname    TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    reason      TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    message     TEXT    NOT NULL,
    kill        TEXT    NOT NULL,
    outcome     TEXT    NOT NULL,
    exit_code   INTEGER NOT NULL,
    launched    INTEGER,
    started     INTEGER,
    unreachable INTEGER,
    ended       INTEGER,
    retry_at    INTEGER,
    killed      INTEGER,
    PRIMARY KEY (run, step, task, number)
) STRICT, WITHOUT ROWID;
