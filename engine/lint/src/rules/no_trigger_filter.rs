//! Every change of a table starts a run.

use base::{Diagnostic, Sink, code};
use expr::{Key, Tree};
use flow::{Trigger, TriggerKind};
use serde_json::Value;

use crate::{
    rule::{Hooks, Phase, Rule},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::NO_TRIGGER_FILTER,
    phase: Phase::Project,
    summary: "Every change starts a run, although the trigger can tell which ones matter.",
    hooks: Hooks { trigger: Some(check), ..Hooks::NONE },
};

/// Inputs that say which changes matter; the last part of their names, folded.
const FILTERS: &[&str] =
    &["filter", "filterexpression", "filteringattributes", "attributefilters", "ignoreownchanges"];

fn check(view: &View<'_>, trigger: &Trigger, sink: &mut Sink) {
    let TriggerKind::ApiConnection(on) = &trigger.kind else { return };
    let Some(connector) = view.connector(&on.connection) else { return };
    let connector = crate::call::seen(view, connector, &on.parameters);
    let Some(known) = connector.trigger(&on.operation) else { return };
    let mut can = known.params.iter().filter(|it| !it.internal && is_filter(&it.name));
    let Some(first) = can.next().filter(|_| trigger.conditions.is_empty()) else { return };
    let given = match &on.parameters {
        Tree::Value(Value::Object(map)) => {
            map.iter().any(|(key, it)| is_filter(key) && !it.is_null())
        }
        Tree::Object(entries) => entries.iter().any(|(key, _)| match key {
            Key::Plain(key) => is_filter(key),
            Key::Computed(_) => true,
        }),
        Tree::Value(_) => false,
        Tree::Template(_) | Tree::Array(_) => true,
    };
    // Whoever listens to new or deleted records wants all of them.
    let about_changes = matches!(
        crate::service::listens(view, trigger),
        Some(events) if events.changes.updated
    );
    if given || !about_changes {
        return;
    }
    let message = "every change of any column starts a run";
    let found = Diagnostic::new(RULE.code, on.span, message);
    sink.push(
        found.hint(format!("say in `{}` which ones matter, or add `conditions`", first.name)),
    );
}

fn is_filter(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or(name).trim_start_matches('$').to_lowercase();
    FILTERS.contains(&last.as_str())
}
