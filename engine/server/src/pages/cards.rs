//! The actions of a flow as nested cards: what each does in a line, and what is inside.

use base::{Source, Span, Status};
use expr::{Tree, condition::Condition};
use flow::{
    Action, ActionId, ActionKind, Trigger, TriggerKind,
    actions::{
        api_connection::Target,
        variables::{Change, Variables},
        wait::Wait,
    },
    triggers::manual::Input,
};
use interp::{Plan, view};
use serde_json::{Map, Value, json};

/// Characters of a line on a card.
const LINE_CHARS_MAX: usize = 160;
/// Comparisons that a card spells out.
const COMPARISONS_MAX: usize = 8;

pub(crate) struct Cards<'a> {
    pub plan: &'a Plan,
    /// The file of the flow.
    pub source: &'a Source,
}

impl Cards<'_> {
    pub(crate) fn block(&self, parent: Option<ActionId>, branch: usize) -> Vec<Value> {
        let members = view::members(self.plan, parent, branch);
        let mut before = None;
        let mut cards = Vec::with_capacity(members.len());
        for id in members {
            cards.push(self.card(id, before));
            before = Some(id);
        }
        cards
    }

    fn card(&self, id: ActionId, before: Option<ActionId>) -> Value {
        let action = self.plan.flow.action(id);
        let mut card = json!({
            "name": action.display,
            "kind": action.kind.key(),
            "summary": summary(&action.kind),
            "description": action.description,
            "line": self.source.location(action.name_span.start).line,
            "text": self.text(action.span),
        });
        if let Some(after) = self.run_after(action, before) {
            card["runAfter"] = after;
        }
        if let ActionKind::Condition(it) = &action.kind {
            card["condition"] = condition(&it.condition, 0).into();
        }
        if let ActionKind::Until(it) = &action.kind {
            card["condition"] = condition(&it.condition, 0).into();
        }
        let blocks = (0..self.plan.branches(id)).map(|branch| {
            let actions = self.block(Some(id), branch);
            json!({ "label": view::label(action, branch), "actions": actions })
        });
        let blocks: Vec<Value> = blocks.collect();
        if !blocks.is_empty() {
            card["blocks"] = blocks.into();
        }
        card
    }

    /// What it runs after, if that is not simply the success of the action above.
    fn run_after(&self, action: &Action, before: Option<ActionId>) -> Option<Value> {
        let is_usual = match (action.run_after.as_slice(), before) {
            ([], None) => true,
            ([link], Some(before)) => {
                link.predecessor == before && link.statuses.iter().eq([Status::Succeeded])
            }
            _ => false,
        };
        if is_usual {
            return None;
        }
        let links = action.run_after.iter().map(|link| {
            let statuses: Vec<&str> = link.statuses.iter().map(Status::name).collect();
            json!({ "name": self.plan.flow.action(link.predecessor).display, "statuses": statuses })
        });
        Some(links.collect())
    }

    fn text(&self, span: Span) -> Option<&str> {
        self.source.text().get(span.start..span.end)
    }

    pub(crate) fn trigger(&self, trigger: &Trigger) -> Value {
        let mut shown = json!({
            "name": trigger.name.as_str(),
            "displayName": trigger.display,
            "kind": trigger.kind.key(),
            "description": trigger.description,
            "line": self.source.location(trigger.span.start).line,
            "inputs": [],
        });
        match &trigger.kind {
            TriggerKind::Manual(it) => shown["inputs"] = inputs(&it.inputs),
            TriggerKind::Request(it) => {
                shown["inputs"] = inputs(&it.inputs());
                shown["method"] = it.method.as_deref().unwrap_or("POST").into();
                shown["schema"] = it.schema.as_ref().map(|it| it.source().clone()).into();
                shown["verified"] = it.verify.as_ref().map(|it| it.connector.as_str()).into();
            }
            TriggerKind::Recurrence(_)
            | TriggerKind::ApiConnection(_)
            | TriggerKind::Http(_)
            | TriggerKind::HttpWebhook(_)
            | TriggerKind::Flow(_)
            | TriggerKind::Batch(_)
            | TriggerKind::Unsupported(_) => {}
        }
        shown
    }
}

/// What each action of a flow does in a line, by its name.
pub(crate) fn summaries(plan: &Plan) -> Map<String, Value> {
    let all = plan.flow.actions.iter();
    all.map(|it| (it.name.as_str().to_owned(), summary(&it.kind).into())).collect()
}

fn summary(kind: &ActionKind) -> String {
    let line = match kind {
        ActionKind::ApiConnection(it) => match &it.target {
            Target::Operation(operation) => format!("{}.{operation}", it.connection),
            Target::Path { method, path } => {
                format!("{} {method} {}", it.connection, written(path))
            }
        },
        ActionKind::Approval(it) => written(&it.title),
        ActionKind::Compare(it) => {
            format!("{} with {}", written(&it.left), written(&it.right))
        }
        ActionKind::Compose(it) => written(&it.inputs),
        ActionKind::Condition(it) => condition(&it.condition, 0),
        ActionKind::Expression(it) => it.kind.clone(),
        ActionKind::Foreach(it) => written(&it.items),
        ActionKind::Http(it) => {
            format!("{} {}", written(&it.request.method), written(&it.request.uri))
        }
        ActionKind::HttpWebhook(it) => written(&it.subscribe.uri),
        ActionKind::Join(it) => written(&it.from),
        ActionKind::Map(it) => format!("{} from {}", it.mapping, written(&it.from)),
        ActionKind::ParseJson(it) => written(&it.content),
        ActionKind::Query(it) => {
            format!("{} where {}", written(&it.from), condition(&it.condition, 0))
        }
        ActionKind::Response(it) => format!("status {}", written(&it.status)),
        ActionKind::Scope(_) => String::new(),
        ActionKind::Select(it) => written(&it.from),
        ActionKind::SendToBatch(it) => it.flow.clone(),
        ActionKind::Switch(it) => written(&it.on),
        ActionKind::Table(it) => format!("{} of {}", it.format.name(), written(&it.from)),
        ActionKind::Terminate(it) => it.status.name().to_owned(),
        ActionKind::Until(it) => condition(&it.condition, 0),
        ActionKind::Variables(it) => variables(it),
        ActionKind::Wait(Wait::Interval { count, unit }) => {
            format!("{} {}", written(count), written(unit))
        }
        ActionKind::Wait(Wait::Duration(tree)) => written(tree),
        ActionKind::Wait(Wait::Until(tree)) => format!("until {}", written(tree)),
        ActionKind::Workflow(it) => it.flow.clone(),
        ActionKind::Unsupported(it) => it.type_name.clone(),
    };
    short(&line)
}

/// A variable with its type, and what is put into it; a text of no characters is seen as one.
fn variables(it: &Variables) -> String {
    let value = |tree: &Tree| match tree {
        Tree::Value(Value::String(text)) if text.is_empty() => "\"\"".to_owned(),
        other => written(other),
    };
    let change = |it: &Change| match &it.value {
        Some(tree) => format!("{} = {}", it.name, value(tree)),
        None => it.name.clone(),
    };
    match it {
        Variables::Initialize(all) => {
            let names = all.iter().map(|it| match &it.value {
                Some(tree) => format!("{} ({}) = {}", it.name, it.ty.name(), value(tree)),
                None => format!("{} ({})", it.name, it.ty.name()),
            });
            names.collect::<Vec<_>>().join(", ")
        }
        Variables::Set(it)
        | Variables::Increment(it)
        | Variables::Decrement(it)
        | Variables::Append(it) => change(it),
    }
}

fn inputs(all: &[Input]) -> Value {
    let shown = all.iter().map(|it| {
        json!({
            "name": it.name,
            "title": it.title,
            "type": it.ty.name(),
            "required": it.required,
            "default": it.default,
            "description": it.description,
            "choices": it.choices,
        })
    });
    shown.collect()
}

/// A condition as a sentence, each comparison as it is written.
fn condition(it: &Condition, depth: usize) -> String {
    let joined = |all: &[Condition], word: &str| {
        let parts: Vec<String> =
            all.iter().take(COMPARISONS_MAX).map(|it| condition(it, depth + 1)).collect();
        let line = parts.join(&format!(" {word} "));
        if 0 < depth && 1 < all.len() { format!("({line})") } else { line }
    };
    match it {
        Condition::Template(placed) => placed.template.source().to_owned(),
        Condition::And(all) => joined(all, "and"),
        Condition::Or(all) => joined(all, "or"),
        Condition::Not(inner) => format!("not {}", condition(inner, depth + 1)),
        Condition::Compare { operator, operands } => {
            let mut sides = operands.iter().map(written);
            let (left, right) =
                (sides.next().unwrap_or_default(), sides.next().unwrap_or_default());
            format!("{left} {} {right}", operator.name())
        }
    }
}

/// A value as the file has it, as far as that is one line.
fn written(tree: &Tree) -> String {
    match tree {
        Tree::Template(placed) => placed.template.source().to_owned(),
        Tree::Value(Value::String(text)) => text.clone(),
        Tree::Value(value) => value.to_string(),
        Tree::Array(items) => format!("[{} items]", items.len()),
        Tree::Object(members) => {
            let names = members.iter().map(|(key, _)| match key {
                expr::Key::Plain(name) => name.as_str(),
                expr::Key::Computed(placed) => placed.template.source(),
            });
            format!("{{{}}}", names.collect::<Vec<_>>().join(", "))
        }
    }
}

fn short(line: &str) -> String {
    let mut text: String = line.chars().take(LINE_CHARS_MAX).collect();
    if text.len() < line.len() {
        text.push('…');
    }
    text
}
