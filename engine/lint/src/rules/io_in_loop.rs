//! A service is asked once for each item, where it could be asked once.

use base::{Diagnostic, Sink, code};
use connector::{Connector, model::Effect};
use expr::Tree;
use flow::{ActionId, ActionKind};

use crate::{
    rule::{Hooks, Phase, Rule},
    service::{Access, text_of},
    sources::Source,
    view::{Owner, Place, View},
};

pub(super) const RULE: Rule = Rule {
    code: code::IO_IN_LOOP,
    phase: Phase::Project,
    summary: "A service is asked for each item of a list, where one call could ask for all.",
    hooks: Hooks { action: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, id: ActionId, sink: &mut Sink) {
    let loops: Vec<ActionId> = flow::resolve::loops(view.flow, id)
        .filter(|it| matches!(view.flow.action(*it).kind, ActionKind::Foreach(_)))
        .collect();
    let Some(innermost) = loops.first() else { return };
    let Some(access) = Access::of(view, id).filter(|it| asks_per_item(view, it)) else { return };
    let instead = match access.known {
        Some((connector, _)) if access.effect == Effect::Read => {
            reader(connector, &access).map(|it| {
                format!(
                    "ask once before the loop with `{it}` and a `$filter`, and pick from the answer"
                )
            })
        }
        Some((connector, _)) => {
            writer(connector).map(|it| format!("hand all of them over at once with `{it}`"))
        }
        None if access.effect == Effect::Read => {
            Some("ask once before the loop with a filter, and pick from the answer".to_owned())
        }
        None => None,
    };
    let Some(instead) = instead else { return };
    let count = calls(view, &loops);
    let message = format!("`{}` is called for each item: a run makes {count}", access.operation);
    let found = Diagnostic::new(RULE.code, access.call.target_span, message).hint(instead);
    sink.push(found.label(view.flow.action(*innermost).name_span, "the loop"));
}

/// Whether the call depends on the item: what is the same each time is another matter.
fn asks_per_item(view: &View<'_>, access: &Access<'_>) -> bool {
    let place = Place::start(Owner::Action(access.id));
    let mut found = false;
    access.call.parameters.templates(&mut |placed| {
        let origins = placed.template.origins(&view.types_at(place), expr::check::Paths::Run);
        found |= !origins.is_empty();
    });
    found
}

/// The operation that lists what is read one by one.
fn reader<'a>(connector: &'a Connector, access: &Access<'_>) -> Option<&'a str> {
    let lists = |it: &&connector::model::Operation| {
        it.effect == Effect::Read && !it.internal && it.param("$filter").is_some()
    };
    if access.known.is_some_and(|(_, it)| lists(&it)) {
        return connector.operation(access.operation).map(|it| it.id.as_str());
    }
    connector.operations.values().find(lists).map(|it| it.id.as_str())
}

/// The operation that takes many changes at once.
fn writer(connector: &Connector) -> Option<&str> {
    let many = |it: &&connector::model::Operation| {
        let id = it.id.to_ascii_lowercase();
        !it.internal
            && it.effect != Effect::Read
            && ["batch", "changeset", "multiple"].iter().any(|word| id.contains(word))
    };
    connector.operations.values().find(many).map(|it| it.id.as_str())
}

/// How many calls a run makes, as far as can be told.
fn calls(view: &View<'_>, loops: &[ActionId]) -> String {
    let most = loops.iter().map(|it| items(view, *it));
    let known = most
        .clone()
        .map(|it| it.map(|(count, _)| count))
        .try_fold(1_usize, |all, it| it.map(|it| all.saturating_mul(it)));
    let exact = most.clone().all(|it| it.is_some_and(|(_, exact)| exact));
    match known {
        Some(count) if exact => format!("{count} calls"),
        Some(count) => format!("up to {count} calls"),
        None if 1 < loops.len() => {
            "as many calls as the lists of the loops multiplied are long".to_owned()
        }
        None => "as many calls as the list is long".to_owned(),
    }
}

/// How many items a loop has at most, and whether it surely has so many.
fn items(view: &View<'_>, id: ActionId) -> Option<(usize, bool)> {
    let ActionKind::Foreach(it) = &view.flow.action(id).kind else { return None };
    if let Some(list) = it.items.constant() {
        return list.as_array().map(|it| (it.len(), true));
    }
    if let Tree::Array(items) = &it.items {
        return Some((items.len(), true));
    }
    let place = Place::start(Owner::Action(id));
    let mut counts = Vec::new();
    for from in view.traced_tree(&it.items, place) {
        let Source::Action(list) = from.source else { return None };
        let access = Access::of(view, list)?;
        counts.push(text_of(view, &access.call.parameters, &["$top"])?.parse::<usize>().ok()?);
    }
    counts.iter().max().map(|it| (*it, false))
}
