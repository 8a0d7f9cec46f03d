//! Paths such as `@body().value[0].id`, which policies read values by and write them to.

use serde_json::{Map, Value};

/// What a path begins at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    /// A value that the operator gave the connection.
    ConnectionParameters,
    /// The body of the request or the answer at hand.
    Body,
    /// The body of the answer that a poll got.
    TriggerBody,
    /// A parameter of the query.
    QueryParameters,
    /// A header.
    Headers,
    /// The item of the list that is worked on.
    Item,
}

/// The functions of policies, in small letters. The published definitions spell one of them wrong.
const ROOTS: &[(&str, Root)] = &[
    ("connectionparameters", Root::ConnectionParameters),
    ("body", Root::Body),
    ("triggerbody", Root::TriggerBody),
    ("queryparameters", Root::QueryParameters),
    ("queryparamters", Root::QueryParameters),
    ("headers", Root::Headers),
    ("item", Root::Item),
];

impl Root {
    /// The function of that name in any case.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        ROOTS.iter().find(|(known, _)| *known == name).map(|(_, root)| *root)
    }

    /// Whether it gives a tree that a path leads into; the others give texts.
    pub(crate) const fn is_tree(self) -> bool {
        matches!(self, Self::Body | Self::TriggerBody | Self::Item)
    }
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    Name(String),
    Index(usize),
}

/// A function and a path into what it gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    pub(crate) root: Root,
    /// The name in `headers('name')`.
    pub(crate) argument: String,
    /// What `connectionParameters('name', 'default')` gives without a value.
    pub(crate) default: Option<String>,
    pub(crate) segments: Vec<Segment>,
}

impl Chain {
    /// Reads a chain at the beginning of a text; gives what follows it.
    pub(crate) fn parse(text: &str) -> Option<(Self, &str)> {
        let (name, rest) = word(text)?;
        let root = Root::named(name)?;
        let (arguments, rest) = match arguments(rest) {
            Some(found) => found,
            // `@body.value` is written for `@body().value`.
            None if root.is_tree() && rest.starts_with(['.', '[']) => (Vec::new(), rest),
            None => return None,
        };
        let mut arguments = arguments.into_iter();
        let argument = arguments.next().unwrap_or_default();
        let (segments, rest) = if root.is_tree() { accessors(rest) } else { (Vec::new(), rest) };
        Some((Self { root, argument, default: arguments.next(), segments }, rest))
    }

    /// Reads a text that is a chain and nothing else.
    pub(crate) fn parse_whole(text: &str) -> Option<Self> {
        let text = text.trim();
        let (chain, rest) = Self::parse(text.strip_prefix('@').unwrap_or(text))?;
        rest.is_empty().then_some(chain)
    }
}

/// The path below a parent: `people.XYZ.Age`, `['@odata.id']`; `null` means the parent itself.
pub(crate) fn sub_path(text: &str) -> Vec<Segment> {
    let text = text.trim();
    if text.is_empty() || text == "null" {
        return Vec::new();
    }
    let end = text.find(['.', '[']).unwrap_or(text.len());
    let (first, rest) = text.split_at_checked(end).unwrap_or((text, ""));
    let mut segments = Vec::new();
    if !first.is_empty() {
        segments.push(Segment::Name(first.to_owned()));
    }
    let (more, rest) = accessors(rest);
    segments.extend(more);
    if rest.is_empty() { segments } else { vec![Segment::Name(text.to_owned())] }
}

/// Letters and digits at the beginning.
fn word(text: &str) -> Option<(&str, &str)> {
    let is_part = |it: char| it.is_alphanumeric() || matches!(it, '_' | '$');
    let end = text.find(|it| !is_part(it)).unwrap_or(text.len());
    if end == 0 { None } else { text.split_at_checked(end) }
}

/// `('a', 'b')`.
fn arguments(text: &str) -> Option<(Vec<String>, &str)> {
    let mut rest = text.trim_start().strip_prefix('(')?.trim_start();
    let mut found = Vec::new();
    if let Some(rest) = rest.strip_prefix(')') {
        return Some((found, rest));
    }
    loop {
        let (value, after) = quoted(rest)?;
        found.push(value);
        rest = after.trim_start();
        if let Some(after) = rest.strip_prefix(')') {
            return Some((found, after));
        }
        rest = rest.strip_prefix(',')?.trim_start();
    }
}

/// A text in quotes, of which two stand for one inside.
fn quoted(text: &str) -> Option<(String, &str)> {
    let quote = text.chars().next().filter(|it| matches!(it, '\'' | '"'))?;
    let mut rest = text.get(1..)?;
    let mut value = String::new();
    loop {
        let (before, after) = rest.split_once(quote)?;
        value.push_str(before);
        match after.strip_prefix(quote) {
            Some(after) => {
                value.push(quote);
                rest = after;
            }
            None => return Some((value, after)),
        }
    }
}

/// `.name`, `['name']`, `[0]`, each with a `?` before it or not.
fn accessors(text: &str) -> (Vec<Segment>, &str) {
    let mut segments = Vec::new();
    let mut rest = text;
    while let Some((segment, after)) = accessor(rest) {
        segments.push(segment);
        rest = after;
    }
    (segments, rest)
}

fn accessor(text: &str) -> Option<(Segment, &str)> {
    let text = text.strip_prefix('?').unwrap_or(text);
    if let Some(rest) = text.strip_prefix('.') {
        let (name, rest) = word(rest)?;
        return Some((Segment::Name(name.to_owned()), rest));
    }
    let inside = text.strip_prefix('[')?.trim_start();
    if let Some((name, rest)) = quoted(inside) {
        return Some((Segment::Name(name), rest.trim_start().strip_prefix(']')?));
    }
    let (index, rest) = inside.split_once(']')?;
    Some((Segment::Index(index.trim().parse().ok()?), rest))
}

/// The value that a path leads to.
pub(crate) fn get<'v>(value: &'v Value, path: &[Segment]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, segment| match segment {
        Segment::Name(name) => value.get(name),
        Segment::Index(index) => value.get(*index),
    })
}

/// Sets the value that a path leads to; objects on the way are made. Gives false, and changes
/// nothing, if something on the way is neither object nor list.
pub(crate) fn set(value: &mut Value, path: &[Segment], new: Value) -> bool {
    let mut place = value;
    for segment in path {
        if place.is_null() && matches!(segment, Segment::Name(_)) {
            *place = Value::Object(Map::new());
        }
        let inner = match (segment, place) {
            (Segment::Name(name), Value::Object(members)) => {
                members.entry(name.clone()).or_insert(Value::Null)
            }
            (Segment::Index(index), Value::Array(items)) => match items.get_mut(*index) {
                Some(item) => item,
                None => return false,
            },
            _ => return false,
        };
        place = inner;
    }
    *place = new;
    true
}

/// Takes away what a path leads to.
pub(crate) fn take(value: &mut Value, path: &[Segment]) -> Option<Value> {
    let (last, parents) = path.split_last()?;
    let mut place = value;
    for segment in parents {
        place = match segment {
            Segment::Name(name) => place.get_mut(name)?,
            Segment::Index(index) => place.get_mut(*index)?,
        };
    }
    match last {
        Segment::Name(name) => place.as_object_mut()?.shift_remove(name),
        Segment::Index(_) => None,
    }
}
