//! Who answers the questions of a run.

use std::collections::BTreeMap;

use async_trait::async_trait;
use base::{Failure, Outcome, Timestamp};
use interp::{
    Plan,
    effect::{Ask, Request},
};
use serde_json::{Value, json};

/// Answers questions to services. Questions to other flows are the engine's own business.
#[async_trait]
pub trait Performer: Send + Sync {
    /// Asks once; retries and polling are the interpreter's.
    async fn perform(&self, plan: &Plan, ask: &Ask, now: Timestamp) -> Outcome;
}

/// Replies from a file: nothing is called.
///
/// A reply is found by the action's path, its name, or `connection.Operation`; a list gives one
/// reply per attempt, its last one for all further attempts.
#[derive(Clone, Debug, Default)]
pub struct Mocks {
    replies: BTreeMap<String, Vec<Value>>,
}

impl Mocks {
    /// From an object of replies by name, each `{statusCode, headers, body}` or a list of such.
    ///
    /// # Errors
    /// Names the reply that is neither.
    pub fn new(replies: &Value) -> Result<Self, String> {
        let Some(replies) = replies.as_object() else {
            return Err("mocks are an object: a reply, or a list of replies, by action name".into());
        };
        let mut read = BTreeMap::new();
        for (name, value) in replies {
            let list = match value {
                Value::Array(list) => list.clone(),
                other => vec![other.clone()],
            };
            if list.is_empty() || !list.iter().all(Value::is_object) {
                return Err(format!(
                    "the reply of `{name}` must be an object like {{statusCode: 200, body: …}}"
                ));
            }
            read.insert(folded(name), list);
        }
        Ok(Self { replies: read })
    }

    fn find(&self, ask: &Ask) -> Option<&Vec<Value>> {
        let (_, action) = ask.path.parts()?;
        let operation = match &ask.request {
            Request::Operation { connection, operation, .. } => format!("{connection}.{operation}"),
            Request::Route { .. } | Request::Http { .. } | Request::Flow { .. } => String::new(),
        };
        [ask.path.as_str(), &action, &operation]
            .into_iter()
            .find_map(|name| self.replies.get(&folded(name)))
    }
}

fn folded(name: &str) -> String {
    name.replace(' ', "_").to_lowercase()
}

#[async_trait]
impl Performer for Mocks {
    async fn perform(&self, _plan: &Plan, ask: &Ask, now: Timestamp) -> Outcome {
        let Some(replies) = self.find(ask) else {
            let message = format!(
                "nothing may be called here and there is no reply for `{}`; add one to the mocks file",
                ask.path
            );
            return Outcome::failed(Failure::new("NotMocked", message));
        };
        let index = (ask.attempt as usize - 1).min(replies.len() - 1);
        let mut outputs = replies[index].clone();
        if let Some(object) = outputs.as_object_mut() {
            object.entry("statusCode").or_insert_with(|| json!(200));
            object.entry("headers").or_insert_with(|| json!({}));
            object.entry("body").or_insert(Value::Null);
        }
        Outcome::of_response(outputs, now)
    }
}
