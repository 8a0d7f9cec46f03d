-- Whether somebody has a run pause. They are few, and found however many runs there are.
ALTER TABLE run ADD COLUMN paused boolean NOT NULL DEFAULT false;
CREATE INDEX run_paused ON run (position) WHERE status IS NULL AND paused;
