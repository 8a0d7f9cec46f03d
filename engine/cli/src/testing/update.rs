//! Changes a file of tests so that it expects what there is, and leaves all else in it as it is.

use base::{Severity, Source, Span};
use flow::test_file::{self, Test};
use serde_json::{Map, Value};
use yaml::{Draft, Node, Style};

/// A change of a test file.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    changes: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    /// A value in the place of the one that is written there.
    Replace(Span, Value),
    /// An entry of the object of which this is the first key.
    First(Span, &'static str, Value),
    /// An entry at the end of the object of which this is the first key.
    Last(Span, &'static str, Value),
}

impl Edit {
    /// A value in the place of the one that is written there.
    pub(crate) fn replace(span: Span, value: Value) -> Self {
        Self { changes: vec![Change::Replace(span, value)] }
    }

    /// Several of them.
    pub(crate) fn replace_all(all: Vec<(Span, Value)>) -> Self {
        let changes = all.into_iter().map(|(span, value)| Change::Replace(span, value));
        Self { changes: changes.collect() }
    }

    /// How the run ends, where only that is missing in what is expected of it.
    pub(crate) fn say_status(expect: Span, status: &str) -> Self {
        Self { changes: vec![Change::First(expect, "status", status.into())] }
    }

    /// What is expected, of a test that does not say anything of it.
    pub(crate) fn say_all(test: &Test, expect: Value) -> Self {
        Self { changes: vec![Change::Last(test.span, "expect", expect)] }
    }

    fn at(change: &Change) -> Span {
        match change {
            Change::Replace(span, _) | Change::First(span, ..) | Change::Last(span, ..) => *span,
        }
    }
}

/// The text of a file with the edits made; none if it would then not be read as before.
pub fn apply(text: &str, edits: &[Edit]) -> Option<String> {
    let root = yaml::parse(text).0?;
    let mut patches: Vec<(Span, String)> = Vec::new();
    for change in edits.iter().flat_map(|it| &it.changes) {
        let patch = patch(text, &root, change)?;
        if !patches.contains(&patch) {
            patches.push(patch);
        }
    }
    patches.sort_by_key(|(span, _)| (span.start, span.end));
    let mut changed = String::new();
    let mut from = 0;
    for (span, new) in &patches {
        // What is inside of something else that is replaced goes with it.
        if span.start < from {
            continue;
        }
        changed.push_str(text.get(from..span.start)?);
        changed.push_str(new);
        from = span.end;
    }
    changed.push_str(text.get(from..)?);
    let read = |text: &str| test_file::read(&Source::new("tests", text));
    let ((before, _), (after, found)) = (read(text), read(&changed));
    let names = |it: &flow::TestFile| it.tests.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
    let is_sound = found.iter().all(|it| it.severity != Severity::Error);
    (is_sound && names(&before) == names(&after)).then_some(changed)
}

fn patch(text: &str, root: &Node, change: &Change) -> Option<(Span, String)> {
    let around = around(root, Edit::at(change));
    match change {
        Change::Replace(span, value) => {
            let is_inline = around.iter().any(|it| it.style == Style::Flow && it.span != *span);
            let written = text.get(..span.end)?.trim_end().len().max(span.start);
            let span = Span::new(span.start, written);
            let new = if is_inline { inline(value) } else { placed(text, span.start, value)? };
            Some((span, new))
        }
        Change::First(span, key, value) => {
            let object = around.last().filter(|it| it.as_map().is_some())?;
            let first = object.as_map()?.iter().next();
            let Some(first) = first else {
                return Some((*span, format!("{{ {key}: {} }}", inline(value))));
            };
            let at = first.key.span.start;
            let entry = if object.style == Style::Flow {
                format!("{key}: {}, ", inline(value))
            } else {
                format!("{key}: {}\n{}", inline(value), " ".repeat(column(text, at)))
            };
            Some((Span::new(at, at), entry))
        }
        Change::Last(_, key, value) => {
            let object = around.iter().rev().find(|it| it.as_map().is_some())?;
            let map = object.as_map()?;
            let (first, last) = (map.iter().next()?, map.iter().last()?);
            if object.style == Style::Flow {
                let end = last.value.span.end.max(last.key.span.end);
                return Some((Span::new(end, end), format!(", {key}: {}", inline(value))));
            }
            let end = last.value.span.end.max(last.key.span.end);
            let end = text.get(..end)?.trim_end().len();
            // Behind a comment of the last line.
            let end = text.get(end..)?.find('\n').map_or(text.len(), |it| end + it);
            let column = column(text, first.key.span.start);
            let lines = yaml::emit(&Draft::Block(vec![((*key).to_owned(), draft(value))]));
            let lines = lines.trim_end().lines().map(|it| format!("\n{}{it}", " ".repeat(column)));
            Some((Span::new(end, end), lines.collect()))
        }
    }
}

/// The nodes around a place, outermost first; the last one is the one that stands there, or the
/// object whose key does.
fn around(root: &Node, span: Span) -> Vec<&Node> {
    let mut found = vec![root];
    loop {
        let Some(node) = found.last().copied() else { return found };
        let has = |it: &&Node| it.span.start <= span.start && span.end <= it.span.end;
        let inner = match (node.as_seq(), node.as_map()) {
            (Some(items), _) => items.iter().find(has),
            (_, Some(map)) => map.iter().map(|it| &it.value).find(has),
            (None, None) => None,
        };
        match inner {
            Some(inner) => found.push(inner),
            None => return found,
        }
    }
}

/// How far a place is from the beginning of its line.
fn column(text: &str, at: usize) -> usize {
    let line = text.get(..at).and_then(|it| it.rfind('\n')).map_or(0, |it| it + 1);
    at - line
}

/// A value as it is written in the place of another one in lines of its own or behind a key.
fn placed(text: &str, at: usize, value: &Value) -> Option<String> {
    let emitted = yaml::emit(&Draft::Block(vec![("x".to_owned(), draft(value))]));
    let emitted = emitted.trim_end().strip_prefix("x:")?;
    if let Some(line) = emitted.strip_prefix(' ') {
        return Some(line.to_owned());
    }
    let before = text.get(at - column(text, at)..at)?;
    let is_own_line = before.chars().all(|it| it == ' ' || it == '-');
    let column = if is_own_line {
        before.len()
    } else {
        before.len() - before.trim_start_matches([' ', '-']).len() + 2
    };
    let lines = emitted.lines().filter(|it| !it.is_empty());
    let lines: Vec<&str> = lines.map(|it| it.strip_prefix("  ").unwrap_or(it)).collect();
    let indent = format!("\n{}", " ".repeat(column));
    let block = lines.join(&indent);
    Some(if is_own_line { block } else { format!("{indent}{block}") })
}

/// Calls and other lists have an item a line.
fn draft(value: &Value) -> Draft {
    match value {
        Value::Object(members) if !members.is_empty() => {
            let is_small = members.values().all(|it| !it.is_object() && !it.is_array());
            if is_small && value.to_string().len() <= LINE_CHARS_MAX {
                return Draft::Value(escaped(value));
            }
            Draft::Block(members.iter().map(|(key, it)| (key.clone(), draft(it))).collect())
        }
        Value::Array(items) if items.iter().any(|it| it.is_object() || it.is_array()) => {
            Draft::List(items.iter().map(draft).collect())
        }
        value => Draft::Value(escaped(value)),
    }
}

/// Objects that are longer have a member a line.
const LINE_CHARS_MAX: usize = 80;

/// A value in one line, as JSON with blanks, which YAML reads everywhere.
fn inline(value: &Value) -> String {
    fn write(value: &Value) -> String {
        match value {
            Value::Array(items) => {
                format!("[{}]", items.iter().map(write).collect::<Vec<_>>().join(", "))
            }
            Value::Object(members) if members.is_empty() => "{}".to_owned(),
            Value::Object(members) => {
                let member = |(key, it): (&String, &Value)| {
                    format!("{}: {}", Value::from(key.as_str()), write(it))
                };
                format!("{{ {} }}", members.iter().map(member).collect::<Vec<_>>().join(", "))
            }
            Value::String(text) if is_word(text) => text.clone(),
            other => other.to_string(),
        }
    }
    write(&escaped(value))
}

/// Whether a text needs no quotes anywhere.
fn is_word(text: &str) -> bool {
    let begins = text.starts_with(|it: char| it.is_ascii_alphabetic());
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"];
    begins
        && text.chars().all(|it| it.is_ascii_alphanumeric())
        && !words.iter().any(|it| it.eq_ignore_ascii_case(text))
}

/// A text as it is written where expressions are computed.
pub(super) fn plain(text: &str) -> String {
    if text.starts_with('@') { format!("@{text}") } else { text.replace("@{", "@@{") }
}

/// A value with texts of which nothing is computed.
fn escaped(value: &Value) -> Value {
    match value {
        Value::String(text) => plain(text).into(),
        Value::Array(items) => items.iter().map(escaped).collect(),
        Value::Object(members) => {
            let members = members.iter().map(|(key, it)| (key.clone(), escaped(it)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}
