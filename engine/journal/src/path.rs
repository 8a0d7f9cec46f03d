//! Where in a run something happened: the name of an action and the passes of the loops around it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A stable address within one run: `Loop#3/Action`, outermost loop first.
///
/// Action names are unique in a flow, so scopes and branches add nothing and are left out: an
/// action that is moved into a scope keeps its address.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Path(String);

impl Path {
    /// The run itself.
    pub const fn run() -> Self {
        Self(String::new())
    }

    /// The address of an action in the given passes of the loops around it.
    pub fn new<'a>(loops: impl IntoIterator<Item = (&'a str, u32)>, action: &str) -> Self {
        let mut text = String::new();
        for (name, pass) in loops {
            escape(name, &mut text);
            text.push('#');
            text.push_str(&pass.to_string());
            text.push('/');
        }
        escape(action, &mut text);
        Self(text)
    }

    /// What stands in an address; whether there is such a path is seen when it is looked up.
    pub const fn from_address(text: String) -> Self {
        Self(text)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The loops with their passes, outermost first, and the action; `None` if the text is no path.
    pub fn parts(&self) -> Option<(Vec<(String, u32)>, String)> {
        let mut segments: Vec<&str> = self.0.split('/').collect();
        let action = unescape(segments.pop()?)?;
        let loops = segments.into_iter().map(|segment| {
            let (name, pass) = segment.split_once('#')?;
            Some((unescape(name)?, pass.parse().ok()?))
        });
        Some((loops.collect::<Option<_>>()?, action))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn escape(name: &str, into: &mut String) {
    for character in name.chars() {
        match character {
            '%' => into.push_str("%25"),
            '#' => into.push_str("%23"),
            '/' => into.push_str("%2F"),
            other => into.push(other),
        }
    }
}

fn unescape(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut name = parts.next()?.to_owned();
    for part in parts {
        let (code, rest) = part.split_at_checked(2)?;
        name.push(match code {
            "25" => '%',
            "23" => '#',
            "2F" => '/',
            _ => return None,
        });
        name.push_str(rest);
    }
    Some(name)
}
