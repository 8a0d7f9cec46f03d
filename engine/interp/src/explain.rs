//! What the expressions of one action gave, part by part, while the run was there: for people who ask why.

use base::value::weight;
use expr::{Explained, Looks, Operand, Outcome, Placed, Tree, What, condition::Condition};
use flow::{
    Action, ActionKind,
    actions::{api_connection::Target, http::HttpInputs, variables::Variables, wait::Wait},
};
use journal::{Event, Path};
use serde_json::{Map, Value, json};

use crate::{HIDDEN, Plan, Run, Secrets, exec::Exec, mapping, run::Key, step::step};

/// Values that are larger are shown by their beginning.
const VALUE_BYTES_MAX: usize = 4_096;
const PREVIEW_CHARS: usize = 400;
/// Expressions of one action that are explained.
const PARTS_MAX: usize = 200;

/// An action that is watched, and what was seen.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    key: Key,
    seen: Option<Value>,
}

/// A run from its journal, and the expressions of one of its actions with the values that they and
/// their parts had when it was done: `{expressions: [{name, source, value, parts}], condition, mapping}`.
/// There are none if the run has not come there, or if the inputs of the action are not to be shown.
pub fn explain(plan: &Plan, events: &[Event], path: &Path) -> (Run, Option<Value>) {
    let place = plan.locate(path).filter(|(id, _)| !plan.flow.action(*id).secure_inputs);
    let watched =
        place.map(|(action, passes)| Box::new(Watched { key: Key { action, passes }, seen: None }));
    let mut run = Run { watched, ..Run::default() };
    for event in events {
        step(plan, &mut run, event);
    }
    let mut seen = run.watched.take().and_then(|it| it.seen);
    if let Some(seen) = &mut seen {
        Secrets::of(plan).redact(seen);
    }
    (run, seen)
}

impl Exec<'_> {
    /// Writes down what the watched action sees, before it is done; of a loop that looks at its
    /// condition after each pass, what it saw last.
    pub(crate) fn look(&mut self, key: &Key, is_over: bool) {
        if self.run.watched.as_ref().is_none_or(|it| it.key != *key) {
            return;
        }
        let action = self.action(key);
        if matches!(action.kind, ActionKind::Until(_)) != is_over {
            return;
        }
        let seen = Look { exec: self, key, found: Vec::new() }.action(action);
        if let Some(watched) = &mut self.run.watched {
            watched.seen = Some(seen);
        }
    }
}

struct Look<'a, 'b> {
    exec: &'a Exec<'b>,
    key: &'a Key,
    found: Vec<Value>,
}

impl Look<'_, '_> {
    fn action(mut self, action: &Action) -> Value {
        let mut shown = Map::new();
        self.inputs(&action.kind);
        match &action.kind {
            ActionKind::Condition(it) => {
                shown.insert("condition".into(), self.condition(&it.condition));
            }
            ActionKind::Until(it) => {
                shown.insert("condition".into(), self.condition(&it.condition));
            }
            ActionKind::Map(it) if !action.secure_outputs => {
                shown.insert("mapping".into(), self.mapping(&it.mapping, &it.from));
            }
            _ => {}
        }
        shown.insert("expressions".into(), self.found.into());
        Value::Object(shown)
    }

    fn inputs(&mut self, kind: &ActionKind) {
        match kind {
            ActionKind::ApiConnection(it) => {
                if let Target::Path { path, .. } = &it.target {
                    self.tree("path", path);
                }
                self.tree("", &it.parameters);
            }
            ActionKind::Approval(it) => {
                self.tree("title", &it.title);
                self.some(&[("details", &it.details), ("assignedTo", &it.assigned_to)]);
                self.tree("options", &it.options);
            }
            ActionKind::Compare(it) => self.trees(&[("compare", &it.left), ("with", &it.right)]),
            ActionKind::Compose(it) => self.tree("", &it.inputs),
            ActionKind::Expression(it) => self.tree("", &it.inputs),
            ActionKind::Foreach(it) => self.tree("items", &it.items),
            ActionKind::Http(it) => self.http(&it.request),
            ActionKind::HttpWebhook(it) => self.http(&it.subscribe),
            ActionKind::Join(it) => self.trees(&[("from", &it.from), ("with", &it.with)]),
            ActionKind::Map(it) => self.tree("from", &it.from),
            ActionKind::ParseJson(it) => self.tree("content", &it.content),
            ActionKind::Query(it) => self.tree("from", &it.from),
            ActionKind::Response(it) => {
                self.tree("status", &it.status);
                self.some(&[("headers", &it.headers), ("body", &it.body)]);
            }
            ActionKind::Select(it) => self.tree("from", &it.from),
            ActionKind::SendToBatch(it) => {
                self.trees(&[("batch", &it.batch), ("content", &it.content)]);
                self.some(&[("partition", &it.partition), ("messageId", &it.message_id)]);
            }
            ActionKind::Switch(it) => self.tree("on", &it.on),
            ActionKind::Table(it) => self.tree("from", &it.from),
            ActionKind::Terminate(it) => {
                self.some(&[("code", &it.code), ("message", &it.message)]);
            }
            ActionKind::Variables(it) => self.variables(it),
            ActionKind::Wait(Wait::Interval { count, unit }) => {
                self.trees(&[("count", count), ("unit", unit)]);
            }
            ActionKind::Wait(Wait::Duration(tree) | Wait::Until(tree)) => self.tree("", tree),
            ActionKind::Workflow(it) => {
                self.some(&[("body", &it.body), ("headers", &it.headers)]);
            }
            ActionKind::Unsupported(it) => self.tree("", &it.inputs),
            // Conditions are shown as such.
            ActionKind::Condition(_) | ActionKind::Until(_) | ActionKind::Scope(_) => {}
        }
    }

    fn http(&mut self, request: &HttpInputs) {
        for (name, tree) in request.parts() {
            if let Some(tree) = tree.filter(|_| name != "authentication" && name != "cookie") {
                self.tree(name, tree);
            }
        }
    }

    fn variables(&mut self, variables: &Variables) {
        match variables {
            Variables::Initialize(all) => {
                for one in all {
                    if let Some(value) = &one.value {
                        self.tree(&one.name, value);
                    }
                }
            }
            Variables::Set(change)
            | Variables::Increment(change)
            | Variables::Decrement(change)
            | Variables::Append(change) => {
                if let Some(value) = &change.value {
                    self.tree(&change.name, value);
                }
            }
        }
    }

    fn trees(&mut self, named: &[(&str, &Tree)]) {
        for (name, tree) in named {
            self.tree(name, tree);
        }
    }

    fn some(&mut self, named: &[(&str, &Option<Tree>)]) {
        for (name, tree) in named {
            if let Some(tree) = tree {
                self.tree(name, tree);
            }
        }
    }

    /// Every computed string of a tree, by its place in it.
    fn tree(&mut self, name: &str, tree: &Tree) {
        let below = |key: &str| if name.is_empty() { key.into() } else { format!("{name}/{key}") };
        match tree {
            Tree::Template(placed) if self.found.len() < PARTS_MAX => {
                let mut shown = self.template(placed);
                shown["name"] = name.into();
                self.found.push(shown);
            }
            Tree::Value(_) | Tree::Template(_) => {}
            Tree::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.tree(&below(&index.to_string()), item);
                }
            }
            Tree::Object(members) => {
                for (key, value) in members {
                    let key = match key {
                        expr::Key::Plain(name) => name.as_str(),
                        expr::Key::Computed(placed) => placed.template.source(),
                    };
                    self.tree(&below(key), value);
                }
            }
        }
    }

    fn template(&self, placed: &Placed) -> Value {
        if self.is_secure(placed) {
            return json!({ "source": placed.template.source(), "value": HIDDEN });
        }
        let scope = self.exec.scope(self.key);
        explained(&expr::explain(&placed.template, &scope))
    }

    /// Whether it may look at what is not to be shown. Its parts would show it even where the whole
    /// does not.
    fn is_secure(&self, placed: &Placed) -> bool {
        let plan = self.exec.plan;
        let is_hidden = |it: &Action| it.secure_inputs || it.secure_outputs;
        let fired = plan.flow.trigger(&self.exec.run.trigger);
        if fired.is_some_and(|it| it.secure_outputs)
            && placed.template.source().to_ascii_lowercase().contains("trigger")
        {
            return true;
        }
        let is_named = |name: &str| {
            let found = plan.flow.find(name);
            // The items and the results of a container are those of what is inside.
            found.is_some_and(|id| {
                let inside = plan.descendants(id);
                std::iter::once(id).chain(inside).any(|id| is_hidden(plan.flow.action(id)))
            })
        };
        let is_parameter =
            |name: &str| plan.flow.parameters.iter().any(|it| it.secure && it.name == name);
        let uses = placed.template.uses();
        Looks::of(&placed.template).records && plan.flow.actions.iter().any(is_hidden)
            || uses.iter().any(|it| match &it.what {
                What::Action { name, .. } | What::Result { name } => is_named(name),
                What::Parameter { name } => is_parameter(name),
                What::Function { .. }
                | What::Variable { .. }
                | What::Items { .. }
                | What::Item
                | What::IterationIndexes { .. }
                | What::Root { .. } => false,
            })
    }

    fn condition(&self, condition: &Condition) -> Value {
        let scope = self.exec.scope(self.key);
        let holds = match condition.eval(&scope) {
            Ok(holds) => json!(holds),
            Err(error) => return json!({ "error": error.message, "of": self.parts(condition) }),
        };
        let mut shown = self.parts(condition);
        shown["holds"] = holds;
        shown
    }

    fn parts(&self, condition: &Condition) -> Value {
        let all = |conditions: &[Condition]| -> Vec<Value> {
            conditions.iter().map(|it| self.condition(it)).collect()
        };
        match condition {
            Condition::Template(placed) => {
                json!({ "is": "expression", "of": [self.template(placed)] })
            }
            Condition::And(parts) => json!({ "is": "and", "of": all(parts) }),
            Condition::Or(parts) => json!({ "is": "or", "of": all(parts) }),
            Condition::Not(inner) => json!({ "is": "not", "of": [self.condition(inner)] }),
            Condition::Compare { operator, operands } => {
                let sides: Vec<Value> = operands.iter().map(|it| self.side(it)).collect();
                json!({ "is": operator.name(), "of": sides })
            }
        }
    }

    fn side(&self, tree: &Tree) -> Value {
        match tree {
            Tree::Template(placed) => self.template(placed),
            Tree::Value(value) => shown(value),
            Tree::Array(_) | Tree::Object(_) => {
                let mut is_secure = false;
                tree.templates(&mut |it| is_secure |= self.is_secure(it));
                if is_secure {
                    return json!({ "value": HIDDEN });
                }
                match tree.eval(&self.exec.scope(self.key)) {
                    Ok(value) => shown(&value),
                    Err(error) => json!({ "error": error.message }),
                }
            }
        }
    }

    /// Every field of a mapping: where it comes from, what was there, what it became.
    fn mapping(&self, name: &str, from: &Tree) -> Value {
        let scope = self.exec.scope(self.key);
        let mapping = self.exec.plan.mappings.get(name);
        let (Some(mapping), Ok(source)) = (mapping, from.eval(&scope)) else { return Value::Null };
        let mut is_secure = false;
        from.templates(&mut |it| is_secure |= self.is_secure(it));
        let rows = mapping::rows(mapping, &source, &scope).into_iter().map(|row| {
            let text = |it: Value| if is_secure { HIDDEN.into() } else { limited(it) };
            json!({
                "target": row.target,
                "source": row.source,
                "conversion": row.conversion,
                "compare": row.comparison,
                "isLeftOut": row.is_left_out,
                "from": row.from.map(text),
                "value": row.value.map(text),
                "error": row.error,
            })
        });
        json!({ "name": name, "fields": rows.collect::<Vec<_>>() })
    }
}

fn explained(part: &Explained) -> Value {
    let mut object = match &part.outcome {
        Outcome::Value(value) => shown(&Operand::clone(value).into_value()),
        Outcome::Error(error) => json!({ "error": error.message }),
        Outcome::Unevaluated => json!({ "unevaluated": true }),
    };
    object["source"] = part.source.as_str().into();
    if !part.children.is_empty() {
        object["parts"] = part.children.iter().map(explained).collect();
    }
    object
}

fn shown(value: &Value) -> Value {
    json!({ "value": limited(value.clone()) })
}

/// The value, or its beginning if it is large.
fn limited(value: Value) -> Value {
    let bytes = weight(&value);
    if bytes <= VALUE_BYTES_MAX {
        return value;
    }
    let text = match &value {
        Value::String(text) => text.chars().take(PREVIEW_CHARS).collect(),
        other => other.to_string().chars().take(PREVIEW_CHARS).collect::<String>(),
    };
    json!({ "$preview": text, "$bytes": bytes })
}
