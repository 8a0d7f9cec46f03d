//! The Model Context Protocol as values: what is asked, what is answered, tools as operations.

use base::{ErrorClass, Failure, HttpResponse, http::is_json_type};
use serde_json::{Map, Value, json};

use super::{Question, answer, answer::broken};
use crate::{
    encode,
    model::{Operation, Param, Place},
    request::Call,
};

/// Versions that begin with a handshake, newest first.
pub const VERSIONS: &[&str] = &["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"];
/// The version without a handshake, in which every request says who asks.
pub const STATELESS: &str = "2026-07-28";
/// The notification that the tools are others now.
pub const TOOLS_CHANGED: &str = "notifications/tools/list_changed";
/// Tools of one server.
pub const TOOLS_MAX: usize = 5_000;

/// What the handshake says.
pub fn initialize(client_version: &str) -> Value {
    json!({
        "protocolVersion": VERSIONS[0],
        "capabilities": {},
        "clientInfo": client(client_version),
    })
}

fn client(version: &str) -> Value {
    json!({ "name": "flowright", "version": version })
}

/// The version that the server has chosen in the handshake.
///
/// # Errors
/// If it is none of ours.
pub fn chosen(result: &Value) -> Result<&'static str, Failure> {
    let given = result.get("protocolVersion").and_then(Value::as_str).unwrap_or_default();
    VERSIONS.iter().find(|it| **it == given).copied().ok_or_else(|| {
        let known = VERSIONS.join(", ");
        let message = format!("the MCP server speaks version `{given}`, and the engine {known}");
        Failure::of_class(ErrorClass::Permanent, "ProtocolNotSupported", message)
    })
}

/// Whether the answer to a handshake means that the server knows none, as those of [`STATELESS`].
pub fn knows_no_handshake(error: &Value) -> bool {
    const UNSUPPORTED_VERSION: i64 = -32022;
    const CODES: [i64; 4] = [-32600, -32601, -32602, UNSUPPORTED_VERSION];
    error.get("code").and_then(Value::as_i64).is_some_and(|it| CODES.contains(&it))
}

/// Whether only a server of [`STATELESS`] answers so: it names the versions that it knows.
pub fn is_modern(error: &Value) -> bool {
    let named = error.get("data").and_then(|it| it.get("supported")).and_then(Value::as_array);
    named.is_some_and(|it| it.iter().any(|it| it == STATELESS))
}

/// Parameters that say who asks, as every request without a handshake has to.
#[must_use]
pub fn stateless(mut params: Map<String, Value>, client_version: &str) -> Map<String, Value> {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": STATELESS,
        "io.modelcontextprotocol/clientInfo": client(client_version),
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    params.insert("_meta".to_owned(), meta);
    params
}

/// A call of a tool; the operations of MCP servers have their tools as paths.
pub(super) fn call(operation: &Operation, arguments: Map<String, Value>) -> Question {
    let mut params = Map::new();
    params.insert("name".to_owned(), operation.path.as_str().into());
    params.insert("arguments".to_owned(), Value::Object(arguments));
    Question { method: "tools/call".to_owned(), params }
}

/// What a tool has said, as the response of a service.
pub(super) fn response(
    connection: &crate::Connection,
    result: Value,
) -> Result<HttpResponse, Failure> {
    if let Some(kind) = result.get("resultType").and_then(Value::as_str)
        && kind != "complete"
    {
        let message = format!("the tool wants `{kind}`, which flows cannot give");
        return Err(Failure::of_class(ErrorClass::Permanent, "NotSupported", message));
    }
    let Value::Object(mut result) = result else {
        return Err(broken("the answer of `tools/call` is not an object"));
    };
    let is_error = result.get("isError") == Some(&Value::Bool(true));
    let content = match result.shift_remove("content") {
        Some(Value::Array(content)) => content,
        None => Vec::new(),
        Some(_) => return Err(broken("`content` is not a list")),
    };
    if is_error {
        let texts: Vec<&str> =
            content.iter().filter_map(|it| it.get("text").and_then(Value::as_str)).collect();
        let said = if texts.is_empty() { "the tool failed".to_owned() } else { texts.join("\n") };
        let failure = connection.redact(&said);
        return Err(Failure::of_class(ErrorClass::Permanent, "ToolFailed", failure));
    }
    let structured = result.shift_remove("structuredContent").filter(|it| !it.is_null());
    let body = structured.unwrap_or_else(|| of_content(content));
    Ok(answer::json_response(200, Vec::new(), &body))
}

/// One block of content is what is in it; several stay a list.
fn of_content(mut content: Vec<Value>) -> Value {
    match content.len() {
        0 => Value::Null,
        1 => block(content.remove(0)),
        _ => Value::Array(content),
    }
}

fn block(mut block: Value) -> Value {
    let kind = block.get("type").and_then(Value::as_str).unwrap_or_default();
    match (kind, block.get("data"), block.get("mimeType")) {
        ("text", _, _) => block.get_mut("text").map(Value::take).unwrap_or_default(),
        ("image" | "audio", Some(data), Some(media)) => {
            json!({ "$content-type": media, "$content": data })
        }
        _ => block,
    }
}

/// A server's tools as a description: what is read from `describe.json`.
pub fn description(server: &Value, tools: Vec<Value>) -> Value {
    let mut schemas = Map::new();
    let mut operations = Map::new();
    for tool in tools {
        let Some(name) = tool.get("name").and_then(Value::as_str).map(str::to_owned) else {
            continue;
        };
        let operation = operation(&name, tool, &mut schemas);
        operations.insert(name, operation);
    }
    let mut description = Map::new();
    for key in ["title", "version"] {
        if let Some(text) = server.get(key).filter(|it| it.is_string()) {
            description.insert(key.to_owned(), text.clone());
        }
    }
    description.insert("schemas".to_owned(), Value::Object(schemas));
    description.insert("operations".to_owned(), Value::Object(operations));
    Value::Object(description)
}

fn operation(name: &str, mut tool: Value, schemas: &mut Map<String, Value>) -> Value {
    let annotations = tool.get("annotations").cloned().unwrap_or_default();
    let hint = |key: &str| annotations.get(key) == Some(&Value::Bool(true));
    let effect = if hint("readOnlyHint") {
        "read"
    } else if hint("idempotentHint") {
        "update"
    } else {
        "action"
    };
    let title = tool.get("title").or_else(|| annotations.get("title"));
    let mut operation = Map::new();
    operation.insert("title".to_owned(), title.cloned().unwrap_or_else(|| name.into()));
    if let Some(description) = tool.get("description") {
        operation.insert("description".to_owned(), description.clone());
    }
    operation.insert("effect".to_owned(), effect.into());
    let mut input = tool.get_mut("inputSchema").map(Value::take).unwrap_or_default();
    hoist(name, &mut input, schemas);
    operation.insert("params".to_owned(), params(input));
    if let Some(mut output) = tool.get_mut("outputSchema").map(Value::take) {
        hoist(name, &mut output, schemas);
        operation.insert("returns".to_owned(), output);
    }
    Value::Object(operation)
}

fn params(mut input: Value) -> Value {
    let required = input.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(Value::Object(mut properties)) = input.get_mut("properties").map(Value::take) else {
        return json!({});
    };
    for (name, schema) in &mut properties {
        // A schema may be `true`.
        if !schema.is_object() {
            *schema = json!({});
        }
        if required.iter().any(|it| it.as_str() == Some(name)) {
            // Of an object `required` lists members.
            let key = if schema["required"].is_array() { "x-required" } else { "required" };
            schema[key] = true.into();
        }
    }
    Value::Object(properties)
}

/// Moves what a schema defines for itself to the schemas of the connector, under the tool's name.
fn hoist(tool: &str, schema: &mut Value, schemas: &mut Map<String, Value>) {
    for key in ["$defs", "definitions"] {
        let Some(Value::Object(defined)) =
            schema.as_object_mut().and_then(|it| it.shift_remove(key))
        else {
            continue;
        };
        for (name, mut inside) in defined {
            hoist(tool, &mut inside, schemas);
            schemas.insert(format!("{tool}.{name}"), inside);
        }
    }
    redirect(tool, schema);
}

fn redirect(tool: &str, schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::String(reference)) = members.get("$ref") {
                let name = reference
                    .strip_prefix("#/$defs/")
                    .or_else(|| reference.strip_prefix("#/definitions/"));
                match name {
                    Some(name) => {
                        let to = format!("#/schemas/{tool}.{name}");
                        members.insert("$ref".to_owned(), to.into());
                    }
                    None if reference.starts_with("#/schemas/") => {}
                    // Anything else leads out of what is known here: it says nothing.
                    None => {
                        members.shift_remove("$ref");
                    }
                }
            }
            members.values_mut().for_each(|it| redirect(tool, it));
        }
        Value::Array(items) => items.iter_mut().for_each(|it| redirect(tool, it)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A message as a request to a server over the network: the operation and its inputs. Headers are
/// parameters, as their values are data.
pub fn post(message: &Value, headers: &[(String, String)]) -> (Operation, Value) {
    let header = |name: &str| Param::new(name, Place::Header, json!({ "type": "string" }));
    let operation = Operation {
        params: headers.iter().map(|(name, _)| header(name)).collect(),
        body_param: "$message".to_owned(),
        body: Some(json!({})),
        ..Operation::new("$message", "POST", "")
    };
    let mut inputs = Map::new();
    for (name, value) in headers {
        inputs.insert(name.clone(), value.as_str().into());
    }
    inputs.insert("$message".to_owned(), message.clone());
    (operation, Value::Object(inputs))
}

/// A text as the value of a header of the protocol.
pub fn header_value(text: &str) -> String {
    let is_plain = text.bytes().all(|it| (0x20..0x7f).contains(&it))
        && text.trim() == text
        && !(text.starts_with("=?base64?") && text.ends_with("?="));
    if is_plain {
        return text.to_owned();
    }
    format!("=?base64?{}?=", base::base64::encode(text.as_bytes()))
}

/// The headers that parameters of a tool are repeated in, for what stands between.
pub fn param_headers(operation: &Operation, call: &Call<'_>) -> Vec<(String, String)> {
    let named = operation.params.iter().filter_map(|param| {
        let name = param.schema.get("x-mcp-header")?.as_str()?;
        let value = call.inputs.get(&param.name).or(param.default.as_ref())?;
        let value = match value {
            Value::String(text) => header_value(text),
            Value::Bool(_) | Value::Number(_) => encode::text(value),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        Some((format!("Mcp-Param-{name}"), value))
    });
    named.collect()
}

/// The message with that id in a response: JSON, or one of a stream of events.
pub fn message(response: &HttpResponse, id: u64) -> Option<Value> {
    let is_it = |it: &Value| it.get("id").and_then(Value::as_u64) == Some(id);
    let media = response.header("content-type").unwrap_or_default();
    if is_json_type(media) {
        let value: Value = serde_json::from_slice(&response.body).ok()?;
        // Errors may come without an id.
        let fits = is_it(&value) || (value.get("id").is_none() && value.get("error").is_some());
        return fits.then_some(value);
    }
    if !media.trim_start().to_ascii_lowercase().starts_with("text/event-stream") {
        return None;
    }
    let text = String::from_utf8_lossy(&response.body).replace("\r\n", "\n").replace('\r', "\n");
    text.split("\n\n").find_map(|event| {
        let data: Vec<&str> = event
            .lines()
            .filter_map(|line| line.strip_prefix("data:"))
            .map(|data| data.strip_prefix(' ').unwrap_or(data))
            .collect();
        serde_json::from_str(&data.join("\n")).ok().filter(is_it)
    })
}
