//! An address, a tenant or a person that is another one in every environment.

use std::{collections::BTreeSet, ops::Range};

use base::{Diagnostic, Sink, Span, code};
use expr::Tree;
use serde_json::Value;

use crate::{
    rule::{Hooks, Phase, Rule},
    view::{Owner, Place, View},
};

pub(super) const RULE: Rule = Rule {
    code: code::HARDCODED_ENVIRONMENT,
    phase: Phase::File,
    summary: "An address, a tenant or a person stands in an input, and is another one in every environment.",
    hooks: Hooks { tree: Some(check), ..Hooks::NONE },
};

/// Hosts that belong to one customer or one environment.
const HOSTS: &[&str] = &[
    ".azurewebsites.net",
    ".blob.core.windows.net",
    ".crm.dynamics.com",
    ".database.windows.net",
    ".documents.azure.com",
    ".dynamics.com",
    ".logic.azure.com",
    ".my.salesforce.com",
    ".onmicrosoft.com",
    ".powerappsportals.com",
    ".search.windows.net",
    ".servicebus.windows.net",
    ".sharepoint.com",
    ".table.core.windows.net",
    ".vault.azure.net",
];

/// Keys whose ids are those of one environment, without case and marks.
const KEYS: &[&str] = &[
    "clientid",
    "environment",
    "environmentid",
    "groupid",
    "organizationid",
    "site",
    "siteid",
    "solutionid",
    "subscriptionid",
    "team",
    "teamid",
    "tenant",
    "tenantid",
    "workspaceid",
];

fn check(view: &View<'_>, tree: &Tree, place: Place, sink: &mut Sink) {
    let Owner::Action(id) = place.owner else { return };
    let name = view.flow.action(id).name_span;
    let mut told = BTreeSet::new();
    each("", tree, &mut |key, text, at| {
        let Some((range, what)) = bound(key, text) else { return };
        let found = text.get(range.clone()).unwrap_or(text).to_owned();
        let span = match at {
            At::Verbatim(start) => Span::new(start + range.start, start + range.end),
            At::Scalar(span) => span,
            At::Nowhere => view.locator().text(name, text).unwrap_or(name),
        };
        let allowed = view.settings.texts(RULE.code.slug, "allow");
        if !allowed.iter().any(|it| found.contains(it)) && told.insert(found.clone()) {
            let message = format!("{what} `{found}` is written down here");
            sink.push(Diagnostic::new(RULE.code, span, message).hint("make it a parameter"));
        }
    });
}

/// Where a text stands.
#[derive(Clone, Copy)]
enum At {
    Verbatim(usize),
    Scalar(Span),
    Nowhere,
}

/// What in a text belongs to one environment.
fn bound(key: &str, text: &str) -> Option<(Range<usize>, &'static str)> {
    if let Some(range) = host(text) {
        return Some((range, "the address"));
    }
    if let Some(range) = mail(text) {
        return Some((range, "the address"));
    }
    let key: String =
        key.chars().filter(char::is_ascii_alphanumeric).map(|it| it.to_ascii_lowercase()).collect();
    (is_guid(text) && KEYS.iter().any(|it| key.ends_with(it))).then_some((0..text.len(), "the id"))
}

/// The host of a customer.
fn host(text: &str) -> Option<Range<usize>> {
    let lower = text.to_ascii_lowercase();
    let ends = HOSTS.iter().filter_map(|it| Some((lower.find(it)?, it.len())));
    let (at, length) = ends.min()?;
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let before = text.get(..at)?;
    let start = before.trim_end_matches(is_part).len();
    let rest = text.get(at + length..).unwrap_or("");
    // `@{parameters('org')}.crm.dynamics.com` has its variable part where it should be.
    let is_name = start < at && !rest.starts_with(is_part) && !before.ends_with('}');
    // Sign-in and discovery are the same for everybody.
    let is_common = ["login", "globaldisco", "common", "api"].contains(&text.get(start..at)?);
    (is_name && !is_common).then(|| start..at + length)
}

/// An address of a person or a list.
fn mail(text: &str) -> Option<Range<usize>> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-._+".contains(c);
    for (at, _) in text.match_indices('@') {
        let start = text.get(..at)?.trim_end_matches(is_part).len();
        let rest = text.get(at + 1..)?;
        let length = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
        let domain = rest.get(..length)?.trim_end_matches('.');
        let (_, end) = domain.rsplit_once('.').unwrap_or_default();
        let lower = domain.to_ascii_lowercase();
        // Annotations of OData, such as `owner@odata.bind`, have the same form.
        let is_note = lower.starts_with("odata.") || lower.starts_with("microsoft.");
        let is_example = is_note || lower.contains("example") || end == "invalid";
        let is_domain = 2 <= end.len() && end.chars().all(|it| it.is_ascii_alphabetic());
        if start < at && is_domain && !is_example {
            return Some(start..at + 1 + domain.len());
        }
    }
    None
}

fn is_guid(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|it| it.len()).collect();
    lengths == [8, 4, 4, 4, 12]
        && parts.iter().all(|it| it.chars().all(|it| it.is_ascii_hexdigit()))
        && !parts.iter().all(|it| it.chars().all(|it| it == '0'))
}

/// Every text of a value with the key that it stands behind.
fn each(key: &str, tree: &Tree, see: &mut dyn FnMut(&str, &str, At)) {
    match tree {
        Tree::Value(value) => of_value(key, value, see),
        Tree::Template(placed) => {
            let at = placed.verbatim_at.map_or(At::Scalar(placed.span), At::Verbatim);
            see(key, placed.template.source(), at);
        }
        Tree::Array(items) => items.iter().for_each(|it| each(key, it, see)),
        Tree::Object(entries) => {
            for (key, tree) in entries {
                let key = match key {
                    expr::Key::Plain(key) => key.as_str(),
                    expr::Key::Computed(_) => "",
                };
                each(key, tree, see);
            }
        }
    }
}

fn of_value(key: &str, value: &Value, see: &mut dyn FnMut(&str, &str, At)) {
    match value {
        Value::String(text) => see(key, text, At::Nowhere),
        Value::Array(items) => items.iter().for_each(|it| of_value(key, it, see)),
        Value::Object(map) => map.iter().for_each(|(key, it)| of_value(key, it, see)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
