//! Replies from a file in place of services.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use base::{ErrorClass, Failure, Outcome, Timestamp};
use flow::{Expected, expected::Difference};
use interp::{Plan, effect::Ask};
use serde_json::{Map, Value, json};

use crate::perform::Performer;

/// The code of a question that nobody answers here.
pub const NOT_MOCKED: &str = "NotMocked";

/// Replies from a file: nothing is called.
///
/// Of an action that waits to be called back, the last reply is the call; with `callBack: false` it
/// answers the request, and nobody calls.
///
/// A reply is found by the action's path, its name, or `connection.Operation`. A list gives one
/// reply each time the action asks, also in the next pass of a loop, and its last one ever after;
/// one that is found by a path, or of an action that waits to be called back, begins anew with each
/// pass. A reply with `when` is only for questions with such inputs: those that fit are then a list
/// of their own. One with `times` answers so often. Without a reply, the static result of the action
/// is taken, if it has one.
#[derive(Debug, Default)]
pub struct Mocks {
    replies: BTreeMap<String, Vec<Reply>>,
    /// How often replies of lists with a `when` have answered an action.
    used: Mutex<BTreeMap<(String, usize), u32>>,
}

/// One reply.
#[derive(Clone, Debug)]
struct Reply {
    /// `{statusCode, headers, body}`, as far as it says.
    value: Value,
    when: Option<Expected>,
    times: Option<u32>,
    error: Option<Failure>,
    calls_back: bool,
}

/// Why a reply did not answer a question.
#[derive(Clone, Debug, PartialEq)]
pub enum Miss {
    /// It is for other inputs.
    Inputs(Vec<Difference>),
    /// It has answered as often as it may.
    UsedUp,
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
                Value::Array(list) => list.as_slice(),
                other => std::slice::from_ref(other),
            };
            if list.is_empty() || !list.iter().all(Value::is_object) {
                return Err(format!(
                    "the reply of `{name}` must be an object like {{statusCode: 200, body: …}}"
                ));
            }
            let list = list.iter().map(Reply::read).collect::<Result<Vec<_>, String>>();
            let list = list.map_err(|message| format!("the reply of `{name}`: {message}"))?;
            read.insert(folded(name), list);
        }
        Ok(Self { replies: read, used: Mutex::default() })
    }

    /// Why each reply that is meant for such a question does not answer it.
    pub fn misses(&self, ask: &Ask) -> Vec<Miss> {
        let Some((_, replies)) = self.find(ask) else { return Vec::new() };
        let inputs = nested(ask.request.inputs());
        let miss = |reply: &Reply| match reply.differences(&inputs) {
            differences if differences.is_empty() => Miss::UsedUp,
            differences => Miss::Inputs(differences),
        };
        replies.iter().map(miss).collect()
    }

    fn find(&self, ask: &Ask) -> Option<(String, &Vec<Reply>)> {
        let entry = |name: String| Some((name.clone(), self.replies.get(&name)?));
        let (loops, action) = ask.path.parts()?;
        let operation = ask.request.operation().unwrap_or_default();
        let of_path = (!loops.is_empty()).then(|| entry(folded(ask.path.as_str()))).flatten();
        of_path.or_else(|| entry(folded(&action))).or_else(|| entry(folded(&operation)))
    }

    /// Whether it is found by its path.
    fn is_of_path(&self, ask: &Ask) -> bool {
        let is_in_loop = ask.path.parts().is_some_and(|(loops, _)| !loops.is_empty());
        is_in_loop && self.replies.contains_key(&folded(ask.path.as_str()))
    }

    /// The reply that answers, and whether it is the last one.
    fn choose(&self, ask: &Ask) -> Option<(&Reply, bool)> {
        let (name, replies) = self.find(ask)?;
        if replies.iter().all(|it| it.when.is_none()) {
            let anew = ask.callback_url.is_some() || self.is_of_path(ask);
            let turn = if anew { ask.attempt } else { ask.turn };
            let mut before = turn.saturating_sub(1);
            for (index, reply) in replies.iter().enumerate() {
                let is_last = index + 1 == replies.len();
                let times = reply.times.unwrap_or(if is_last { u32::MAX } else { 1 });
                match before.checked_sub(times) {
                    Some(left) => before = left,
                    None => return Some((reply, is_last)),
                }
            }
            return None;
        }
        let inputs = nested(ask.request.inputs());
        let fits = |reply: &Reply| reply.differences(&inputs).is_empty();
        let fitting = replies.iter().enumerate().filter(|(_, it)| fits(it)).collect::<Vec<_>>();
        let action = ask.path.parts().map(|(_, action)| action).unwrap_or_default();
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        for (nth, (index, reply)) in fitting.iter().enumerate() {
            let is_last = nth + 1 == fitting.len();
            let times = reply.times.unwrap_or(if is_last { u32::MAX } else { 1 });
            let count = used.entry((format!("{name} {action}"), *index)).or_default();
            if *count < times {
                *count += 1;
                return Some((reply, is_last));
            }
        }
        None
    }
}

impl Clone for Mocks {
    /// The same replies, none of which has been given yet.
    fn clone(&self) -> Self {
        Self { replies: self.replies.clone(), used: Mutex::default() }
    }
}

impl Reply {
    fn read(value: &Value) -> Result<Self, String> {
        let mut members = value.as_object().cloned().unwrap_or_default();
        let mut take = |key: &str| members.shift_remove(key).filter(|it| !it.is_null());
        let when = take("when");
        let when = when.map(|it| Expected::of_value(&it)).transpose();
        let when = when.map_err(|message| format!("`when`: {message}"))?;
        let times = take("times").map(|it| {
            let times = it.as_u64().and_then(|it| u32::try_from(it).ok()).filter(|it| 0 < *it);
            times.ok_or("`times` is a whole number from 1 on")
        });
        let times = times.transpose()?;
        let error = take("error").map(|it| failure(&it)).transpose()?;
        // A service that agreed to call back does so, unless the reply says otherwise.
        let calls_back = take("callBack") != Some(Value::Bool(false));
        Ok(Self { value: Value::Object(members), when, times, error, calls_back })
    }

    /// Where a question is not one that this is for.
    fn differences(&self, inputs: &Value) -> Vec<Difference> {
        self.when.as_ref().map(|it| it.compare(Some(inputs), &Nowhere)).unwrap_or_default()
    }

    /// Whether it has no answer, not even an empty one.
    fn is_silent(&self) -> bool {
        self.value.as_object().is_none_or(Map::is_empty)
    }

    /// The reply with everything that it leaves out.
    fn outputs(&self) -> Value {
        let mut outputs = self.value.clone();
        if let Some(object) = outputs.as_object_mut() {
            object.entry("statusCode").or_insert_with(|| json!(200));
            object.entry("headers").or_insert_with(|| json!({}));
            object.entry("body").or_insert(Value::Null);
            // Headers are texts, also `Retry-After: 5`.
            let headers = object.get_mut("headers").and_then(Value::as_object_mut);
            let headers = headers.into_iter().flat_map(|it| it.values_mut());
            for value in headers.filter(|it| it.is_number()) {
                *value = value.to_string().into();
            }
        }
        outputs
    }
}

/// Conditions of replies have nothing to look at but the inputs.
struct Nowhere;

impl expr::Context for Nowhere {}

/// An error without an answer; one that may pass unless it says otherwise, like those of a network.
fn failure(value: &Value) -> Result<Failure, String> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let code = text("code").ok_or("`error` needs a `code`")?;
    let message = text("message").unwrap_or("the test says so");
    let class = match text("class") {
        Some(name) => {
            let class = ErrorClass::parse(name);
            class.ok_or_else(|| format!("there is no class of errors `{name}`"))?
        }
        None => ErrorClass::Transient,
    };
    Ok(Failure::of_class(class, code, message))
}

/// Names of actions are compared so.
fn folded(name: &str) -> String {
    name.replace(' ', "_").to_lowercase()
}

/// Inputs as a tree: `item/name` is the member `name` of `item`.
pub fn nested(inputs: &Value) -> Value {
    let Some(members) = inputs.as_object() else { return inputs.clone() };
    let mut tree = Map::new();
    for (key, value) in members {
        put(&mut tree, key, value);
    }
    Value::Object(tree)
}

fn put(tree: &mut Map<String, Value>, key: &str, value: &Value) {
    let Some((first, rest)) = key.split_once('/').filter(|(first, _)| !first.is_empty()) else {
        tree.insert(key.to_owned(), value.clone());
        return;
    };
    let inner = tree.entry(first).or_insert_with(|| json!({}));
    match inner.as_object_mut() {
        Some(inner) => put(inner, rest, value),
        None => {
            tree.insert(key.to_owned(), value.clone());
        }
    }
}

#[async_trait]
impl Performer for Mocks {
    fn answers(&self, plan: &Plan, ask: &Ask) -> bool {
        self.find(ask).is_some() || plan.static_result(&ask.path).is_some()
    }

    async fn perform(&self, plan: &Plan, ask: &Ask, now: Timestamp) -> Outcome {
        let Some((reply, is_last)) = self.choose(ask) else {
            if self.find(ask).is_none()
                && let Some(outcome) = plan.static_result(&ask.path)
            {
                return outcome;
            }
            let message = format!(
                "nothing may be called here and there is no reply for `{}`; add one to the mocks file",
                ask.path
            );
            return Outcome::failed(Failure::new(NOT_MOCKED, message));
        };
        if let Some(failure) = &reply.error {
            // An answer may be an error although its status does not say so.
            let outputs = (!reply.is_silent()).then(|| reply.outputs());
            return Outcome { outputs, failure: Some(failure.clone()) };
        }
        let outcome = Outcome::of_response(reply.outputs(), now);
        // The last reply of an action that waits to be called is the call; what it follows worked.
        let is_call = is_last && reply.calls_back;
        if ask.callback_url.is_some() && is_call && outcome.failure.is_none() {
            let agreed = json!({ "statusCode": 200, "headers": {}, "body": null });
            return Outcome::succeeded(agreed);
        }
        outcome
    }

    fn call_back(&self, ask: &Ask) -> Option<Value> {
        let (_, replies) = self.find(ask)?;
        let inputs = nested(ask.request.inputs());
        let last = replies.iter().rfind(|it| it.differences(&inputs).is_empty())?;
        (last.calls_back && last.error.is_none()).then(|| last.outputs())
    }
}
