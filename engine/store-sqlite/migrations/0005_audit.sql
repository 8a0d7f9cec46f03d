-- When a version was first stored, in ticks; unknown of those that are there.
ALTER TABLE flow_version ADD COLUMN stored INTEGER;
CREATE INDEX flow_version_flow ON flow_version (flow, id);

-- What operators have changed.
CREATE TABLE audit (
    -- The numbers of deleted entries are not given again.
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    -- JSON.
    about TEXT NOT NULL,
    status INTEGER
) STRICT;
CREATE INDEX audit_at ON audit (at);
CREATE INDEX audit_who ON audit (who, number);
CREATE INDEX audit_target ON audit (target, number);

-- What failed of a flow is found however much of it went well.
CREATE INDEX run_flow_status ON run (flow, status, position) WHERE status IS NOT NULL;
CREATE INDEX run_trigger ON run (trigger_name, position);
