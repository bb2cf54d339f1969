-- Times are nanoseconds since 1970-01-01 UTC, offsets and sizes bytes.

-- Under which ids the scheduler was known to the master: an agent keeps sandboxes under the id of their time.
CREATE TABLE frameworks (
    no INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE
) STRICT;

-- settled: what ended before it needs no search. aged, crowded: logs of attempts that ended until then were deleted for
-- their age, or to make room.
CREATE TABLE marks (
    name TEXT PRIMARY KEY,
    at   INTEGER NOT NULL
) STRICT;

CREATE TABLE runs (
    no INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE
) STRICT;

-- One row an attempt whose log is kept, or known to be lost.
CREATE TABLE logs (
    no          INTEGER PRIMARY KEY,
    run         INTEGER NOT NULL REFERENCES runs,
    step        TEXT    NOT NULL,
    task        INTEGER NOT NULL, -- the task's index
    number      INTEGER NOT NULL,
    ended       INTEGER NOT NULL, -- when the attempt did
    stdout_size INTEGER NOT NULL, -- how much there was; what is kept of it are its pieces
    stderr_size INTEGER NOT NULL,
    stdout_why  TEXT    NOT NULL, -- why there is none; empty if there is one
    stderr_why  TEXT    NOT NULL
) STRICT;

CREATE UNIQUE INDEX logs_attempt ON logs (run, step, task, number);
CREATE INDEX logs_ended ON logs (ended);

-- A piece's number is made of its log's, its stream's and its place in it, so that new ones come at the end.
CREATE TABLE pieces (
    no   INTEGER PRIMARY KEY,
    at   INTEGER NOT NULL, -- offset in the log
    size INTEGER NOT NULL,
    data BLOB    NOT NULL  -- deflated if it is shorter than size
) STRICT;
