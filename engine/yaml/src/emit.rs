//! Values as YAML text that a person would have written, and that is read back as the same values.

use serde_json::{Map, Value};

use crate::scalar_text::{self, Place};

/// Columns of a line, unless a word is longer.
const WIDTH: usize = 100;
/// Collections in one line hold collections of plain values at most.
const INLINE_DEPTH_MAX: usize = 2;
/// Bytes of a key; a longer one needs a line of its own in YAML.
const KEY_BYTES_MAX: usize = 1_000;

/// What is to be written.
#[derive(Clone, Debug, PartialEq)]
pub enum Draft {
    /// A value; small lists and objects stand in one line.
    Value(Value),
    /// A value in one line with a comment behind it; a longer one goes without.
    Noted(Value, String),
    /// An object with every entry on lines of its own.
    Block(Vec<(String, Self)>),
    /// A list with every item on lines of its own.
    List(Vec<Self>),
}

impl<T: Into<Value>> From<T> for Draft {
    fn from(value: T) -> Self {
        Self::Value(value.into())
    }
}

/// Writes a document. [`crate::parse`] reads the same values from it, in the same order.
pub fn emit(draft: &Draft) -> String {
    let mut writer = Writer { text: String::new() };
    match Part::of(draft) {
        Part::Entries(entries) if !entries.is_empty() => writer.sections(&entries),
        Part::Items(items) if !items.is_empty() => writer.items(&items, 0),
        part => {
            writer.text.push_str("---");
            writer.value(&part, 0, 4);
            writer.text.push('\n');
        }
    }
    writer.text
}

/// A draft by what decides how it is written.
enum Part<'a> {
    Scalar(&'a Value),
    Inline(String),
    Entries(Vec<(&'a str, Child<'a>)>),
    Items(Vec<Child<'a>>),
}

#[derive(Clone, Copy)]
enum Child<'a> {
    Draft(&'a Draft),
    Value(&'a Value),
}

impl<'a> Part<'a> {
    fn of(draft: &'a Draft) -> Self {
        match draft {
            Draft::Value(value) | Draft::Noted(value, _) => Self::of_value(value),
            Draft::Block(entries) => {
                let child = |(key, draft): &'a (String, Draft)| (&**key, Child::Draft(draft));
                Self::Entries(entries.iter().map(child).collect())
            }
            Draft::List(items) => Self::Items(items.iter().map(Child::Draft).collect()),
        }
    }

    fn of_value(value: &'a Value) -> Self {
        match value {
            Value::Object(map) => {
                let child = |(key, value): (&'a String, &'a Value)| (&**key, Child::Value(value));
                Self::Entries(map.iter().map(child).collect())
            }
            Value::Array(items) => Self::Items(items.iter().map(Child::Value).collect()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                Self::Scalar(value)
            }
        }
    }

    /// The child as it stands behind so many columns.
    fn at(child: Child<'a>, column: usize) -> Self {
        match child {
            Child::Draft(Draft::Value(value)) | Child::Value(value) => {
                let room = WIDTH.saturating_sub(column);
                let inline = inline(value, INLINE_DEPTH_MAX);
                match inline.filter(|it| it.chars().count() <= room) {
                    Some(text) => Self::Inline(text),
                    None => Self::of_value(value),
                }
            }
            Child::Draft(Draft::Noted(value, note)) => {
                let room = WIDTH.saturating_sub(column);
                let text = match value {
                    Value::String(text) => scalar_text::value(text, 0, room, WIDTH),
                    other => inline(other, INLINE_DEPTH_MAX).unwrap_or_default(),
                };
                // Neither may hold an end of a line.
                if text.is_empty() || text.contains('\n') || note.contains(char::is_control) {
                    return Self::of_value(value);
                }
                Self::Inline(format!("{text}  # {note}"))
            }
            Child::Draft(draft) => Self::of(draft),
        }
    }
}

struct Writer {
    text: String,
}

impl Writer {
    fn line(&mut self, indent: usize) {
        self.text.push_str(&" ".repeat(indent));
    }

    /// The entries of the document: those of several lines stand apart, and so do their items.
    fn sections(&mut self, entries: &[(&str, Child<'_>)]) {
        let mut before_is_long = false;
        for (nth, entry) in entries.iter().enumerate() {
            let start = self.text.len();
            match entry.1 {
                Child::Draft(Draft::List(items))
                    if !items.is_empty() && entry.0.len() < KEY_BYTES_MAX / 2 =>
                {
                    self.text.push_str(&scalar_text::key(entry.0, Place::Block));
                    self.text.push(':');
                    for (nth, item) in items.iter().enumerate() {
                        self.text.push_str(if nth == 0 { "\n" } else { "\n\n" });
                        self.items(&[Child::Draft(item)], 2);
                        self.text.pop();
                    }
                    self.text.push('\n');
                }
                _ => self.entries(&[*entry], 0),
            }
            let is_long = self.text.get(start..).is_some_and(|it| 1 < it.matches('\n').count());
            if 0 < nth && (is_long || before_is_long) {
                self.text.insert(start, '\n');
            }
            before_is_long = is_long;
        }
    }

    fn entries(&mut self, entries: &[(&str, Child<'_>)], indent: usize) {
        for (nth, (key, child)) in entries.iter().enumerate() {
            if 0 < nth || self.text.is_empty() || self.text.ends_with('\n') {
                self.line(indent);
            }
            let key = scalar_text::key(key, Place::Block);
            let column = if key.len() <= KEY_BYTES_MAX {
                self.text.push_str(&key);
                indent + key.chars().count() + 2
            } else {
                self.text.push_str("? ");
                self.text.push_str(&key);
                self.text.push('\n');
                self.line(indent);
                indent + 2
            };
            self.text.push(':');
            self.value(&Part::at(*child, column), indent, column);
            self.text.push('\n');
        }
    }

    fn items(&mut self, items: &[Child<'_>], indent: usize) {
        for (nth, child) in items.iter().enumerate() {
            // The first item of a list that is an item itself stands in its line.
            if 0 < nth || self.text.is_empty() || self.text.ends_with('\n') {
                self.line(indent);
            }
            self.text.push('-');
            match Part::at(*child, indent + 2) {
                Part::Entries(entries) if !entries.is_empty() => {
                    self.text.push(' ');
                    self.entries(&entries, indent + 2);
                }
                Part::Items(items) if !items.is_empty() => {
                    self.text.push(' ');
                    self.items(&items, indent + 2);
                }
                part => {
                    self.value(&part, indent, indent + 2);
                    self.text.push('\n');
                }
            }
        }
    }

    /// What stands behind `key:` or `-`, without the end of its last line.
    fn value(&mut self, part: &Part<'_>, indent: usize, column: usize) {
        match part {
            Part::Inline(text) => {
                self.text.push(' ');
                self.text.push_str(text);
            }
            Part::Entries(entries) if entries.is_empty() => self.text.push_str(" {}"),
            Part::Items(items) if items.is_empty() => self.text.push_str(" []"),
            Part::Entries(entries) => {
                self.text.push('\n');
                self.entries(entries, indent + 2);
                self.text.pop();
            }
            Part::Items(items) => {
                self.text.push('\n');
                self.items(items, indent + 2);
                self.text.pop();
            }
            Part::Scalar(Value::String(text)) => {
                self.text.push(' ');
                let room = WIDTH.saturating_sub(column);
                self.text.push_str(&scalar_text::value(text, indent + 2, room, WIDTH));
            }
            Part::Scalar(other) => {
                self.text.push(' ');
                self.text.push_str(&other.to_string());
            }
        }
    }
}

/// A list or an object in one line, if it is small and simple enough for that.
fn inline(value: &Value, depth: usize) -> Option<String> {
    match value {
        Value::Object(map) if map.is_empty() => Some("{}".to_owned()),
        Value::Array(items) if items.is_empty() => Some("[]".to_owned()),
        Value::Object(map) => Some(format!("{{ {} }}", inline_entries(map, depth)?.join(", "))),
        Value::Array(items) => {
            let items: Option<Vec<String>> =
                items.iter().map(|it| inline_child(it, depth)).collect();
            Some(format!("[{}]", items?.join(", ")))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

fn inline_entries(map: &Map<String, Value>, depth: usize) -> Option<Vec<String>> {
    let entry = |(key, value): (&String, &Value)| {
        let key = scalar_text::key(key, Place::Inline);
        let fits = key.len() <= WIDTH;
        Some(format!("{key}: {}", inline_child(value, depth)?)).filter(|_| fits)
    };
    map.iter().map(entry).collect()
}

fn inline_child(value: &Value, depth: usize) -> Option<String> {
    match value {
        Value::String(text) => {
            let fits = text.len() <= WIDTH && !text.contains('\n');
            fits.then(|| scalar_text::in_line(text, Place::Inline))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Object(_) | Value::Array(_) => inline(value, depth.checked_sub(1)?),
    }
}
