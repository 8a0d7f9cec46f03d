//! `flowright connectors describe`: what a connector has, and what an operation takes and gives.

use connector::describe;
use serde_json::Value;
use worker::Project;

use super::{find, no_operation};
use crate::{
    Outcome,
    args::Shown,
    cmd::runs::table,
    print::{self, Tone, line, safe, tone},
};

pub(super) fn run(project: &Project, name: &str, output: Shown) -> anyhow::Result<Outcome> {
    let (connector, part) = find(project, name)?;
    let shown = match part {
        None => describe::connector(connector),
        Some(part) => match (connector.operation(part), connector.trigger(part)) {
            (Some(operation), _) => describe::operation(connector, operation),
            (None, Some(trigger)) => describe::trigger(connector, trigger),
            (None, None) => return Err(no_operation(connector, part)),
        },
    };
    if output == Shown::Json {
        print::json(&shown);
    } else if part.is_none() {
        whole(&shown);
    } else {
        one(&shown);
    }
    Ok(Outcome::Good)
}

fn text(of: &Value, member: &str) -> String {
    match &of[member] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn list<'a>(of: &'a Value, member: &str) -> &'a [Value] {
    of[member].as_array().map_or(&[], Vec::as_slice)
}

/// A table with a title above it, if there is anything in it.
fn section(title: &str, heads: &[&str], rows: &[Vec<table::Cell>]) {
    if !rows.is_empty() {
        line("");
        line(tone(Tone::Strong, title));
        table::print(heads, rows);
    }
}

fn whole(shown: &Value) {
    let title = format!("{} {}", text(shown, "title"), text(shown, "version"));
    line(tone(Tone::Strong, safe(&title)));
    let aliases = list(shown, "aliases").iter().filter_map(Value::as_str).collect::<Vec<_>>();
    if !aliases.is_empty() {
        line(tone(Tone::Faint, safe(&format!("also called {}", aliases.join(", ")))));
    }
    let params = list(shown, "connection").iter().map(|it| {
        let must = if it["required"] == true { "required" } else { "" };
        vec![
            (text(it, "name"), Some(Tone::Strong)),
            (text(it, "type"), Some(Tone::Accent)),
            (must.to_owned(), Some(Tone::Warn)),
            (text(it, "default"), Some(Tone::Faint)),
            (text(it, "description"), None),
        ]
    });
    let heads = ["PARAMETER", "TYPE", "", "DEFAULT", "DESCRIPTION"];
    section("Connection", &heads, &params.collect::<Vec<_>>());
    let row = |it: &Value, kind: &str| {
        vec![
            (text(it, "id"), Some(Tone::Strong)),
            (text(it, kind), Some(Tone::Accent)),
            (text(it, "title"), None),
        ]
    };
    let operations: Vec<_> = list(shown, "operations").iter().map(|it| row(it, "effect")).collect();
    section("Operations", &["OPERATION", "EFFECT", "TITLE"], &operations);
    let triggers: Vec<_> = list(shown, "triggers").iter().map(|it| row(it, "kind")).collect();
    section("Triggers", &["TRIGGER", "KIND", "TITLE"], &triggers);
}

fn one(shown: &Value) {
    let part = if shown["trigger"].is_null() { "operation" } else { "trigger" };
    let name = format!("{}.{}", text(shown, "connector"), text(shown, part));
    line(format!("{}  {}", tone(Tone::Strong, safe(&name)), safe(&text(shown, "title"))));
    let description = text(shown, "description");
    if !description.is_empty() {
        line(safe(&description));
    }
    let mut facts = vec![text(shown, "kind"), text(shown, "effect"), text(shown, "request")];
    if part == "operation" && shown["repeatable"] == false {
        facts.push("not repeated when its outcome is unknown".to_owned());
    }
    if shown["pages"] == true {
        facts.push("further pages on demand".to_owned());
    }
    match &shown["deprecated"] {
        Value::String(instead) => facts.push(format!("deprecated: use {instead}")),
        Value::Bool(true) => facts.push("deprecated".to_owned()),
        _ => {}
    }
    facts.retain(|it| !it.is_empty());
    line(tone(Tone::Faint, safe(&facts.join(", "))));
    let inputs = list(shown, "inputs").iter().map(|it| {
        let must = if it["required"] == true { "required" } else { "" };
        let values = list(it, "values").iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut about = vec![text(it, "description")];
        if !values.is_empty() {
            about.push(format!("one of {}", values.join(", ")));
        }
        if !it["valuesOf"].is_null() {
            about.push(format!("values: {}", text(it, "valuesOf")));
        }
        about.retain(|it| !it.is_empty());
        vec![
            (text(it, "name"), Some(Tone::Strong)),
            (text(it, "type"), Some(Tone::Accent)),
            (must.to_owned(), Some(Tone::Warn)),
            (text(it, "default"), Some(Tone::Faint)),
            (about.join("; "), None),
        ]
    });
    let heads = ["NAME", "TYPE", "", "DEFAULT", "DESCRIPTION"];
    section("Inputs", &heads, &inputs.collect::<Vec<_>>());
    let outputs = list(shown, "outputs").iter().map(|it| {
        vec![
            (text(it, "name"), Some(Tone::Strong)),
            (text(it, "type"), Some(Tone::Accent)),
            (text(it, "description"), None),
        ]
    });
    section("Outputs", &["NAME", "TYPE", "DESCRIPTION"], &outputs.collect::<Vec<_>>());
    line("");
    line(tone(Tone::Strong, "Example"));
    line(safe(yaml::emit(&shown["example"].clone().into()).trim_end()));
}
