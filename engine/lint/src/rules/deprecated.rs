//! What still works, but has a successor.

use base::{Diagnostic, Sink, Span, code};
use expr::{Dialect, What, functions};

use crate::{
    rule::{Hooks, Phase, Rule, Written},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::DEPRECATED,
    phase: Phase::File,
    summary: "A function or a version of the format that has a successor.",
    hooks: Hooks { expression: Some(expression), flow: Some(flow), ..Hooks::NONE },
};

/// Functions that do exactly what another does. The third column: whether designers still write them.
const FUNCTIONS: &[(&str, &str, bool)] = &[
    ("actionBody", "body", false),
    ("actionOutputs", "outputs", false),
    ("decodeBase64", "base64ToString", true),
    ("decodeDataUri", "dataUriToBinary", true),
    ("encodeUriComponent", "uriComponent", true),
];

fn expression(view: &View<'_>, written: &Written<'_>, sink: &mut Sink) {
    for it in written.uses {
        let What::Function { name, .. } = &it.what else { continue };
        let Some(function) = functions::find(name) else { continue };
        let known = FUNCTIONS.iter().find(|(old, _, _)| *old == function.name);
        let Some((old, new, is_generated)) = known else { continue };
        if *is_generated && view.flow.dialect == Dialect::Wdl {
            continue;
        }
        let span = written.placed.place(&it.range);
        let message = format!("`{old}` is an old name of `{new}`");
        let found = Diagnostic::new(RULE.code, span, message);
        let name_span = Span::new(span.start, span.start + name.len());
        let is_verbatim =
            view.source.text().get(name_span.start..name_span.end) == Some(name.as_str());
        sink.push(match written.placed.verbatim_at {
            Some(_) if is_verbatim => found.fix(name_span, *new, format!("Write `{new}`")),
            Some(_) | None => found.hint(format!("write `{new}`")),
        });
    }
}

/// Versions of the cloud's format before the present one.
const OLD_SCHEMAS: &[&str] = &["2014-12-01-preview", "2015-08-01-preview"];

/// Whether a definition is of a version that ordered actions by what they name in `dependsOn`.
pub(super) fn is_old(view: &View<'_>) -> bool {
    let names = |it: &&str| view.source.text().contains(&format!("{it}/workflowdefinition.json"));
    view.flow.dialect == Dialect::Wdl && OLD_SCHEMAS.iter().any(names)
}

fn flow(view: &View<'_>, sink: &mut Sink) {
    if view.flow.dialect == Dialect::Flowright {
        return;
    }
    for (at, _) in view.source.text().match_indices("workflowdefinition.json") {
        let before = view.source.text().get(..at).unwrap_or("");
        let old = OLD_SCHEMAS.iter().find(|it| before.ends_with(&format!("{it}/")));
        let Some(old) = old else { continue };
        let start = at - 1 - old.len();
        let message = format!("version `{old}` of the definition language is out of use");
        let found = Diagnostic::new(RULE.code, Span::new(start, start + old.len()), message);
        sink.push(found.hint("open and save the flow in the designer, which writes `2016-06-01`"));
    }
}
