//! Changes an environment file as a person would: what is not touched stays as it is, comments too.

use base::{Severity, Source};
use flow::environment;
use yaml::{Entry, Node, Style};

/// A connection as it is to stand in the file.
#[derive(Clone, Debug)]
pub struct NewConnection {
    /// The name that flows use.
    pub name: String,
    /// The connector, if it has another name.
    pub connector: Option<String>,
    /// Which of the connector's ways to prove who asks.
    pub auth: Option<String>,
    /// Names and texts, which may hold references.
    pub params: Vec<(String, String)>,
}

/// Why a file was not changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is such a connection.
    Exists,
    /// The file has errors of its own.
    Faulty(String),
    /// It is written in a way that is not ours to change.
    ByHand,
}

impl NewConnection {
    /// The lines of the connection below `connections:`, indented by so many blanks.
    pub fn lines(&self, indent: usize) -> String {
        let (at, inner) = (" ".repeat(indent), " ".repeat(indent + 2));
        let mut text = format!("{at}{}:\n", key(&self.name));
        for (name, value) in [("connector", &self.connector), ("auth", &self.auth)] {
            if let Some(value) = value {
                text.extend([inner.as_str(), name, ": ", &quoted(value), "\n"]);
            }
        }
        if self.params.is_empty() {
            text.extend([inner.as_str(), "params: {}\n"]);
            return text;
        }
        text.extend([inner.as_str(), "params:\n"]);
        for (name, value) in &self.params {
            text.extend([inner.as_str(), "  ", &key(name), ": ", &quoted(value), "\n"]);
        }
        text
    }
}

/// The text of a file with a connection added, or put in the place of the one of that name.
///
/// # Errors
/// If the file cannot be changed without a person's eye.
pub fn with_connection(
    text: &str,
    connection: &NewConnection,
    replace: bool,
) -> Result<String, Refused> {
    if let Some(fault) = fault(text) {
        return Err(Refused::Faulty(fault));
    }
    let root = yaml::parse(text).0;
    let entry = root.as_ref().and_then(Node::as_map).and_then(|it| it.entry("connections"));
    let changed = match entry {
        None if root.as_ref().is_some_and(|it| it.style == Style::Flow) => {
            return Err(Refused::ByHand);
        }
        None => {
            let mut changed = ended(text);
            if !changed.trim().is_empty() {
                changed.push('\n');
            }
            changed.push_str("connections:\n");
            changed + &connection.lines(2)
        }
        Some(entry) => in_list(text, entry, connection, replace)?,
    };
    check(text, &changed, connection).then_some(changed).ok_or(Refused::ByHand)
}

/// The text with the connection in the list that is there.
fn in_list(
    text: &str,
    list: &Entry,
    connection: &NewConnection,
    replace: bool,
) -> Result<String, Refused> {
    let map = list.value.as_map().filter(|it| !it.is_empty());
    let Some(map) = map else {
        // `connections:` or `connections: {}`.
        let line = line_of(text, list.key.span.start);
        let before = text.get(..list.key.span.end).ok_or(Refused::ByHand)?;
        let after = text.get(end_of_line(text, line)..).ok_or(Refused::ByHand)?;
        let head = format!("{before}:\n");
        return Ok(head + &connection.lines(2) + after);
    };
    if list.value.style != Style::Block {
        return Err(Refused::ByHand);
    }
    let first = map.iter().next().ok_or(Refused::ByHand)?;
    let indent = first.key.span.start - line_of(text, first.key.span.start);
    let (from, to) = match map.entry(&connection.name) {
        Some(_) if !replace => return Err(Refused::Exists),
        Some(entry) => (line_of(text, entry.key.span.start), end(text, entry)?),
        None => {
            let last = end(text, map.iter().last().ok_or(Refused::ByHand)?)?;
            (last, last)
        }
    };
    let before = ended(text.get(..from).ok_or(Refused::ByHand)?);
    let after = text.get(to..).ok_or(Refused::ByHand)?;
    Ok(before + &connection.lines(indent) + after)
}

/// Where the next line begins after an entry.
fn end(text: &str, entry: &Entry) -> Result<usize, Refused> {
    let until = entry.value.span.end.max(entry.key.span.end);
    let written = text.get(..until).ok_or(Refused::ByHand)?.trim_end().len();
    Ok(end_of_line(text, written))
}

fn line_of(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|it| it.rfind('\n')).map_or(0, |it| it + 1)
}

fn end_of_line(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|it| it.find('\n')).map_or(text.len(), |it| at + it + 1)
}

/// The text with a line end at its end.
fn ended(text: &str) -> String {
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{end}")
}

/// Whether the file says the same as before but for the connection.
fn check(before: &str, after: &str, connection: &NewConnection) -> bool {
    let read = |text: &str| environment::read(&Source::new("environment", text)).0;
    let (before, after) = (read(before), read(after));
    let others = |it: &flow::Environment| {
        let others = it.connections.iter().filter(|it| it.name != connection.name);
        let params = |it: &environment::ConnectionSetting| -> Vec<_> {
            it.params.iter().map(|it| (it.name.clone(), plain(&it.setting))).collect()
        };
        let shown = others.map(|it| (it.name.clone(), it.connector.clone(), params(it)));
        let parameters = it.parameters.iter().map(|it| (it.name.clone(), plain(&it.setting)));
        (shown.collect::<Vec<_>>(), parameters.collect::<Vec<_>>())
    };
    let Some(new) = after.connections.iter().find(|it| it.name == connection.name) else {
        return false;
    };
    let names = new.params.iter().map(|it| &it.name);
    others(&before) == others(&after)
        && new.connector == connection.connector
        && names.eq(connection.params.iter().map(|it| &it.0))
}

/// A setting without the places that its references stand at.
fn plain(setting: &environment::Setting) -> String {
    let mut names = Vec::new();
    setting.references(&mut |it| names.push(it.name.clone()));
    match setting {
        environment::Setting::Value(value) => value.to_string(),
        environment::Setting::Text(_)
        | environment::Setting::Array(_)
        | environment::Setting::Object(_) => names.join("\n"),
    }
}

/// The first error of a file.
fn fault(text: &str) -> Option<String> {
    let found = environment::read(&Source::new("environment", text)).1;
    found.into_iter().find(|it| it.severity == Severity::Error).map(|it| it.message)
}

fn key(name: &str) -> String {
    let plain = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.');
    let is_plain = name.starts_with(|it: char| it.is_ascii_alphabetic()) && name.chars().all(plain);
    // These mean something else without quotes.
    let is_word = ["null", "true", "false", "yes", "no", "on", "off"].contains(&name);
    if is_plain && !is_word { name.to_owned() } else { quoted(name) }
}

/// Text in quotes; JSON's are YAML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
