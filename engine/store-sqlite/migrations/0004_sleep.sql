-- Whether a run waits for nothing but timers and calls, and whether it has its turn among ordered runs:
-- who takes the runs up need not look at those that only sleep. Those that are there are looked at once.
ALTER TABLE run ADD COLUMN asleep INTEGER NOT NULL DEFAULT 0;
ALTER TABLE run ADD COLUMN turn INTEGER NOT NULL DEFAULT 0;
CREATE INDEX run_awake ON run (position) WHERE status IS NULL AND (turn OR NOT asleep);
