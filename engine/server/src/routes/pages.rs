//! The routes that the web pages ask besides: what they give is made for them and may change with them.

use axum::routing::{get, post};

use super::{OPERATOR, Param, Route, VIEWER, flag, instant, number, text};
use crate::{
    approvals,
    pages::{counts, mappings, outline, request, run},
    runs,
};

const COUNTED: &[Param] = &[
    text("flow", "Only runs of this flow."),
    text("trigger", "Only runs of triggers with this name."),
    text("key", "Only runs of this key."),
    text("error", "Only runs that failed with this code."),
    instant("since", "Only later ones: an instant, or how long ago."),
    instant("until", "Only earlier ones: an instant, or how long ago."),
    number("buckets", "Into how many parts the time is divided."),
];

const PASS: &[Param] = &[
    Param { is_required: true, ..text("path", "The loop.") },
    Param { is_required: true, ..number("pass", "Which pass, from 0.") },
];

const REQUEST: &[Param] = &[Param { is_required: true, ..text("path", "The action.") }];

const ACTION: &[Param] = &[
    text("path", "The action; the trigger if it is left out."),
    flag("full", "Bodies however large."),
];

/// The routes.
pub(super) static ROUTES: &[Route] = &[
    Route::new(
        "approvals.list",
        ("GET", "/api/v1/approvals"),
        VIEWER,
        "What waits for an answer of people.",
        || get(approvals::list),
    )
    .query(&[number("before", "Only those behind this position; `nextLink` has it.")]),
    Route::new(
        "approvals.answer",
        ("POST", "/api/v1/approvals/{run}/{action}"),
        OPERATOR,
        "Answers an approval.",
        || post(approvals::answer),
    )
    .takes("ApprovalAnswer")
    .faults(&[404, 409, 410])
    .notes(&["response", "comments", "responder"]),
    Route::new(
        "flows.outline",
        ("GET", "/api/v1/flows/{flow}/outline"),
        VIEWER,
        "A flow as cards.",
        || get(outline::of_deployed),
    )
    .faults(&[404]),
    Route::new(
        "outline.text",
        ("POST", "/api/v1/outline"),
        VIEWER,
        "The text of a flow as cards.",
        || post(outline::of_text),
    )
    .takes("Text")
    .only_reads(),
    Route::new(
        "runs.counts",
        ("GET", "/api/v1/runs/counts"),
        VIEWER,
        "How many runs there were, over time.",
        || get(counts::show),
    )
    .query(COUNTED),
    Route::new(
        "runs.tree",
        ("GET", "/api/v1/runs/{id}/tree"),
        VIEWER,
        "A run as its page shows it.",
        || get(run::tree),
    )
    .faults(&[404]),
    Route::new(
        "runs.pass",
        ("GET", "/api/v1/runs/{id}/passes"),
        VIEWER,
        "One pass of a loop as the page shows it.",
        || get(run::pass),
    )
    .query(PASS)
    .faults(&[404]),
    Route::new(
        "runs.explain",
        ("GET", "/api/v1/runs/{id}/action"),
        VIEWER,
        "One action as the page shows it, with how its values came about.",
        || get(run::action),
    )
    .query(ACTION)
    .faults(&[404]),
    Route::new(
        "runs.request",
        ("GET", "/api/v1/runs/{id}/request"),
        OPERATOR,
        "The HTTP request of a connector's call, without credentials.",
        || get(request::show),
    )
    .query(REQUEST)
    .faults(&[404, 409]),
    Route::new(
        "runs.test",
        ("GET", "/api/v1/runs/{id}/test"),
        VIEWER,
        "A test that does as the run did.",
        || get(runs::test),
    )
    .faults(&[404, 409]),
    Route::new(
        "mappings.table",
        ("POST", "/api/v1/mappings/table"),
        VIEWER,
        "The text of a mapping as a table.",
        || post(mappings::table),
    )
    .takes("Text")
    .only_reads(),
    Route::new(
        "mappings.edit",
        ("POST", "/api/v1/mappings/edit"),
        VIEWER,
        "The text of a mapping after changes to its table; nothing is saved.",
        || post(mappings::edit),
    )
    .takes("MappingEdits")
    .faults(&[422])
    .only_reads(),
];
