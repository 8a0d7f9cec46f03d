//! Foreach: a block for each item, so many at a time.

use std::borrow::Cow;

use base::{Failure, Status, limits::FOREACH_ITEMS_MAX};
use expr::Tree;
use flow::actions::foreach::Foreach;
use serde_json::Value;

use crate::{
    exec::{self, Ended, Exec, Work},
    items::Items,
    ready::worse,
    run::{BlockKey, Key, State},
};

pub(super) fn begin(exec: &mut Exec<'_>, key: &Key, action: &Foreach) -> Option<Ended> {
    let items = match items(exec, key, action) {
        Ok(items) => items,
        Err(ended) => {
            exec.skip_failed(key, &ended);
            return Some(ended);
        }
    };
    let count = items.len();
    if count == 0 {
        exec.skip_branch(key, 0);
        return Some(Ended { repetitions: Some(0), ..Ended::container(Status::Succeeded) });
    }
    let state = State::Foreach { items, next: 0, active: 0, worst: Status::Succeeded };
    exec.open(key, state, None);
    for _ in 0..action.concurrency.clamp(1, count) {
        enter_next(exec, key);
    }
    None
}

fn items(exec: &Exec<'_>, key: &Key, action: &Foreach) -> Result<Items, Ended> {
    let name = &exec.action(key).name;
    let scope = exec.scope(key);
    let value = exec::lent(&scope, &action.items)
        .map_err(|error| Ended::failed(exec.invalid_condition(key, &error)))?;
    let items = match value {
        Cow::Owned(Value::Array(items)) => Items::own(items),
        Cow::Borrowed(Value::Array(items)) => {
            let part = scope.lender().and_then(|it| Items::lent(it, items));
            part.unwrap_or_else(|| Items::own(items.clone()))
        }
        other => {
            return Err(Ended::failed(Failure::new(
                "ExpressionEvaluationFailed",
                format!(
                    "The execution of template action '{name}' failed: the result of the evaluation \
                     of 'foreach' expression '{}' is of type '{}'. The result must be a valid array.",
                    source(&action.items),
                    base::value::kind(&other)
                ),
            )));
        }
    };
    if FOREACH_ITEMS_MAX < items.len() {
        let count = items.len();
        let message = format!("the loop '{name}' has {count} items, more than {FOREACH_ITEMS_MAX}");
        return Err(Ended::failed(Failure::new("ForeachItemLimitExceeded", message)));
    }
    Ok(items)
}

/// Starts the next pass, if there is one.
fn enter_next(exec: &mut Exec<'_>, key: &Key) {
    let Some(State::Foreach { items, next, active, .. }) = exec.state_mut(key) else { return };
    let pass = next_pass(items.len(), next, active);
    enter(exec, key, pass);
}

/// The next of so many passes.
fn next_pass(count: usize, next: &mut usize, active: &mut usize) -> Option<u32> {
    if *next == count {
        return None;
    }
    let pass = u32::try_from(*next).ok()?;
    *next += 1;
    *active += 1;
    Some(pass)
}

fn enter(exec: &mut Exec<'_>, key: &Key, pass: Option<u32>) {
    let Some(pass) = pass else { return };
    let passes = key.passes.and(pass);
    exec.work.push_back(Work::Enter(BlockKey { parent: Some(key.action), branch: 0, passes }));
}

/// All items run, even after one has failed; the loop is as its gravest pass.
pub(super) fn pass_ended(exec: &mut Exec<'_>, key: &Key, status: Status) -> Option<Ended> {
    let Some(State::Foreach { items, next, active, worst }) = exec.state_mut(key) else {
        return None;
    };
    *active -= 1;
    *worst = worse(*worst, status);
    let (count, worst) = (items.len(), *worst);
    if *next == count && *active == 0 {
        return Some(Ended { repetitions: Some(count), ..Ended::container(worst) });
    }
    let pass = next_pass(count, next, active);
    enter(exec, key, pass);
    None
}

/// The expression as written, for messages.
pub(super) fn source(tree: &Tree) -> Cow<'_, str> {
    match tree {
        Tree::Template(placed) => placed.template.source().into(),
        Tree::Value(value) => expr::to_text(value).into(),
        Tree::Array(_) | Tree::Object(_) => "".into(),
    }
}
