-- Stored pipelines, who submitted a run and what its images were resolved to, where an agent answers, and the forgetting
-- of runs. SQLite adds a column without touching a row, and gives old rows its default.

ALTER TABLE scheduler ADD COLUMN last_sequence INTEGER NOT NULL DEFAULT 0; -- the highest of the runs that are forgotten: never given again

-- From now on its row is always there.
INSERT INTO scheduler (only, framework_id) VALUES (1, '') ON CONFLICT DO NOTHING;

ALTER TABLE runs ADD COLUMN submitted_by TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN pipeline_version INTEGER NOT NULL DEFAULT 0;

-- What is forgotten first. Lists have no index of their own: 100,000 runs are looked through in some 20 ms.
CREATE INDEX runs_ended ON runs (ended) WHERE ended IS NOT NULL;

ALTER TABLE specs ADD COLUMN images TEXT NOT NULL DEFAULT 'null'; -- JSON object, or null

ALTER TABLE attempts ADD COLUMN agent_url TEXT NOT NULL DEFAULT '';

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

-- Runs that are forgotten, some of whose attempts are still there: the commits that follow delete them bit by bit.
CREATE TABLE forgotten (
    run INTEGER PRIMARY KEY
) STRICT;
