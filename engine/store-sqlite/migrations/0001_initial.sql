-- Plain rowid tables throughout: a clustered journal is several times slower to write.

-- The one process that may write, and how often it has: see `mark.rs`.
CREATE TABLE owner (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch INTEGER NOT NULL,
    commits INTEGER NOT NULL
) STRICT;
INSERT INTO owner (id, epoch, commits) VALUES (1, 0, 0);

CREATE TABLE flow_version (
    id INTEGER PRIMARY KEY,
    sha TEXT NOT NULL UNIQUE,
    flow TEXT NOT NULL,
    -- Length of the JSON `[[name, text], …]`, and it with zstd.
    length INTEGER NOT NULL,
    files BLOB NOT NULL
) STRICT;

CREATE TABLE run (
    -- The numbers of deleted runs are not given again.
    position INTEGER PRIMARY KEY AUTOINCREMENT,
    run TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL REFERENCES flow_version (id),
    flow TEXT NOT NULL,
    trigger_name TEXT NOT NULL,
    order_key TEXT,
    parent_run TEXT,
    parent_path TEXT,
    created INTEGER NOT NULL,
    finished INTEGER,
    status TEXT,
    error TEXT
) STRICT;
CREATE INDEX run_open ON run (position) WHERE status IS NULL;
CREATE INDEX run_flow ON run (flow, position);
CREATE INDEX run_status ON run (status, position) WHERE status IS NOT NULL;
CREATE INDEX run_key ON run (order_key, position) WHERE order_key IS NOT NULL;

-- Long events, by the SHA-256 of their text.
CREATE TABLE blob (
    id INTEGER PRIMARY KEY,
    sha BLOB NOT NULL UNIQUE,
    length INTEGER NOT NULL,
    zstd BLOB NOT NULL
) STRICT;

CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES run (position),
    -- A short text with the start of its SHA-256, or a long one's blob.
    text TEXT,
    sum INTEGER,
    blob INTEGER REFERENCES blob (id),
    CHECK ((text IS NULL) = (sum IS NULL) AND (text IS NULL) <> (blob IS NULL))
) STRICT;
CREATE INDEX event_run ON event (run, id);
CREATE INDEX event_blob ON event (blob) WHERE blob IS NOT NULL;

CREATE TABLE timer (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES run (position),
    path TEXT NOT NULL,
    deadline INTEGER NOT NULL,
    due INTEGER NOT NULL,
    UNIQUE (run, path, deadline)
) STRICT;
CREATE INDEX timer_due ON timer (due, id);

-- Known events. `run` is no reference: a key may be remembered for longer than its run.
CREATE TABLE inbox (
    id INTEGER PRIMARY KEY,
    flow TEXT NOT NULL,
    trigger_name TEXT NOT NULL,
    dedupe_key TEXT NOT NULL,
    run TEXT NOT NULL,
    UNIQUE (flow, trigger_name, dedupe_key)
) STRICT;
