//! A mapping leaves out a field that its target must have.

use base::{Diagnostic, Severity, Sink, Span, code, suggest};
use expr::What;
use flow::{ActionKind, Mapping};
use serde_json::Value;

use crate::{
    fields::{self, Side},
    given,
    rule::{Hooks, Phase, Rule},
    view::View,
};

pub(super) const RULE: Rule = Rule {
    code: code::MAPPING_REQUIRED_UNMAPPED,
    phase: Phase::Project,
    summary: "A mapping leaves out a field that its target must have.",
    hooks: Hooks { mapping: Some(check), ..Hooks::NONE },
};

/// Whether the file says which fields it makes: that it does not is another finding.
fn has_fields(view: &View<'_>, mapping: &Mapping) -> bool {
    let source = view.source_at(view.place_in(mapping));
    yaml::parse(source.text()).0.is_some_and(|it| it.get("fields").is_some())
}

fn check(view: &View<'_>, mapping: &Mapping, sink: &mut Sink) {
    let Some(to) = Side::of(view, mapping.to.as_ref()) else { return };
    if mapping.fields.is_empty() && !has_fields(view, mapping) {
        return;
    }
    let targets: Option<Vec<Vec<&str>>> = mapping.fields.iter().map(fields::target).collect();
    // A field whose name is computed may be the one.
    let (Some(targets), true) = (targets, fields::is_applied(view, mapping)) else { return };
    let span = mapping.to.as_ref().map_or_else(Span::default, |(_, span)| *span);
    let first = targets.iter().filter_map(|it| it.first().copied());
    let mut objects: Vec<Vec<&str>> = vec![Vec::new()];
    // Of an object inside, only if the mapping makes it.
    objects.extend(
        targets
            .iter()
            .filter(|it| 1 < it.len())
            .filter_map(|it| it.split_last().map(|(_, before)| before.to_vec())),
    );
    objects.sort();
    objects.dedup();
    let severity = if is_completed(view, mapping) { Severity::Warning } else { RULE.code.severity };
    let mut missing = Vec::new();
    for object in &objects {
        let Some(schema) = to.at(object) else { continue };
        let properties = schema.get("properties");
        let required = schema.get("required").and_then(Value::as_array);
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            let own = properties.and_then(|it| it.get(name));
            let filled = own.is_some_and(|it| to.connector.is_filled(it));
            let path: Vec<&str> = object.iter().copied().chain([name]).collect();
            let mapped = targets.iter().any(|it| it.starts_with(&path) || path.starts_with(it));
            let misspelt = first.clone().any(|it| {
                let unknown = properties.is_none_or(|all| all.get(it).is_none());
                unknown && suggest::closest(it, std::iter::once(name)) == Some(name)
            });
            if !mapped && !filled && !misspelt && !to.is_read_only(&path) {
                missing.push(path.join("/"));
            }
        }
    }
    for name in missing {
        let message = format!("`{}` must have `{name}`, which no field makes", to.name);
        let mut found = Diagnostic::new(RULE.code, span, message);
        found.severity = severity;
        sink.push(found.hint(format!("add `{name}:` to `fields`")));
    }
}

/// Whether the flow may add fields to what the mapping has made.
fn is_completed(view: &View<'_>, mapping: &Mapping) -> bool {
    let adds = ["addProperty(", "mergeObjects(", "setProperty(", "union("];
    view.flow.actions.iter().any(|action| {
        let mut found = false;
        given::strings(action, &mut |placed| {
            let source = placed.template.source();
            let reads = placed.template.uses().iter().any(|it| match &it.what {
                What::Action { name, .. } => view.flow.find(name).is_some_and(|id| {
                    matches!(&view.flow.action(id).kind, ActionKind::Map(it)
                        if view.package.mappings.get(&it.mapping)
                            .is_some_and(|it| std::ptr::eq(it, mapping)))
                }),
                _ => false,
            });
            found |= reads && adds.iter().any(|it| source.contains(it));
        });
        found
    })
}
