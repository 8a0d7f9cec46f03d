//! Two mappings, there and back, that do not agree.

use std::collections::BTreeMap;

use base::{Diagnostic, Sink, code};
use flow::{Mapping, mapping::Field};

use super::suggested;
use crate::{
    fields::{self, Side},
    rule::{Hooks, Phase, Rule},
    view::{Place, View},
};

pub(super) const RULE: Rule = Rule {
    code: code::MAPPING_NOT_REVERSIBLE,
    phase: Phase::Project,
    summary: "A mapping and the one of the other direction do not agree, or values cannot be told on the way back.",
    hooks: Hooks { mapping: Some(check), ..Hooks::NONE },
};

fn check(view: &View<'_>, mapping: &Mapping, sink: &mut Sink) {
    let Some(name) = &mapping.reverse else { return };
    // The way back is often another flow's. This flow need not be among those of the project.
    let others = view.project.flows.iter().map(|it| it.package);
    let others = others.filter(|it| !std::ptr::eq(*it, view.package));
    let packages = others.chain(std::iter::once(view.package));
    let all = packages.flat_map(|it| &it.mappings);
    let Some((_, back)) = all.clone().find(|(known, it)| *known == name || it.name == *name) else {
        let span = mapping.fields.first().map(|it| it.span).unwrap_or_default();
        let message = format!("there is no mapping `{name}`, which is to be the way back");
        let found = Diagnostic::new(RULE.code, span, message);
        let known: Vec<&str> = all.map(|(known, _)| known.as_str()).collect();
        sink.push(suggested(found, name, known.into_iter()));
        return;
    };
    let place = view.place_in(mapping);
    // In a package of its own the other mapping's place is not this one's; its paths are the same.
    let ways = ways(view, back, Place::start(crate::view::Owner::Mapping).each());
    let mut one_way = Vec::new();
    for field in &mapping.fields {
        let (Some(target), Some(source)) =
            (fields::target(field), fields::plain_source(view, field, place))
        else {
            continue;
        };
        let target = target.join("/");
        match ways.get(&source.join("/")) {
            Some(Some(other)) if *other != target => {
                let message = format!(
                    "`{name}` makes `{}` of `{other}`, not of `{target}`",
                    source.join("/")
                );
                sink.push(
                    Diagnostic::new(RULE.code, field.span, message)
                        .hint("let both name the same pair"),
                );
            }
            Some(_) => ambiguous(field, sink),
            None if is_read_only(view, mapping, &source) => {}
            None => one_way.push((field, source.join("/"))),
        }
    }
    if let Some((first, _)) = one_way.first() {
        let names: Vec<String> = one_way.iter().map(|(_, it)| format!("`{it}`")).collect();
        let message = format!("`{name}` does not make {}", names.join(", "));
        let found = Diagnostic::new(RULE.code, first.span, message);
        sink.push(found.hint("map it back, or suppress this with the reason why it goes one way"));
    }
}

/// Target and source of every field; the source is none if it is computed.
fn ways(view: &View<'_>, mapping: &Mapping, place: Place) -> BTreeMap<String, Option<String>> {
    let ways = mapping.fields.iter().filter_map(|field| {
        let target = fields::target(field)?.join("/");
        Some((target, fields::plain_source(view, field, place).map(|it| it.join("/"))))
    });
    ways.collect()
}

/// Two values that become the same cannot be told apart on the way back.
fn ambiguous(field: &Field, sink: &mut Sink) {
    let mut seen: BTreeMap<String, &str> = BTreeMap::new();
    for (key, value) in field.values.iter().flatten() {
        if let Some(first) = seen.insert(value.to_string(), key) {
            let text = expr::to_text(value);
            let message = format!(
                "`{first}` and `{key}` both become `{text}`: the way back cannot tell them"
            );
            let found = Diagnostic::new(RULE.code, field.span, message);
            sink.push(found.hint("give each a value of its own"));
        }
    }
}

fn is_read_only(view: &View<'_>, mapping: &Mapping, source: &[String]) -> bool {
    let names: Vec<&str> = source.iter().map(String::as_str).collect();
    Side::of(view, mapping.from.as_ref()).is_some_and(|it| it.is_read_only(&names))
}
