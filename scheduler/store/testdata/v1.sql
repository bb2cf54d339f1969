PRAGMA application_id = 1936750444;
PRAGMA user_version = 1;
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
CREATE INDEX runs_open ON runs (sequence) WHERE phase NOT IN ('succeeded', 'failed', 'cancelled');
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
INSERT INTO scheduler VALUES (1, 'a3f1c0de-0001');
INSERT INTO runs VALUES (7, '01jqzv5y6n8w3v9k2m4x7r1t0c', 'lpf-noise', 'lisa-pathfinder', 'noise-group@dpc.example', 'nightly-2026-12-01', 1796090400000000005, 'cancelling', 1, 1796090880000000005, 1796090940000000005, NULL);
INSERT INTO specs VALUES (7, 'name: lpf-noise
', '{"segments":"64"}');
INSERT INTO attempts VALUES (7, 'psd', 0, 0, 0, 'a3f1c0de-S12', 'node12', 'TASK_FAILED', 'REASON_CONTAINER_LIMITATION_MEMORY', 'SOURCE_AGENT', 'Memory limit exceeded', 'timeout', 'author_failed', 137, 1796090460000000005, 1796090520000000005, 1796090580000000005, 1796090640000000005, 1796090700000000005, 1796090760000000005);
INSERT INTO attempts VALUES (7, 'psd', 0, 1, 1, '', '', 'TASK_STAGING', '', '', '', '', '', -1, 1796090820000000005, NULL, NULL, NULL, NULL, NULL);
