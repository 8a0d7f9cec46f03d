//! A mapping writes a field that the service only lets be read.

use base::{Diagnostic, Sink, code};
use flow::Mapping;

use crate::{
    fields::{self, Side},
    rule::{Hooks, Phase, Rule},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::MAPPING_READ_ONLY_TARGET,
    phase: Phase::Project,
    summary: "A mapping writes a field that can only be read.",
    hooks: Hooks { mapping: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, mapping: &Mapping, sink: &mut Sink) {
    let Some(to) = Side::of(view, mapping.to.as_ref()) else { return };
    if !fields::is_applied(view, mapping) {
        return;
    }
    for field in &mapping.fields {
        let Some(path) = fields::target(field) else { continue };
        if to.is_read_only(&path) {
            let message = format!("`{}` of `{}` can only be read", path.join("/"), to.name);
            let found = Diagnostic::new(RULE.code, field.span, message);
            sink.push(found.hint("leave it out: the service sets it"));
        }
    }
}
