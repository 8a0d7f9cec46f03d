//! The routes that programs ask.

use axum::routing::{delete, get, patch, post, put};

use super::{
    ADMIN, ANYBODY, EDITOR, Kind, OPERATOR, Param, Route, VIEWER, flag, instant, number, text,
};
use crate::{
    access, admin, audit, commits, connections, feed, fire, flows, health, marks, nodes, openapi,
    operate, runs, source, triggers,
};

const LIMIT: Param = number("limit", "How many are shown, 500 at most.");
const SINCE: Param = instant("since", "Only later ones: an instant, or how long ago (`PT2H`).");
const UNTIL: Param = instant("until", "Only earlier ones: an instant, or how long ago.");

const OF_RUNS: &[Param] = &[
    text("flow", "Only runs of this flow."),
    text("trigger", "Only runs of triggers with this name."),
    text("status", "Only runs of these statuses, with commas between them."),
    text("key", "Only runs of this key."),
    text("error", "Only runs that failed with this code."),
    text("parent", "Only runs that were called by this one."),
    text("resubmitOf", "Only runs that do this one again."),
    text("text", "Only runs with these words in id, flow, trigger, version, key or error."),
    text("handled", "`true` or `false`: only runs that are marked as handled, or only others."),
    SINCE,
    UNTIL,
    LIMIT,
    number("before", "Only runs behind this position; `nextLink` has it."),
    number("after", "Only runs in front of this position; `previousLink` has it."),
    flag("count", "Whether to count the runs, 10,000 at most."),
];

/// The routes.
pub(super) static ROUTES: &[Route] = &[
    Route::new(
        "meta.openapi",
        ("GET", "/api/v1/openapi.json"),
        ANYBODY,
        "This API as OpenAPI.",
        || get(openapi::show),
    ),
    Route::new(
        "session.show",
        ("GET", "/api/v1/session"),
        ANYBODY,
        "Who is signed in, and how one can sign in.",
        || get(access::show_session),
    )
    .gives(&[(200, "Session")]),
    Route::new(
        "session.create",
        ("POST", "/api/v1/session"),
        ANYBODY,
        "Signs in with a token: sets the cookie of a session.",
        || post(access::create_session),
    )
    .takes("SignIn")
    .gives(&[(201, "Session")]),
    Route::new("session.end", ("DELETE", "/api/v1/session"), ANYBODY, "Signs out.", || {
        delete(access::end_session)
    })
    .gives(&[(204, "")]),
    Route::new(
        "session.login",
        ("GET", "/auth/login"),
        ANYBODY,
        "Sends the browser to the identity provider.",
        || get(access::login),
    )
    .query(&[text("next", "The path to come back to.")])
    .gives(&[(303, "")])
    .faults(&[404, 502]),
    Route::new(
        "session.callback",
        ("GET", "/auth/callback"),
        ANYBODY,
        "Where the identity provider sends the browser back to.",
        || get(access::callback),
    )
    .query(&[
        text("code", "What the provider gives."),
        text("state", "What it was sent."),
        text("error", "Why it did not let somebody in."),
        text("error_description", "The same for people."),
        text("error_uri", "Where more is said of it."),
        text("session_state", "A word of the provider's."),
        text("iss", "The provider."),
    ])
    .gives(&[(303, "")])
    .faults(&[404, 502]),
    Route::new(
        "meta.info",
        ("GET", "/api/v1/info"),
        VIEWER,
        "Version, environment and what the service is made of.",
        || get(admin::info),
    )
    .gives(&[(200, "Info")]),
    Route::new("flows.list", ("GET", "/api/v1/flows"), VIEWER, "The deployed flows.", || {
        get(flows::list)
    })
    .gives(&[(200, "Flows")]),
    Route::new(
        "flows.validate",
        ("POST", "/api/v1/flows/validate"),
        VIEWER,
        "Checks files without saving them.",
        || post(source::validate),
    )
    .takes("Validate")
    .only_reads()
    .gives(&[(200, "Validated")])
    .faults(&[404]),
    Route::new(
        "flows.show",
        ("GET", "/api/v1/flows/{flow}"),
        VIEWER,
        "One flow with triggers, parameters, connections and files.",
        || get(flows::show),
    )
    .gives(&[(200, "FlowDetails")])
    .faults(&[404]),
    Route::new(
        "flows.change",
        ("PATCH", "/api/v1/flows/{flow}"),
        OPERATOR,
        "Turns a flow on or off.",
        || patch(flows::change),
    )
    .takes("FlowChange")
    .gives(&[(200, "Flow")])
    .faults(&[404])
    .notes(&["on"]),
    Route::new(
        "flows.source",
        ("GET", "/api/v1/flows/{flow}/source"),
        VIEWER,
        "The texts of a flow's files, of the present or another version.",
        || get(source::show),
    )
    .query(&[text("version", "Another version than the present one.")])
    .gives(&[(200, "Source")])
    .faults(&[404]),
    Route::new(
        "flows.save",
        ("PUT", "/api/v1/flows/{flow}/source"),
        EDITOR,
        "Saves a flow's files into the project.",
        || put(source::save),
    )
    .takes("Save")
    .gives(&[(200, "Saved")])
    .faults(&[404, 409, 422])
    .notes(&["version"]),
    Route::new(
        "flows.versions",
        ("GET", "/api/v1/flows/{flow}/versions"),
        VIEWER,
        "The versions of a flow, newest first.",
        || get(source::versions),
    )
    .gives(&[(200, "Versions")])
    .faults(&[404]),
    Route::new(
        "flows.commits",
        ("GET", "/api/v1/flows/{flow}/commits"),
        VIEWER,
        "The Git commits that hold versions of a flow.",
        || get(commits::list),
    )
    .query(&[text("version", "Only of this version.")])
    .gives(&[(200, "Commits")])
    .faults(&[404]),
    Route::new(
        "flows.diff",
        ("GET", "/api/v1/flows/{flow}/diff"),
        VIEWER,
        "What changed between two versions of a flow.",
        || get(source::diff),
    )
    .query(&[
        Param { name: "from", kind: Kind::Text, is_required: true, about: "The version before." },
        text("to", "The version after; the present one if not given."),
    ])
    .gives(&[(200, "Diff")])
    .faults(&[404]),
    Route::new(
        "triggers.url",
        ("GET", "/api/v1/flows/{flow}/triggers/{trigger}/url"),
        OPERATOR,
        "The address of a trigger with its signature.",
        || get(fire::url),
    )
    .gives(&[(200, "TriggerUrl")])
    .faults(&[404, 409]),
    Route::new(
        "triggers.run",
        ("POST", "/api/v1/flows/{flow}/triggers/{trigger}/run"),
        OPERATOR,
        "Fires a trigger.",
        || post(fire::run),
    )
    .may_take("Fire")
    .gives(&[(202, "Fired")])
    .faults(&[404, 409]),
    Route::new(
        "triggers.list",
        ("GET", "/api/v1/triggers"),
        VIEWER,
        "Triggers that fire by themselves, the next one due first.",
        || get(triggers::list),
    )
    .gives(&[(200, "Triggers")]),
    Route::new(
        "triggers.rotateKey",
        ("POST", "/api/v1/triggers/rotate-key"),
        ADMIN,
        "Signs addresses with a new key.",
        || post(fire::rotate),
    )
    .may_take("Rotate")
    .gives(&[(200, "Rotated")])
    .notes(&["revoke"]),
    Route::new("runs.list", ("GET", "/api/v1/runs"), VIEWER, "Runs, newest first.", || {
        get(runs::list)
    })
    .query(OF_RUNS)
    .gives(&[(200, "Runs")]),
    Route::new(
        "runs.bulk",
        ("POST", "/api/v1/runs/actions"),
        OPERATOR,
        "Cancels, pauses, resumes, resubmits, retries or marks many runs, or tells what that comes to.",
        || post(operate::bulk),
    )
    .takes("Bulk")
    .gives(&[(200, "Bulked")])
    .notes(&["action", "filter", "all", "preview", "from", "latest", "reason"]),
    Route::new(
        "runs.purge",
        ("POST", "/api/v1/runs/purge"),
        ADMIN,
        "Deletes all ended runs of a key with everything that is known of them.",
        || post(operate::purge),
    )
    .takes("Purge")
    .gives(&[(200, "Purged")]),
    Route::new(
        "runs.show",
        ("GET", "/api/v1/runs/{id}"),
        VIEWER,
        "One run with its actions.",
        || get(runs::show),
    )
    .query(&[flag("bodies", "Whether to show what went in and came out; usually so.")])
    .gives(&[(200, "RunDetails")])
    .faults(&[404]),
    Route::new(
        "runs.trigger",
        ("GET", "/api/v1/runs/{id}/trigger"),
        VIEWER,
        "What a run was started with.",
        || get(runs::trigger),
    )
    .gives(&[(200, "RunTrigger")])
    .faults(&[404]),
    Route::new(
        "runs.action",
        ("GET", "/api/v1/runs/{id}/actions/{path}"),
        VIEWER,
        "One action of a run with its bodies.",
        || get(runs::action),
    )
    .gives(&[(200, "Action")])
    .faults(&[404]),
    Route::new(
        "runs.iterations",
        ("GET", "/api/v1/runs/{id}/iterations/{path}"),
        VIEWER,
        "The passes of a loop.",
        || get(runs::iterations),
    )
    .query(&[
        number("from", "The first pass, from 0 on."),
        LIMIT,
        text("status", "Only passes of this status."),
    ])
    .gives(&[(200, "Passes")])
    .faults(&[404]),
    Route::new(
        "runs.iteration",
        ("GET", "/api/v1/runs/{id}/iterations/{path}/{index}"),
        VIEWER,
        "The actions of one pass of a loop.",
        || get(runs::iteration),
    )
    .gives(&[(200, "PassDetails")])
    .faults(&[404]),
    Route::new(
        "runs.journal",
        ("GET", "/api/v1/runs/{id}/journal"),
        VIEWER,
        "The events of a run.",
        || get(runs::journal),
    )
    .query(&[number("after", "Number of the last event that is known.")])
    .gives(&[(200, "Journal")])
    .faults(&[404]),
    Route::new(
        "runs.events",
        ("GET", "/api/v1/runs/{id}/events"),
        VIEWER,
        "The events of a run as they come (server-sent events).",
        || get(feed::events),
    )
    .query(&[number("after", "Number of the last event that is known.")])
    .gives(&[(200, "text/event-stream")])
    .faults(&[404]),
    Route::new(
        "runs.cancel",
        ("POST", "/api/v1/runs/{id}/cancel"),
        OPERATOR,
        "Stops a run.",
        || post(operate::cancel),
    )
    .may_take("Cancel")
    .gives(&[(200, "Run"), (202, "Run")])
    .faults(&[404, 409])
    .notes(&["reason"]),
    Route::new(
        "runs.handle",
        ("POST", "/api/v1/runs/{id}/handle"),
        OPERATOR,
        "Marks a run that went wrong as handled, or takes the mark away.",
        || post(marks::handle),
    )
    .may_take("Handle")
    .gives(&[(200, "Handled")])
    .faults(&[404, 409])
    .notes(&["handled", "note"]),
    Route::new(
        "runs.pause",
        ("POST", "/api/v1/runs/{id}/pause"),
        OPERATOR,
        "Has a run pause: no further action begins.",
        || post(operate::pause),
    )
    .may_take("Pause")
    .gives(&[(200, "Run"), (202, "Run")])
    .faults(&[404, 409])
    .notes(&["reason"]),
    Route::new(
        "runs.resume",
        ("POST", "/api/v1/runs/{id}/resume"),
        OPERATOR,
        "Lets a paused run go on.",
        || post(operate::resume),
    )
    .may_take("Pause")
    .gives(&[(200, "Run"), (202, "Run")])
    .faults(&[404, 409])
    .notes(&["reason"]),
    Route::new(
        "runs.resubmit",
        ("POST", "/api/v1/runs/{id}/resubmit"),
        OPERATOR,
        "Starts a run again from its beginning.",
        || post(operate::resubmit),
    )
    .may_take("Resubmit")
    .gives(&[(200, "Repeated"), (201, "Repeated")])
    .faults(&[404, 409])
    .notes(&["latest", "preview"]),
    Route::new(
        "runs.retry",
        ("POST", "/api/v1/runs/{id}/retry"),
        OPERATOR,
        "Does a run again from an action on.",
        || post(operate::retry),
    )
    .may_take("Retry")
    .gives(&[(200, "Repeated"), (201, "Repeated")])
    .faults(&[404, 409])
    .notes(&["from", "latest", "preview"]),
    Route::new(
        "connections.list",
        ("GET", "/api/v1/connections"),
        VIEWER,
        "The connections of the environment, never their secrets.",
        || get(connections::list),
    )
    .gives(&[(200, "Connections")]),
    Route::new(
        "connections.test",
        ("POST", "/api/v1/connections/{connection}/test"),
        OPERATOR,
        "Asks the service behind a connection.",
        || post(connections::test),
    )
    .gives(&[(200, "Tested")])
    .faults(&[404]),
    Route::new(
        "connectors.list",
        ("GET", "/api/v1/connectors"),
        VIEWER,
        "The connectors of the project.",
        || get(connections::connectors),
    )
    .gives(&[(200, "Connectors")])
    .faults(&[404]),
    Route::new(
        "connectors.show",
        ("GET", "/api/v1/connectors/{connector}"),
        VIEWER,
        "One connector with its operations and triggers.",
        || get(connections::connector),
    )
    .faults(&[404]),
    Route::new(
        "connectors.part",
        ("GET", "/api/v1/connectors/{connector}/{part}"),
        VIEWER,
        "One operation or trigger with inputs, outputs and an example.",
        || get(connections::part),
    )
    .faults(&[404]),
    Route::new(
        "nodes.list",
        ("GET", "/api/v1/nodes"),
        VIEWER,
        "The processes that share the database.",
        || get(nodes::list),
    )
    .gives(&[(200, "Nodes")]),
    Route::new("audit.list", ("GET", "/api/v1/audit"), ADMIN, "Who changed what and when.", || {
        get(audit::list)
    })
    .query(&[
        text("who", "Only changes of this person or token."),
        text("action", "Only these changes: an `operationId`."),
        text("target", "Only changes of this run, flow or token."),
        SINCE,
        UNTIL,
        LIMIT,
        number("before", "Only changes before this number; `nextLink` has it."),
    ])
    .gives(&[(200, "Audit")]),
    Route::new(
        "tokens.list",
        ("GET", "/api/v1/tokens"),
        ADMIN,
        "The tokens, never their values.",
        || get(admin::list_tokens),
    )
    .gives(&[(200, "Tokens")])
    .faults(&[409]),
    Route::new("tokens.create", ("POST", "/api/v1/tokens"), ADMIN, "Makes a token.", || {
        post(admin::create_token)
    })
    .takes("NewToken")
    .gives(&[(201, "Token")])
    .faults(&[409])
    .notes(&["name", "role", "only", "expires"]),
    Route::new(
        "tokens.revoke",
        ("DELETE", "/api/v1/tokens/{token}"),
        ADMIN,
        "Revokes a token.",
        || delete(admin::revoke_token),
    )
    .gives(&[(200, "Token")])
    .faults(&[404, 409]),
    Route::new("log.show", ("GET", "/api/v1/log"), ADMIN, "Which log lines are written.", || {
        get(admin::log)
    })
    .gives(&[(200, "Log")]),
    Route::new(
        "log.change",
        ("PUT", "/api/v1/log"),
        ADMIN,
        "Writes other log lines from now on.",
        || put(admin::set_log),
    )
    .takes("Log")
    .gives(&[(200, "Log")])
    .notes(&["filter"]),
    Route::new("meta.metrics", ("GET", "/metrics"), VIEWER, "Measurements for Prometheus.", || {
        get(health::metrics)
    })
    .gives(&[(200, "text/plain")]),
];
