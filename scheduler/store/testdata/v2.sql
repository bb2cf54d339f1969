PRAGMA application_id = 1936750444;
PRAGMA user_version = 2;
CREATE TABLE scheduler (
    only         INTEGER PRIMARY KEY CHECK (only = 1),
    framework_id TEXT NOT NULL
, last_sequence INTEGER NOT NULL DEFAULT 0) STRICT;
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
, submitted_by TEXT NOT NULL DEFAULT '', pipeline_version INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE UNIQUE INDEX runs_key ON runs (project, key) WHERE key <> '';
CREATE INDEX runs_open ON runs (sequence) WHERE phase NOT IN ('succeeded', 'failed', 'cancelled');
CREATE TABLE specs (
    run    INTEGER PRIMARY KEY REFERENCES runs,
    spec   TEXT NOT NULL,
    params TEXT NOT NULL -- JSON object, or null
, images TEXT NOT NULL DEFAULT 'null') STRICT;
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
    killed      INTEGER, agent_url TEXT NOT NULL DEFAULT '',
    PRIMARY KEY (run, step, task, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX runs_ended ON runs (ended) WHERE ended IS NOT NULL;
CREATE TABLE pipelines (
    project TEXT    NOT NULL,
    name    TEXT    NOT NULL,
    version INTEGER NOT NULL,
    put_by  TEXT    NOT NULL,
    put     INTEGER,
    deleted INTEGER NOT NULL, -- 1: this version says that the pipeline was deleted
    spec    TEXT    NOT NULL, -- the last, so that lists need not read past it
    PRIMARY KEY (project, name, version)
) STRICT;
CREATE TABLE forgotten (
    run INTEGER PRIMARY KEY
) STRICT;
INSERT INTO scheduler VALUES (1, 'a3f1c0de-0001', 0);
INSERT INTO runs VALUES (7, '01jqzv5y6n8w3v9k2m4x7r1t0c', 'lpf-noise', 'lisa-pathfinder', 'noise-group@dpc.example', 'nightly-2026-12-01', 1796090400000000005, 'cancelling', 1, 1796090880000000005, 1796090940000000005, NULL, 'nightly', 3);
INSERT INTO specs VALUES (7, 'name: lpf-noise
', '{"segments":"64"}', '{"python:3.12":"docker.io/library/python@sha256:0123"}');
INSERT INTO attempts VALUES (7, 'psd', 0, 0, 0, 'a3f1c0de-S12', 'node12', 'TASK_FAILED', 'REASON_CONTAINER_LIMITATION_MEMORY', 'SOURCE_AGENT', 'Memory limit exceeded', 'timeout', 'author_failed', 137, 1796090460000000005, 1796090520000000005, 1796090580000000005, 1796090640000000005, 1796090700000000005, 1796090760000000005, 'http://10.0.0.12:5051');
INSERT INTO attempts VALUES (7, 'psd', 0, 1, 1, '', '', 'TASK_STAGING', '', '', '', '', '', -1, 1796090820000000005, NULL, NULL, NULL, NULL, NULL, '');
INSERT INTO pipelines VALUES ('lisa-pathfinder', 'lpf-noise', 3, 'anna', 1796090400000000005, 0, 'name: lpf-noise
');
INSERT INTO pipelines VALUES ('lisa-pathfinder', 'old', 2, 'bert', 1796090460000000005, 1, '');
