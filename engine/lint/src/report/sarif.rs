//! SARIF 2.1.0, which code scanning services take.

use base::{Diagnostic, Severity, Source, Span};
use serde_json::{Map, Value, json};

use super::{fingerprint::fingerprints, json::escaped};
use crate::{FileFindings, rule::Rule, rules::TABLE};

/// The findings with the rules that they are of.
pub fn sarif(findings: &[FileFindings], version: &str) -> String {
    let mut results = Vec::new();
    for file in findings {
        let all = file.found.iter().zip(fingerprints(file));
        results.extend(all.map(|(it, fingerprint)| result(file, it, &fingerprint)));
    }
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "flowright",
                "semanticVersion": version,
                "rules": TABLE.iter().map(rule).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "originalUriBaseIds": { "%SRCROOT%": {} },
            "results": results,
        }],
    });
    escaped(&format!("{log:#}\n"))
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn rule(rule: &Rule) -> Value {
    let code = rule.code;
    let page = code.page();
    let why = page.split("\n\n").nth(1).unwrap_or(rule.summary).trim().replace('\n', " ");
    json!({
        "id": code.slug,
        "name": pascal(code.slug),
        "shortDescription": { "text": rule.summary },
        "fullDescription": { "text": why },
        "help": { "text": page, "markdown": page },
        "defaultConfiguration": { "level": level(code.severity), "enabled": !code.pedantic },
        "properties": { "number": code.number, "tags": ["flow", rule.group()] },
    })
}

/// A slug as the name of a class.
fn pascal(slug: &str) -> String {
    slug.split('-')
        .flat_map(|word| {
            let mut chars = word.chars();
            let first = chars.next().map(|it| it.to_ascii_uppercase());
            first.into_iter().chain(chars)
        })
        .collect()
}

fn result(file: &FileFindings, it: &Diagnostic, fingerprint: &str) -> Value {
    let hint = it.hint.as_ref().map_or_else(String::new, |hint| format!(" ({hint})"));
    let mut location = json!({ "physicalLocation": physical(&file.source, it.span) });
    if let Some(path) = &it.path {
        location["logicalLocations"] = json!([{ "fullyQualifiedName": path }]);
    }
    let mut result = json!({
        "ruleId": it.code.slug,
        "ruleIndex": TABLE.iter().position(|rule| rule.code == it.code),
        "level": level(it.severity),
        "message": { "text": format!("{}{hint}", it.message) },
        "locations": [location],
        "partialFingerprints": { "flowright/v1": fingerprint },
    });
    if !it.labels.is_empty() {
        let related = it.labels.iter().enumerate().map(|(number, label)| {
            json!({
                "id": number + 1,
                "message": { "text": label.text },
                "physicalLocation": physical(&file.source, label.span),
            })
        });
        result["relatedLocations"] = related.collect();
    }
    if let Some(fix) = &it.fix {
        result["fixes"] = json!([{
            "description": { "text": fix.title },
            "artifactChanges": [{
                "artifactLocation": artifact(&file.source),
                "replacements": [{
                    "deletedRegion": region(&file.source, fix.span),
                    "insertedContent": { "text": fix.text },
                }],
            }],
        }]);
    }
    result
}

fn physical(source: &Source, span: Span) -> Value {
    json!({ "artifactLocation": artifact(source), "region": region(source, span) })
}

fn artifact(source: &Source) -> Value {
    let mut artifact = Map::new();
    artifact.insert("uri".to_owned(), uri(source.name()).into());
    if !source.name().starts_with('/') {
        artifact.insert("uriBaseId".to_owned(), "%SRCROOT%".into());
    }
    Value::Object(artifact)
}

fn region(source: &Source, span: Span) -> Value {
    let (start, end) = (source.location(span.start), source.location(span.end));
    json!({
        "startLine": start.line,
        "startColumn": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    })
}

/// A path as part of an address.
fn uri(path: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let escape = |byte: u8| {
        if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    path.bytes().map(escape).collect()
}
