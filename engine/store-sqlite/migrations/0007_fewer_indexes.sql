-- Each index is paid for by every run. Most runs succeed: by how they ended one looks for those that did not.
-- Numbers are given by the process that writes, which notes in `owner` how far it may have got: a table that
-- gives them by itself writes another row for each.
CREATE TABLE run_new (
    position INTEGER PRIMARY KEY,
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
    error TEXT,
    error_code TEXT,
    -- The run that this one does once more. It is no reference: that run may be gone.
    again_of TEXT,
    -- Whether it waits for nothing but timers and calls, and whether it has its turn among ordered runs: who
    -- takes the runs up need not look at those that only sleep.
    asleep INTEGER NOT NULL DEFAULT 0,
    turn INTEGER NOT NULL DEFAULT 0,
    -- Whether somebody has it pause.
    paused INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO run_new (position, run, version, flow, trigger_name, order_key, parent_run, parent_path, created,
        finished, status, error, error_code, again_of, asleep, turn, paused)
    SELECT position, run, version, flow, trigger_name, order_key, parent_run, parent_path, created, finished,
        status, error, error_code, again_of, asleep, turn, paused
    FROM run ORDER BY position;

-- The numbers of deleted runs are not given again.
ALTER TABLE owner ADD COLUMN positions INTEGER NOT NULL DEFAULT 0;
UPDATE owner SET positions = coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'run'), 0);
DROP TABLE run;
ALTER TABLE run_new RENAME TO run;

CREATE INDEX run_flow ON run (flow, position);
CREATE INDEX run_trigger ON run (trigger_name, position);
CREATE INDEX run_created ON run (created);
CREATE INDEX run_finished ON run (finished) WHERE finished IS NOT NULL;
CREATE INDEX run_open ON run (position) WHERE status IS NULL;
CREATE INDEX run_awake ON run (position) WHERE status IS NULL AND (turn OR NOT asleep);
CREATE INDEX run_paused ON run (position) WHERE status IS NULL AND paused;
CREATE INDEX run_status ON run (status, position) WHERE status <> 'Succeeded';
CREATE INDEX run_flow_status ON run (flow, status, position) WHERE status <> 'Succeeded';
CREATE INDEX run_code ON run (error_code, position) WHERE error_code IS NOT NULL;
CREATE INDEX run_key ON run (order_key, position) WHERE order_key IS NOT NULL;
CREATE INDEX run_again ON run (again_of, position) WHERE again_of IS NOT NULL;
CREATE INDEX run_parent ON run (parent_run, position) WHERE parent_run IS NOT NULL;
