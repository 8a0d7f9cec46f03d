//! A field that a value does not have, or a path from something that is not part of the run.

use base::{Diagnostic, Sink, code, suggest};
use expr::What;

use crate::{
    rule::{Hooks, Phase, Rule, Written},
    view::{Owner, View},
};

pub(super) const RULE: Rule = Rule {
    code: code::UNKNOWN_FIELD,
    phase: Phase::File,
    summary: "A field that a value does not have, or a path from something that is not part of the run.",
    hooks: Hooks { expression: Some(check), ..Hooks::NONE },
};

/// What a path may begin with in an action.
const RUN: &[&str] =
    &["trigger", "actions", "variables", "parameters", "item", "items", "run", "flow"];

/// What a path may begin with in a trigger.
const EVENT: &[&str] =
    &["body", "headers", "queries", "relativePathParameters", "trigger", "parameters", "flow"];

fn check(view: &View<'_>, written: &Written<'_>, sink: &mut Sink) {
    // The fields of a mapping are another rule's.
    if written.place.owner == Owner::Mapping {
        return;
    }
    super::report((view, written.place), RULE.code, written.placed, written.types, sink);
    let roots = match written.place.owner {
        Owner::Trigger => EVENT,
        Owner::Action(_) | Owner::Outputs => RUN,
        // The source object is the document; its schema decides, if it is known.
        Owner::Mapping => return,
    };
    for it in written.uses {
        let What::Root { name } = &it.what else { continue };
        if roots.contains(&name.as_str()) {
            continue;
        }
        let span = written.placed.place(&it.range);
        let found = Diagnostic::new(RULE.code, span, format!("no path begins with `{name}` here"));
        sink.push(if EVENT.contains(&name.as_str()) {
            found.hint(format!("write `trigger.{name}`, or `actions.Name.{name}` of an action"))
        } else if let Some(near) = suggest::closest(name, roots.iter().copied()) {
            found.meant(name, near, roots.iter().copied())
        } else {
            found.hint(format!("paths begin with {}", roots.join(", ")))
        });
    }
}
