//! An action whose answer is made up.

use base::{Diagnostic, Sink, Span, code};
use expr::Dialect;
use flow::ActionId;

use crate::{
    rule::{Hooks, Phase, Rule},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::TEST_MODE_LEFT_ON,
    phase: Phase::File,
    summary: "An action gives a static result in place of what its service answers.",
    hooks: Hooks { action: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, id: ActionId, sink: &mut Sink) {
    let action = view.flow.action(id);
    let Some(result) = &action.static_result else { return };
    let message = format!("this asks nobody: it always gives the static result `{result}`");
    let entry = view.locator().entry(action.name_span, &["staticResult"]);
    let span = entry.map_or(action.name_span, |it| it.key.span.to(it.value.span));
    let found = Diagnostic::new(RULE.code, span, message);
    let line = entry.and_then(|_| own_lines(view.source.text(), span));
    sink.push(match line {
        Some(line) if view.flow.dialect == Dialect::Flowright => {
            found.fix(line, "", "Remove `staticResult`")
        }
        Some(_) | None => found.hint("remove `staticResult` before the flow goes live"),
    });
}

/// The line of an entry, if nothing else stands on it.
fn own_lines(text: &str, span: Span) -> Option<Span> {
    let before = text.get(..span.start)?;
    let start = before.rfind('\n').map_or(0, |it| it + 1);
    let after = text.get(span.end..)?;
    let end = after.find('\n').map_or(text.len(), |it| span.end + it + 1);
    let is_alone = text.get(start..span.start)?.trim().is_empty()
        && text.get(span.end..end)?.trim_start().chars().next().is_none_or(|it| it == '#');
    is_alone.then(|| Span::new(start, end))
}
