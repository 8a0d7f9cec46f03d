-- Where triggers that fire by themselves have got to.
CREATE TABLE trigger_state (
    id INTEGER PRIMARY KEY,
    flow TEXT NOT NULL,
    trigger_name TEXT NOT NULL,
    -- JSON.
    state TEXT NOT NULL,
    due INTEGER,
    UNIQUE (flow, trigger_name)
) STRICT;
