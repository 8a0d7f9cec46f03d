//! How the demo speaks: titles, steps, facts and what was found to be true.

use serde_json::Value;

use crate::print::{self, Tone, line, tone};

pub(super) fn title(text: &str) {
    line(tone(Tone::Strong, text));
}

pub(super) fn step(text: &str) {
    line("");
    line(format!("{} {}", tone(Tone::Accent, "▸"), tone(Tone::Strong, text)));
}

pub(super) fn fact(name: &str, value: &str) {
    line(format!("    {} {}", tone(Tone::Faint, format!("{name:<30}")), print::safe(value)));
}

pub(super) fn good(text: &str) {
    line(format!("  {} {text}", tone(Tone::Good, "✓")));
}

/// A value as a person would write it.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// Columns of a record, one a line.
pub(super) fn facts(record: &Value, names: &[&str]) {
    for name in names {
        let value = name.split('/').try_fold(record, |value, name| value.get(name));
        fact(name, &text(value.unwrap_or(&Value::Null)));
    }
}
