//! What differs between two flows in what they mean, whatever their files look like.

use std::collections::{BTreeMap, BTreeSet};

use flow::{ActionId, ActionKind, Flow};
use serde_json::{Map, Value, json};
use worker::project::FlowFile;

/// How a mapping's file ends.
const MAPPING_SUFFIX: &str = ".mapping.yaml";
/// Keys of an action whose lists are actions, too.
const BLOCKS: [&str; 5] = ["scope", "then", "else", "actions", "default"];

/// What has become of a part of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is only in the second flow.
    Added,
    /// It is only in the first one.
    Removed,
    /// It has another name and is otherwise the same.
    Renamed,
    /// It stands in another place.
    Moved,
    /// It says something else.
    Changed,
}

impl Kind {
    /// The word in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Renamed => "renamed",
            Self::Moved => "moved",
            Self::Changed => "changed",
        }
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// What has become of it.
    pub kind: Kind,
    /// `action`, `trigger`, `parameter`, `connection`, `output`, `mapping`, `field`, or `flow`.
    pub what: &'static str,
    /// Its name; of a field that of the mapping before it.
    pub name: String,
    /// Where it was, or what it was called.
    pub from: Option<String>,
    /// Where it is.
    pub to: Option<String>,
    /// Values that differ.
    pub values: Vec<ValueChange>,
}

/// A value that differs.
#[derive(Clone, Debug, PartialEq)]
pub struct ValueChange {
    /// Where, as in `with.entityName`.
    pub path: String,
    /// What it was, if it was there.
    pub before: Option<Value>,
    /// What it is, if it is there.
    pub after: Option<Value>,
}

impl Change {
    fn new(kind: Kind, what: &'static str, name: &str) -> Self {
        let name = name.to_owned();
        Self { kind, what, name, from: None, to: None, values: Vec::new() }
    }

    /// As programs read it.
    pub fn to_json(&self) -> Value {
        let values = self
            .values
            .iter()
            .map(|it| json!({ "path": it.path, "before": it.before, "after": it.after }));
        json!({
            "kind": self.kind.name(),
            "what": self.what,
            "name": self.name,
            "from": self.from,
            "to": self.to,
            "values": values.collect::<Vec<_>>(),
        })
    }
}

/// Every difference from one flow to another, with those of their mappings.
pub fn between(before: &FlowFile, after: &FlowFile) -> Vec<Change> {
    let (a, b) = (Side::of(before), Side::of(after));
    let mut changes = Vec::new();
    let own = values(&a.own, &b.own);
    if !own.is_empty() {
        changes.push(Change { values: own, ..Change::new(Kind::Changed, "flow", &b.title) });
    }
    for (what, before, after) in [
        ("parameter", &a.parameters, &b.parameters),
        ("connection", &a.connections, &b.connections),
        ("trigger", &a.triggers, &b.triggers),
        ("output", &a.outputs, &b.outputs),
    ] {
        changes.extend(of_members(what, "", before, after));
    }
    changes.extend(of_actions(&a, &b));
    changes.extend(of_mappings(&mappings(before), &mappings(after)));
    changes
}

/// A flow, taken apart.
struct Side<'a> {
    flow: &'a Flow,
    title: String,
    own: Value,
    parameters: Map<String, Value>,
    connections: Map<String, Value>,
    triggers: Map<String, Value>,
    outputs: Map<String, Value>,
    /// What each action says itself, by folded name.
    actions: BTreeMap<String, Value>,
}

impl<'a> Side<'a> {
    fn of(file: &'a FlowFile) -> Self {
        let flow = &file.package.flow;
        // The file as it would be written here is the same for all ways to write it.
        let written = yaml::parse(&flow::export::yaml(flow)).0;
        let written = written.map(|it| it.to_json()).unwrap_or_default();
        let mut root = written.as_object().cloned().unwrap_or_default();
        let mut take = |key: &str| root.shift_remove(key).unwrap_or_default();
        let object = |it: Value| it.as_object().cloned().unwrap_or_default();
        let (parameters, connections) = (object(take("parameters")), object(take("connections")));
        let outputs = object(take("outputs"));
        let named = |mut it: Value| {
            let name = it.as_object_mut().and_then(|it| it.shift_remove("name"));
            Some((name?.as_str()?.to_owned(), it))
        };
        let triggers = take("triggers").as_array().cloned().unwrap_or_default();
        let triggers = triggers.into_iter().filter_map(named).collect();
        let mut actions = BTreeMap::new();
        collect(&take("actions"), &mut actions);
        let own = Value::Object(root);
        let title = flow.name.clone();
        Self { flow, title, own, parameters, connections, triggers, outputs, actions }
    }

    fn own_of(&self, id: ActionId) -> &Value {
        let folded = self.flow.action(id).name.folded();
        self.actions.get(folded).unwrap_or(&Value::Null)
    }

    /// Where an action stands.
    fn place(&self, id: ActionId) -> String {
        let Some(parent) = self.flow.action(id).parent else { return "the flow".to_owned() };
        let container = self.flow.action(parent);
        let branch = container.kind.blocks().iter().position(|it| it.actions.contains(&id));
        let label = branch.map(|it| label(&container.kind, it)).unwrap_or_default();
        let label = if label.is_empty() { label } else { format!(" › {label}") };
        format!("`{}`{label}", container.display)
    }

    /// What an action runs after.
    fn after(&self, id: ActionId) -> String {
        let links = self.flow.action(id).run_after.iter().map(|link| {
            let name = &self.flow.action(link.predecessor).display;
            let statuses: Vec<&str> = link.statuses.iter().map(base::Status::name).collect();
            if statuses == ["Succeeded"] {
                format!("`{name}`")
            } else {
                format!("`{name}` {}", statuses.join(", "))
            }
        });
        let links: BTreeSet<String> = links.collect();
        links.into_iter().collect::<Vec<_>>().join(" and ")
    }
}

/// What the branch of a container is called.
pub fn label(kind: &ActionKind, branch: usize) -> String {
    match kind {
        ActionKind::Condition(_) => if branch == 0 { "yes" } else { "no" }.to_owned(),
        ActionKind::Switch(it) => {
            it.cases.get(branch).map_or_else(|| "default".to_owned(), |case| case.name.clone())
        }
        _ => String::new(),
    }
}

/// What each action of a list, and of the lists in it, says without those.
fn collect(list: &Value, into: &mut BTreeMap<String, Value>) {
    for item in list.as_array().into_iter().flatten() {
        for branch in item["parallel"].as_array().into_iter().flatten() {
            collect(branch, into);
        }
        let Some(name) = item["name"].as_str() else { continue };
        let mut own = item.as_object().cloned().unwrap_or_default();
        own.shift_remove("name");
        own.shift_remove("runAfter");
        for key in BLOCKS {
            if own.get(key).is_some_and(Value::is_array) {
                collect(&own[key], into);
                own[key] = json!([]);
            }
        }
        for case in own.get_mut("cases").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(case) = case.as_object_mut()
                && let Some(actions) = case.shift_remove("actions")
            {
                collect(&actions, into);
            }
        }
        into.insert(base::ActionName::new(name).folded().to_owned(), Value::Object(own));
    }
}

fn of_actions(a: &Side<'_>, b: &Side<'_>) -> Vec<Change> {
    let ids = |side: &Side<'_>| 0..side.flow.actions.len();
    let is_in = |side: &Side<'_>, name: &base::ActionName| side.flow.find(name.as_str()).is_some();
    let mut removed: Vec<ActionId> =
        ids(a).filter(|id| !is_in(b, &a.flow.action(*id).name)).collect();
    let mut changes = Vec::new();
    for id in ids(b) {
        let action = b.flow.action(id);
        if let Some(old) = a.flow.find(action.name.as_str()) {
            changes.extend(of_action(a, b, (old, id)));
            continue;
        }
        // The same under another name, if there is exactly one that it can be.
        let own = b.own_of(id);
        let mut alike = removed.iter().copied().filter(|it| a.own_of(*it) == own && !own.is_null());
        if let (Some(old), None) = (alike.next(), alike.next()) {
            removed.retain(|it| *it != old);
            let change = Change::new(Kind::Renamed, "action", &action.display);
            changes.push(Change { from: Some(a.flow.action(old).display.clone()), ..change });
            continue;
        }
        let change = Change::new(Kind::Added, "action", &action.display);
        changes.push(Change { to: Some(b.place(id)), ..change });
    }
    let gone = removed.into_iter().map(|id| Change {
        from: Some(a.place(id)),
        ..Change::new(Kind::Removed, "action", &a.flow.action(id).display)
    });
    changes.extend(gone);
    changes
}

/// What has become of an action that both flows have.
fn of_action(a: &Side<'_>, b: &Side<'_>, (old, new): (ActionId, ActionId)) -> Vec<Change> {
    let name = &b.flow.action(new).display;
    let mut changes = Vec::new();
    let (from, to) = (a.place(old), b.place(new));
    let is_moved = from != to;
    if is_moved {
        let change = Change::new(Kind::Moved, "action", name);
        changes.push(Change { from: Some(from), to: Some(to), ..change });
    }
    let mut found = values(a.own_of(old), b.own_of(new));
    let (from, to) = (a.after(old), b.after(new));
    if from != to && !is_moved {
        let said = |it: String| Some(Value::from(it)).filter(|it| it != "");
        found.push(ValueChange { path: "runAfter".into(), before: said(from), after: said(to) });
    }
    if !found.is_empty() {
        changes.push(Change { values: found, ..Change::new(Kind::Changed, "action", name) });
    }
    changes
}

/// What has become of the members of an object.
fn of_members(
    what: &'static str,
    prefix: &str,
    before: &Map<String, Value>,
    after: &Map<String, Value>,
) -> Vec<Change> {
    let mut changes = Vec::new();
    for (name, value) in after {
        let shown = format!("{prefix}{name}");
        match before.get(name) {
            None => {
                let values = vec![ValueChange {
                    path: String::new(),
                    before: None,
                    after: Some(value.clone()),
                }];
                changes.push(Change { values, ..Change::new(Kind::Added, what, &shown) });
            }
            Some(old) => {
                let values = values(old, value);
                if !values.is_empty() {
                    changes.push(Change { values, ..Change::new(Kind::Changed, what, &shown) });
                }
            }
        }
    }
    for (name, value) in before.iter().filter(|(name, _)| !after.contains_key(*name)) {
        let values =
            vec![ValueChange { path: String::new(), before: Some(value.clone()), after: None }];
        let shown = format!("{prefix}{name}");
        changes.push(Change { values, ..Change::new(Kind::Removed, what, &shown) });
    }
    changes
}

/// The mappings beside a flow by name.
fn mappings(file: &FlowFile) -> Map<String, Value> {
    let read = file.files.iter().filter_map(|source| {
        let name = source.name().rsplit('/').next()?.strip_suffix(MAPPING_SUFFIX)?;
        Some((name.to_owned(), yaml::parse(source.text()).0?.to_json()))
    });
    read.collect()
}

fn of_mappings(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<Change> {
    let mut changes = Vec::new();
    for (name, mapping) in after {
        let Some(old) = before.get(name) else {
            changes.push(Change::new(Kind::Added, "mapping", name));
            continue;
        };
        let parts = |it: &Value| {
            let mut rest = it.as_object().cloned().unwrap_or_default();
            let fields = rest.shift_remove("fields");
            let fields = fields.and_then(|it| it.as_object().cloned()).unwrap_or_default();
            (fields, Value::Object(rest))
        };
        let ((old_fields, old_rest), (fields, rest)) = (parts(old), parts(mapping));
        let values = values(&old_rest, &rest);
        if !values.is_empty() {
            changes.push(Change { values, ..Change::new(Kind::Changed, "mapping", name) });
        }
        changes.extend(of_members("field", &format!("{name}: "), &old_fields, &fields));
    }
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    changes.extend(gone.map(|name| Change::new(Kind::Removed, "mapping", name)));
    changes
}

/// Every value that differs, with its path.
fn values(before: &Value, after: &Value) -> Vec<ValueChange> {
    let mut found = Vec::new();
    walk("", Some(before), Some(after), &mut found);
    found
}

fn walk(path: &str, before: Option<&Value>, after: Option<&Value>, found: &mut Vec<ValueChange>) {
    match (before, after) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let keys = a.keys().chain(b.keys().filter(|it| !a.contains_key(*it)));
            for key in keys {
                let at = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                walk(&at, a.get(key), b.get(key), found);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                walk(&format!("{path}[{index}]"), Some(a), Some(b), found);
            }
        }
        (before, after) if before != after => found.push(ValueChange {
            path: path.to_owned(),
            before: before.cloned(),
            after: after.cloned(),
        }),
        _ => {}
    }
}
