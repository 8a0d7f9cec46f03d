-- What operators find runs by, and what is deleted after a time.
ALTER TABLE run ADD COLUMN error_code text;
-- The run that this one does once more. It is no reference: that run may be gone.
ALTER TABLE run ADD COLUMN again_of text;
-- A code that cannot be read as one is left out: reading the error may fail, adding a column must not.
CREATE FUNCTION pg_temp.code_of(error text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN left(error::json ->> 'code', 100);
EXCEPTION WHEN others THEN
    RETURN NULL;
END
$$;
UPDATE run SET error_code = pg_temp.code_of(error) WHERE error IS NOT NULL;
DROP FUNCTION pg_temp.code_of(text);
CREATE INDEX run_code ON run (error_code, position) WHERE error_code IS NOT NULL;
CREATE INDEX run_again ON run (again_of, position) WHERE again_of IS NOT NULL;
CREATE INDEX run_parent ON run (parent_run, position) WHERE parent_run IS NOT NULL;
CREATE INDEX run_created ON run (created);
CREATE INDEX run_finished ON run (finished) WHERE finished IS NOT NULL;

-- Since when an event is known.
ALTER TABLE inbox ADD COLUMN since bigint NOT NULL DEFAULT 0;
UPDATE inbox SET since = coalesce((SELECT created FROM run WHERE run.run = inbox.run),
    extract(epoch FROM now())::bigint * 10000000);
CREATE INDEX inbox_since ON inbox (since);
