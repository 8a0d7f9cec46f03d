//! The inputs of an HTTP action as a request.

use base::{Failure, HttpRequest, base64, multipart};
use serde_json::{Map, Value};
use url::Url;

/// The request of `{method, uri, headers, queries, body, cookie, authentication}`.
///
/// # Errors
/// Names the input that is missing or of the wrong kind.
pub(crate) fn request(inputs: &Value) -> Result<HttpRequest, Failure> {
    let text = |name: &str| inputs.get(name).and_then(Value::as_str).map(str::trim);
    let method = text("method").ok_or_else(|| invalid("`method` must be text"))?;
    let uri = text("uri").ok_or_else(|| invalid("`uri` must be text"))?;
    let mut url = Url::parse(uri)
        .map_err(|error| invalid(format!("`uri` is not an absolute address: {error}")))?;
    if let Some(queries) = object(inputs, "queries")? {
        let mut pairs = url.query_pairs_mut();
        for (name, value) in queries {
            pairs.append_pair(name, &expr::to_text(value));
        }
    }
    let mut request = HttpRequest {
        method: method.to_uppercase(),
        url: url.into(),
        headers: Vec::new(),
        body: None,
    };
    for (name, value) in object(inputs, "headers")?.into_iter().flatten() {
        let value = expr::to_text(value);
        if name.contains(['\r', '\n']) || value.contains(['\r', '\n', '\0']) {
            return Err(invalid(format!("the header `{name}` contains a line break")));
        }
        request.set_header(name, value);
    }
    if let Some(cookie) = text("cookie") {
        request.set_header("Cookie", cookie);
    }
    if let Some(body) = inputs.get("body").filter(|body| !body.is_null()) {
        set_body(&mut request, body)?;
    }
    if let Some(authentication) = object(inputs, "authentication")? {
        authenticate(&mut request, authentication)?;
    }
    Ok(request)
}

fn object<'a>(inputs: &'a Value, name: &str) -> Result<Option<&'a Map<String, Value>>, Failure> {
    match inputs.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(other) => {
            let kind = base::value::kind(other);
            Err(invalid(format!("`{name}` must be an object, not a value of type '{kind}'")))
        }
    }
}

/// Text is sent as it is, an envelope as its bytes or its parts, anything else as JSON.
fn set_body(request: &mut HttpRequest, body: &Value) -> Result<(), Failure> {
    let content = body.get("$content").and_then(Value::as_str);
    let several = if content.is_none() { multipart::of_envelope(body) } else { None };
    if let Some(several) = several {
        let (media, bytes) = several.map_err(invalid)?;
        // Only this one names the boundary.
        request.set_header("Content-Type", media);
        request.body = Some(bytes);
        return Ok(());
    }
    let (media, bytes) = match (body, content) {
        (Value::String(text), _) => (None, text.clone().into_bytes()),
        (_, Some(content)) => {
            let bytes =
                base64::decode(content).ok_or_else(|| invalid("`$content` is not base64"))?;
            (body.get("$content-type").and_then(Value::as_str), bytes)
        }
        (other, None) => (Some("application/json"), other.to_string().into_bytes()),
    };
    if let Some(media) = media
        && request.header("content-type").is_none()
    {
        request.set_header("Content-Type", media);
    }
    request.body = Some(bytes);
    Ok(())
}

fn authenticate(request: &mut HttpRequest, given: &Map<String, Value>) -> Result<(), Failure> {
    let text = |name: &str| given.get(name).and_then(Value::as_str);
    match text("type").unwrap_or("") {
        "None" => {}
        "Basic" => {
            let pair = (text("username"), text("password"));
            let (Some(user), Some(password)) = pair else {
                return Err(invalid("basic authentication needs `username` and `password`"));
            };
            let proof = base64::encode(format!("{user}:{password}").as_bytes());
            request.set_header("Authorization", format!("Basic {proof}"));
        }
        "Raw" => {
            let value = text("value").ok_or_else(|| invalid("raw authentication needs `value`"))?;
            request.set_header("Authorization", value);
        }
        other => {
            let message =
                format!("authentication of the type `{other}` is not supported; use a connector");
            return Err(invalid(message));
        }
    }
    Ok(())
}

fn invalid(message: impl Into<String>) -> Failure {
    Failure::of_class(base::ErrorClass::Validation, "BadRequest", message)
}
