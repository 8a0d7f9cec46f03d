//! Takes secrets out of what went wrong, before it is recorded: services repeat what they were sent.

use base::Outcome;
use connector::{Connection, Token};
use serde_json::Value;

pub(crate) const HIDDEN: &str = "*sanitized*";

/// Hides what proved who asks, wherever a failed answer repeats it and it is as long as a key. Other answers stay as they are: what a
/// flow has asked for is not changed.
pub(crate) fn secrets(connection: &Connection, token: Option<&Token>, outcome: &mut Outcome) {
    let Some(failure) = &mut outcome.failure else { return };
    let token = token.map(|it| it.access.expose().as_str());
    // A shorter token than any service gives would be found in any text.
    let token = token.filter(|it| Connection::KEY_CHARS_MIN <= it.len());
    let without = |text: String| match token {
        Some(token) => text.replace(token, HIDDEN),
        None => text,
    };
    failure.message = without(connection.redact(&failure.message));
    if let Some(outputs) = &mut outcome.outputs {
        in_value(outputs, &|text| without(connection.redact_data(text)));
    }
}

/// Every text in a value; bodies are read from JSON, which bounds their depth.
fn in_value(value: &mut Value, hide: &dyn Fn(&str) -> String) {
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) => *text = hide(text),
            Value::Array(items) => open.extend(items),
            Value::Object(members) => open.extend(members.values_mut()),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}
