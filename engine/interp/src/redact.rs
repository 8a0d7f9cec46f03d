//! Keeping the values of secure parameters out of what is shown.

use flow::{Action, ActionKind};
use serde_json::Value;

use crate::Plan;

/// What stands in place of what is not shown.
pub const HIDDEN: &str = "*sanitized*";

/// Shorter ones would be found in any text.
const SECRET_BYTES_MIN: usize = 4;

/// What nobody who looks at a run of a flow may see: values of its secure parameters, and what is the
/// proof in addresses at which its approvals are answered.
pub struct Secrets<'a> {
    texts: Vec<&'a str>,
    approves: bool,
}

impl<'a> Secrets<'a> {
    /// Those of this flow that are text of some length.
    pub fn of(plan: &'a Plan) -> Self {
        let texts = plan.secure_parameters.values().filter_map(Value::as_str);
        let is_approval = |it: &Action| matches!(it.kind, ActionKind::Approval(_));
        Self {
            texts: texts.filter(|it| SECRET_BYTES_MIN <= it.len()).collect(),
            approves: plan.flow.actions.iter().any(is_approval),
        }
    }

    /// Whether there is nothing to hide.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty() && !self.approves
    }

    /// Replaces them wherever they stand in a value.
    pub fn redact(&self, value: &mut Value) {
        each_text(value, &|text| self.redact_text(text));
    }

    /// Replaces them in a text.
    pub fn redact_text(&self, text: &mut String) {
        for secret in &self.texts {
            if text.contains(secret) {
                *text = text.replace(secret, HIDDEN);
            }
        }
        if self.approves && text.contains(PROOF) {
            *text = without_proofs(text);
        }
    }
}

const PROOF: &str = "?sig=";

/// The text without the proofs in its addresses: see [`crate::callback::address`].
fn without_proofs(text: &str) -> String {
    let mut parts = text.split(PROOF);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let length = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        let (proof, rest) = part.split_at_checked(length).unwrap_or(("", part));
        shown.push_str(PROOF);
        shown.push_str(if proof.is_empty() { "" } else { HIDDEN });
        shown.push_str(rest);
    }
    shown
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
