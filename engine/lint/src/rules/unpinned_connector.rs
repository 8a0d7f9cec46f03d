//! A flow takes whatever version of a connector there is.

use base::{Diagnostic, Sink, code};
use expr::Dialect;

use crate::{
    rule::{Hooks, Phase, Rule},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::UNPINNED_CONNECTOR,
    phase: Phase::Project,
    summary: "A flow does not say which version of a connector it was made for.",
    hooks: Hooks { flow: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, sink: &mut Sink) {
    // The cloud has one version of each connector.
    if view.flow.dialect == Dialect::Wdl {
        return;
    }
    for connection in view.flow.connections.iter().filter(|it| it.version.is_none()) {
        let Some(connector) = view.catalog().find(&connection.connector) else { continue };
        let message = format!("any version of `{}` is taken", connector.name);
        let found = Diagnostic::new(RULE.code, connection.span, message);
        // Versions that differ only at the end are to be interchangeable.
        let major = connector.version.split('.').next().unwrap_or(&connector.version);
        let pinned = format!("{}@{major}", connection.connector);
        let mut found = found.hint(format!("write `{pinned}`")).fix(
            connection.span,
            pinned.clone(),
            format!("Write `{pinned}`"),
        );
        if let Some(fix) = &mut found.fix {
            fix.replaces = Some(connection.connector.clone());
        }
        sink.push(found);
    }
}
