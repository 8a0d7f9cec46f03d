//! Bytes of a document as a tree: encodings, mistakes that others read over, YAML.

use std::borrow::Cow;

use base::{Severity, limits};
use serde_json::Value;

use super::Report;

/// Reads JSON strictly, else leniently, else as YAML.
pub(super) fn tree(bytes: &[u8], what: &str, report: &mut Report) -> Result<Value, String> {
    if limits::WDL_BYTES_MAX < bytes.len() {
        let max = limits::WDL_BYTES_MAX;
        return Err(format!("{what} has {} bytes, more than the {max} that are read", bytes.len()));
    }
    let text = decode(bytes, what, report);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    if let Ok(tree) = serde_json::from_str(text) {
        return Ok(tree);
    }
    let begins = text.trim_start().starts_with(['{', '[', '/']);
    let (node, found) = if begins { yaml::parse_json(text) } else { yaml::parse(text) };
    let fault = found.iter().find(|it| it.severity == Severity::Error);
    match (node, fault) {
        // A key that is written twice is no reason to read nothing.
        (Some(node), fault) if fault.is_none_or(|it| it.code == base::code::DUPLICATE_KEY) => {
            for it in found.iter().filter(|_| begins) {
                let line = text.get(..it.span.start).map_or(1, |it| it.matches('\n').count() + 1);
                report.warn(format!("{what}, line {line}: {}", it.message));
            }
            Ok(node.to_json())
        }
        (_, Some(fault)) => {
            let line = text.get(..fault.span.start).map_or(1, |it| it.matches('\n').count() + 1);
            Err(format!("{what} cannot be read, line {line}: {}", fault.message))
        }
        (None | Some(_), None) => Err(format!("{what} is empty")),
    }
}

/// UTF-8, UTF-16, or else Latin-1, in which every byte is a character.
fn decode<'b>(bytes: &'b [u8], what: &str, report: &mut Report) -> Cow<'b, str> {
    let (text, found) = yaml::decode(bytes);
    match found {
        Some(found) if found.severity == Severity::Error => {
            report.warn(format!("{what} is not UTF-8; it is read as Latin-1"));
            Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect())
        }
        Some(found) => {
            report.warn(format!("{what}: {}", found.message));
            text
        }
        None => text,
    }
}
