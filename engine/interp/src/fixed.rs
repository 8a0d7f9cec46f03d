//! Static results: what tests take in place of an answer.

use base::{Failure, Outcome, Status, http::status_name};
use journal::Path;
use serde_json::{Value, json};

use crate::plan::Plan;

impl Plan {
    /// The static result of the action at an address, `{status, outputs, error}`, if it has one.
    ///
    /// Only what asks a service or another flow has use for it; what fails so is not asked again.
    pub fn static_result(&self, path: &Path) -> Option<Outcome> {
        let (id, _) = self.locate(path)?;
        let name = self.flow.action(id).static_result.as_ref()?;
        let result = self.flow.static_results.get(name)?;
        let mut outputs = result.get("outputs").cloned().unwrap_or_else(|| json!({}));
        let code = outputs.get("statusCode").cloned();
        if let Some(outputs) = outputs.as_object_mut() {
            let status = code.as_ref().and_then(status_number).unwrap_or(200);
            outputs.insert("statusCode".to_owned(), status.into());
        }
        let status = result.get("status").and_then(Value::as_str).and_then(Status::parse);
        let status = status.unwrap_or(Status::Succeeded);
        if status == Status::Succeeded {
            return Some(Outcome::succeeded(outputs));
        }
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let error = result.get("error");
        let code = text(error.and_then(|it| it.get("code"))).or_else(|| text(result.get("code")));
        let code = code.or_else(|| text(code_name(&outputs).as_ref()));
        let message = text(error.and_then(|it| it.get("message")));
        let message =
            message.unwrap_or_else(|| format!("the static result `{name}` is {}", status.name()));
        let failure = Failure::new(code.unwrap_or_else(|| "ActionFailed".to_owned()), message);
        // Without outputs it did not get as far as an answer, whose status would be its error.
        let outputs = result.get("outputs").map(|_| outputs);
        Some(Outcome { outputs, failure: Some(failure) })
    }
}

/// The cloud writes a status by its name, such as `OK`.
fn status_number(value: &Value) -> Option<u16> {
    match value {
        Value::Number(number) => number.as_u64().and_then(|it| u16::try_from(it).ok()),
        Value::String(text) => {
            let named = |status: &u16| status_name(*status).eq_ignore_ascii_case(text);
            text.parse().ok().or_else(|| (100..=599).find(named))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn code_name(outputs: &Value) -> Option<Value> {
    let status = outputs.get("statusCode").and_then(status_number)?;
    (400 <= status).then(|| status_name(status).into_owned().into())
}
