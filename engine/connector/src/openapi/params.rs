//! Parameters of an operation.

use serde_json::{Map, Value};

use super::{Import, document::Found, schema};
use crate::{
    encode,
    model::{Arrays, DynamicValues, Param, Place},
    policy::members,
};

/// Members of a parameter that are not of its schema.
const NOT_SCHEMA: &[&str] =
    &["name", "in", "required", "schema", "content", "style", "explode", "allowReserved"];

/// The parameters of an operation, and what it has besides.
#[derive(Default)]
pub(super) struct Params {
    pub(super) all: Vec<Param>,
    /// The parameter that is the body, in version 2.
    pub(super) body: Option<Value>,
    pub(super) has_file: bool,
}

impl Import<'_> {
    /// The parameters of an operation, with those of its path; the error says why it cannot be called.
    pub(super) fn params(&mut self, found: &Found<'_>, id: &str) -> Result<Params, String> {
        let mut params = Params::default();
        let own = found.operation.get("parameters").and_then(Value::as_array);
        let shared = found.item.get("parameters").and_then(Value::as_array);
        let mut seen: Vec<(String, String)> = Vec::new();
        for written in own.into_iter().flatten().chain(shared.into_iter().flatten()) {
            let Some(param) = self.document.resolve(written) else {
                return Err("a parameter refers to what is not in the definition".to_owned());
            };
            let text = |key: &str| param.get(key).and_then(Value::as_str).unwrap_or_default();
            let (name, place) = (text("name").to_owned(), text("in").to_owned());
            if seen.contains(&(name.clone(), place.clone())) {
                continue;
            }
            seen.push((name.clone(), place.clone()));
            match place.as_str() {
                "body" if params.body.is_some() => return Err("it has two bodies".to_owned()),
                "body" => params.body = Some(param.clone()),
                _ if name.is_empty() => {
                    self.report.warn(format!("`{id}`: a parameter without a name is left out"));
                }
                _ => {
                    params.has_file |= text("type") == "file";
                    if let Some(param) = self.param(found, id, &name, param)? {
                        params.all.push(param);
                    }
                }
            }
        }
        Ok(params)
    }

    /// One parameter; none if it is left out.
    fn param(
        &mut self,
        found: &Found<'_>,
        id: &str,
        name: &str,
        written: &Value,
    ) -> Result<Option<Param>, String> {
        let is_set = |key: &str| written.get(key) == Some(&Value::Bool(true));
        let place = match written.get("in").and_then(Value::as_str).unwrap_or_default() {
            "path" if found.path.contains(&format!("{{{name}}}")) => Place::Path,
            "path" => {
                self.report.warn(format!("`{id}`: parameter `{name}` is not in the path"));
                Place::Input
            }
            "header" if !encode::is_header_name(name) => {
                if is_set("required") {
                    return Err(format!("`{name}` is no name of a header"));
                }
                self.report
                    .warn(format!("`{id}`: `{name}` is no name of a header and is left out"));
                return Ok(None);
            }
            "header" if base::http::is_framing(name) => {
                self.report.warn(format!("`{id}`: header `{name}` is not for callers to set"));
                return Ok(None);
            }
            "header" => Place::Header,
            "formData" => Place::Form,
            "query" => Place::Query,
            other if is_set("required") => {
                return Err(format!("parameter `{name}` is in `{other}`, which is not known"));
            }
            other => {
                self.report.warn(format!("`{id}`: parameter `{name}` in `{other}` is left out"));
                return Ok(None);
            }
        };
        let schema = self.param_schema(written);
        let mut default = self.default(id, name, written, &schema);
        if place == Place::Header
            && let Some(Value::String(text)) = &default
            && text.trim() != text
        {
            self.report
                .warn(format!("`{id}`: the default of header `{name}` has blanks around it"));
            default = Some(text.trim().into());
        }
        // Nothing is no part of a path.
        if place == Place::Path && default.as_ref().is_some_and(|it| it == "") {
            default = None;
        }
        let visibility = written.get("x-ms-visibility").and_then(Value::as_str);
        let encoding = written.get("x-ms-url-encoding").and_then(Value::as_str);
        let mut param = Param::new(name, place, schema);
        let is_hidden = visibility == Some("internal");
        // What nobody sees and nothing is said of cannot be asked for.
        let is_lost = is_hidden && default.is_none() && is_set("required");
        if is_lost && place != Place::Path {
            let message =
                format!("`{id}`: hidden parameter `{name}` has no default and is left to flows");
            self.report.warn(message);
        }
        param.required = place == Place::Path || (is_set("required") && !is_lost);
        param.internal = is_hidden && default.is_some();
        param.default = default;
        param.double = encoding == Some("double");
        param.arrays = arrays(written, self.document.is_three, place);
        param.values = values(written);
        Ok(Some(param))
    }

    fn param_schema(&self, written: &Value) -> Value {
        if let Some(schema) = written.get("schema") {
            let mut schema = schema::rewritten(self.document.resolve(schema).unwrap_or(schema));
            if let (Some(members), Some(written)) = (schema.as_object_mut(), written.as_object()) {
                for (key, value) in written {
                    if !NOT_SCHEMA.contains(&key.as_str()) {
                        members.entry(key.clone()).or_insert_with(|| value.clone());
                    }
                }
            }
            return schema;
        }
        let members = written.as_object().into_iter().flatten();
        let members = members.filter(|(key, _)| !NOT_SCHEMA.contains(&key.as_str()));
        let members: Map<_, _> = members.map(|(key, it)| (key.clone(), it.clone())).collect();
        schema::rewritten(&Value::Object(members))
    }

    /// The default, as the type has it. An empty text is none where there is a type of another kind.
    fn default(&mut self, id: &str, name: &str, written: &Value, schema: &Value) -> Option<Value> {
        let kind = schema.get("type").and_then(Value::as_str);
        let default = schema.get("default").filter(|it| !it.is_null())?;
        let original = written.get("default").or_else(|| written.get("schema")?.get("default"));
        if original.is_some_and(|it| it != default) {
            let message =
                format!("`{id}`: the default of `{name}` is not of its type; it is read so");
            self.report.warn(message);
        }
        let is_empty = default.as_str() == Some("") && kind.is_some_and(|it| it != "string");
        (!is_empty).then(|| default.clone())
    }
}

/// How a list is written.
fn arrays(written: &Value, is_three: bool, place: Place) -> Arrays {
    let text = |key: &str| written.get(key).and_then(Value::as_str).unwrap_or_default();
    if !is_three {
        let known = Arrays::ALL.iter().find(|(name, _)| *name == text("collectionFormat"));
        return known.map_or(Arrays::Csv, |(_, it)| *it);
    }
    let explode = written.get("explode").and_then(Value::as_bool);
    match (text("style"), place) {
        ("spaceDelimited", _) => Arrays::Ssv,
        ("pipeDelimited", _) => Arrays::Pipes,
        ("form" | "", Place::Query) if explode != Some(false) => Arrays::Multi,
        _ => Arrays::Csv,
    }
}

/// The operation that knows which values there are.
fn values(written: &Value) -> Option<DynamicValues> {
    let declared = written.get("x-ms-dynamic-values")?;
    let text = |key: &str| declared.get(key).and_then(Value::as_str);
    let mut with = Vec::new();
    for (name, value) in declared.get("parameters").and_then(Value::as_object).into_iter().flatten()
    {
        let tree = match value.get("parameter").and_then(Value::as_str) {
            Some(other) => {
                let text = format!("@input({})", crate::policy::quote(other));
                let template = super::template(&text);
                expr::Tree::Template(expr::Placed {
                    template,
                    span: base::Span::default(),
                    verbatim_at: None,
                })
            }
            None => expr::Tree::Value(value.clone()),
        };
        with.push((expr::Key::Plain(name.clone()), tree));
    }
    let body = format!("@body(){}", members(text("value-collection").unwrap_or_default()));
    Some(DynamicValues {
        operation: text("operationId")?.to_owned(),
        with: expr::Tree::Object(with.into()),
        items: super::template(&body),
        value: super::template(&format!("@item(){}", members(text("value-path")?))),
        title: text("value-title").map(|it| super::template(&format!("@item(){}", members(it)))),
    })
}
