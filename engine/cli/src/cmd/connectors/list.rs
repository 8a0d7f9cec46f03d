//! `flowright connectors list`: the connectors of the project.

use connector::Listing;
use serde_json::json;
use worker::Project;

use crate::{
    Outcome,
    args::Shown,
    cmd::runs::table,
    print::{self, Tone, note},
};

pub(super) fn run(project: &Project, output: Shown) -> Outcome {
    let all: Vec<&Listing> = project.catalog.listings().collect();
    if output == Shown::Json {
        let shown = all.iter().map(|it| {
            json!({
                "name": it.name,
                "title": it.title,
                "version": it.version,
                "aliases": it.aliases,
                "operations": it.operations,
                "triggers": it.triggers,
            })
        });
        print::json(&shown.collect::<Vec<_>>());
        return Outcome::Good;
    }
    if all.is_empty() {
        note("the project has no connectors; make one with `flowright connectors new NAME`");
        return Outcome::Good;
    }
    let rows = all.iter().map(|it| {
        vec![
            (it.name.clone(), Some(Tone::Strong)),
            (it.operations.to_string(), None),
            (it.triggers.to_string(), None),
            (it.version.clone(), Some(Tone::Faint)),
            (it.title.clone(), None),
        ]
    });
    let heads = ["CONNECTOR", "OPERATIONS", "TRIGGERS", "VERSION", "TITLE"];
    table::print(&heads, &rows.collect::<Vec<_>>());
    Outcome::Good
}
