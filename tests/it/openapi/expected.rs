//! What an operation has to send, computed from the definition alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use serde_json::{Map, Value, json};

use super::{
    raw::{Raw, RawOperation},
    sample,
};

/// A call, and what has to be sent for it.
pub(super) struct Expected {
    /// What the flow gives.
    pub(super) inputs: Map<String, Value>,
    pub(super) method: String,
    /// Scheme and host; none if the operator has to name it.
    pub(super) base: Option<String>,
    pub(super) path: String,
    pub(super) query: BTreeMap<String, Vec<String>>,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Body,
    /// Headers and parameters of the query that a policy sets.
    pub(super) forced: BTreeSet<String>,
    /// What is set to something that only an answer tells.
    pub(super) looked_up: usize,
    /// Values of the path, escaped.
    in_path: BTreeMap<String, String>,
}

/// What the body has to be.
#[derive(Clone, Debug)]
pub(super) enum Body {
    None,
    Json(Value),
    Form(Vec<(String, String)>),
    /// Names and bytes of parts.
    Parts(Vec<(String, Vec<u8>)>),
    Bytes(Vec<u8>),
    /// A policy changes it; that is tested elsewhere.
    Changed,
}

/// What an operator has given.
pub(super) type Given = BTreeMap<String, Value>;

/// What has to be sent; every other operation is given only what is required.
pub(super) fn expect(
    raw: &Raw,
    operation: RawOperation<'_>,
    given: &Given,
    is_full: bool,
) -> Expected {
    let path = operation.path.strip_prefix("/{connectionId}").unwrap_or(operation.path);
    let path = path.split('#').next().unwrap();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut expected = Expected {
        inputs: Map::new(),
        method: operation.method.to_uppercase(),
        base: base(raw),
        path: path.to_owned(),
        query: BTreeMap::new(),
        headers: BTreeMap::new(),
        body: Body::None,
        forced: BTreeSet::new(),
        looked_up: 0,
        in_path: BTreeMap::new(),
    };
    for (name, value) in query.split('&').filter_map(|it| it.split_once('=')) {
        expected.query.insert(name.to_owned(), vec![value.to_owned()]);
    }
    let mut fields = Vec::new();
    for param in raw.params(operation) {
        let name = param["name"].as_str().unwrap_or_default();
        let is_reserved = name == "connectionId" && operation.path != path;
        if is_reserved || name.is_empty() {
            continue;
        }
        if param["in"] == "body" {
            expected.body(raw, operation, &param, is_full);
            continue;
        }
        if let Some(value) = expected.param(raw, &param, is_full) {
            expected.place(&param, &value, &mut fields);
        }
    }
    for name in unfilled(&expected.path) {
        expected.inputs.insert(name.clone(), "left".into());
        expected.path = expected.path.replace(&format!("{{{name}}}"), "left");
    }
    if raw.is_three() {
        expected.body_of_three(raw, operation, is_full);
    }
    if !fields.is_empty() || raw.params(operation).iter().any(|it| it["in"] == "formData") {
        expected.form(raw, operation, &fields);
    }
    expected.policies(raw, operation, given);
    expected
}

impl Expected {
    /// What a parameter is sent as; none if it is not sent.
    fn param(&mut self, raw: &Raw, param: &Value, is_full: bool) -> Option<Value> {
        let name = param["name"].as_str()?;
        let schema = if param["schema"].is_object() { &param["schema"] } else { param };
        let default = schema.get("default").filter(|it| !it.is_null());
        let kind = schema["type"].as_str().unwrap_or("string");
        let is_path = param["in"] == "path";
        let default = default.filter(|it| (kind == "string" && !is_path) || *it != "");
        let is_required = param["required"] == true || param["in"] == "path";
        let is_header = param["in"] == "header";
        let is_legal =
            name.chars().all(|it| it.is_ascii_alphanumeric() || "-_.!#$&'*+^`|~".contains(it));
        if is_header && !is_legal {
            return None;
        }
        let is_hidden = param["x-ms-visibility"] == "internal" && default.is_some();
        let is_media = is_header && name.eq_ignore_ascii_case("content-type");
        let wants = is_required && default.is_none() || (is_full && !is_hidden && !is_media);
        if !wants {
            return default.map(|it| match it {
                Value::String(text) if is_header => text.trim().into(),
                // Several write `"false"` where they mean it.
                Value::String(text) if kind != "string" => {
                    serde_json::from_str(text.to_lowercase().trim()).unwrap_or_else(|_| it.clone())
                }
                other => other.clone(),
            });
        }
        let value = match sample::host_part(raw, name) {
            Some(host) => host,
            None if is_media => "application/json".into(),
            None => sample::param(param),
        };
        self.inputs.insert(name.to_owned(), value.clone());
        Some(value)
    }

    fn place(&mut self, param: &Value, value: &Value, fields: &mut Vec<(Value, Value)>) {
        let name = param["name"].as_str().unwrap();
        match param["in"].as_str().unwrap_or("") {
            "path" => {
                let once = escaped(&text(value));
                let value =
                    if param["x-ms-url-encoding"] == "double" { escaped(&once) } else { once };
                self.path = self.path.replace(&format!("{{{name}}}"), &value);
                self.in_path.insert(name.to_owned(), value);
            }
            "query" => drop(self.query.insert(name.to_owned(), texts(param, value))),
            "header" => {
                drop(self.headers.insert(name.to_lowercase(), texts(param, value).join(", ")));
            }
            "formData" => fields.push((param.clone(), value.clone())),
            _ => {}
        }
    }

    fn form(&mut self, raw: &Raw, operation: RawOperation<'_>, fields: &[(Value, Value)]) {
        let media = consumes(raw, operation);
        let has_file = raw.params(operation).iter().any(|it| it["type"] == "file");
        let is_url = media.iter().any(|it| it.contains("urlencoded"));
        let is_parts = has_file || (!is_url && media.iter().any(|it| it.contains("multipart")));
        let mut all = Vec::new();
        for (param, value) in fields {
            let name = param["name"].as_str().unwrap().to_owned();
            all.extend(texts(param, value).into_iter().map(|it| (name.clone(), it, value.clone())));
        }
        self.body = if is_parts {
            let bytes = |text: String, value: &Value| match value["$content"].as_str() {
                Some(_) => sample::BYTES.to_vec(),
                None if value.is_array() || value.is_object() => value.to_string().into_bytes(),
                None => text.into_bytes(),
            };
            Body::Parts(
                all.into_iter().map(|(name, it, value)| (name, bytes(it, &value))).collect(),
            )
        } else {
            Body::Form(all.into_iter().map(|(name, it, _)| (name, it)).collect())
        };
    }

    /// The body of version 2: given member by member, as exported flows give it.
    fn body(&mut self, raw: &Raw, operation: RawOperation<'_>, param: &Value, is_full: bool) {
        let name = param["name"].as_str().unwrap_or("body").to_owned();
        let media = consumes(raw, operation);
        self.any_body(raw, (&name, &param["schema"]), &media, is_full);
    }

    fn body_of_three(&mut self, raw: &Raw, operation: RawOperation<'_>, is_full: bool) {
        let body = raw.follow(&operation.value["requestBody"]);
        let Some(content) = body["content"].as_object() else { return };
        let json = content.keys().find(|it| it.contains("json"));
        let Some(media) = json.or_else(|| content.keys().next()) else { return };
        let schema = content[media]["schema"].clone();
        self.any_body(raw, ("body", &schema), std::slice::from_ref(media), is_full);
    }

    fn any_body(
        &mut self,
        raw: &Raw,
        (name, written): (&str, &Value),
        media: &[String],
        is_full: bool,
    ) {
        let schema = raw.follow(written);
        let is_bytes = schema["type"] == "file" || schema["format"] == "binary";
        let is_json = media.is_empty() || media.iter().any(|it| it.contains("json"));
        if is_bytes {
            let envelope = json!({ "$content": base::base64::encode(sample::BYTES) });
            self.inputs.insert(name.to_owned(), envelope);
            self.body = Body::Bytes(sample::BYTES.to_vec());
            return;
        }
        if schema["type"] == "string" && (media.iter().any(|it| it == "text/plain") || !is_json) {
            self.inputs.insert(name.to_owned(), "plain ü".into());
            self.body = Body::Bytes("plain ü".into());
            return;
        }
        let mut value = if let Some(members) = schema["properties"].as_object() {
            self.members(raw, (name, schema), members, is_full)
        } else {
            let value = sample::value(raw, schema, 3);
            self.inputs.insert(name.to_owned(), value.clone());
            Some(value)
        };
        if is_json {
            add_defaults(raw, schema, &mut value, 0);
        }
        let Some(value) = value else { return };
        let is_form = media.iter().any(|it| it.contains("urlencoded"));
        self.body = match &value {
            _ if is_json => Body::Json(value),
            Value::Object(members) if is_form => {
                Body::Form(members.iter().map(|(name, it)| (name.clone(), text(it))).collect())
            }
            Value::Object(members) if media.iter().any(|it| it.contains("multipart")) => {
                let bytes = |it: &Value| match it {
                    Value::Array(_) | Value::Object(_) => it.to_string().into_bytes(),
                    _ => text(it).into_bytes(),
                };
                Body::Parts(members.iter().map(|(name, it)| (name.clone(), bytes(it))).collect())
            }
            _ => Body::Changed,
        };
    }

    fn members(
        &mut self,
        raw: &Raw,
        (name, schema): (&str, &Value),
        members: &Map<String, Value>,
        is_full: bool,
    ) -> Option<Value> {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let mut body = Map::new();
        for (member, declared) in members {
            let is_required = required.iter().any(|it| it == member);
            let is_hidden = declared["x-ms-visibility"] == "internal";
            let has_default = !raw.follow(declared)["default"].is_null();
            let wants = (is_required && !has_default) || is_full;
            if wants && !is_hidden && !member.contains('/') && !sample::is_callback(raw, declared) {
                let value = sample::value(raw, declared, 3);
                self.inputs.insert(format!("{name}/{member}"), value.clone());
                body.insert(member.clone(), value);
            }
        }
        (!body.is_empty()).then_some(Value::Object(body))
    }

    fn policies(&mut self, raw: &Raw, operation: RawOperation<'_>, given: &Given) {
        let id = operation.value["operationId"].as_str().unwrap();
        for (template, parameters) in raw.policies(id) {
            let get = |name: &str| {
                parameters[format!("x-ms-apimTemplateParameter.{name}")]
                    .as_str()
                    .unwrap_or_default()
            };
            let section =
                parameters["x-ms-apimTemplate-policySection"].as_str().unwrap_or("Request");
            let fill = |it: &Self, text: &str| it.filled(text, given);
            let exists = get("existsAction").to_lowercase();
            match template.as_str() {
                _ if section != "Request" => {}
                "setheader" => {
                    let name = get("name").to_lowercase();
                    let value = fill(self, get("value"));
                    set(&mut self.headers, &name, value, &exists);
                    self.forced.insert(name);
                }
                "setqueryparameter" => {
                    let name = get("name").replace("%24", "$");
                    let value = fill(self, get("value"));
                    let mut flat: BTreeMap<String, String> = BTreeMap::new();
                    if let Some(known) = self.query.get(&name) {
                        flat.insert(name.clone(), known.join(","));
                    }
                    set(&mut flat, &name, value, &exists);
                    self.query.insert(name.clone(), vec![flat[&name].clone()]);
                    self.forced.insert(name);
                }
                "dynamichosturl" => {
                    let host = fill(self, get("urlTemplate"));
                    let host = if host.contains("://") { host } else { format!("https://{host}") };
                    self.base = Some(host.replacen("https://https://", "https://", 1));
                }
                "routerequesttoendpoint" => self.route(get("newPath"), get("httpMethod"), given),
                "setvaluefromurl" => self.look_up(get("parameterTemplate")),
                "pollingtrigger" | "updatenextlink" => {}
                _ if matches!(self.body, Body::None) => {}
                _ => self.body = Body::Changed,
            }
        }
    }

    fn route(&mut self, path: &str, method: &str, given: &Given) {
        if !method.is_empty() && !method.starts_with('@') {
            self.method = method.to_uppercase();
        }
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut new = String::new();
        for part in path.split_inclusive('}') {
            let (before, name) = part.split_once('{').unwrap_or((part, ""));
            let filled = self.filled(before, given);
            new.push_str(if before.contains('@') { &filled } else { before });
            if let Some(name) = name.strip_suffix('}') {
                new.push_str(self.in_path.get(name).map_or("", String::as_str));
            }
        }
        self.path = format!("/{}", new.trim_start_matches('/'));
        for (name, value) in query.split('&').filter_map(|it| it.split_once('=')) {
            let (name, value) = (self.filled(name, given), self.filled(value, given));
            self.query.insert(name, vec![value]);
        }
    }

    fn look_up(&mut self, target: &str) {
        let name = target.split('\'').nth(1).unwrap().to_owned();
        self.looked_up += 1;
        if target.contains("headers") {
            self.headers.insert(name.to_lowercase(), "LOOKED-UP".to_owned());
        } else {
            self.query.insert(name, vec!["LOOKED-UP".to_owned()]);
        }
    }

    /// A text of a policy with `@function('name')` in it.
    fn filled(&self, text: &str, given: &Given) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('@') {
            filled.push_str(before);
            let after = after.trim_start_matches('{');
            let Some((function, arguments)) = after.split_once('(') else {
                filled.push('@');
                rest = after;
                continue;
            };
            let (arguments, after) = arguments.split_once(')').unwrap();
            let mut arguments = arguments.split(',').map(|it| it.trim().trim_matches('\''));
            let name = arguments.next().unwrap();
            let value = match function.to_lowercase().as_str() {
                "connectionparameters" => given.get(name).map(self::text),
                "headers" => self.headers.get(&name.to_lowercase()).cloned(),
                _ => self.query.get(name).and_then(|it| it.first().cloned()),
            };
            filled.push_str(
                &value
                    .filter(|it| !it.is_empty())
                    .unwrap_or_else(|| arguments.next().unwrap_or_default().to_owned()),
            );
            rest = after.strip_prefix('}').unwrap_or(after);
        }
        filled + rest
    }
}

fn set(all: &mut BTreeMap<String, String>, name: &str, value: String, exists: &str) {
    let new = match (all.get(name), exists) {
        (Some(known), "skip") => known.clone(),
        (Some(known), "append") => format!("{known},{value}"),
        _ => value,
    };
    all.insert(name.to_owned(), new);
}

/// What is sent although nobody gives it: hidden or required members that have a default.
fn add_defaults(raw: &Raw, schema: &Value, value: &mut Option<Value>, depth: usize) {
    let schema = raw.follow(schema);
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        let is_required = required.iter().any(|it| it == name);
        let is_sent = is_required || member["x-ms-visibility"] == "internal";
        let resolved = raw.follow(member);
        let default = [&member["default"], &resolved["default"]];
        let default = default.into_iter().find(|it| !it.is_null());
        let known = value.as_ref().and_then(|it| it.get(name)).cloned();
        let new = match (known, default) {
            (Some(Value::Object(inner)), None) if depth < 8 => {
                let mut inner = Some(Value::Object(inner));
                add_defaults(raw, member, &mut inner, depth + 1);
                inner
            }
            (Some(_), _) => continue,
            (None, Some(default)) if is_sent => Some(typed(default, resolved)),
            (None, None) if is_required && depth < 8 => {
                let mut inner = None;
                add_defaults(raw, member, &mut inner, depth + 1);
                inner
            }
            (None, _) => None,
        };
        if let Some(new) = new
            && let Value::Object(members) = value.get_or_insert_with(|| json!({}))
        {
            members.insert(name.clone(), new);
        }
    }
}

fn typed(default: &Value, schema: &Value) -> Value {
    match (default, schema["type"].as_str()) {
        (Value::String(text), Some("boolean" | "integer" | "number")) => {
            serde_json::from_str(text.trim().to_lowercase().as_str()).unwrap_or(default.clone())
        }
        (Value::Number(_) | Value::Bool(_), Some("string")) => default.to_string().into(),
        _ => default.clone(),
    }
}

/// Where the definition says that the service is; none if it stands for another host.
fn base(raw: &Raw) -> Option<String> {
    if raw.is_three() {
        let url = raw.definition["servers"][0]["url"].as_str()?;
        return Some(url.trim_end_matches('/').to_owned());
    }
    let host = raw.definition["host"].as_str()?.trim().trim_end_matches('/');
    let path = raw.definition["basePath"].as_str().unwrap_or("").trim().trim_matches('/');
    Some(format!("https://{host}/{path}").trim_end_matches('/').to_owned())
}

fn consumes(raw: &Raw, operation: RawOperation<'_>) -> Vec<String> {
    let own = operation.value["consumes"].as_array();
    let all = own.or_else(|| raw.definition["consumes"].as_array());
    all.into_iter().flatten().filter_map(|it| Some(it.as_str()?.trim().to_owned())).collect()
}

/// The names in braces of a path.
fn unfilled(path: &str) -> Vec<String> {
    let parts = path.split('{').skip(1).filter_map(|it| it.split_once('}'));
    parts.map(|(name, _)| name.to_owned()).collect()
}

/// A value as text, or a list's items as the definition wants them.
fn texts(param: &Value, value: &Value) -> Vec<String> {
    let Value::Array(items) = value else { return vec![text(value)] };
    let items: Vec<String> = items.iter().map(text).collect();
    let style = param["collectionFormat"].as_str().unwrap_or("csv");
    let is_exploded =
        param["schema"].is_object() && param["explode"] != false && param["in"] == "query";
    match style {
        "multi" => items,
        _ if is_exploded => items,
        "ssv" => vec![items.join(" ")],
        "tsv" => vec![items.join("\t")],
        "pipes" => vec![items.join("|")],
        _ => vec![items.join(",")],
    }
}

pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Array(items) => items.iter().map(text).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

/// Everything escaped but letters, digits and `-._~`.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").unwrap();
        }
    }
    escaped
}
