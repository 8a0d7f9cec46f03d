//! App settings of Logic Apps: values that a deployment keeps apart from its flows.

use std::borrow::Cow;

use flow::{Flow, model::Parameter};
use serde_json::{Map, Value};

/// What an app setting is called among the secure values of a plan; names are compared without case.
pub fn key(name: &str) -> String {
    format!("appsetting('{}')", name.to_lowercase())
}

/// The app settings that expressions in a text name.
pub fn named(text: &str) -> impl Iterator<Item = &str> {
    const CALL: &str = "appsetting(";
    // Same length in any case, as only ASCII changes.
    let lower = text.to_ascii_lowercase();
    let calls: Vec<usize> = lower.match_indices(CALL).map(|(at, _)| at + CALL.len()).collect();
    calls.into_iter().filter_map(move |at| {
        let quoted = text.get(at..)?.trim_start().strip_prefix('\'')?;
        quoted.split_once('\'').map(|(name, _)| name)
    })
}

/// The value of a parameter: what the environment gives, else the flow. A secret that nobody gave is
/// none, not null, so that a condition that compares with it does not hold.
pub(crate) fn parameter<'a>(
    flow: &'a Flow,
    (plain, secure): (&'a Map<String, Value>, &'a Map<String, Value>),
    name: &str,
) -> Option<Cow<'a, Value>> {
    let wanted = find(flow, name)?;
    let given = if wanted.secure { None } else { plain.get(&wanted.name) };
    let of_settings = wanted.settings().is_some();
    let default = wanted.default.as_ref().filter(|_| !of_settings);
    let value = given.or_else(|| secure.get(&wanted.name)).or(default);
    if value.is_none() && (wanted.secure || of_settings) {
        return None;
    }
    Some(value.map_or(Cow::Owned(Value::Null), Cow::Borrowed))
}

/// Why a parameter that is made of app settings has no value.
pub(crate) fn lacking(flow: &Flow, secure: &Map<String, Value>, name: &str) -> Option<String> {
    let wanted = find(flow, name)?;
    let missing = named(wanted.settings()?).find(|it| !secure.contains_key(&key(it)))?;
    let name = &wanted.name;
    Some(format!("The parameter '{name}' has no value: {}.", expr::unknown_setting(missing)))
}

fn find<'a>(flow: &'a Flow, name: &str) -> Option<&'a Parameter> {
    flow.parameters.iter().find(|it| it.name.eq_ignore_ascii_case(name))
}
