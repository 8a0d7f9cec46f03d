//! A field of a mapping that the schema of its source or its target does not have.

use base::{Diagnostic, Sink, Span, code};
use connector::Connector;
use expr::{Key, Notation, Placed, What};
use flow::Mapping;
use serde_json::Value;

use super::suggested;
use crate::{
    rule::{Hooks, Phase, Rule},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::MAPPING_UNKNOWN_FIELD,
    phase: Phase::Project,
    summary: "A field of a mapping that the schema of its source or its target does not have.",
    hooks: Hooks { mapping: Some(check), ..Hooks::NONE },
};

/// A schema of a connector.
struct Side<'a> {
    name: &'a str,
    connector: &'a Connector,
    schema: &'a Value,
}

fn check(view: &View<'_>, mapping: &Mapping, sink: &mut Sink) {
    let from = side(view, mapping.from.as_ref(), sink);
    let to = side(view, mapping.to.as_ref(), sink);
    for field in &mapping.fields {
        if let (Some(side), Key::Plain(target)) = (&to, &field.target) {
            let path: Vec<&str> = target.split('/').collect();
            report(side, &path, field.span, sink);
        }
        if let Some(side) = &from {
            let trees = [Some(&field.source), field.otherwise.as_ref(), field.default.as_ref()];
            for tree in trees.into_iter().flatten() {
                tree.templates(&mut |placed| source(side, placed, sink));
            }
            if let Some(when) = &field.when {
                when.templates(&mut |placed| source(side, placed, sink));
            }
        }
    }
}

/// The schema that `connector#Schema` names.
fn side<'a>(
    view: &View<'a>,
    named: Option<&'a (String, Span)>,
    sink: &mut Sink,
) -> Option<Side<'a>> {
    let (name, span) = named?;
    let (connector_name, schema_name) = name.split_once('#')?;
    let Some(connector) = view.catalog().find(connector_name) else {
        let message = format!("there is no connector `{connector_name}`");
        let names: Vec<&str> = view.catalog().listings().map(|it| it.name.as_str()).collect();
        let found = Diagnostic::new(RULE.code, *span, message);
        sink.push(suggested(found, connector_name, names.into_iter()));
        return None;
    };
    let Some(schema) = connector.schemas.get(schema_name) else {
        let message = format!("connector `{}` has no schema `{schema_name}`", connector.name);
        let found = Diagnostic::new(RULE.code, *span, message);
        let names = connector.schemas.keys().map(String::as_str);
        sink.push(suggested(found, schema_name, names));
        return None;
    };
    Some(Side { name, connector, schema })
}

/// What a template reads of the source object.
fn source(side: &Side<'_>, placed: &Placed, sink: &mut Sink) {
    let text = placed.template.source();
    if placed.template.notation() == Notation::JsonPath {
        if let Some(path) = text.strip_prefix("$.").and_then(plain_path) {
            report(side, &path, placed.span, sink);
        }
        return;
    }
    for it in placed.template.uses() {
        if let What::Root { name } = &it.what {
            report(side, &[name], placed.place(&it.range), sink);
        }
    }
}

/// The names of a path without brackets, filters and wildcards.
fn plain_path(text: &str) -> Option<Vec<&str>> {
    let path: Vec<&str> = text.split('.').collect();
    path.iter().all(|it| is_plain(it)).then_some(path)
}

/// Whether a name is a name, and not a placeholder that an integrator has yet to fill in.
fn is_plain(name: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '@' | '-');
    !name.is_empty() && name.chars().all(fits)
}

/// Reports the first name of a path that a schema does not have, where it says what it has.
fn report(side: &Side<'_>, path: &[&str], span: Span, sink: &mut Sink) {
    for (depth, name) in path.iter().enumerate() {
        let before = path.get(..depth).unwrap_or_default();
        let Some(schema) = side.connector.schema_at(side.schema, before) else { return };
        let open = schema.get("additionalProperties").is_some_and(|it| *it != Value::Bool(false));
        let Some(fields) = schema.get("properties").and_then(Value::as_object) else { return };
        // An annotation such as `@odata.etag` or `owner@odata.bind` belongs to every object.
        if open || fields.is_empty() || !is_plain(name) || name.contains('@') {
            return;
        }
        if !fields.contains_key(*name) {
            let message = format!("`{}` has no field `{}`", side.name, joined(before, name));
            let found = Diagnostic::new(RULE.code, span, message);
            sink.push(suggested(found, name, fields.keys().map(String::as_str)));
            return;
        }
    }
}

fn joined(before: &[&str], name: &str) -> String {
    before.iter().chain([&name]).copied().collect::<Vec<_>>().join(".")
}
