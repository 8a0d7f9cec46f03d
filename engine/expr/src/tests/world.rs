//! A context made of one JSON document, for tests.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};

use base::{Failure, Timestamp};
use serde_json::{Value, json};

use crate::Context;
use crate::access::same_name;

/// Answers from `actions`, `trigger`, `variables`, `parameters`, `item`, `items`, … of a document.
pub(super) struct World {
    document: Value,
    random: AtomicU64,
}

impl World {
    pub(super) fn new(document: Value) -> Self {
        Self { document, random: AtomicU64::new(0) }
    }

    /// Replaces one part of the document.
    pub(super) fn set(&mut self, part: &str, value: Value) {
        self.document[part] = value;
    }

    /// What the examples of the functions are evaluated in.
    pub(super) fn of_examples() -> Self {
        let form = base::base64::encode(b"name=A+%26+B&tag=a&tag=b");
        Self::new(json!({
            "now": "2026-01-31T12:00:00Z",
            "actions": {
                "Get_item": {
                    "name": "Get_item",
                    "status": "Succeeded",
                    "outputs": { "statusCode": 200, "body": { "id": 7, "title": "A title" } },
                },
                "Compose": { "name": "Compose", "status": "Succeeded", "outputs": "made" },
                "Get_form": { "outputs": { "body": {
                    "$content-type": "application/x-www-form-urlencoded", "$content": form,
                } } },
                "Get_parts": { "outputs": { "body": {
                    "$content-type": "multipart/form-data",
                    "$multipart": [{ "body": "one" }, { "body": "two" }],
                } } },
            },
            "results": { "Scope": [{ "name": "Get_item", "status": "Failed" }] },
            "trigger": {
                "name": "manual",
                "outputs": { "headers": { "X-Id": "42" }, "body": { "k": 1 } },
            },
            "variables": { "count": 5 },
            "parameters": { "env": "test" },
            "settings": { "Place": "here" },
            "item": { "n": 1 },
            "items": { "For_each": { "n": 1 } },
            "iteration_indexes": { "Until": 2 },
            "workflow": { "name": "flow-1", "run": { "name": "run-1" } },
            "current": { "name": "Compose" },
            "callback": "https://flow.example/callback",
            "approvals": { "Approval": "https://flow.example/approval" },
        }))
    }

    fn lent(&self, pointer: &[&str]) -> Option<Cow<'_, Value>> {
        let mut at = &self.document;
        for name in pointer {
            let map = at.as_object()?;
            at = map.iter().find(|(key, _)| same_name(key, name)).map(|(_, value)| value)?;
        }
        Some(Cow::Borrowed(at))
    }
}

impl Context for World {
    fn action(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.lent(&["actions", name])
    }

    fn outputs(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.action(name)?;
        Some(self.lent(&["actions", name, "outputs"]).unwrap_or_default())
    }

    fn result(&self, scope: Option<&str>) -> Option<Value> {
        self.lent(&["results", scope?]).map(Cow::into_owned)
    }

    fn failures(&self, scope: Option<&str>) -> Option<Value> {
        self.result(scope)
    }

    fn trigger(&self) -> Option<Cow<'_, Value>> {
        self.lent(&["trigger"])
    }

    fn trigger_outputs(&self) -> Option<Cow<'_, Value>> {
        self.lent(&["trigger", "outputs"])
    }

    fn variable(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.lent(&["variables", name])
    }

    fn parameter(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.lent(&["parameters", name])
    }

    fn app_setting(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.lent(&["settings", name])
    }

    fn item(&self) -> Option<Cow<'_, Value>> {
        self.lent(&["item"])
    }

    fn items(&self, name: &str) -> Option<Cow<'_, Value>> {
        self.lent(&["items", name])
    }

    fn iteration_index(&self, name: &str) -> Option<usize> {
        let index = self.lent(&["iteration_indexes", name])?;
        usize::try_from(index.as_u64()?).ok()
    }

    fn workflow(&self) -> Option<Cow<'_, Value>> {
        self.lent(&["workflow"])
    }

    fn current_action(&self) -> Option<Cow<'_, Value>> {
        self.lent(&["current"])
    }

    fn callback_url(&self) -> Option<String> {
        Some(self.lent(&["callback"])?.as_str()?.to_owned())
    }

    fn approval_url(&self, name: &str) -> Option<String> {
        Some(self.lent(&["approvals", name])?.as_str()?.to_owned())
    }

    fn now(&self) -> Timestamp {
        let now = self.lent(&["now"]);
        now.and_then(|now| Timestamp::parse(now.as_str()?)).unwrap_or_default()
    }

    fn random(&self) -> u64 {
        self.random.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed)
    }

    fn hosts(&self, function: &str) -> bool {
        function == "status" || crate::functions::find(function).is_none()
    }

    fn host(&self, function: &str, arguments: &[Value]) -> Option<Result<Value, Failure>> {
        match function {
            "status" => Some(Ok(json!(200))),
            "echo" => Some(Ok(arguments.into())),
            "broken" => Some(Err(Failure::new("Broken", "it is broken"))),
            _ => None,
        }
    }

    fn resolve(&self, path: &[&str]) -> Option<(Cow<'_, Value>, usize)> {
        match path {
            ["actions", name, "body", ..] => {
                Some((self.lent(&["actions", name, "outputs", "body"])?, 3))
            }
            ["actions", name, ..] => Some((self.lent(&["actions", name])?, 2)),
            ["trigger", "body", ..] => Some((self.lent(&["trigger", "outputs", "body"])?, 2)),
            ["body", ..] => Some((self.lent(&["trigger", "outputs", "body"])?, 1)),
            [root @ ("variables" | "parameters" | "items"), name, ..] => {
                Some((self.lent(&[root, name])?, 2))
            }
            [
                root @ ("actions" | "trigger" | "variables" | "parameters" | "item" | "items"),
                ..,
            ] => Some((self.lent(&[root])?, 1)),
            _ => None,
        }
    }
}
