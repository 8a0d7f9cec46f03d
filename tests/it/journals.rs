//! Journals that an earlier engine has written, `tests/journals/*.json`: they are read and replayed
//! to the same end for ever. `UPDATE_EXPECT=1` adds those of new cases and never changes one.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use base::Status;
use interp::{Plan, Run, view, view::Node};
use journal::{Event, EventKind, codec};
use serde_json::{Map, Value, json};

use crate::{
    retries::taken_over,
    support::{
        Case,
        case::{Driven, deployed},
    },
};

/// The areas of the cases whose journals are kept: together they have every kind of event.
const AREAS: [&str; 10] = [
    "children",
    "conditions",
    "connectors",
    "loops",
    "retries",
    "scopes",
    "terminate",
    "timeouts",
    "waits",
    "webhooks",
];

/// What must not change: how the run and each of its actions ended, and what it answered.
fn end(plan: &Plan, run: &Run) -> Value {
    let mut actions = BTreeMap::new();
    for node in view::tree(plan, run) {
        note(&node, "", &mut actions);
    }
    let variables = run.variables().map(|(name, value)| (name.to_owned(), value.clone()));
    json!({
        "status": run.end().map(|end| end.status.name()),
        "error": run.end().and_then(|end| end.error.clone()),
        "response": run.response().map(|it| Value::clone(it)),
        "variables": variables.collect::<Map<_, _>>(),
        "actions": actions,
    })
}

fn note(node: &Node, place: &str, actions: &mut BTreeMap<String, String>) {
    let place = format!("{place}/{}", node.name);
    let status = node.status.map_or("open", Status::name);
    actions.insert(place.clone(), status.to_owned());
    for (label, nodes) in &node.blocks {
        for inner in nodes {
            note(inner, &format!("{place}[{label}]"), actions);
        }
    }
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("journals")
}

#[test]
fn journals_of_earlier_engines_are_replayed_to_their_ends() {
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        add_missing();
    }
    let paths = fs::read_dir(folder()).unwrap().map(|it| it.unwrap().path());
    let mut paths: Vec<PathBuf> =
        paths.filter(|it| it.extension().is_some_and(|it| it == "json")).collect();
    paths.sort();
    assert!(!paths.is_empty(), "there are no journals in {}", folder().display());
    let mut kinds = BTreeMap::<String, usize>::new();
    for path in paths {
        let name = path.file_name().unwrap().to_str().unwrap();
        let kept: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let texts = kept["events"].as_array().unwrap().iter().map(|it| it.as_str().unwrap());
        let mut events: Vec<Event> = Vec::new();
        for text in texts {
            let event = codec::decode(text).unwrap();
            assert_eq!(codec::encode(&event).unwrap(), text, "{name}: written as it was");
            let text: Value = serde_json::from_str(text).unwrap();
            *kinds.entry(text["type"].as_str().unwrap().to_owned()).or_default() += 1;
            events.push(event);
        }
        let files = kept["files"].as_object().unwrap().iter();
        let files = files.map(|(name, text)| (name.clone(), text.as_str().unwrap().to_owned()));
        let flow = deployed(name, files.collect(), &Map::new());
        let run = interp::replay(&flow.plan, &events);
        assert_eq!(end(&flow.plan, &run), kept["end"], "{name}");
        // A run that was under way when the engine was replaced asks for what it waited for only.
        for length in 1..events.len() {
            let (before, after) = events.split_at(length);
            let mut run = interp::replay(&flow.plan, before);
            for event in after {
                interp::step(&flow.plan, &mut run, event);
            }
            assert_eq!(end(&flow.plan, &run), kept["end"], "{name} after {length} events");
        }
    }
    let known = ["started", "resumed", "answered", "woken", "expired", "called", "finished"];
    for kind in known {
        assert!(kinds.contains_key(kind), "no journal has `{kind}`: {kinds:?}");
    }
}

fn add_missing() {
    fs::create_dir_all(folder()).unwrap();
    for case in Case::all() {
        let (area, rest) = case.name.split_once('/').unwrap();
        if !AREAS.contains(&area) {
            continue;
        }
        for (index, driven) in case.runs().into_iter().enumerate() {
            let path = folder().join(format!("{area}.{rest}.{}.json", index + 1));
            if path.exists() {
                continue;
            }
            keep(&path, &case, &driven);
        }
    }
    add_retried();
}

/// A run that has taken over the past of one that had taken one over itself.
fn add_retried() {
    let path = folder().join("again.calls.json");
    let case = Case::all().into_iter().find(|it| it.name == "connectors/calls").unwrap();
    if path.exists() {
        return;
    }
    let plan = &case.flow.plan;
    let mut driven = case.runs().remove(0);
    for _ in 0..2 {
        let last = plan.flow.actions.last().unwrap().display.as_str();
        let retry = interp::again::retry((plan, &driven.events), plan, Some(last)).unwrap();
        let at = driven.events.last().unwrap().at;
        driven = case.drive(taken_over(&driven, at, retry));
    }
    keep(&path, &case, &driven);
}

fn keep(path: &Path, case: &Case, driven: &Driven) {
    let Driven { run, events, .. } = driven;
    let finished = run.end().map(|end| {
        let (status, error) = (end.status, end.error.clone());
        let response = run.response().cloned();
        let kind = EventKind::Finished { status, error, response };
        Event { at: end.at, path: journal::Path::run(), kind }
    });
    let texts = events.iter().chain(&finished).map(|it| codec::encode(it).unwrap().into());
    let files = case.flow.files.iter().map(|(name, text)| (name.clone(), text.as_str().into()));
    let kept = json!({
        "files": files.collect::<Map<_, _>>(),
        "events": texts.collect::<Vec<Value>>(),
        "end": end(&case.flow.plan, run),
    });
    let text = serde_json::to_string_pretty(&kept).unwrap();
    fs::write(path, format!("{text}\n")).unwrap();
}
