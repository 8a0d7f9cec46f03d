//! What an action is given, part by part, with what becomes of each part.

use expr::{Key, Placed, Tree, condition::Condition};
use flow::{
    Action, ActionKind,
    actions::{
        api_connection::Target,
        http::HttpInputs,
        table::Column,
        variables::{Change, Variables},
        wait::Wait,
    },
};

/// What becomes of a value that an action is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// It is an input of an operation.
    Input,
    /// It is the path of a call.
    Path,
    /// It is a part of a request.
    Request(&'static str),
    /// It is what the action gives.
    Output,
    /// It is written to a variable.
    Variable,
    /// It is told to the caller.
    Answer,
    /// It is told in the record of the run.
    Message,
    /// It is handed to another flow.
    Flow,
    /// It decides how the action goes on: a list, a time, a case.
    Control,
}

/// Every value that an action is given; conditions are no values.
pub(crate) fn values(action: &Action) -> Vec<(Use, &Tree)> {
    let mut all = inputs(&action.kind);
    all.extend(action.tracked_properties.as_ref().map(|it| (Use::Message, it)));
    all
}

fn inputs(kind: &ActionKind) -> Vec<(Use, &Tree)> {
    fn all<const N: usize>(to: Use, trees: [Option<&Tree>; N]) -> Vec<(Use, &Tree)> {
        trees.into_iter().flatten().map(|it| (to, it)).collect()
    }
    match kind {
        ActionKind::ApiConnection(it) => {
            let path = match &it.target {
                Target::Path { path, .. } => Some((Use::Path, path)),
                Target::Operation(_) => None,
            };
            path.into_iter().chain([(Use::Input, &it.parameters)]).collect()
        }
        ActionKind::Approval(it) => {
            let told = [Some(&it.title), it.details.as_ref(), Some(&it.options)];
            let to = all(Use::Control, [it.assigned_to.as_ref()]);
            all(Use::Message, told).into_iter().chain(to).collect()
        }
        ActionKind::Compare(it) => {
            all(Use::Output, [Some(&it.left), Some(&it.right), it.base.as_ref()])
        }
        ActionKind::Compose(it) => all(Use::Output, [Some(&it.inputs)]),
        ActionKind::Expression(it) => all(Use::Output, [Some(&it.inputs)]),
        ActionKind::Foreach(it) => all(Use::Control, [Some(&it.items)]),
        ActionKind::Http(it) => request(&it.request),
        ActionKind::HttpWebhook(it) => {
            let rest = it.unsubscribe.as_deref().map(request).unwrap_or_default();
            request(&it.subscribe).into_iter().chain(rest).collect()
        }
        ActionKind::Join(it) => all(Use::Output, [Some(&it.from), Some(&it.with)]),
        ActionKind::Map(it) => all(Use::Output, [Some(&it.from)]),
        ActionKind::ParseJson(it) => all(Use::Output, [Some(&it.content)]),
        ActionKind::Query(it) => all(Use::Output, [Some(&it.from)]),
        ActionKind::Response(it) => {
            let status = all(Use::Control, [Some(&it.status)]);
            let told = all(Use::Answer, [it.headers.as_ref(), it.body.as_ref()]);
            status.into_iter().chain(told).collect()
        }
        ActionKind::Select(it) => all(Use::Output, [Some(&it.from), Some(&it.select)]),
        ActionKind::SendToBatch(it) => all(
            Use::Flow,
            [Some(&it.batch), it.partition.as_ref(), it.message_id.as_ref(), Some(&it.content)],
        ),
        ActionKind::Switch(it) => all(Use::Control, [Some(&it.on)]),
        ActionKind::Table(it) => {
            let cells = it.columns.iter().flat_map(|Column { header, value }| [header, value]);
            std::iter::once(&it.from).chain(cells).map(|it| (Use::Output, it)).collect()
        }
        ActionKind::Terminate(it) => all(Use::Message, [it.code.as_ref(), it.message.as_ref()]),
        ActionKind::Variables(it) => variables(it),
        ActionKind::Wait(it) => match it {
            Wait::Interval { count, unit } => all(Use::Control, [Some(count), Some(unit)]),
            Wait::Duration(tree) | Wait::Until(tree) => all(Use::Control, [Some(tree)]),
        },
        ActionKind::Workflow(it) => all(Use::Flow, [it.body.as_ref(), it.headers.as_ref()]),
        ActionKind::Condition(_)
        | ActionKind::Scope(_)
        | ActionKind::Until(_)
        | ActionKind::Unsupported(_) => Vec::new(),
    }
}

fn request(inputs: &HttpInputs) -> Vec<(Use, &Tree)> {
    let parts = inputs.parts().into_iter();
    parts.filter_map(|(name, tree)| Some((Use::Request(name), tree?))).collect()
}

fn variables(variables: &Variables) -> Vec<(Use, &Tree)> {
    match variables {
        Variables::Initialize(all) => {
            all.iter().filter_map(|it| Some((Use::Variable, it.value.as_ref()?))).collect()
        }
        Variables::Set(Change { value, .. })
        | Variables::Increment(Change { value, .. })
        | Variables::Decrement(Change { value, .. })
        | Variables::Append(Change { value, .. }) => {
            value.iter().map(|it| (Use::Variable, it)).collect()
        }
    }
}

/// Every string of an action, conditions included.
pub(crate) fn strings(action: &Action, visit: &mut dyn FnMut(&Placed)) {
    for (_, tree) in values(action) {
        tree.templates(visit);
    }
    if let Some(condition) = condition(&action.kind) {
        condition.templates(visit);
    }
}

/// What an action asks.
pub(crate) fn condition(kind: &ActionKind) -> Option<&Condition> {
    match kind {
        ActionKind::Condition(it) => Some(&it.condition),
        ActionKind::Query(it) => Some(&it.condition),
        ActionKind::Until(it) => Some(&it.condition),
        _ => None,
    }
}

/// Every string below a value, with the keys that lead to it, joined by `/`.
pub(crate) fn placed<'t>(tree: &'t Tree, see: &mut dyn FnMut(&str, &'t Placed)) {
    below(tree, "", see);
}

fn below<'t>(tree: &'t Tree, at: &str, see: &mut dyn FnMut(&str, &'t Placed)) {
    match tree {
        Tree::Value(_) => {}
        Tree::Template(placed) => see(at, placed),
        Tree::Array(items) => items.iter().for_each(|it| below(it, at, see)),
        Tree::Object(entries) => {
            for (key, tree) in entries {
                let name = match key {
                    Key::Plain(name) => name.as_str(),
                    Key::Computed(_) => "*",
                };
                let inside = if at.is_empty() { name.to_owned() } else { format!("{at}/{name}") };
                below(tree, &inside, see);
            }
        }
    }
}

/// Every key of a value, constants included, with the keys that lead to it, joined by `/`.
pub(crate) fn keys(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    keys_below(tree, "", &mut found);
    found
}

fn keys_below(tree: &Tree, at: &str, found: &mut Vec<String>) {
    let inside = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}/{name}") };
    match tree {
        Tree::Value(value) => keys_of_value(value, at, found),
        Tree::Template(_) => {}
        Tree::Array(items) => items.iter().for_each(|it| keys_below(it, at, found)),
        Tree::Object(entries) => {
            for (key, tree) in entries {
                if let Key::Plain(name) = key {
                    found.push(inside(name));
                    keys_below(tree, &inside(name), found);
                }
            }
        }
    }
}

fn keys_of_value(value: &serde_json::Value, at: &str, found: &mut Vec<String>) {
    if let Some(map) = value.as_object() {
        for (name, value) in map {
            let inside = if at.is_empty() { name.clone() } else { format!("{at}/{name}") };
            found.push(inside.clone());
            keys_of_value(value, &inside, found);
        }
    }
}
