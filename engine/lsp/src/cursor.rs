//! Where a cursor stands in a file: the way from the root, and what is being written.

use crate::outline::{self, Kind, Node, Scalar};

/// Stands for the cursor in a text that is read: no file has it.
pub(crate) const MARK: char = '\u{f8fe}';

/// One step from the root of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Item(usize),
}

/// What the cursor is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum At {
    /// A key, or something that may become one.
    Key {
        /// Whether a value might be meant as well.
        or_value: bool,
        /// Whether a colon is there.
        has_colon: bool,
    },
    /// A value; the text up to the cursor is that of the value.
    Value {
        /// How it is quoted.
        quote: Option<char>,
    },
}

/// Where a cursor stands.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    /// From the root to the object that has the key, or to the value.
    pub(crate) path: Vec<Step>,
    pub(crate) at: At,
    /// What is written before the cursor.
    pub(crate) before: String,
    /// What is written behind it.
    pub(crate) behind: String,
    /// The file as it is but for what is being written.
    pub(crate) root: Node,
}

/// Finds out where a cursor stands.
pub(crate) fn locate(text: &str, offset: usize) -> Option<Cursor> {
    let offset = offset.min(text.len());
    let (head, tail) = text.split_at_checked(offset)?;
    if in_comment(head) {
        return None;
    }
    let marked = format!("{head}{MARK}{tail}");
    let root = outline::read(&marked);
    let mut path = Vec::new();
    let (at, written) = find(&root, &mut path)?;
    let (before, behind) = written.split_once(MARK)?;
    let (before, behind) = (before.to_owned(), behind.to_owned());
    // Everything behind the mark stands three bytes too far; only the ways are looked at.
    Some(Cursor { path, at, before, behind, root })
}

fn in_comment(head: &str) -> bool {
    let line = head.rsplit('\n').next().unwrap_or("");
    if line.trim_start().starts_with('#') {
        return true;
    }
    // A `#` in quotes is none that begins a comment.
    line.find(" #").is_some_and(|at| {
        let before = line.get(..at).unwrap_or("");
        before.matches('"').count() % 2 == 0 && before.matches('\'').count() % 2 == 0
    })
}

fn find(node: &Node, path: &mut Vec<Step>) -> Option<(At, String)> {
    match &node.kind {
        Kind::Nothing => None,
        Kind::Scalar(Scalar { text, quote }) => {
            text.contains(MARK).then(|| (At::Value { quote: *quote }, text.clone()))
        }
        Kind::Seq(items) => items.iter().enumerate().find_map(|(nth, item)| {
            path.push(Step::Item(nth));
            let found = find(item, path);
            if found.is_none() {
                path.pop();
            }
            found
        }),
        Kind::Map(entries) => {
            for entry in entries {
                if entry.key.contains(MARK) {
                    let only = entries.len() == 1 && !entry.has_colon;
                    let at = At::Key { or_value: only, has_colon: entry.has_colon };
                    return Some((at, entry.key.clone()));
                }
                path.push(Step::Key(entry.key.clone()));
                if let Some(found) = find(&entry.value, path) {
                    return Some(found);
                }
                path.pop();
            }
            None
        }
    }
}

impl Cursor {
    /// The node at some steps from the root.
    pub(crate) fn node(&self, path: &[Step]) -> Option<&Node> {
        node_at(&self.root, path)
    }

    /// The last key on the way.
    pub(crate) fn key(&self) -> Option<&str> {
        self.path.iter().rev().find_map(|it| match it {
            Step::Key(key) => Some(key.as_str()),
            Step::Item(_) => None,
        })
    }
}

/// The node at some steps from another one.
pub(crate) fn node_at<'n>(root: &'n Node, path: &[Step]) -> Option<&'n Node> {
    path.iter().try_fold(root, |node, step| match step {
        Step::Key(key) => node.entries().iter().find(|it| it.key == *key).map(|it| &it.value),
        Step::Item(nth) => node.items().get(*nth),
    })
}
