//! A password, a key or a token that stands in a file.

use base::{Diagnostic, Severity, Sink, Source, Span, code};
use expr::{Dialect, Tree};
use serde_json::Value;

use crate::{
    rule::{Hooks, Phase, Rule},
    secrets::{self, Grade},
    view::{Owner, Place, View},
};

pub(super) const RULE: Rule = Rule {
    code: code::HARDCODED_SECRET,
    phase: Phase::File,
    summary: "A password, a key or a token stands in the file.",
    hooks: Hooks { file: Some(file), flow: Some(flow), tree: Some(tree), ..Hooks::NONE },
};

const HINT: &str =
    "make it a secure parameter or a connection, and let whoever gave it out change it";

fn flow(view: &View<'_>, sink: &mut Sink) {
    if view.flow.dialect == Dialect::Wdl {
        file(view.source, sink);
    }
    for parameter in &view.flow.parameters {
        let Some(Value::String(text)) = &parameter.default else { continue };
        let grade = secrets::named(&parameter.name, text);
        let grade = grade.or_else(|| parameter.secure.then(|| secrets::guess(text)).flatten());
        if let Some(grade) = grade {
            let what = format!("the default of `{}` looks like a secret", parameter.name);
            report(sink, parameter.span, &what, grade);
        }
    }
}

/// What has the form of a secret, wherever it stands.
fn file(source: &Source, sink: &mut Sink) {
    for (range, what) in secrets::recognized(source.text()) {
        let message = format!("{what} stands in this file");
        report(sink, Span::new(range.start, range.end), &message, Grade::Sure);
    }
}

/// What is called a secret by the key that it stands behind.
fn tree(view: &View<'_>, tree: &Tree, place: Place, sink: &mut Sink) {
    each(tree, &mut |key, text| {
        let Some(grade) = secrets::named(key, text) else { return };
        // What has the form of a secret is found in the text of the file.
        if !secrets::recognized(text).is_empty() {
            return;
        }
        let name = match place.owner {
            Owner::Action(id) => view.flow.action(id).name_span,
            Owner::Trigger => view.flow.triggers.first().map_or(Span::default(), |it| it.span),
            Owner::Outputs | Owner::Mapping => return,
        };
        let span = view.locator().text(name, text).unwrap_or(name);
        report(sink, span, &format!("the value of `{key}` looks like a secret"), grade);
    });
}

fn report(sink: &mut Sink, span: Span, message: &str, grade: Grade) {
    let mut found = Diagnostic::new(RULE.code, span, message);
    if grade == Grade::Likely {
        found.severity = Severity::Warning;
    }
    sink.push(found.hint(HINT));
}

/// Every text that stands behind a key, in which nothing is computed.
fn each(tree: &Tree, see: &mut dyn FnMut(&str, &str)) {
    match tree {
        Tree::Value(value) => of_value(value, see),
        Tree::Template(_) => {}
        Tree::Array(items) => items.iter().for_each(|it| each(it, see)),
        Tree::Object(entries) => {
            for (key, tree) in entries {
                match (key, tree) {
                    (expr::Key::Plain(key), Tree::Value(Value::String(text))) => see(key, text),
                    _ => each(tree, see),
                }
            }
        }
    }
}

fn of_value(value: &Value, see: &mut dyn FnMut(&str, &str)) {
    match value {
        Value::Array(items) => items.iter().for_each(|it| of_value(it, see)),
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(text) => see(key, text),
                    _ => of_value(value, see),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
