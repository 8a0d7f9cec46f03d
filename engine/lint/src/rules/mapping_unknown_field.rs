//! A field of a mapping that the schema of its source or its target does not have.

use base::{Diagnostic, Sink, Span, code};
use expr::{
    Key,
    check::{Paths, Root},
};
use flow::Mapping;
use serde_json::Value;

use super::suggested;
use crate::{
    fields::Side,
    rule::{Hooks, Phase, Rule, Written},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::MAPPING_UNKNOWN_FIELD,
    phase: Phase::Project,
    summary: "A field of a mapping that the schema of its source or its target does not have.",
    hooks: Hooks { mapping: Some(check), expression: Some(source), ..Hooks::NONE },
};

fn check(view: &View<'_>, mapping: &Mapping, sink: &mut Sink) {
    side(view, mapping.from.as_ref(), sink);
    let to = side(view, mapping.to.as_ref(), sink);
    for field in &mapping.fields {
        if let (Some(side), Key::Plain(target)) = (&to, &field.target) {
            let path: Vec<&str> = target.split('/').collect();
            report(side, &path, field.span, sink);
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

/// What a string of a mapping reads of the source object.
fn source(view: &View<'_>, written: &Written<'_>, sink: &mut Sink) {
    let mapping = written.place.mapping.and_then(|it| view.package.mappings.values().nth(it));
    let Some(side) = mapping.and_then(|it| Side::of(view, it.from.as_ref())) else { return };
    let types = view.types_at(written.place);
    let mut seen = Vec::new();
    for origin in written.placed.template.origins(&types, Paths::Item) {
        if origin.root == Root::Item {
            let path: Vec<&str> = origin.path.iter().map(String::as_str).collect();
            let span = written.placed.place(&origin.range);
            if report(&side, &path, span, sink) {
                seen.push(origin.range);
            }
        }
    }
    // What only decides, such as the condition of an `if`, is not part of the value.
    let mut others = written.types.to_vec();
    others.retain(|it| {
        it.code == code::UNKNOWN_FIELD
            && !seen.iter().any(|range| range.start <= it.range.start && it.range.end <= range.end)
    });
    for mut it in others {
        it.code = RULE.code;
        super::report((view, written.place), RULE.code, written.placed, &[it], sink);
    }
}

/// Whether a name is a name, and not a placeholder that an integrator has yet to fill in.
fn is_plain(name: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '@' | '-');
    !name.is_empty() && name.chars().all(fits)
}

/// Reports the first name of a path that a schema does not have, where it says what it has; whether
/// there is one.
fn report(side: &Side<'_>, path: &[&str], span: Span, sink: &mut Sink) -> bool {
    for (depth, name) in path.iter().enumerate() {
        let before = path.get(..depth).unwrap_or_default();
        let Some(schema) = side.connector.schema_at(side.schema, before) else { return false };
        let open = schema.get("additionalProperties").is_some_and(|it| *it != Value::Bool(false));
        let Some(fields) = schema.get("properties").and_then(Value::as_object) else {
            return false;
        };
        // An annotation such as `@odata.etag` or `owner@odata.bind` belongs to every object.
        if open || fields.is_empty() || !is_plain(name) || name.contains('@') {
            return false;
        }
        if !fields.contains_key(*name) {
            let message = format!("`{}` has no field `{}`", side.name, joined(before, name));
            let found = Diagnostic::new(RULE.code, span, message);
            sink.push(suggested(found, name, fields.keys().map(String::as_str)));
            return true;
        }
    }
    false
}

fn joined(before: &[&str], name: &str) -> String {
    before.iter().chain([&name]).copied().collect::<Vec<_>>().join(".")
}
