//! Values that only name what they are: `${env:NAME}`, `${file:path}`, `${secret:name}` are looked up.

use base::Secret;
use flow::environment::{Part, Setting};
use serde_json::{Map, Value};

use crate::project::Secrets;

/// A setting as text. What it is made of may be secret, so it is.
///
/// # Errors
/// If something it names cannot be looked up, or it is no text.
pub fn setting_text(setting: &Setting, secrets: &dyn Secrets) -> Result<Secret<String>, String> {
    match resolve(setting, secrets)? {
        Value::String(text) => Ok(Secret::new(text)),
        other => Err(format!("it is no text but a value of type '{}'", base::value::kind(&other))),
    }
}

/// A setting with what it names.
pub(crate) fn resolve(setting: &Setting, secrets: &dyn Secrets) -> Result<Value, String> {
    match setting {
        Setting::Value(value) => Ok(value.clone()),
        Setting::Text(parts) => {
            let mut text = String::new();
            for part in parts {
                match part {
                    Part::Literal(literal) => text.push_str(literal),
                    Part::Reference(reference) => {
                        text.push_str(secrets.resolve(reference)?.expose());
                    }
                }
            }
            Ok(text.into())
        }
        Setting::Array(items) => items.iter().map(|it| resolve(it, secrets)).collect(),
        Setting::Object(entries) => {
            let entries =
                entries.iter().map(|(name, it)| Ok((name.clone(), resolve(it, secrets)?)));
            entries.collect::<Result<Map<_, _>, String>>().map(Value::Object)
        }
    }
}
