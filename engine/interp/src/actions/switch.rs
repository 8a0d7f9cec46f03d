//! Switch: one of several blocks by value, of the same type and case.

use std::sync::Arc;

use base::{Failure, Status};
use flow::actions::switch::Switch;
use serde_json::{Value, json};

use super::foreach::source;
use crate::{
    exec::{Ended, Exec, Work},
    record::Record,
    run::{BlockKey, Key, Slot, State},
};

pub(super) fn begin(exec: &mut Exec<'_>, key: &Key, action: &Switch) -> Option<Ended> {
    let value = match action.on.eval(&exec.scope(key)) {
        Ok(value) => value,
        Err(error) => return Some(fail(exec, key, exec.invalid_condition(key, &error))),
    };
    let branches = action.cases.len() + 1;
    if value.is_null() || !matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_)) {
        return Some(fail(exec, key, refusal(exec, key, action, &value)));
    }
    let found = action.cases.iter().position(|case| expr::equals(&case.value, &value));
    let same_type = |case: &Value| {
        base::value::kind(case) == base::value::kind(&value) || both_numbers(case, &value)
    };
    let comparable =
        action.cases.is_empty() || action.cases.iter().any(|case| same_type(&case.value));
    if found.is_none() && !comparable {
        return Some(mismatch(exec, key, action, &value));
    }
    let taken = found.unwrap_or(action.cases.len());
    exec.open(key, State::Block, Some(Arc::new(json!({ "expressionResult": value }))));
    for branch in (0..branches).filter(|branch| *branch != taken) {
        exec.skip_branch(key, branch);
    }
    let passes = key.passes.clone();
    exec.work.push_back(Work::Enter(BlockKey { parent: Some(key.action), branch: taken, passes }));
    None
}

fn both_numbers(a: &Value, b: &Value) -> bool {
    a.is_number() && b.is_number()
}

fn fail(exec: &mut Exec<'_>, key: &Key, failure: Failure) -> Ended {
    let ended = Ended::failed(failure);
    exec.skip_failed(key, &ended);
    ended
}

/// The value is of no type that a case can have.
fn refusal(exec: &Exec<'_>, key: &Key, action: &Switch, value: &Value) -> Failure {
    let message = format!(
        "The execution of template action '{}' failed: The result of the evaluation of 'scope' \
         action expression '{}' is not valid. It is of type '{}' but is expected to be a value of \
         type 'String, Integer'.",
        exec.action(key).name,
        source(&action.on),
        base::value::kind(value)
    );
    Failure::new("ExpressionEvaluationFailed", message)
}

/// The value is of another type than every case: the cloud fails each action of each branch.
fn mismatch(exec: &mut Exec<'_>, key: &Key, action: &Switch, value: &Value) -> Ended {
    let plan = exec.plan;
    let of_case = action.cases.first().map_or("Null", |case| base::value::kind(&case.value));
    let of_value = base::value::kind(value);
    let branches = 0..plan.branches(key.action);
    for id in branches.flat_map(|branch| plan.members(Some(key.action), branch)) {
        let message = format!(
            "The execution of template action '{}' failed: an unexpected exception encountered when \
             evaluating branching condition. 'Template language function 'strongEquals' expects \
             parameters of same type, but found '{of_value},{of_case}' distinct types.'",
            plan.flow.action(*id).name
        );
        let failure = Failure::new("ActionConditionFailed", message);
        let record = Record {
            status: Status::Failed,
            ..Record::skipped(failure, "InternalServerError", exec.now)
        };
        let child = Key { action: *id, passes: key.passes.clone() };
        exec.run.slots.insert(child.clone(), Slot::Done(record));
        exec.skip_inside(&child, "status 'Failed' and code 'InternalServerError'");
    }
    let inputs = json!({ "expressionResult": value });
    Ended::container(Status::Failed).inputs(inputs)
}
