-- What operators find runs by, and what is deleted after a time.
ALTER TABLE run ADD COLUMN error_code TEXT;
-- The run that this one does once more. It is no reference: that run may be gone.
ALTER TABLE run ADD COLUMN again_of TEXT;
UPDATE run SET error_code = json_extract(error, '$.code')
    WHERE error IS NOT NULL AND json_valid(error) AND json_type(error, '$.code') = 'text';
CREATE INDEX run_code ON run (error_code, position) WHERE error_code IS NOT NULL;
CREATE INDEX run_again ON run (again_of, position) WHERE again_of IS NOT NULL;
CREATE INDEX run_parent ON run (parent_run, position) WHERE parent_run IS NOT NULL;
CREATE INDEX run_created ON run (created);
CREATE INDEX run_finished ON run (finished) WHERE finished IS NOT NULL;

-- Since when an event is known.
ALTER TABLE inbox ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
UPDATE inbox SET since = coalesce((SELECT created FROM run WHERE run.run = inbox.run),
    CAST((julianday('now') - 2440587.5) * 86400 AS INTEGER) * 10000000);
CREATE INDEX inbox_since ON inbox (since);
