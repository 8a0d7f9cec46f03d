//! What keeps a flow from answering its own echo: conditions that look for a difference or for an origin.

use connector::model::Effect;
use std::collections::BTreeSet;

use expr::{
    Placed, Tree,
    check::{Paths, Piece, Root},
    condition::Condition,
};
use flow::{ActionId, ActionKind, Block, Flow, Trigger, TriggerKind};

use crate::{
    service::Access,
    sources::{Source, Traced},
    view::{Owner, Place, View},
};

/// How surely something is done only when it has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Guard {
    /// Always done.
    None,
    /// Under a condition that is about something else, as far as can be seen.
    Other,
    /// Only if something differs, or was done by somebody else.
    Difference,
}

/// Words for who has changed a record.
const ORIGINS: &[&str] = &[
    "changedby",
    "createdby",
    "lastmodifiedby",
    "modifiedby",
    "origin",
    "initiatinguser",
    "runas",
    "lastmodifieddisplayname",
    "updatedby",
    "changesource",
    "ignoreownchanges",
];

/// What an action stands under.
pub(crate) fn of_action(view: &View<'_>, id: ActionId) -> Guard {
    let flow = view.flow;
    let mut guard = Guard::None;
    for around in std::iter::once(id).chain(flow.ancestors(id)) {
        guard = guard.max(of_container(view, around, id));
    }
    // A run that ends before, where there is nothing to do, is a guard, too.
    for (other, action) in flow.actions.iter().enumerate() {
        if let ActionKind::Condition(it) = &action.kind
            && other != id
            && (ends(flow, &it.then) || ends(flow, &it.otherwise))
            && view.upstream.is_before(other, id)
        {
            guard = guard.max(of_condition(view, other, &it.condition, Some(id)));
        }
    }
    guard
}

/// What a container around an action asks before it lets it run.
fn of_container(view: &View<'_>, around: ActionId, id: ActionId) -> Guard {
    let place = Place::start(Owner::Action(around));
    match &view.flow.action(around).kind {
        _ if around == id => Guard::None,
        ActionKind::Condition(it) => of_condition(view, around, &it.condition, Some(id)),
        ActionKind::Switch(it) => {
            let mut guard = Guard::Other;
            it.on.templates(&mut |placed| guard = guard.max(of_template(view, placed, place)));
            guard
        }
        ActionKind::Foreach(it) => {
            // A loop over what a filter or a comparison has left.
            let mut guard = Guard::None;
            it.items.templates(&mut |placed| guard = guard.max(of_template(view, placed, place)));
            guard
        }
        _ => Guard::None,
    }
}

/// Whether a block ends the run.
fn ends(flow: &Flow, block: &Block) -> bool {
    let ends = |id: &ActionId| matches!(flow.action(*id).kind, ActionKind::Terminate(_));
    block.actions.iter().any(ends)
}

/// What a condition asks; `write` is what it decides about.
fn of_condition(
    view: &View<'_>,
    owner: ActionId,
    condition: &Condition,
    write: Option<ActionId>,
) -> Guard {
    let place = Place::start(Owner::Action(owner));
    let place = if matches!(view.flow.action(owner).kind, ActionKind::Query(_)) {
        place.each()
    } else {
        place
    };
    let set = write.map(|it| written_fields(view, it)).unwrap_or_default();
    let keys = write.map(|it| keys_by_parameter(view, it)).unwrap_or_default();
    let mut guard = Guard::Other;
    let mut seen = BTreeSet::new();
    if differs(view, condition, place, &mut seen) {
        return Guard::Difference;
    }
    let makes_new = makes_new(view, owner);
    condition.templates(&mut |placed| {
        // What the write sets is what the condition looks at: afterwards it does not hold.
        let all = view.traced(placed, place);
        let looks = |name: &String| set.contains(&name.to_lowercase());
        let looks = all.iter().filter_map(|it| it.path.last()).any(looks)
            || keys.iter().any(|it| placed.template.source().contains(it));
        if looks || makes_new && looks_up(view, placed, place) {
            guard = Guard::Difference;
        }
    });
    guard
}

/// How strings take out the fields that a call writes under names of parameters.
fn keys_by_parameter(view: &View<'_>, id: ActionId) -> Vec<String> {
    let Some(access) = Access::of(view, id) else { return Vec::new() };
    let place = Place::start(Owner::Action(id));
    let mut keys = Vec::new();
    access.call.parameters.templates(&mut |placed| {
        for origin in placed.template.origins(&view.types_at(place), Paths::Run) {
            if let Root::Parameter(name) = origin.root {
                keys.push(format!("[parameters('{name}')]"));
            }
        }
    });
    keys
}

/// Whether something new is made in a branch.
fn makes_new(view: &View<'_>, owner: ActionId) -> bool {
    Access::all(view).iter().any(|it| {
        it.effect == Effect::Create && view.flow.ancestors(it.id).any(|around| around == owner)
    })
}

/// Whether a condition asks if a service has found anything: what is made then is found next time.
fn looks_up(view: &View<'_>, placed: &Placed, place: Place) -> bool {
    let types = view.types_at(place);
    let calls = placed.template.calls(&["length", "empty", "equals"], &types, Paths::Run);
    calls.into_iter().any(|call| {
        // Whether something equals null, or an empty text.
        let is_nothing =
            |it: &Vec<Piece>| matches!(it.as_slice(), [Piece::Text(text)] if text.is_empty());
        if call.function == "equals" && !call.arguments.iter().any(is_nothing) {
            return false;
        }
        let arguments = call.arguments.into_iter();
        let mut all = arguments.flat_map(|it| traced(view, it, place));
        all.any(|it| matches!(it.source, Source::Action(_)))
    })
}

/// What one string that decides looks at.
pub(crate) fn of_template(view: &View<'_>, placed: &Placed, place: Place) -> Guard {
    let mut seen = BTreeSet::new();
    if string_differs(view, placed, place, &mut seen) { Guard::Difference } else { Guard::None }
}

/// Whether a string, or what it is made of, compares two things or asks for an origin.
fn string_differs(
    view: &View<'_>,
    placed: &Placed,
    place: Place,
    seen: &mut BTreeSet<ActionId>,
) -> bool {
    if names_origin(placed.template.source()) {
        return true;
    }
    let types = view.types_at(place);
    for call in placed.template.calls(COMPARISONS, &types, Paths::Run) {
        let mut sides = call.arguments.into_iter().map(|it| traced(view, it, place));
        if let (Some(one), Some(two)) = (sides.next(), sides.next())
            && differ(&one, &two)
        {
            return true;
        }
    }
    let by_origin = |it: &Traced| it.path.iter().any(|it| names_origin(it));
    if view.traced(placed, place).iter().any(by_origin) {
        return true;
    }
    placed.template.origins(&types, Paths::Run).iter().any(|origin| {
        let Root::Action(name) = &origin.root else { return false };
        let Some(id) = view.flow.find(name).filter(|it| seen.insert(*it)) else { return false };
        let place = Place::start(Owner::Action(id));
        match &view.flow.action(id).kind {
            ActionKind::Compare(_) => true,
            ActionKind::Query(it) => {
                let mut found = differs(view, &it.condition, place.each(), seen);
                it.from.templates(&mut |it| found = found || string_differs(view, it, place, seen));
                found
            }
            ActionKind::Compose(it) => {
                let mut found = false;
                it.inputs
                    .templates(&mut |it| found = found || string_differs(view, it, place, seen));
                found
            }
            _ => false,
        }
    })
}

/// Functions that tell whether two things agree.
const COMPARISONS: &[&str] = &[
    "contains",
    "endsWith",
    "equals",
    "greater",
    "greaterOrEquals",
    "less",
    "lessOrEquals",
    "startsWith",
];

/// Whether a text names who has changed a record, or that a flow has.
pub(crate) fn names_origin(text: &str) -> bool {
    let folded: String = text.chars().filter(|it| it.is_alphanumeric()).collect();
    let folded = folded.to_lowercase();
    ORIGINS.iter().any(|it| folded.contains(it))
}

/// Whether two values are of different things, so that comparing them finds out what has changed.
fn differ(one: &[Traced], two: &[Traced]) -> bool {
    let things = |all: &[Traced]| {
        let data = all.iter().map(|it| it.source);
        data.filter(|it| matches!(it, Source::Trigger | Source::Action(_))).collect::<Vec<_>>()
    };
    let (one, two) = (things(one), things(two));
    !one.is_empty() && !two.is_empty() && one.iter().any(|it| !two.contains(it))
}

/// Whether a condition compares two things or asks for an origin.
fn differs(
    view: &View<'_>,
    condition: &Condition,
    place: Place,
    seen: &mut BTreeSet<ActionId>,
) -> bool {
    match condition {
        Condition::Template(placed) => string_differs(view, placed, place, seen),
        Condition::And(all) | Condition::Or(all) => {
            all.iter().any(|it| differs(view, it, place, seen))
        }
        Condition::Not(inner) => differs(view, inner, place, seen),
        Condition::Compare { operands, .. } => {
            let mut found = false;
            for operand in operands {
                operand.templates(&mut |it| found = found || string_differs(view, it, place, seen));
            }
            let sides: Vec<_> = operands.iter().map(|it| view.traced_tree(it, place)).collect();
            found || matches!(sides.as_slice(), [one, two] if differ(one, two))
        }
    }
}

fn traced(view: &View<'_>, pieces: Vec<Piece>, place: Place) -> Vec<Traced> {
    let parts = view.parts_of(pieces, place).into_iter();
    let values = parts.filter_map(|it| match it {
        crate::sources::Part::Text(_) => None,
        crate::sources::Part::Value(_, all) => Some(all),
    });
    values.flatten().collect()
}

/// The fields that a call writes, folded, as far as they are written out.
pub(crate) fn written_fields(view: &View<'_>, id: ActionId) -> Vec<String> {
    let Some(access) = Access::of(view, id) else { return Vec::new() };
    let mut fields = Vec::new();
    collect(&access.call.parameters, &mut fields);
    fields
}

fn collect(tree: &Tree, fields: &mut Vec<String>) {
    match tree {
        Tree::Value(value) => of_value(value, fields),
        Tree::Template(_) => {}
        Tree::Array(items) => items.iter().for_each(|it| collect(it, fields)),
        Tree::Object(entries) => {
            for (key, tree) in entries {
                if let expr::Key::Plain(key) = key {
                    fields.push(last(key));
                }
                collect(tree, fields);
            }
        }
    }
}

fn of_value(value: &serde_json::Value, fields: &mut Vec<String>) {
    if let Some(map) = value.as_object() {
        for (key, value) in map {
            fields.push(last(key));
            of_value(value, fields);
        }
    }
}

fn last(key: &str) -> String {
    key.rsplit('/').next().unwrap_or(key).to_lowercase()
}

/// What a trigger lets through: `Difference` if its conditions or inputs keep echoes out.
pub(crate) fn of_trigger(view: &View<'_>, trigger: &Trigger) -> Guard {
    let place = Place::start(Owner::Trigger);
    let mut guard = Guard::None;
    for condition in &trigger.conditions {
        guard = guard.max(of_template(view, condition, place)).max(Guard::Other);
    }
    let TriggerKind::ApiConnection(on) = &trigger.kind else { return guard };
    match &on.parameters {
        Tree::Value(serde_json::Value::Object(map)) => {
            for (key, value) in map {
                guard = guard.max(of_input(key, Some(value)));
            }
        }
        Tree::Object(entries) => {
            for (key, value) in entries {
                if let expr::Key::Plain(key) = key {
                    guard = guard.max(of_input(key, value.constant().as_ref()));
                }
            }
        }
        Tree::Value(_) | Tree::Template(_) | Tree::Array(_) => {}
    }
    guard
}

fn of_input(key: &str, value: Option<&serde_json::Value>) -> Guard {
    let text = value.map(expr::to_text).unwrap_or_default();
    let off = matches!(value, Some(serde_json::Value::Bool(false) | serde_json::Value::Null));
    if !off && (names_origin(key) && !key.ends_with("runas") || names_origin(&text)) {
        return Guard::Difference;
    }
    let filters = ["filter", "filterexpression", "attributefilters", "filteringattributes"];
    let name = key.rsplit('/').next().unwrap_or(key).trim_start_matches('$').to_lowercase();
    if filters.contains(&name.as_str()) && !text.is_empty() { Guard::Other } else { Guard::None }
}
