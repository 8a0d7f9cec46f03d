//! A call by a connection that the flow does not declare, or a connection of an unknown connector.

use base::{Diagnostic, Sink, code};
use flow::{environment::ConnectionSetting, model::Connection};

use super::suggested;
use crate::{
    rule::{Hooks, Phase, Rule},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::UNKNOWN_CONNECTION,
    phase: Phase::Project,
    summary: "A connection is not declared, not in the environment, or of an unknown connector.",
    hooks: Hooks { flow: Some(check), ..Hooks::NONE },
};

/// That a connection is declared is checked by the reader.
fn check(view: &View<'_>, sink: &mut Sink) {
    for connection in &view.flow.connections {
        if let Some(found) = connector(view, connection).or_else(|| setting(view, connection)) {
            sink.push(view.lacking(found));
        }
    }
}

fn connector(view: &View<'_>, connection: &Connection) -> Option<Diagnostic> {
    let name = &connection.connector;
    if let Some(there) = view.catalog().find(name) {
        let wanted = connection.version.as_ref().filter(|it| !is_version(&there.version, it))?;
        let message =
            format!("connector `{name}` is here in version {}, not {wanted}", there.version);
        return Some(Diagnostic::new(RULE.code, connection.span, message));
    }
    let message = format!("there is no connector `{name}`");
    let found = Diagnostic::new(RULE.code, connection.span, message);
    Some(match view.catalog().closest(name) {
        Some(near) => found.hint(format!("did you mean `{near}`?")),
        None => found.hint("a connector is a folder of `connectors`"),
    })
}

/// Whether a version is the one that is asked for, or one of those that begin so.
fn is_version(version: &str, wanted: &str) -> bool {
    version.strip_prefix(wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// What the environment says about the connection. The engine takes the one of the same name, else
/// the one named as its connector, else the only one to that connector.
fn setting(view: &View<'_>, connection: &Connection) -> Option<Diagnostic> {
    let name = &connection.name;
    let settings = &view.project.environment?.connections;
    let ours = view.catalog().find(&connection.connector)?;
    let is_ours = |it: &ConnectionSetting| {
        let theirs = it.connector.as_ref().unwrap_or(&it.name);
        view.catalog().find(theirs).is_some_and(|theirs| theirs.name == ours.name)
    };
    let named = |name: &str| settings.iter().find(|it| it.name == name);
    if let Some(setting) = named(name).or_else(|| named(&connection.connector)) {
        if is_ours(setting) {
            return None;
        }
        let theirs = setting.connector.as_ref().unwrap_or(&setting.name);
        let message = format!("connection `{name}` is one of `{theirs}` in this environment");
        return Some(Diagnostic::new(RULE.code, connection.span, message));
    }
    match settings.iter().filter(|it| is_ours(it)).count() {
        1 => None,
        0 => {
            let message = format!("connection `{name}` is not in this environment");
            let found = Diagnostic::new(RULE.code, connection.span, message);
            let names: Vec<&str> = settings.iter().map(|it| it.name.as_str()).collect();
            Some(suggested(found, name, names.into_iter()))
        }
        _ => {
            let connector = &connection.connector;
            let message = format!("this environment has several connections to `{connector}`");
            let found = Diagnostic::new(RULE.code, connection.span, message);
            Some(found.hint(format!("name one of them `{name}`, as the flow does")))
        }
    }
}
