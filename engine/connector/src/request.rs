//! A call as an HTTP request.

use base::{ErrorClass, Failure, HttpRequest, HttpResponse, Timestamp};
use serde_json::Value;
use url::Url;

use crate::{
    address,
    auth::{self, Token},
    connection::Connection,
    encode,
    inputs::Inputs,
    model::{Encoding, Idempotency, Operation, Param, Place},
    policy::{self, Draft},
    scope::Scope,
    shape::{self, Nulls},
};

/// One call of an operation.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// What the flow gives: parameters by name, the body by its name or field by field.
    pub inputs: &'a Value,
    /// The same for every attempt of this call, and for no other call.
    pub idempotency_key: &'a str,
    /// The time that expressions see.
    pub now: Timestamp,
    /// Decides what `guid()` and `rand()` give.
    pub seed: u64,
    /// An address that the service named, if that is what is asked for.
    pub link: Option<Link<'a>>,
    /// Where the service is to call back, if the flow waits for that.
    pub callback_url: Option<&'a str>,
}

/// An address that a service named.
#[derive(Clone, Copy, Debug)]
pub enum Link<'a> {
    /// A further page, or the result of what was accepted: it is read.
    Page(&'a str),
    /// What a call has made: it is removed.
    Made(&'a str),
}

/// The request of a call, complete with its proof of who asks.
pub fn build(
    connection: &Connection,
    operation: &Operation,
    call: &Call<'_>,
    token: Option<&Token>,
) -> Result<HttpRequest, Failure> {
    build_after(connection, operation, call, (token, &[]))
}

/// The request of a call for people to look at: nothing in it proves who asks.
///
/// # Errors
/// If the inputs do not fit the operation, or its address is known only to whoever has a token.
pub fn shown(
    connection: &Connection,
    operation: &Operation,
    call: &Call<'_>,
) -> Result<HttpRequest, Failure> {
    build(&connection.with_stand_ins(), operation, call, Some(&Token::stand_in()))
}

/// The same after what policies ask first: see [`crate::policy::lookups`].
///
/// # Errors
/// If the inputs do not fit the operation, or the connection lacks a value.
pub fn build_after(
    connection: &Connection,
    operation: &Operation,
    call: &Call<'_>,
    (token, answers): (Option<&Token>, &[HttpResponse]),
) -> Result<HttpRequest, Failure> {
    Ok(compose(connection, operation, call, (token, answers))?.0)
}

/// A request, and the part of its address that paths are appended to.
pub(crate) fn compose(
    connection: &Connection,
    operation: &Operation,
    call: &Call<'_>,
    (token, answers): (Option<&Token>, &[HttpResponse]),
) -> Result<(HttpRequest, String), Failure> {
    let mut inputs = Inputs::sort(operation, call.inputs)?;
    inputs.give_defaults(connection, operation);
    if let Some(url) = call.callback_url {
        inputs.give_callback(connection, operation, url);
    }
    let scope = Scope { inputs: Some(&inputs.values), token, ..Scope::of_call(connection, call) };
    let linked = |method: &str, link: &str| HttpRequest {
        method: method.to_owned(),
        url: link.to_owned(),
        headers: Vec::new(),
        body: None,
    };
    let mut base = String::new();
    let mut request = match call.link {
        Some(Link::Page(link)) => linked("GET", link),
        Some(Link::Made(link)) => linked("DELETE", link),
        None => {
            base = match policy::placeholder(connection, operation) {
                Some(base) => base,
                None => address::base(connection, operation, &scope)?,
            };
            first(connection, (operation, &base), &inputs, &scope)?
        }
    };
    set_headers(&mut request, connection, operation, &scope)?;
    let mut draft = Draft { request: &mut request, base: &mut base, body: &mut inputs.body };
    let forced = policy::apply(connection, operation, call, &mut draft, answers)?;
    if let Some(wanted) = operation.address.as_ref().filter(|_| call.link.is_none()) {
        address::set_headers(&mut request, wanted, &scope)?;
    }
    let sent = match &operation.send {
        _ if call.link.is_some() => None,
        Some(send) => match shape::eval(&scope, send, Nulls::Drop)? {
            Value::Null => None,
            sent => Some(encode::body(&sent, operation.encoding)?),
        },
        None => body(operation, &inputs)?,
    };
    if let Some((media, bytes)) = sent {
        // Of several parts, only we know what is between them.
        if request.header("content-type").is_none() || operation.encoding == Encoding::Multipart {
            request.set_header("Content-Type", media);
        }
        request.body = Some(bytes);
    }
    auth::apply(&mut request, connection, call, token)?;
    // Where a policy writes what authentication has, the policy knows how the service wants it.
    for (name, value) in forced {
        request.set_header(&name, value);
    }
    Ok((request, base))
}

/// The media type and bytes of the body, if there is one.
fn body(operation: &Operation, inputs: &Inputs) -> Result<Option<(String, Vec<u8>)>, Failure> {
    if let Some(body) = &inputs.body {
        return encode::body(body, operation.encoding).map(Some);
    }
    if !operation.params.iter().any(|it| it.place == Place::Form) {
        return Ok(None);
    }
    let fields = given(operation, inputs, Place::Form);
    let fields: Vec<encode::FormField<'_>> =
        fields.map(|(param, value)| (param.name.as_str(), value, param.arrays)).collect();
    encode::form(&fields, operation.encoding).map(Some)
}

/// Method and address of a call that names no link.
fn first(
    connection: &Connection,
    (operation, base): (&Operation, &str),
    inputs: &Inputs,
    scope: &Scope<'_>,
) -> Result<HttpRequest, Failure> {
    let (method, path, id) = match &operation.idempotency {
        Idempotency::Upsert { method, path, id } => (method, path, Some(scope.eval(id)?)),
        Idempotency::None | Idempotency::Header { .. } | Idempotency::Find { .. } => {
            (&operation.method, &operation.path, None)
        }
    };
    if let Some(wanted) = &operation.address {
        return address::request(connection, (wanted, base), scope);
    }
    let path = fill(path, operation, inputs, id.as_ref())?;
    let mut query = String::new();
    for (name, template) in &operation.query {
        if let Some(value) = scope.text(template)? {
            encode::push_query(&mut query, name, &value);
        }
    }
    for (param, value) in given(operation, inputs, Place::Query) {
        for text in encode::texts(value, param.arrays) {
            encode::push_query(&mut query, &param.name, &text);
        }
    }
    let mark = if query.is_empty() { "" } else { "?" };
    let url = format!("{base}{path}{mark}{query}");
    Ok(HttpRequest { method: method.clone(), url, headers: Vec::new(), body: None })
}

/// The address that paths are appended to, without a slash at its end.
pub(crate) fn base_url(connection: &Connection, scope: &Scope<'_>) -> Result<String, Failure> {
    let text = scope.text(&connection.connector.http.base_url)?.unwrap_or_default();
    let fits = Url::parse(&text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.query().is_none()
            && url.fragment().is_none()
    });
    if fits {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    let message = format!("connection `{}` has no usable base address", connection.name);
    Err(Failure::of_class(ErrorClass::Validation, "InvalidConnection", message))
}

/// The path with its parameters in place; `{$id}` is the id of an upsert.
pub(crate) fn fill(
    path: &str,
    operation: &Operation,
    inputs: &Inputs,
    id: Option<&Value>,
) -> Result<String, Failure> {
    let mut filled = String::with_capacity(path.len() + 40);
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        filled.push_str(before);
        let double = operation.param(name).is_some_and(|it| it.double);
        let value = if name == "$id" { id } else { inputs.values.get(name) };
        let value = value.unwrap_or(&Value::Null);
        filled.push_str(&encode::segment(name, value, double)?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// The parameters of a place that have a value, in the order of the file.
fn given<'a>(
    operation: &'a Operation,
    inputs: &'a Inputs,
    place: Place,
) -> impl Iterator<Item = (&'a Param, &'a Value)> {
    let here = operation.params.iter().filter(move |it| it.place == place);
    here.filter_map(|param| Some((param, inputs.values.get(&param.name)?)))
        .filter(|(_, value)| !value.is_null())
}

fn set_headers(
    request: &mut HttpRequest,
    connection: &Connection,
    operation: &Operation,
    scope: &Scope<'_>,
) -> Result<(), Failure> {
    for (name, template) in connection.connector.http.headers.iter().chain(&operation.headers) {
        if let Some(value) = scope.text(template)? {
            let (name, value) = encode::header(name, value)?;
            request.set_header(&name, value);
        }
    }
    let inputs = scope.inputs.into_iter().flatten();
    for (name, value) in inputs.filter(|(_, value)| !value.is_null()) {
        if let Some(param) = operation.param(name).filter(|it| it.place == Place::Header) {
            // One header of a name is enough: a list with commas is the same as several.
            let text = encode::texts(value, param.arrays).join(", ");
            let (name, value) = encode::header(name, text)?;
            request.set_header(&name, value);
        }
    }
    if let Idempotency::Header { name, value } = &operation.idempotency {
        let value = match value {
            Some(template) => scope.text(template)?.unwrap_or_default(),
            None => scope.idempotency_key.to_owned(),
        };
        let (name, value) = encode::header(name, value)?;
        request.set_header(&name, value);
    }
    Ok(())
}
