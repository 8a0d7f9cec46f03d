//! Keeping the values of secure parameters out of what is shown.

use serde_json::Value;

use crate::Plan;

/// What stands in place of what is not shown.
pub const HIDDEN: &str = "*sanitized*";

/// Shorter ones would be found in any text.
const SECRET_BYTES_MIN: usize = 4;

/// The values of a flow's secure parameters.
pub struct Secrets<'a>(Vec<&'a str>);

impl<'a> Secrets<'a> {
    /// Those of this flow that are text of some length.
    pub fn of(plan: &'a Plan) -> Self {
        let texts = plan.secure_parameters.values().filter_map(Value::as_str);
        Self(texts.filter(|it| SECRET_BYTES_MIN <= it.len()).collect())
    }

    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Replaces them wherever they stand in a value.
    pub fn redact(&self, value: &mut Value) {
        each_text(value, &|text| self.redact_text(text));
    }

    /// Replaces them in a text.
    pub fn redact_text(&self, text: &mut String) {
        for secret in &self.0 {
            if text.contains(secret) {
                *text = text.replace(secret, HIDDEN);
            }
        }
    }
}

/// Replaces one secret wherever it stands in a value.
pub(crate) fn replace(value: &mut Value, secret: &str) {
    each_text(value, &|text| {
        if text.contains(secret) {
            *text = text.replace(secret, HIDDEN);
        }
    });
}

fn each_text(value: &mut Value, change: &dyn Fn(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(items) => items.iter_mut().for_each(|it| each_text(it, change)),
        Value::Object(map) => map.values_mut().for_each(|it| each_text(it, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
