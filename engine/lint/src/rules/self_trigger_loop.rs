//! A flow changes the records whose changes start it.

use base::{Diagnostic, Sink, code};
use connector::model::Effect;

use crate::{
    guards::{self, Guard},
    rule::{Hooks, Phase, Rule},
    service::{self, Access, Change},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::SELF_TRIGGER_LOOP,
    phase: Phase::Project,
    summary: "A flow changes the records whose changes start it, and nothing ends that.",
    hooks: Hooks { flow: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, sink: &mut Sink) {
    let accesses = Access::all(view);
    for trigger in &view.flow.triggers {
        let Some(events) = service::listens(view, trigger) else { continue };
        let at_trigger = guards::of_trigger(view, trigger);
        let is_made =
            |it: &&Access<'_>| Change::of(view, it).is_some_and(|it| events.are_made_by(&it));
        for write in accesses.iter().filter(is_made) {
            // A new record that is written by its own id is only updated.
            if write.effect == Effect::Upsert && !events.changes.updated {
                continue;
            }
            let guard = at_trigger.max(guards::of_action(view, write.id));
            if guard == Guard::Difference {
                continue;
            }
            let what = write.thing(view);
            let message = format!("this changes {what}, which starts this flow again");
            let mut found =
                view.lacking(Diagnostic::new(RULE.code, write.call.target_span, message));
            let sure = events.about.table.is_some() && write.about.table.is_some();
            if guard == Guard::Other || !sure || write.may_be_elsewhere() {
                found = found.warning();
            }
            found = found.label(trigger.span, "what starts it");
            sink.push(found.hint(
                "write only what differs, after `compare` or a condition, or leave out in the \
                 trigger what this flow's own user has changed",
            ));
        }
    }
}
