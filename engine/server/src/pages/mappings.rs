//! Mapping files as tables: read, and changed in the text, so that comments and layout stay.

use axum::{Json, body::Bytes};
use base::{Diagnostic, Source};
use serde::Deserialize;
use serde_json::{Value, json};
use yaml::{Entry, Kind, Node, Style};

use crate::{error::Problem, pages::read};

/// The settings of a field that the table has columns for.
const SETTINGS: [&str; 6] = ["from", "as", "compare", "default", "required", "otherwise"];
/// Changes that one request makes.
const EDITS_MAX: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Edits {
    text: String,
    edits: Vec<Edit>,
}

/// One change. Rows are named by the target that they have before it.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "camelCase", deny_unknown_fields)]
enum Edit {
    /// Gives a setting of a field another value, as YAML would be written; without `value` it goes.
    Set { target: String, setting: String, value: Option<String> },
    /// Calls the field something else.
    Rename { target: String, to: String },
    /// Adds a field behind the others.
    Add { target: String, from: String },
    /// Takes a field out.
    Remove { target: String },
}

/// `{name, from, to, fields: [{target, from, as, compare, …, line}], findings}`.
pub(crate) async fn table(body: Bytes) -> Result<Json<Value>, Problem> {
    let Text { text } = read(&body)?;
    Ok(Json(show(&text)))
}

/// The text with the changes in it, and its table.
pub(crate) async fn edit(body: Bytes) -> Result<Json<Value>, Problem> {
    let Edits { text, edits } = read(&body)?;
    let text = all(text, &edits)?;
    Ok(Json(json!({ "text": text, "table": show(&text) })))
}

fn all(mut text: String, edits: &[Edit]) -> Result<String, Problem> {
    if EDITS_MAX < edits.len() {
        let message = format!("a request makes at most {EDITS_MAX} changes");
        return Err(Problem::new(400, "TooManyEdits", message));
    }
    for edit in edits {
        text = apply(&text, edit)?;
    }
    Ok(text)
}

/// The same of edits as they come.
#[cfg(test)]
pub(crate) fn change(text: &str, edits: &Value) -> Result<String, String> {
    let edits: Vec<Edit> = serde_json::from_value(edits.clone()).map_err(|it| it.to_string())?;
    all(text.to_owned(), &edits).map_err(|it| it.message)
}

pub(crate) fn show(text: &str) -> Value {
    let source = Source::new("mapping", text);
    let (root, _) = yaml::parse(text);
    let (mapping, found) = flow::mapping::read(&source);
    let entries = root.as_ref().and_then(|it| it.get("fields")).and_then(Node::as_map);
    let rows = entries.into_iter().flat_map(yaml::Mapping::iter).map(|it| row(&source, it));
    let findings = found.iter().map(|it| finding(&source, it));
    json!({
        "name": mapping.name,
        "from": mapping.from.map(|(name, _)| name),
        "to": mapping.to.map(|(name, _)| name),
        "fields": rows.collect::<Vec<_>>(),
        "findings": findings.collect::<Vec<_>>(),
        "conversions": flow::mapping::Conversion::NAMES.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
        "comparisons": flow::mapping::Comparison::NAMES.iter().map(|(name, _)| *name).collect::<Vec<_>>(),
    })
}

fn row(source: &Source, entry: &Entry) -> Value {
    let mut row = json!({
        "target": entry.key.text,
        "line": source.location(entry.key.span.start).line,
    });
    let Some(settings) = entry.value.as_map() else {
        row["from"] = written(&entry.value).into();
        return row;
    };
    let mut more = Vec::new();
    for entry in settings {
        match SETTINGS.iter().find(|it| **it == entry.key.text) {
            Some(name) => row[*name] = written(&entry.value).into(),
            None => more.push(entry.key.text.clone()),
        }
    }
    row["more"] = more.into();
    row
}

/// A scalar as a person would type it: text without quotes, unless it would be taken for something else.
fn written(node: &Node) -> String {
    match &node.kind {
        Kind::Str(scalar) if is_text(&scalar.text) => scalar.text.clone(),
        Kind::Str(_)
        | Kind::Seq(_)
        | Kind::Map(_)
        | Kind::Null
        | Kind::Bool(_)
        | Kind::Int(_)
        | Kind::Float(_) => node.to_json().to_string(),
    }
}

/// Whether what is typed so means itself as text.
fn is_text(typed: &str) -> bool {
    !typed.is_empty() && serde_json::from_str::<Value>(typed).is_err()
}

/// What is typed as it is written in the file: JSON means the value, anything else is text.
fn scalar(typed: &str, in_brackets: bool) -> String {
    match serde_json::from_str::<Value>(typed) {
        Ok(Value::String(text)) => yaml::one_line(&text, in_brackets),
        Ok(other) => other.to_string(),
        Err(_) => yaml::one_line(typed, in_brackets),
    }
}

fn finding(source: &Source, it: &Diagnostic) -> Value {
    let (start, end) = (source.location(it.span.start), source.location(it.span.end));
    json!({
        "code": it.code.number,
        "slug": it.code.slug,
        "severity": it.severity.name(),
        "message": it.message,
        "hint": it.hint,
        "line": start.line,
        "column": start.column,
        "endLine": end.line,
        "endColumn": end.column,
    })
}

fn refused(message: impl Into<String>) -> Problem {
    Problem::new(422, "CannotEdit", message)
}

/// Makes one change, and sees to it that it was the only one.
fn apply(text: &str, edit: &Edit) -> Result<String, Problem> {
    let (root, _) = yaml::parse(text);
    let root = root.ok_or_else(|| refused("the file is no mapping yet: write it as text"))?;
    let fields = root.get("fields").and_then(Node::as_map);
    let fields = fields.ok_or_else(|| refused("the file has no `fields` yet: write it as text"))?;
    let find = |target: &str| {
        let found = fields.iter().find(|it| it.key.text == target);
        found.ok_or_else(|| refused(format!("there is no field `{target}`")))
    };
    let is_new = |target: &str| match fields.iter().any(|it| it.key.text == target) {
        true => Err(refused(format!("there is a field `{target}` already"))),
        false if target.trim().is_empty() => Err(refused("a field needs a name")),
        false => Ok(()),
    };
    let changed = match edit {
        Edit::Set { target, setting, value } => {
            let setting = SETTINGS.iter().find(|it| *it == setting);
            let setting = setting.ok_or_else(|| refused("there is no such setting"))?;
            set(text, find(target)?, setting, value.as_deref())
        }
        Edit::Rename { target, to } => {
            is_new(to)?;
            let span = find(target)?.key.span;
            replace(text, span.start..span.end, &yaml::one_line(to, false))
        }
        Edit::Add { target, from } => {
            is_new(target)?;
            let last = fields.iter().last();
            last.and_then(|last| {
                let indent = indent_of(text, last.key.span.start)?;
                let line =
                    format!("{indent}{}: {}\n", yaml::one_line(target, false), scalar(from, false));
                let (text, at) = after_line(text, last.value.span.end.max(last.key.span.end));
                replace(&text, at..at, &line)
            })
        }
        Edit::Remove { target } => {
            let entry = find(target)?;
            let start =
                indent_of(text, entry.key.span.start).map(|it| entry.key.span.start - it.len());
            start.and_then(|start| {
                let (text, end) = after_line(text, entry.value.span.end.max(entry.key.span.end));
                replace(&text, start..end, "")
            })
        }
    };
    let odd =
        || refused("this field is written in a way that the table cannot change: use the text");
    let changed = changed.ok_or_else(odd)?;
    if is_as_meant(&root, &changed, edit) { Ok(changed) } else { Err(odd()) }
}

/// The value that a setting is to have.
fn meant(typed: &str) -> Value {
    serde_json::from_str(typed).unwrap_or_else(|_| typed.into())
}

/// Whether the new text reads as the old one with just this change.
fn is_as_meant(before: &Node, changed: &str, edit: &Edit) -> bool {
    let (Some(after), _) = yaml::parse(changed) else { return false };
    let (mut wanted, found) = (before.to_json(), after.to_json());
    let Some(fields) = wanted.get_mut("fields").and_then(Value::as_object_mut) else {
        return false;
    };
    match edit {
        Edit::Set { target, setting, value } => {
            let Some(field) = fields.get_mut(target) else { return false };
            if !field.is_object() {
                *field = json!({ "from": field.take() });
            }
            let Some(settings) = field.as_object_mut() else { return false };
            match value {
                Some(value) => settings.insert(setting.clone(), meant(value)),
                None => settings.shift_remove(setting),
            };
        }
        Edit::Rename { target, to } => {
            let renamed = std::mem::take(fields)
                .into_iter()
                .map(|(name, value)| (if name == *target { to.clone() } else { name }, value));
            *fields = renamed.collect();
        }
        Edit::Add { target, from } => drop(fields.insert(target.clone(), meant(from))),
        Edit::Remove { target } => drop(fields.shift_remove(target)),
    }
    normal(wanted) == normal(found)
}

/// A field that has only a source is the same in both ways of writing it; order does not matter here.
fn normal(mut mapping: Value) -> Value {
    let fields = mapping.get_mut("fields").and_then(Value::as_object_mut);
    for (_, field) in fields.into_iter().flatten() {
        let only = field.as_object().filter(|it| it.len() == 1).and_then(|it| it.get("from"));
        // A source that is an object would be taken for settings.
        if only.is_some_and(|it| !it.is_object()) {
            *field = field["from"].take();
        }
    }
    mapping
}

fn set(text: &str, entry: &Entry, setting: &str, value: Option<&str>) -> Option<String> {
    let node = &entry.value;
    let Some(settings) = node.as_map() else {
        let span = node.span;
        return match (setting, value) {
            ("from", Some(value)) => replace(text, span.start..span.end, &scalar(value, false)),
            (_, None) => Some(text.to_owned()),
            // The source gets settings beside it.
            (_, Some(value)) => {
                let from = scalar(&written(node), true);
                let value = scalar(value, true);
                let both = format!("{{ from: {from}, {setting}: {value} }}");
                replace(text, span.start..span.end, &both)
            }
        };
    };
    let in_brackets = node.style == Style::Flow;
    match (settings.entry(setting), value) {
        (Some(known), Some(value)) => {
            let span = known.value.span;
            replace(text, span.start..span.end, &scalar(value, in_brackets))
        }
        (None, None) => Some(text.to_owned()),
        (None, Some(value)) => {
            let last = settings.iter().last()?;
            let value = scalar(value, in_brackets);
            if in_brackets {
                let at = last.value.span.end;
                return replace(text, at..at, &format!(", {setting}: {value}"));
            }
            let indent = indent_of(text, last.key.span.start)?;
            let (text, at) = after_line(text, last.value.span.end);
            replace(&text, at..at, &format!("{indent}{setting}: {value}\n"))
        }
        (Some(known), None) => unset(text, settings, known, in_brackets),
    }
}

fn unset(text: &str, settings: &yaml::Mapping, known: &Entry, in_brackets: bool) -> Option<String> {
    let at = settings.iter().position(|it| it.key.text == known.key.text)?;
    if !in_brackets {
        let indent = indent_of(text, known.key.span.start)?;
        let (text, end) = after_line(text, known.value.span.end);
        return replace(&text, known.key.span.start - indent.len()..end, "");
    }
    let all: Vec<&Entry> = settings.iter().collect();
    let range = match (at.checked_sub(1).and_then(|it| all.get(it)), all.get(at + 1)) {
        (Some(before), _) => before.value.span.end..known.value.span.end,
        (None, Some(next)) => known.key.span.start..next.key.span.start,
        (None, None) => return None,
    };
    replace(text, range, "")
}

fn replace(text: &str, range: std::ops::Range<usize>, with: &str) -> Option<String> {
    let (before, after) = (text.get(..range.start)?, text.get(range.end..)?);
    Some(format!("{before}{with}{after}"))
}

/// The blanks in front of a key; `None` if something else stands there.
fn indent_of(text: &str, at: usize) -> Option<String> {
    let before = text.get(..at)?;
    let line = before.rsplit('\n').next()?;
    line.chars().all(|it| it == ' ').then(|| line.to_owned())
}

/// Where the line after this place begins; a line feed is added if the file ends before.
fn after_line(text: &str, at: usize) -> (String, usize) {
    // The end of a block is where its last line ends, or after it.
    let begins = text.get(..at).is_some_and(|it| it.ends_with('\n'));
    if begins {
        return (text.to_owned(), at);
    }
    let rest = text.get(at..).unwrap_or_default();
    match rest.find('\n') {
        Some(length) => (text.to_owned(), at + length + 1),
        None => (format!("{text}\n"), text.len() + 1),
    }
}
