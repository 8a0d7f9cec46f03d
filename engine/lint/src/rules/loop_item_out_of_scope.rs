//! `item()`, `items('loop')` and `iterationIndexes('loop')` outside the loop they speak of.

use base::{Diagnostic, Sink, code};
use expr::What;
use flow::{ActionId, ActionKind};

use crate::{
    rule::{Hooks, Phase, Rule, Written},
    view::{Moment, Owner, View},
};

pub(super) const RULE: Rule = Rule {
    code: code::LOOP_ITEM_OUT_OF_SCOPE,
    phase: Phase::File,
    summary: "The item or the turn of a loop is asked for outside that loop.",
    hooks: Hooks { expression: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, written: &Written<'_>, sink: &mut Sink) {
    // A mapping stands beside the flow; where it is applied, not here, decides about loops.
    if written.place.owner == Owner::Mapping {
        return;
    }
    let around: Vec<ActionId> =
        written.place.action().map_or(Vec::new(), |id| view.flow.ancestors(id).collect());
    for it in written.uses {
        let message = match &it.what {
            What::Item => no_item(view, written, &around),
            What::Items { name } => not_in(view, name, &around, is_foreach, "`foreach`"),
            What::IterationIndexes { name } => {
                let mut around = around.clone();
                around.extend(
                    written.place.action().filter(|_| written.place.moment == Moment::Pass),
                );
                not_in(view, name, &around, is_until, "`until`")
            }
            What::Function { .. }
            | What::Action { .. }
            | What::Result { .. }
            | What::Variable { .. }
            | What::Parameter { .. }
            | What::Root { .. } => None,
        };
        if let Some((message, hint)) = message {
            let span = written.placed.place(&it.range);
            sink.push(Diagnostic::new(RULE.code, span, message).hint(hint));
        }
    }
}

type Fault = Option<(String, String)>;

fn no_item(view: &View<'_>, written: &Written<'_>, around: &[ActionId]) -> Fault {
    if written.place.has_item || around.iter().any(|it| is_foreach(&view.flow.action(*it).kind)) {
        return None;
    }
    let hint = "`foreach`, `select`, `filter` and the columns of `table` have items";
    Some(("there is no item here".to_owned(), hint.to_owned()))
}

fn not_in(
    view: &View<'_>,
    name: &str,
    around: &[ActionId],
    wanted: fn(&ActionKind) -> bool,
    what: &str,
) -> Fault {
    let id = view.flow.find(name)?;
    if !wanted(&view.flow.action(id).kind) {
        return Some((format!("`{name}` is not a {what}"), format!("name a {what} around this")));
    }
    if around.contains(&id) {
        return None;
    }
    let loops = around.iter().map(|it| view.flow.action(*it)).filter(|it| wanted(&it.kind));
    let loops: Vec<String> = loops.map(|it| format!("`{}`", it.name)).collect();
    let hint = if loops.is_empty() {
        format!("no {what} is around this")
    } else {
        format!("around this there is {}", loops.join(", "))
    };
    Some((format!("this does not stand in the loop `{name}`"), hint))
}

const fn is_foreach(kind: &ActionKind) -> bool {
    matches!(kind, ActionKind::Foreach(_))
}

const fn is_until(kind: &ActionKind) -> bool {
    matches!(kind, ActionKind::Until(_))
}
