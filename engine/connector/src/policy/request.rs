//! Policies done to requests, in the order of the file.

use base::{ErrorClass, Failure, HttpRequest, HttpResponse, Timestamp};
use serde_json::Value;
use url::Url;

use super::{
    Exists, Kind, Policy, Section, Target, Text, body, moment::Moment, path, text::failed,
};
use crate::{
    auth::{self, Token},
    connection::Connection,
    encode,
    inputs::Inputs,
    model::Operation,
    request::{self, Call},
};

/// Stands for a host that a policy names.
const PLACEHOLDER: &str = "https://host.invalid";

/// A request in parts that policies can change.
pub(crate) struct Draft<'a> {
    /// Method, address and headers as far as they are known.
    pub(crate) request: &'a mut HttpRequest,
    /// How long the part of the address is that paths are appended to.
    pub(crate) base: &'a mut String,
    /// The body, which is written later.
    pub(crate) body: &'a mut Option<Value>,
}

/// The policies for requests of an operation.
fn of<'a>(
    connection: &'a Connection,
    operation: &'a Operation,
) -> impl Iterator<Item = &'a Policy> {
    let all = connection.connector.policies.iter();
    all.filter(|it| it.section == Section::Request && it.is_for(&operation.id))
}

/// The address that stands for the service's until a policy has named it.
pub(crate) fn placeholder(connection: &Connection, operation: &Operation) -> Option<String> {
    let is_named = of(connection, operation).any(|it| matches!(it.kind, Kind::Host(_)));
    (is_named && !base_is_given(connection)).then(|| PLACEHOLDER.to_owned())
}

/// Whether the operator named the service's address: that counts more than what a policy says.
pub(crate) fn base_is_given(connection: &Connection) -> bool {
    connection.connector.base_param().is_some_and(|it| {
        connection.plain(it).is_ok_and(|value| value.as_str().is_some_and(|it| !it.is_empty()))
    })
}

/// The addresses that policies name from nothing but the connection: its operator gave them.
pub(crate) fn origins(connection: &Connection) -> Vec<String> {
    let hosts = connection.connector.policies.iter().filter_map(Policy::host);
    let named = hosts.filter(|it| it.is_of_connection()).filter_map(|text| {
        let moment = Moment {
            connection,
            secrets: true,
            query: &[],
            headers: &[],
            body: &Value::Null,
            item: None,
            now: Timestamp::default(),
        };
        let address = host(connection, &text.text(&moment).ok()?).ok()?;
        Some(Url::parse(&address).ok()?.origin().ascii_serialization())
    });
    named.collect()
}

/// Does what the policies say. Gives the headers that count more than those of authentication.
pub(crate) fn apply(
    connection: &Connection,
    operation: &Operation,
    call: &Call<'_>,
    draft: &mut Draft<'_>,
    answers: &[HttpResponse],
) -> Result<Vec<(String, String)>, Failure> {
    let mut forced = Vec::new();
    if of(connection, operation).next().is_none() {
        return Ok(forced);
    }
    let mut parts = Parts::of(draft)?;
    let mut answers = answers.iter();
    for policy in of(connection, operation) {
        if call.link.is_some() && !matches!(policy.kind, Kind::Header { .. }) {
            // An address that the service named is whole.
            continue;
        }
        let body = draft.body.clone().unwrap_or_default();
        let moment = Moment {
            connection,
            secrets: true,
            query: &parts.query,
            headers: &draft.request.headers,
            body: &body,
            item: None,
            now: call.now,
        };
        match &policy.kind {
            Kind::Header { name, value, exists } => {
                let value = value.text(&moment)?;
                if let Some((name, value)) = header(draft.request, name, value, *exists)? {
                    forced
                        .retain(|(known, _): &(String, String)| !known.eq_ignore_ascii_case(&name));
                    forced.push((name, value));
                }
            }
            Kind::Query { name, value, exists } => {
                let value = value.text(&moment)?;
                set_query(&mut parts.query, name, value, *exists);
            }
            Kind::Host(address) if !base_is_given(connection) => {
                parts.base = host(connection, &address.text(&moment)?)?;
            }
            Kind::Host(_) => {}
            Kind::Route { path, method } => {
                let path = route(operation, call, path, &moment)?;
                parts.route(&path);
                if let Some(method) = method {
                    method.clone_into(&mut draft.request.method);
                }
            }
            Kind::Lookup { target, value, .. } => {
                let Some(answer) = answers.next() else { continue };
                let found = looked_up(policy, answer, value)?;
                match target {
                    Target::Header(name) => {
                        let (name, value) = encode::header(name, found)?;
                        draft.request.set_header(&name, value);
                    }
                    Target::Query(name) => {
                        set_query(&mut parts.query, name, found, Exists::Override);
                    }
                }
            }
            Kind::Body(change) => {
                if let Some(changed) = draft.body.as_mut() {
                    body::change(change, changed, &moment)?;
                }
            }
        }
    }
    if call.link.is_none() {
        draft.request.url = parts.url();
        parts.base.clone_into(draft.base);
    }
    Ok(forced)
}

/// The address of a request, taken apart.
struct Parts {
    base: String,
    path: String,
    query: Vec<(String, String)>,
}

impl Parts {
    fn of(draft: &Draft<'_>) -> Result<Self, Failure> {
        let url = draft.request.url.as_str();
        let rest = url.strip_prefix(draft.base.as_str());
        let Some(rest) = rest else {
            // An address that the service named.
            Url::parse(url).map_err(|error| failed(format!("`{url}` is no address: {error}")))?;
            return Ok(Self { base: url.to_owned(), path: String::new(), query: Vec::new() });
        };
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Ok(Self { base: draft.base.clone(), path: path.to_owned(), query })
    }

    fn route(&mut self, path: &str) {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            set_query(&mut self.query, &name, value.into_owned(), Exists::Override);
        }
        if path.starts_with("https://") || path.starts_with("http://") {
            path.clone_into(&mut self.base);
            self.path.clear();
            return;
        }
        self.path = format!("/{}", path.trim_start_matches('/'));
    }

    fn url(&self) -> String {
        let mut query = String::new();
        for (name, value) in &self.query {
            encode::push_query(&mut query, name, value);
        }
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}{}{mark}{query}", self.base, self.path)
    }
}

/// Sets a header; gives it if it counts more than authentication's.
fn header(
    request: &mut HttpRequest,
    name: &str,
    value: String,
    exists: Exists,
) -> Result<Option<(String, String)>, Failure> {
    let (name, value) = encode::header(name, value)?;
    let known = request.header(&name).map(str::to_owned);
    let value = match (known, exists) {
        (Some(_), Exists::Skip) => return Ok(None),
        (Some(known), Exists::Append) => format!("{known},{value}"),
        (Some(_), Exists::Override) | (None, _) => value,
    };
    request.set_header(&name, value.clone());
    Ok((exists == Exists::Override).then_some((name, value)))
}

fn set_query(query: &mut Vec<(String, String)>, name: &str, value: String, exists: Exists) {
    let is_known = query.iter().any(|(known, _)| known == name);
    match exists {
        Exists::Skip if is_known => return,
        Exists::Override => query.retain(|(known, _)| known != name),
        Exists::Skip | Exists::Append => {}
    }
    query.push((name.to_owned(), value));
}

/// An address that a policy names for the host, without a slash at its end.
fn host(connection: &Connection, text: &str) -> Result<String, Failure> {
    let text = text.trim();
    // Operators give hosts with and without scheme, whatever the policy puts before them.
    let inner = text.strip_prefix("https://").filter(|it| it.contains("://"));
    let text = inner.unwrap_or(text);
    let text = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let fits = Url::parse(&text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    });
    if fits {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    let message = format!(
        "the address of the service, which connection `{}` and the inputs name, cannot be used",
        connection.name
    );
    Err(Failure::of_class(ErrorClass::Validation, "InvalidConnection", message))
}

/// A path that a policy names, with the call's parameters in it.
fn route(
    operation: &Operation,
    call: &Call<'_>,
    path: &Text,
    moment: &Moment<'_>,
) -> Result<String, Failure> {
    let text = path.encoded(moment, |it| encode::path_text(&it))?;
    let inputs = Inputs::sort(operation, call.inputs)?;
    request::fill(&text, operation, &inputs, None)
}

fn looked_up(
    policy: &Policy,
    answer: &HttpResponse,
    value: &path::Chain,
) -> Result<String, Failure> {
    let body = answer.body_value();
    if !(200..300).contains(&answer.status) {
        let class = ErrorClass::of_status(answer.status);
        let message =
            format!("`{}` asked first, and the service answered {}", policy.title, answer.status);
        return Err(Failure::of_class(class, "PolicyFailed", message));
    }
    match path::get(&body, &value.segments) {
        Some(found) if !found.is_null() => Ok(encode::text(found)),
        Some(_) | None => {
            Err(failed(format!("`{}` asked first, and the answer has no such value", policy.title)))
        }
    }
}

/// A question that a policy asks the service before the request itself.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// The question, with its proof of who asks.
    pub request: HttpRequest,
}

/// What has to be asked before a call is made; its answers are given to [`crate::request::build_after`].
///
/// # Errors
/// If the inputs do not fit the operation, or the connection lacks a value.
pub fn lookups(
    connection: &Connection,
    operation: &Operation,
    call: &Call<'_>,
    token: Option<&Token>,
) -> Result<Vec<Lookup>, Failure> {
    let asks = |it: &&Policy| matches!(it.kind, Kind::Lookup { .. });
    if call.link.is_some() || !of(connection, operation).any(|it| asks(&it)) {
        return Ok(Vec::new());
    }
    let (whole, base) = request::compose(connection, operation, call, (token, &[]))?;
    let all = of(connection, operation).filter(asks).map(|policy| {
        let Kind::Lookup { method, address, .. } = &policy.kind else {
            return Err(failed("the policy asks nothing"));
        };
        let query: Vec<(String, String)> = Url::parse(&whole.url)
            .map(|it| it.query_pairs().into_owned().collect())
            .unwrap_or_default();
        let moment = Moment {
            connection,
            secrets: true,
            query: &query,
            headers: &whole.headers,
            body: &Value::Null,
            item: None,
            now: call.now,
        };
        let address = route(operation, call, address, &moment)?;
        let url = if address.starts_with("https://") || address.starts_with("http://") {
            address
        } else {
            format!("{base}/{}", address.trim_start_matches('/'))
        };
        let mut request =
            HttpRequest { method: method.clone(), url, headers: Vec::new(), body: None };
        request.set_header("Accept", "application/json");
        auth::apply(&mut request, connection, call, token)?;
        Ok(Lookup { request })
    });
    all.collect()
}
