//! What a definition says that a flow has no words for: found on import, put back on export.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use yaml::{Kind, Node};

use super::wdl;
use crate::{ActionKind, TriggerKind, import::any_case, model::Flow};

/// Keys that are read in several places or spellings; what was read is written in one of them.
const ELSEWHERE: &[&[&str]] = &[
    &["retryPolicy"],
    &["operationOptions"],
    &["runAfter"],
    &["evaluatedRecurrence"],
    &["inputs", "retryPolicy"],
    &["inputs", "operationOptions"],
    &["inputs", "host", "connection"],
    &["inputs", "host", "connectionName"],
    &["inputs", "host", "connectionReferenceName"],
    &["inputs", "host", "workflow"],
    &["inputs", "pathTemplate", "parameters"],
    &["inputs", "host", "workflowReferenceName"],
];

/// Puts what is missing in what was written; what is written stays.
pub(super) fn filled(written: Value, kept: &Value) -> Value {
    match (written, kept) {
        (Value::Object(mut written), Value::Object(kept)) => {
            for (key, kept) in kept {
                let value = match written.get_mut(key) {
                    Some(value) => filled(value.take(), kept),
                    None => kept.clone(),
                };
                // A key that is there keeps its place.
                written.insert(key.clone(), value);
            }
            Value::Object(written)
        }
        (written, _) => written,
    }
}

/// Keeps what is in a definition and would not be written from the flow that was read from it.
/// `outer` is the object around the definition, or the definition itself.
pub(crate) fn keep(flow: &mut Flow, outer: &Node) {
    let mut actions = Vec::new();
    let mut triggers = Vec::new();
    let mut writer = wdl::Writer::of_parts(flow);
    let nodes = by_place(outer);
    for (nth, it) in flow.actions.iter().enumerate() {
        let unknown = matches!(it.kind, ActionKind::Unsupported(_));
        let node = nodes.get(&it.name_span.start);
        actions.extend(node.map(|node| (nth, missing(node, &writer.action(it), unknown))));
    }
    for (nth, it) in flow.triggers.iter().enumerate() {
        let unknown = matches!(it.kind, TriggerKind::Unsupported(_));
        let node = nodes.get(&it.span.start);
        triggers.extend(node.map(|node| (nth, missing(node, &writer.trigger(it), unknown))));
    }
    let of_outer = of_outer(flow, outer);
    for (nth, kept) in actions {
        if let Some(action) = flow.actions.get_mut(nth) {
            action.cloud = kept;
        }
    }
    for (nth, kept) in triggers {
        if let Some(trigger) = flow.triggers.get_mut(nth) {
            trigger.cloud = kept;
        }
    }
    flow.cloud = of_outer;
}

/// The values of all objects, by where their keys stand.
fn by_place(outer: &Node) -> BTreeMap<usize, &Node> {
    let mut nodes = BTreeMap::new();
    let mut open = vec![outer];
    while let Some(node) = open.pop() {
        match &node.kind {
            Kind::Map(mapping) => {
                for entry in mapping {
                    nodes.insert(entry.key.span.start, &entry.value);
                    open.push(&entry.value);
                }
            }
            Kind::Seq(items) => open.extend(items),
            Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) | Kind::Str(_) => {}
        }
    }
    nodes
}

fn missing(node: &Node, written: &Value, unknown: bool) -> Map<String, Value> {
    let mut path = Vec::new();
    let kept = Missing { with_empty: unknown }.of(node, written, &mut path);
    if let Some(Value::Object(map)) = kept { map } else { Map::new() }
}

struct Missing {
    /// Whether what is empty is kept, too.
    with_empty: bool,
}

impl Missing {
    /// What of a node is not in what was written.
    fn of<'n>(&self, node: &'n Node, written: &Value, path: &mut Vec<&'n str>) -> Option<Value> {
        let (Some(mapping), Value::Object(written)) = (node.as_map(), written) else { return None };
        let mut kept = Map::new();
        for entry in mapping {
            path.push(&entry.key.text);
            let found = match at_any_case(written, &entry.key.text) {
                _ if is_elsewhere(path) => None,
                Some(_) if is_block(path) => None,
                Some(written) => self.of(&entry.value, written, path),
                None => self.filled(entry.value.to_json()),
            };
            path.pop();
            kept.extend(found.map(|it| (entry.key.text.clone(), it)));
        }
        // Whatever the order was, the next export has the same.
        kept.sort_keys();
        (!kept.is_empty()).then_some(Value::Object(kept))
    }

    fn filled(&self, value: Value) -> Option<Value> {
        if self.with_empty || !is_empty(&value) { Some(value) } else { None }
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(map) => map.values().all(is_empty),
        Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn is_elsewhere(path: &[&str]) -> bool {
    let same = |known: &&&[&str]| {
        known.len() == path.len()
            && known.iter().zip(path).all(|(known, key)| known.eq_ignore_ascii_case(key))
    };
    ELSEWHERE.iter().any(|known| same(&known))
}

/// Whether what is there are actions or triggers, which keep their own.
fn is_block(path: &[&str]) -> bool {
    let same = |known: &str, key: &str| known.eq_ignore_ascii_case(key);
    match path {
        [only] => same("actions", only) || same("triggers", only),
        [outer, inner] => {
            let holds = ["else", "default", "definition"].iter().any(|it| same(it, outer));
            holds && (same("actions", inner) || same("triggers", inner))
        }
        [cases, _, inner] => same("cases", cases) && same("actions", inner),
        _ => false,
    }
}

fn at_any_case<'v>(map: &'v Map<String, Value>, key: &str) -> Option<&'v Value> {
    let same = |(name, _): &(&String, &Value)| name.eq_ignore_ascii_case(key);
    map.get(key).or_else(|| map.iter().find(same).map(|(_, value)| value))
}

/// What stands around the actions and triggers.
fn of_outer(flow: &Flow, outer: &Node) -> Map<String, Value> {
    let written = wdl::outer(flow);
    let Some(definition) = any_case(outer, "definition") else {
        let definition = written.get("definition").unwrap_or(&Value::Null);
        let kept = of_definition(missing(outer, definition, false));
        return kept.map(|it| ("definition".to_owned(), it)).into_iter().collect();
    };
    let mut kept = missing(outer, &written, false);
    let values = any_case(outer, "parameters").and_then(|it| it.get("$connections"));
    kept.shift_remove("parameters");
    kept.extend(
        values.map(|it| {
            ("parameters".to_owned(), serde_json::json!({ "$connections": it.to_json() }))
        }),
    );
    kept.retain(|key, _| !key.eq_ignore_ascii_case("definition"));
    let written = written.get("definition").unwrap_or(&Value::Null);
    let definition = of_definition(missing(definition, written, false));
    kept.extend(definition.map(|it| ("definition".to_owned(), it)));
    kept
}

/// Without what every definition begins with.
fn of_definition(mut kept: Map<String, Value>) -> Option<Value> {
    kept.retain(|key, value| !wdl::is_usual(key, value));
    (!kept.is_empty()).then_some(Value::Object(kept))
}
