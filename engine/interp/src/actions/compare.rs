//! Ours: what differs between two objects.

use base::Failure;
use flow::actions::compare::Compare;
use serde_json::{Value, json};

use crate::{
    compare::{Base, Sides, differences},
    exec::{Ended, Exec},
    run::Key,
};

pub(super) fn begin(exec: &Exec<'_>, key: &Key, action: &Compare) -> Ended {
    evaluate(exec, key, action).unwrap_or_else(|ended| ended)
}

fn evaluate(exec: &Exec<'_>, key: &Key, action: &Compare) -> Result<Ended, Ended> {
    let after = exec.eval(key, &action.left)?;
    let before = exec.eval(key, &action.right)?;
    let mapping = match &action.using {
        None => None,
        Some((name, _)) => Some(exec.plan.mappings.get(name).ok_or_else(|| {
            Ended::failed(Failure::new("MappingNotFound", format!("there is no mapping `{name}`")))
        })?),
    };
    let mut inputs = json!({ "compare": after, "with": before });
    let base = action.base.as_ref().map(|it| exec.eval(key, it)).transpose()?;
    if let Some(base) = &base {
        inputs["base"] = base.clone();
    }
    let wrong = |what: String| {
        let message = format!("a comparison needs objects; {what}");
        Ended::failed(Failure::new("BadRequest", message)).inputs(inputs.clone())
    };
    let (Value::Object(after), Value::Object(before)) = (&after, &before) else {
        let (a, b) = (base::value::kind(&after), base::value::kind(&before));
        return Err(wrong(format!("`compare` is of type '{a}', `with` of '{b}'")));
    };
    let base = match &base {
        None => Base::Unasked,
        Some(Value::Null) => Base::Unknown,
        Some(Value::Object(base)) => Base::Known(base),
        Some(other) => {
            return Err(wrong(format!("`base` is of type '{}'", base::value::kind(other))));
        }
    };
    let found = differences(mapping, &Sides { after, before, base }, &exec.scope(key))
        .map_err(|failure| Ended::failed(failure).inputs(inputs.clone()))?;
    Ok(Ended::succeeded(Some(inputs), json!({ "body": found })))
}
