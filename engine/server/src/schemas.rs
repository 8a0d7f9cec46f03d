//! The shapes of what the API takes and gives, for its published description.

use serde_json::{Map, Value, json};

/// Every shape by its name.
pub(crate) fn all() -> Value {
    let mut all = Map::new();
    for group in [basics(), of_flows(), of_versions(), of_runs(), of_services(), of_operators()] {
        if let Value::Object(group) = group {
            all.extend(group);
        }
    }
    Value::Object(all)
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn maybe(schema: &Value) -> Value {
    json!({ "anyOf": [schema, { "type": "null" }] })
}

fn flag() -> Value {
    json!({ "type": "boolean" })
}

fn number() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn time() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

fn of(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn list(items: &Value) -> Value {
    json!({ "type": "array", "items": items })
}

/// An answer: members may be added.
fn given(members: &Value) -> Value {
    let names: Vec<&String> = members.as_object().map(|it| it.keys().collect()).unwrap_or_default();
    json!({ "type": "object", "properties": members, "required": names })
}

/// A body: other members are refused.
fn taken(members: &Value, required: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": members,
        "required": required,
        "additionalProperties": false,
    })
}

/// A list with what leads to its next part.
fn page(items: &Value) -> Value {
    json!({
        "type": "object",
        "properties": {
            "value": list(items),
            "nextLink": text(),
            "previousLink": text(),
            "count": number(),
            "hasMore": flag(),
        },
        "required": ["value"],
    })
}

fn basics() -> Value {
    json!({
        "Any": {},
        "Fault": given(&json!({ "error": of("Error") })),
        "Error": given(&json!({ "code": text(), "message": text() })),
        "Text": taken(&json!({ "text": text() }), &["text"]),
        "ApprovalAnswer": taken(
            &json!({ "response": text(), "comments": maybe(&text()), "responder": maybe(&text()) }),
            &["response"],
        ),
        "MappingEdits": taken(
            &json!({ "text": text(), "edits": list(&of("MappingEdit")) }),
            &["text", "edits"],
        ),
        "MappingEdit": {
            "type": "object",
            "properties": {
                "do": { "enum": ["set", "rename", "add", "remove"] },
                "target": text(), "setting": text(), "value": maybe(&text()), "to": text(),
                "from": text(),
            },
            "required": ["do", "target"],
        },
        "SignIn": taken(&json!({ "token": text() }), &["token"]),
        "Session": given(&json!({
            "required": flag(),
            "signIn": list(&text()),
            "user": maybe(&of("User")),
        })),
        "User": given(&json!({
            "name": text(),
            "kind": { "enum": ["local", "token", "oidc"] },
            "role": of("Role"),
            "only": maybe(&list(&text())),
        })),
        "Role": { "enum": ["viewer", "operator", "editor", "admin"] },
        "Info": given(&json!({
            "version": text(),
            "environment": maybe(&text()),
            "publicUrl": maybe(&text()),
            "startTime": time(),
            "editable": flag(),
            "store": { "enum": ["file", "shared"] },
            "nodes": number(),
        })),
    })
}

fn of_flows() -> Value {
    let flow = json!({
        "flow": text(), "name": text(), "version": text(), "on": flag(), "triggers": list(&text()),
    });
    let mut details = flow.clone();
    details["description"] = maybe(&text());
    details["actionCount"] = number();
    for name in ["triggerDetails", "parameters", "connections", "files"] {
        details[name] = list(&json!({ "type": "object" }));
    }
    let file = taken(&json!({ "name": text(), "text": text() }), &["name", "text"]);
    json!({
        "Flow": given(&flow),
        "Flows": page(&of("Flow")),
        "FlowDetails": given(&details),
        "FlowChange": taken(&json!({ "on": flag() }), &["on"]),
        "File": file,
        "Source": given(&json!({
            "flow": text(), "version": text(), "current": flag(), "files": list(&of("File")),
        })),
        "Validate": taken(&json!({ "flow": text(), "files": list(&of("File")) }), &["flow", "files"]),
        "Validated": given(&json!({ "valid": flag(), "findings": list(&of("Finding")) })),
        "Finding": given(&json!({
            "code": text(), "slug": text(), "severity": text(), "message": text(),
            "file": text(), "line": number(), "column": number(),
            "end": given(&json!({ "line": number(), "column": number() })),
            "hint": maybe(&text()), "labels": list(&json!({ "type": "object" })),
        })),
        "Save": taken(
            &json!({ "version": maybe(&text()), "files": list(&of("File")) }),
            &["files"],
        ),
        "Saved": given(&json!({
            "flow": text(), "version": text(), "deployed": flag(), "findings": list(&of("Finding")),
        })),
        "TriggerUrl": given(&json!({ "url": text(), "method": text(), "signed": flag() })),
        "Fire": taken(
            &json!({
                "body": {},
                "headers": { "type": "object", "additionalProperties": text() },
                "queries": { "type": "object", "additionalProperties": text() },
            }),
            &[],
        ),
        "Fired": given(&json!({
            "runs": list(&given(&json!({ "id": text(), "new": flag() }))),
            "response": {},
        })),
        "Triggers": page(&given(&json!({
            "flow": text(), "trigger": text(), "nextTime": maybe(&time()), "firedTime": {}, "error": {},
        }))),
        "Rotate": taken(&json!({ "revoke": flag() }), &[]),
        "Rotated": given(&json!({ "keys": number() })),
    })
}

fn of_versions() -> Value {
    json!({
        "Versions": page(&given(&json!({
            "version": text(), "current": flag(), "storedTime": maybe(&time()),
        }))),
        "Commits": given(&json!({
            "value": list(&given(&json!({
                "version": text(),
                "commit": maybe(&given(&json!({
                    "id": text(), "time": time(), "subject": text(), "url": maybe(&text()),
                }))),
            }))),
            "reason": maybe(&text()),
        })),
        "Diff": given(&json!({
            "flow": text(), "from": text(), "to": text(),
            "files": list(&given(&json!({
                "name": text(),
                "change": { "enum": ["added", "removed", "changed", "same"] },
                "diff": text(),
            }))),
        })),
    })
}

fn of_runs() -> Value {
    let run = json!({
        "id": text(), "flow": text(), "version": text(), "trigger": text(), "key": maybe(&text()),
        "status": text(), "error": {}, "errorCode": maybe(&text()), "parent": {},
        "resubmitOf": maybe(&text()), "startTime": time(), "endTime": maybe(&time()),
    });
    let mut details = run.clone();
    (details["correlation"], details["startedBy"]) = (json!({ "type": "object" }), maybe(&text()));
    details["paused"] = maybe(&given(&json!({ "startTime": time(), "reason": text() })));
    details["actions"] = list(&of("Action"));
    let pass = json!({
        "index": number(), "status": maybe(&text()), "startTime": maybe(&time()),
        "endTime": maybe(&time()), "error": {},
    });
    let mut whole_pass = pass.clone();
    whole_pass["actions"] = list(&of("Action"));
    let narrowing = json!({
        "flow": text(), "trigger": text(), "status": text(), "key": text(), "error": text(),
        "parent": text(), "resubmitOf": text(), "text": text(),
        "handled": { "enum": ["true", "false"] }, "since": text(), "until": text(),
    });
    let mut listed = run.clone();
    listed["handled"] = maybe(&of("Mark"));
    json!({
        "Run": given(&run),
        "ListedRun": given(&listed),
        "Mark": given(&json!({ "time": time(), "who": text(), "note": maybe(&text()) })),
        "Handle": taken(&json!({ "handled": flag(), "note": maybe(&text()) }), &[]),
        "Handled": given(&json!({ "id": text(), "handled": flag(), "note": maybe(&text()) })),
        "Runs": page(&of("ListedRun")),
        "RunDetails": given(&details),
        "Action": given(&json!({
            "name": text(), "path": text(), "kind": text(), "status": maybe(&text()),
            "waitsFor": maybe(&text()), "code": text(), "startTime": maybe(&time()),
            "endTime": maybe(&time()), "error": {},
            "attempts": list(&json!({ "type": "object" })),
            "blocks": list(&given(&json!({ "label": text(), "actions": list(&of("Action")) }))),
        })),
        "RunTrigger": given(&json!({ "trigger": text(), "startTime": time(), "outputs": {} })),
        "Passes": given(&json!({
            "count": number(), "statuses": { "type": "object" }, "value": list(&given(&pass)),
        })),
        "PassDetails": given(&whole_pass),
        "Journal": given(&json!({ "status": text(), "value": list(&json!({ "type": "object" })) })),
        "Cancel": taken(&json!({ "reason": maybe(&text()) }), &[]),
        "Pause": taken(&json!({ "reason": maybe(&text()) }), &[]),
        "Resubmit": taken(&json!({ "latest": flag(), "preview": flag(), "body": {} }), &[]),
        "Retry": taken(
            &json!({ "from": maybe(&text()), "latest": flag(), "preview": flag() }),
            &[],
        ),
        "Repeated": given(&json!({
            "id": maybe(&text()), "resubmitOf": text(), "version": text(), "from": list(&text()),
            "takenOver": list(&text()), "warnings": list(&json!({ "type": "object" })),
        })),
        "Narrowing": taken(&narrowing, &[]),
        "Bulk": taken(
            &json!({
                "action": { "enum": ["cancel", "handle", "pause", "resume", "resubmit", "retry"] },
                "filter": of("Narrowing"),
                "all": flag(), "preview": flag(), "latest": flag(), "from": maybe(&text()),
                "reason": maybe(&text()), "before": maybe(&number()),
            }),
            &["action"],
        ),
        "Purge": taken(&json!({ "key": text(), "preview": flag() }), &["key"]),
        "Purged": given(&json!({
            "preview": flag(), "runs": number(), "events": maybe(&number()), "open": number(),
        })),
        "Bulked": { "type": "object" },
    })
}

fn of_services() -> Value {
    json!({
        "Connections": page(&given(&json!({
            "name": text(), "connector": text(), "usable": flag(), "problem": maybe(&text()),
            "flows": list(&text()),
        }))),
        "Tested": given(&json!({
            "name": text(), "works": flag(), "what": maybe(&text()), "code": maybe(&text()),
            "message": maybe(&text()), "tookMs": number(),
        })),
        "Connectors": page(&given(&json!({
            "name": text(), "title": text(), "version": text(), "aliases": list(&text()),
            "operations": number(), "triggers": number(),
        }))),
    })
}

fn of_operators() -> Value {
    let token = json!({
        "id": text(), "name": text(), "role": of("Role"), "only": maybe(&list(&text())),
        "createdTime": time(), "createdBy": text(), "expiresTime": time(),
        "revokedTime": maybe(&time()),
    });
    json!({
        "Nodes": page(&given(&json!({
            "name": text(), "address": text(), "joinedTime": time(), "heardTime": time(),
            "state": text(),
        }))),
        "Audit": page(&given(&json!({
            "number": number(), "time": time(), "who": text(), "kind": text(), "role": text(),
            "action": text(), "target": text(), "details": {}, "source": text(),
            "status": maybe(&number()),
        }))),
        "Token": given(&token),
        "Tokens": page(&of("Token")),
        "NewToken": taken(
            &json!({
                "name": text(), "role": of("Role"), "only": maybe(&list(&text())),
                "expires": maybe(&text()),
            }),
            &["name", "role"],
        ),
        "Log": taken(&json!({ "filter": text() }), &["filter"]),
    })
}
