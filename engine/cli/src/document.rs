//! A context made of one document: what `flowright eval` evaluates in.

use std::{
    borrow::Cow,
    sync::atomic::{AtomicU64, Ordering},
};

use base::Timestamp;
use expr::Context;
use serde_json::{Map, Value, json};

/// The members that a document may have.
pub const MEMBERS: [&str; 11] = [
    "actions",
    "failures",
    "item",
    "items",
    "iteration_indexes",
    "now",
    "parameters",
    "results",
    "trigger",
    "variables",
    "workflow",
];

/// What an evaluation may ask, answered from a document such as
/// `{"variables": {"n": 1}, "actions": {"Get item": {"outputs": {"body": {}}}}}`.
pub struct Document {
    members: Map<String, Value>,
    now: Timestamp,
    random: AtomicU64,
}

impl Document {
    /// Checks the members that are known; others are left alone. The document's `now` wins over the
    /// given one.
    pub fn new(document: Value, now: Timestamp, seed: u64) -> Result<Self, String> {
        let members = match document {
            Value::Null => Map::new(),
            Value::Object(members) => members,
            other => {
                return Err(format!("the context is an object, not {}", base::value::kind(&other)));
            }
        };
        for name in [
            "actions",
            "items",
            "iteration_indexes",
            "failures",
            "parameters",
            "results",
            "variables",
        ] {
            if members.get(name).is_some_and(|it| !it.is_object() && !it.is_null()) {
                return Err(format!("`{name}` of the context is an object of values by name"));
            }
        }
        let now = match members.get("now") {
            None | Some(Value::Null) => now,
            Some(given) => given.as_str().and_then(Timestamp::parse).ok_or_else(|| {
                format!(
                    "`now` of the context is a time such as `2026-01-31T12:00:00Z`, not {given}"
                )
            })?,
        };
        Ok(Self { members, now, random: AtomicU64::new(seed) })
    }

    /// A member, or a member of a member, and so on; names are compared without case.
    fn lent(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.members.get(*first)?, |at, name| {
            let map = at.as_object()?;
            let lower = || name.to_lowercase();
            map.get(*name).or_else(|| {
                let lower = lower();
                map.iter().find(|(key, _)| key.to_lowercase() == lower).map(|(_, value)| value)
            })
        })
    }

    fn lend(&self, path: &[&str]) -> Option<Cow<'_, Value>> {
        self.lent(path).map(Cow::Borrowed)
    }

    /// The part of a record, null where the record says nothing of it.
    fn part(&self, path: &[&str]) -> Cow<'_, Value> {
        self.lend(path).unwrap_or(Cow::Owned(Value::Null))
    }

    /// `$.trigger`: the outputs with the name beside them.
    fn trigger_view(&self) -> Option<Value> {
        let record = self.lent(&["trigger"])?;
        let mut view =
            record.get("outputs").and_then(Value::as_object).cloned().unwrap_or_default();
        view.extend(record.as_object().cloned().unwrap_or_default());
        Some(Value::Object(view))
    }

    /// `$.actions.X`: the record with the members of its outputs beside it.
    fn action_view(&self, name: &str) -> Option<Value> {
        let record = self.lent(&["actions", name])?;
        let mut view = Map::new();
        for name in ["statusCode", "headers", "body"] {
            if let Some(value) = record.get("outputs").and_then(|it| it.get(name)) {
                view.insert(name.to_owned(), value.clone());
            }
        }
        view.extend(record.as_object().cloned().unwrap_or_default());
        Some(Value::Object(view))
    }

    fn action_views(&self) -> Option<Value> {
        let actions = self.lent(&["actions"])?.as_object()?;
        let view = |name: &String| Some((name.clone(), self.action_view(name)?));
        Some(Value::Object(actions.keys().filter_map(view).collect()))
    }
}

impl Context for Document {
    fn action(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.lend(&["actions", name])
    }

    fn outputs(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.lent(&["actions", name])?;
        Some(self.part(&["actions", name, "outputs"]))
    }

    fn result(&self, scope: Option<&str>) -> Option<Value> {
        self.lent(&["results", scope?]).cloned()
    }

    fn failures(&self, scope: Option<&str>) -> Option<Value> {
        self.lent(&["failures", scope?]).cloned()
    }

    fn trigger(&self) -> Option<Cow<'_, Value>> {
        self.lend(&["trigger"])
    }

    fn trigger_outputs(&self) -> Option<Cow<'_, Value>> {
        self.lent(&["trigger"])?;
        Some(self.part(&["trigger", "outputs"]))
    }

    fn variable(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.lend(&["variables", name])
    }

    fn parameter(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.lend(&["parameters", name])
    }

    fn item(&self) -> Option<Cow<'_, Value>> {
        self.lend(&["item"])
    }

    fn items(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.lend(&["items", name])
    }

    fn iteration_index(&self, name: &str) -> Option<usize> {
        usize::try_from(self.lent(&["iteration_indexes", name])?.as_u64()?).ok()
    }

    fn workflow(&self) -> Option<Cow<'_, Value>> {
        self.lend(&["workflow"])
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    /// `SplitMix64` from the seed.
    fn random(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let state = self.random.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn resolve(&self, path: &[&str]) -> Option<(Cow<'_, Value>, usize)> {
        let made = |view: Value| Cow::Owned(view);
        match *path {
            ["trigger", "body", ..] => {
                self.lent(&["trigger"])?;
                Some((self.part(&["trigger", "outputs", "body"]), 2))
            }
            ["trigger", ..] => Some((made(self.trigger_view()?), 1)),
            // Where a trigger's own outputs are looked at, they are roots.
            [root @ ("body" | "headers" | "queries"), ..] => {
                self.lent(&["trigger"])?;
                Some((self.part(&["trigger", "outputs", root]), 1))
            }
            ["actions", name, "body", ..] => {
                self.lent(&["actions", name])?;
                Some((self.part(&["actions", name, "outputs", "body"]), 3))
            }
            ["actions", name, ..] => Some((made(self.action_view(name)?), 2)),
            ["actions"] => Some((made(self.action_views()?), 1)),
            [root @ ("variables" | "parameters" | "items"), name, ..] => {
                Some((self.lend(&[root, name])?, 2))
            }
            [root @ ("variables" | "parameters" | "items" | "item"), ..] => {
                Some((self.lend(&[root])?, 1))
            }
            ["run", ..] => Some((self.lend(&["workflow", "run"])?, 1)),
            ["flow", ..] => Some((made(json!({ "name": self.lent(&["workflow", "name"])? })), 1)),
            _ => None,
        }
    }
}
