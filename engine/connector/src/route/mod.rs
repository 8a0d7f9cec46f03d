//! Which operation a method and path mean, as older definitions call a connector.

use base::{ErrorClass, Failure};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use crate::model::{Connector, Operation};

mod trigger;

pub use trigger::{CALLBACK_URL, find_trigger};

/// A way to an operation besides its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Upper-case method.
    pub method: String,
    /// Path with `{param}` for what it carries. Names that the operation does not have say nothing:
    /// gateways of the cloud have a `{dataset}` where a connection has an address.
    pub path: String,
}

/// What the cloud's gateways put before every path of a connector's description.
const CONNECTION_ID: &str = "/{connectionId}";

/// The operation that a method and path mean, and its inputs. `given` is
/// `{method, path, queries, headers, body}` as the flow has it.
///
/// # Errors
/// If no operation is reached so.
pub fn find<'a>(
    connector: &'a Connector,
    given: &Value,
) -> Result<(&'a Operation, Value), Failure> {
    let text = |name: &str| given.get(name).and_then(Value::as_str).unwrap_or_default();
    let method = text("method");
    let (path, query) = text("path").split_once('?').unwrap_or((text("path"), ""));
    let operations = connector.operations.values().filter(|it| !it.internal);
    let reached = operations.filter_map(|it| {
        let (literals, captured) = best(ways(it), method, path)?;
        Some((literals, it, captured))
    });
    // `/items/new` means `/items/new`, not `/items/{id}`.
    let Some((_, operation, captured)) = reached.max_by_key(|(literals, ..)| *literals) else {
        let method = method.to_uppercase();
        let message = format!(
            "`{}` has no operation that is reached by `{method} {path}`; give one of them this \
             path under `routes`",
            connector.name
        );
        return Err(Failure::of_class(ErrorClass::Validation, "OperationNotFound", message));
    };
    let mut inputs = Map::new();
    for (name, value) in captured {
        if operation.param(&name).is_some() {
            inputs.insert(name, value.into());
        }
    }
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        inputs.insert(named(operation, &name), value.into_owned().into());
    }
    for members in ["queries", "headers"] {
        let members = given.get(members).and_then(Value::as_object);
        for (name, value) in members.into_iter().flatten() {
            inputs.insert(named(operation, name), value.clone());
        }
    }
    if let Some(body) = given.get("body") {
        inputs.insert(operation.body_param.clone(), body.clone());
    }
    Ok((operation, Value::Object(inputs)))
}

/// The parameter of that name in any case, else the name: it is then refused as unknown.
fn named(operation: &Operation, name: &str) -> String {
    let known = operation.params.iter().find(|it| it.name.eq_ignore_ascii_case(name));
    known.map_or(name, |it| &it.name).to_owned()
}

type Captured = Vec<(String, String)>;

/// An operation's own method and path, and its routes.
fn ways(operation: &Operation) -> impl Iterator<Item = (&str, &str)> {
    let own = std::iter::once((operation.method.as_str(), operation.path.as_str()));
    own.chain(listed(&operation.routes))
}

fn listed(routes: &[Route]) -> impl Iterator<Item = (&str, &str)> {
    routes.iter().map(|it| (it.method.as_str(), it.path.as_str()))
}

/// The most literal of these ways that fits.
fn best<'a>(
    ways: impl Iterator<Item = (&'a str, &'a str)>,
    method: &str,
    path: &str,
) -> Option<(usize, Captured)> {
    let fitting = ways.filter(|(known, _)| known.eq_ignore_ascii_case(method));
    let fits = fitting.filter_map(|(_, template)| fit(template, path));
    fits.max_by_key(|(literals, _)| *literals)
}

/// What a path carries in the places of a template's parameters, and how many letters are literal.
fn fit(template: &str, path: &str) -> Option<(usize, Captured)> {
    let template = template.strip_prefix(CONNECTION_ID).unwrap_or(template);
    let mut segments = template.trim_matches('/').split('/');
    let mut given = path.trim_matches('/').split('/');
    let (mut literals, mut captured) = (0, Captured::new());
    loop {
        match (segments.next(), given.next()) {
            (None, None) => return Some((literals, captured)),
            (Some(template), Some(segment)) => {
                literals += fit_segment(template, segment, &mut captured)?;
            }
            (Some(_), None) | (None, Some(_)) => return None,
        }
    }
}

fn fit_segment(template: &str, segment: &str, captured: &mut Captured) -> Option<usize> {
    let (mut template, mut rest, mut literals) = (template, segment, 0);
    loop {
        let (literal, after) = template.split_once('{').unwrap_or((template, ""));
        let (head, tail) = rest.split_at_checked(literal.len())?;
        if !head.eq_ignore_ascii_case(literal) {
            return None;
        }
        literals += literal.len();
        rest = tail;
        if after.is_empty() {
            return rest.is_empty().then_some(literals);
        }
        let (name, after) = after.split_once('}')?;
        let (next, _) = after.split_once('{').unwrap_or((after, ""));
        let end = if next.is_empty() { rest.len() } else { find_any_case(rest, next)? };
        let (value, tail) = rest.split_at_checked(end)?;
        if value.is_empty() {
            return None;
        }
        captured.push((name.to_owned(), decoded(value)));
        (template, rest) = (after, tail);
    }
}

fn find_any_case(text: &str, wanted: &str) -> Option<usize> {
    text.to_ascii_lowercase().find(&wanted.to_ascii_lowercase())
}

/// Flows of the cloud encode what they put into a path twice, because a gateway decodes it once.
fn decoded(value: &str) -> String {
    let once = percent_decode_str(value).decode_utf8_lossy();
    percent_decode_str(&once).decode_utf8_lossy().into_owned()
}
