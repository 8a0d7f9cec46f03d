//! A name in other case than where it is defined: it works, but a search for the name misses it.

use base::{ActionName, Diagnostic, Sink, Span, code};
use expr::{What, functions};
use flow::ActionId;

use crate::{
    rule::{Hooks, Phase, Rule, Written},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::CASE_MISMATCH,
    phase: Phase::File,
    summary: "A name is written in other case than where it is defined.",
    hooks: Hooks { expression: Some(expression), action: Some(run_after), ..Hooks::NONE },
};

fn expression(view: &View<'_>, written: &Written<'_>, sink: &mut Sink) {
    for it in written.uses {
        let Some((used, defined)) = names(view, &it.what) else { continue };
        if used == defined {
            continue;
        }
        let span = written.placed.place(&it.range);
        let message = format!("`{used}` is written `{defined}` where it is defined");
        let found = Diagnostic::new(RULE.code, span, message);
        // In a path or a call the range holds more than the name, or the name with its quotes.
        let template = &written.placed.template;
        let text = template.source().get(it.range.clone()).unwrap_or("");
        let at: Vec<usize> = text.match_indices(used).map(|(at, _)| at).collect();
        sink.push(match (at.as_slice(), written.placed.verbatim_at) {
            ([at], Some(_)) => {
                let start = span.start + at;
                let name = Span::new(start, start + used.len());
                found.fix(name, defined, "Write the name as it is defined")
            }
            _ => found.hint(format!("write `{defined}`")),
        });
    }
}

/// A name as used, and as defined; `None` if there is no such thing, which is for other rules.
fn names<'a>(view: &View<'a>, what: &'a What) -> Option<(&'a str, &'a str)> {
    match what {
        What::Action { name, .. }
        | What::Result { name }
        | What::Items { name }
        | What::IterationIndexes { name } => {
            let defined = &view.flow.action(view.flow.find(name)?).name;
            // Blanks and underscores are the same in references.
            let same = ActionName::new(name).as_str() == defined.as_str();
            Some((name, if same { name } else { defined.as_str() }))
        }
        What::Variable { name } => Some((name, &view.variable(name)?.name)),
        What::Parameter { name } => {
            let mut parameters = view.flow.parameters.iter();
            Some((name, &parameters.find(|it| it.name.eq_ignore_ascii_case(name))?.name))
        }
        What::Function { name, .. } => Some((name, functions::find(name)?.name)),
        What::Item | What::Root { .. } => None,
    }
}

fn run_after(view: &View<'_>, id: ActionId, sink: &mut Sink) {
    let action = view.flow.action(id);
    for after in action.run_after.iter().filter(|it| it.span != action.name_span) {
        let text = view.source.text().get(after.span.start..after.span.end).unwrap_or("");
        let used = text.trim_matches(['"', '\'']);
        let defined = &view.flow.action(after.predecessor).name;
        let name = ActionName::new(used);
        // A name that is escaped in the file is not compared.
        if name == *defined && name.as_str() != defined.as_str() {
            let message = format!("`{used}` is written `{defined}` where it is defined");
            let found = Diagnostic::new(RULE.code, after.span, message);
            sink.push(found.hint(format!("write `{defined}`")));
        }
    }
}
