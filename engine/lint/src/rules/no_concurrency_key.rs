//! Two runs about the same record look at the same time, and both write.

use base::{Diagnostic, Sink, code};
use connector::model::Effect;
use expr::Dialect;
use flow::{ActionId, ActionKind, Trigger, TriggerKind};

use crate::{
    rule::{Hooks, Phase, Rule},
    service::Access,
    sources::Source,
    view::{Owner, Place, View},
};

pub(super) const RULE: Rule = Rule {
    code: code::NO_CONCURRENCY_KEY,
    phase: Phase::Project,
    summary: "A record is looked for and then written by runs that may go side by side.",
    hooks: Hooks { trigger: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, trigger: &Trigger, sink: &mut Sink) {
    let in_turn = trigger.concurrency.as_ref().is_some_and(|it| it.key.is_some() || it.runs == 1);
    // Only events come together; a person or the clock does not.
    let by_event = match &trigger.kind {
        TriggerKind::Request(request) => {
            request.kind.as_deref().is_none_or(|it| it.eq_ignore_ascii_case("Http"))
        }
        TriggerKind::ApiConnection(_) | TriggerKind::HttpWebhook(_) => true,
        TriggerKind::Manual(_)
        | TriggerKind::Recurrence(_)
        | TriggerKind::Http(_)
        | TriggerKind::Flow(_)
        | TriggerKind::Batch(_)
        | TriggerKind::Unsupported(_) => false,
    };
    if in_turn || !by_event || trigger.has_option("SingleInstance") {
        return;
    }
    let accesses = Access::all(view);
    for write in accesses.iter().filter(|it| it.writes() && it.effect != Effect::Delete) {
        let Some(read) = accesses.iter().find(|it| is_read_for(view, it, write)) else { continue };
        let name = |id: ActionId| &view.flow.action(id).display;
        let message = format!(
            "runs of two events about one record may both do `{}` before either does `{}`",
            name(read.id),
            name(write.id)
        );
        let found = Diagnostic::new(RULE.code, trigger.span, message);
        let found = found.label(read.call.target_span, "what is looked for");
        let found = found.label(write.call.target_span, "what is written then");
        sink.push(found.hint(match view.flow.dialect {
            Dialect::Flowright => {
                "add `concurrency: { runs: 1, key: … }` with the id of the record"
            }
            Dialect::Wdl => "let the trigger start one run at a time",
        }));
        return;
    }
}

/// Whether a write depends on what a call has found in the same table.
fn is_read_for(view: &View<'_>, read: &Access<'_>, write: &Access<'_>) -> bool {
    read.effect == Effect::Read
        && read.about.table.is_some()
        && read.about == write.about
        && view.upstream.is_before(read.id, write.id)
        && depends(view, read.id, write.id)
}

/// Whether what is written, or whether it is written, depends on an answer.
fn depends(view: &View<'_>, read: ActionId, write: ActionId) -> bool {
    let is_it = |it: &crate::sources::Traced| it.source == Source::Action(read);
    let place = Place::start(Owner::Action(write));
    if let ActionKind::ApiConnection(call) = &view.flow.action(write).kind
        && view.traced_tree(&call.parameters, place).iter().any(is_it)
    {
        return true;
    }
    view.flow.ancestors(write).any(|around| {
        let place = Place::start(Owner::Action(around));
        match &view.flow.action(around).kind {
            ActionKind::Condition(it) => {
                let mut found = false;
                it.condition
                    .templates(&mut |placed| found |= view.traced(placed, place).iter().any(is_it));
                found
            }
            ActionKind::Switch(it) => view.traced_tree(&it.on, place).iter().any(is_it),
            ActionKind::Foreach(it) => view.traced_tree(&it.items, place).iter().any(is_it),
            _ => false,
        }
    })
}
