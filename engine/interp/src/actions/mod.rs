//! The behaviour of the kinds: one `match`, one file a kind (their inputs have the same file in `flow`).

pub(crate) mod api_connection;
mod approval;
mod compare;
mod compose;
mod condition;
mod expression;
mod foreach;
mod http;
pub(crate) mod http_webhook;
mod join;
mod map;
mod parse_json;
mod query;
mod response;
mod scope;
mod select;
mod send_to_batch;
mod switch;
mod table;
mod terminate;
mod until;
pub(crate) mod variables;
mod wait;
mod workflow;

use std::{
    borrow::Cow,
    ptr,
    sync::{Arc, Weak},
};

use base::{Failure, Outcome, Status, value::object};
use expr::Tree;
use flow::ActionKind;
use serde_json::{Map, Value};

use crate::{
    context::Scope,
    exec::{self, Ended, Exec},
    plan::Plan,
    run::Key,
};

/// Values from here on are shared between records.
const SHARED_BYTES_MIN: usize = 16 << 10;

/// Starts an action. What ends at once is returned; everything else has opened a slot.
pub(crate) fn begin(exec: &mut Exec<'_>, key: &Key) -> Option<Ended> {
    match &exec.action(key).kind {
        ActionKind::ApiConnection(it) => api_connection::begin(exec, key, it),
        ActionKind::Approval(it) => approval::begin(exec, key, it),
        ActionKind::Compare(it) => Some(compare::begin(exec, key, it)),
        ActionKind::Compose(it) => Some(compose::begin(exec, key, it)),
        ActionKind::Condition(it) => condition::begin(exec, key, it),
        ActionKind::Expression(it) => Some(expression::begin(exec, key, it)),
        ActionKind::Foreach(it) => foreach::begin(exec, key, it),
        ActionKind::Http(it) => http::begin(exec, key, it),
        ActionKind::HttpWebhook(it) => http_webhook::begin(exec, key, it),
        ActionKind::Join(it) => Some(join::begin(exec, key, it)),
        ActionKind::Map(it) => Some(map::begin(exec, key, it)),
        ActionKind::ParseJson(it) => Some(parse_json::begin(exec, key, it)),
        ActionKind::Query(it) => Some(query::begin(exec, key, it)),
        ActionKind::Response(it) => Some(response::begin(exec, key, it)),
        ActionKind::Scope(_) => scope::begin(exec, key),
        ActionKind::Select(it) => Some(select::begin(exec, key, it)),
        ActionKind::SendToBatch(it) => send_to_batch::begin(exec, key, it),
        ActionKind::Switch(it) => switch::begin(exec, key, it),
        ActionKind::Table(it) => Some(table::begin(exec, key, it)),
        ActionKind::Terminate(it) => terminate::begin(exec, key, it),
        ActionKind::Until(_) => until::begin(exec, key),
        ActionKind::Variables(it) => Some(variables::begin(exec, key, it)),
        ActionKind::Wait(it) => wait::begin(exec, key, it),
        ActionKind::Workflow(it) => workflow::begin(exec, key, it),
        ActionKind::Unsupported(it) if it.lacks_inputs => Some(no_inputs(exec, key)),
        ActionKind::Unsupported(it) => Some(not_yet(&it.type_name)),
    }
}

/// A block of a container has ended. If the container has too, how.
pub(crate) fn block_ended(exec: &mut Exec<'_>, key: &Key, status: Status) -> Option<Ended> {
    match &exec.action(key).kind {
        ActionKind::Foreach(_) => foreach::pass_ended(exec, key, status),
        ActionKind::Until(it) => until::pass_ended(exec, key, it, status),
        ActionKind::Condition(_) | ActionKind::Scope(_) | ActionKind::Switch(_) => {
            Some(Ended::container(status))
        }
        ActionKind::ApiConnection(_)
        | ActionKind::Approval(_)
        | ActionKind::Compare(_)
        | ActionKind::Compose(_)
        | ActionKind::Expression(_)
        | ActionKind::Http(_)
        | ActionKind::HttpWebhook(_)
        | ActionKind::Join(_)
        | ActionKind::Map(_)
        | ActionKind::ParseJson(_)
        | ActionKind::Query(_)
        | ActionKind::Response(_)
        | ActionKind::Select(_)
        | ActionKind::SendToBatch(_)
        | ActionKind::Table(_)
        | ActionKind::Terminate(_)
        | ActionKind::Variables(_)
        | ActionKind::Wait(_)
        | ActionKind::Workflow(_)
        | ActionKind::Unsupported(_) => None,
    }
}

/// The last answer to an action that asked.
pub(crate) fn answered(outcome: &Outcome) -> Ended {
    let outputs = outcome.outputs.clone().map(Arc::new);
    if let Some(failure) = &outcome.failure {
        return Ended { outputs, ..Ended::failed(failure.clone()) };
    }
    let code = outcome.status_code().map_or("OK".into(), base::http::status_name);
    Ended { code, outputs, ..Ended::succeeded(None, Value::Null) }
}

/// A kind that loads and does not run yet: an error of the action, so that its error path runs.
fn not_yet(kind: &str) -> Ended {
    Ended::failed(Failure::new(
        "ActionNotSupported",
        format!(
            "actions of the type '{kind}' are read and linted, but this version cannot run them"
        ),
    ))
}

fn no_inputs(exec: &Exec<'_>, key: &Key) -> Ended {
    let message = format!("the action '{}' has no inputs", exec.action(key).name);
    Ended::failed(Failure::new("MissingInputs", message))
}

impl Exec<'_> {
    /// Evaluates a part of an action's inputs.
    pub(crate) fn eval(&self, key: &Key, tree: &Tree) -> Result<Value, Ended> {
        tree.eval(&self.scope(key)).map_err(|error| Ended::failed(self.invalid_inputs(key, &error)))
    }

    /// The same without a copy, where the value is the run's.
    pub(crate) fn lent<'b>(
        &self,
        scope: &'b Scope<'b>,
        key: &Key,
        tree: &'b Tree,
    ) -> Result<Cow<'b, Value>, Ended> {
        exec::lent(scope, tree).map_err(|error| Ended::failed(self.invalid_inputs(key, &error)))
    }

    /// The inputs of an action that is computed, `{from}`, if anybody will look at them.
    pub(crate) fn from(&self, source: Cow<'_, Value>) -> Option<Value> {
        let is_seen = !self.run.is_unseen;
        is_seen.then(|| object([("from", source.into_owned())]))
    }

    /// The same; a large value that a record has already is not kept twice.
    pub(crate) fn eval_shared(&mut self, key: &Key, tree: &Tree) -> Result<Arc<Value>, Ended> {
        let Tree::Template(placed) = tree else { return self.eval(key, tree).map(Arc::new) };
        let scope = self.scope(key);
        let value = placed.template.eval_lent(&scope);
        let value = value.map_err(|error| Ended::failed(self.invalid_inputs(key, &error)))?;
        let Cow::Borrowed(lent) = value else { return Ok(Arc::new(value.into_owned())) };
        if base::value::weight(lent) < SHARED_BYTES_MIN {
            return Ok(Arc::new(lent.clone()));
        }
        // A place may have been given to another value since.
        let place = ptr::from_ref(lent).addr();
        let known = self.run.shared.get(&place).and_then(Weak::upgrade);
        if let Some(known) = known.filter(|it| **it == *lent) {
            return Ok(known);
        }
        let copy = Arc::new(lent.clone());
        for place in [place, Arc::as_ptr(&copy).addr()] {
            self.run.shared.insert(place, Arc::downgrade(&copy));
        }
        Ok(copy)
    }

    /// The same for a part that may be missing.
    pub(crate) fn eval_opt(&self, key: &Key, tree: Option<&Tree>) -> Result<Option<Value>, Ended> {
        tree.map(|tree| self.eval(key, tree)).transpose()
    }

    /// An object of the parts that are there.
    pub(crate) fn members(
        &self,
        key: &Key,
        parts: &[(&str, Option<&Tree>)],
    ) -> Result<Value, Ended> {
        let mut members = Map::new();
        for (name, tree) in parts {
            if let Some(value) = self.eval_opt(key, *tree)? {
                members.insert((*name).to_owned(), value);
            }
        }
        Ok(Value::Object(members))
    }

    /// Evaluates the list that an action of this `kind` is `from`.
    /// What is computed of the list `from`, as the body of the outputs.
    pub(crate) fn of_list(
        &self,
        (key, from): (&Key, &Tree),
        kind: &str,
        compute: impl FnOnce(&Scope<'_>, &[Value]) -> Result<Value, Ended>,
    ) -> Ended {
        let scope = self.scope(key);
        let source = match self.lent(&scope, key, from) {
            Ok(source) => source,
            Err(ended) => return ended,
        };
        let items = match list(&source, kind) {
            Ok(items) => items,
            Err(ended) => return ended,
        };
        match compute(&scope, items) {
            Ok(body) => Ended::succeeded(self.from(source), object([("body", body)])),
            Err(ended) => ended.inputs(self.from(source)),
        }
    }
}

/// The items of `from`, which has to be a list.
fn list<'a>(source: &'a Value, kind: &str) -> Result<&'a [Value], Ended> {
    let Value::Array(items) = source else {
        let must = if kind == "table" { "of type 'Array'" } else { "an array" };
        let message = format!(
            "The 'from' property value in the '{kind}' action inputs is of type '{}'. The value must \
             be {must}.",
            base::value::kind(source)
        );
        return Err(Ended::failed(Failure::new("BadRequest", message)));
    };
    Ok(items)
}

/// An action that waits to be called back cannot run where nobody can call.
fn no_address(exec: &Exec<'_>, key: &Key) -> Option<Ended> {
    if exec.run.callback.is_some() {
        return None;
    }
    let name = &exec.action(key).name;
    let message = format!(
        "the action '{name}' waits to be called back, and this run has no address that a service \
         could call; run it with `flowright serve`, or give its replies with `--mocks`"
    );
    Some(Ended::failed(Failure::new("CallbackUnavailable", message)))
}

/// Which calls of a plan must have their intent written first.
pub(crate) fn needs_intent(plan: &Plan, key: &Key) -> bool {
    plan.unsafe_calls.contains(&key.action)
}
