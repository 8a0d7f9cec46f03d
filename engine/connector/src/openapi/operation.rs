//! Operations.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Import, Policies, document::Found, schema};
use crate::model::{Effect, Encoding, NextPage, Operation, Paginate, Param, Place};

/// What the cloud's gateways put before every path of their own services.
const CONNECTION_ID: &str = "/{connectionId}";
/// Pages of one call; the same as in connector files.
const PAGES_MAX: usize = 200;

impl Import<'_> {
    /// All operations that can be read.
    pub(super) fn operations(&mut self, policies: &Policies) -> BTreeMap<String, Operation> {
        let mut operations: BTreeMap<String, Operation> = BTreeMap::new();
        for found in self.document.operations() {
            let Some(id) = found.id() else {
                let place = format!("{} {}", found.method.to_uppercase(), found.path);
                self.report.refused.insert(place, "it is no object".to_owned());
                continue;
            };
            if operations.contains_key(&id) {
                let place = format!("{} {}", found.method.to_uppercase(), found.path);
                self.report.refused.insert(place, format!("there is another operation `{id}`"));
                continue;
            }
            match self.operation(&found, &id, policies) {
                Ok(operation) => {
                    operations.insert(id, operation);
                }
                Err(why) => {
                    self.report.refused.insert(id, why);
                }
            }
        }
        operations
    }

    fn operation(
        &mut self,
        found: &Found<'_>,
        id: &str,
        policies: &Policies,
    ) -> Result<Operation, String> {
        let path = found.path.strip_prefix(CONNECTION_ID).unwrap_or(found.path);
        let (path, _) = path.split_once('#').unwrap_or((path, ""));
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        if !path.is_empty() && !path.starts_with('/') {
            return Err(format!("`{}` is no path", found.path));
        }
        if path.matches('{').count() != path.matches('}').count() {
            return Err(format!("the braces of `{}` do not fit", found.path));
        }
        let mut operation = Operation::new(id, &found.method.to_uppercase(), path);
        let text = |key: &str| {
            let text = found.operation.get(key).and_then(Value::as_str).unwrap_or_default().trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        operation.title = text("summary").unwrap_or_else(|| id.to_owned());
        operation.description = text("description").unwrap_or_default();
        operation.deprecated = deprecated(found);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            operation.query.push((name.into_owned(), super::literal(&value)));
        }
        let params = self.params(found, id)?;
        operation.params.clone_from(&params.all);
        if path != found.path {
            operation.params.retain(|it| it.name != "connectionId");
        }
        self.undeclared(id, &mut operation);
        self.body(found, &params, &mut operation)?;
        operation.returns = self.returns(found);
        operation.paginate = self.paginate(found, id, policies, operation.returns.as_ref());
        operation.effect = effect(found, &operation);
        self.accept(found, &mut operation);
        operation.fills_body = operation.encoding == Encoding::Json;
        Ok(operation)
    }

    /// What stands in the path must be a parameter.
    fn undeclared(&mut self, id: &str, operation: &mut Operation) {
        let names: Vec<String> = operation
            .path
            .split('{')
            .skip(1)
            .filter_map(|it| it.split_once('}'))
            .map(|(name, _)| name.to_owned())
            .collect();
        for name in names {
            if operation.params.iter().any(|it| it.name == name && it.place == Place::Path) {
                continue;
            }
            self.report.warn(format!("`{id}`: `{name}` is in the path and is not declared"));
            let mut param = Param::new(&name, Place::Path, serde_json::json!({ "type": "string" }));
            param.required = true;
            operation.params.push(param);
        }
    }

    /// The schema of the first answer that is a success.
    fn returns(&self, found: &Found<'_>) -> Option<Value> {
        let responses = found.operation.get("responses")?.as_object()?;
        let success = responses.iter().filter(|(status, _)| status.starts_with('2'));
        let usual = responses.iter().filter(|(status, _)| *status == "default");
        success.chain(usual).find_map(|(_, response)| {
            let response = self.document.resolve(response)?;
            let schema = match response.get("content").and_then(Value::as_object) {
                Some(content) => {
                    let is_json = |it: &(&String, &Value)| base::http::is_json_type(it.0);
                    let media = content.iter().find(is_json).or_else(|| content.iter().next());
                    media?.1.get("schema")?
                }
                None => response.get("schema")?,
            };
            Some(schema::rewritten(schema))
        })
    }

    fn paginate(
        &self,
        found: &Found<'_>,
        id: &str,
        policies: &Policies,
        returns: Option<&Value>,
    ) -> Option<Paginate> {
        let declared = found.operation.get("x-ms-pageable");
        let text = |key: &str| declared?.get(key)?.as_str().filter(|it| !it.is_empty());
        let link = text("nextLinkName").or_else(|| policies.next_link(id))?;
        let items = text("itemName").map_or_else(|| self.items(returns), str::to_owned);
        let member =
            |path: &str| super::template(&format!("@body(){}", crate::policy::members(path)));
        Some(Paginate {
            next: NextPage::Link(super::template(&format!(
                "@bodyAt({})",
                crate::policy::quote(link)
            ))),
            items: member(&items),
            more: None,
            page_size: None,
            pages_max: PAGES_MAX,
        })
    }

    /// The member of an answer that has the items: `value`, or the only list there is.
    fn items(&self, returns: Option<&Value>) -> String {
        let usual = || "value".to_owned();
        // References were rewritten, so the original is looked up by name.
        let resolved = returns.and_then(|it| match it.get("$ref").and_then(Value::as_str) {
            Some(reference) => {
                let name = reference.strip_prefix("#/schemas/")?;
                let home =
                    if self.document.is_three { "components/schemas" } else { "definitions" };
                self.document.pointed(&format!("#/{home}/{}", name.replace('/', "~1")))
            }
            None => Some(it),
        });
        let members = resolved.and_then(|it| it.get("properties")).and_then(Value::as_object);
        let Some(members) = members.filter(|it| !it.contains_key("value")) else { return usual() };
        let is_list = |it: &(&String, &Value)| it.1.get("type") == Some(&Value::from("array"));
        let mut lists = members.iter().filter(is_list);
        match (lists.next(), lists.next()) {
            (Some((name, _)), None) if !name.contains('/') => name.clone(),
            _ => usual(),
        }
    }

    /// Services that answer in several formats are asked for JSON.
    fn accept(&self, found: &Found<'_>, operation: &mut Operation) {
        let is_accept =
            |it: &Param| it.place == Place::Header && it.name.eq_ignore_ascii_case("accept");
        if operation.params.iter().any(is_accept) {
            return;
        }
        let listed = |value: &Value| value.get("produces").and_then(Value::as_array).cloned();
        let media = listed(found.operation).or_else(|| listed(&self.document.root));
        let media = media.into_iter().flatten();
        let is_json = |it: &Value| it.as_str().is_some_and(base::http::is_json_type);
        if media.clone().count() > 0 && media.into_iter().any(|it| is_json(&it)) {
            operation.headers.push(("Accept".to_owned(), super::literal("application/json")));
        }
    }
}

/// A schema with references of the document or of the connector followed.
pub(super) fn original<'d>(
    document: &'d super::document::Document,
    schema: &'d Value,
) -> Option<&'d Value> {
    let Some(name) =
        schema.get("$ref").and_then(Value::as_str).and_then(|it| it.strip_prefix("#/schemas/"))
    else {
        return document.resolve(schema);
    };
    let home = if document.is_three { "components/schemas" } else { "definitions" };
    let target =
        document.pointed(&format!("#/{home}/{}", name.replace('~', "~0").replace('/', "~1")));
    document.resolve(target?)
}

/// What to use instead of an operation that is there for older flows only, if it is.
fn deprecated(found: &Found<'_>) -> Option<String> {
    let is_marked = found.operation.get("deprecated") == Some(&Value::Bool(true));
    let instead = || {
        let replacement = found.operation.get("x-ms-api-annotation")?.get("replacement")?;
        Some(replacement.get("operationId")?.as_str()?.to_owned())
    };
    is_marked.then(|| instead().unwrap_or_default())
}

/// What it does to records, as far as its method tells.
fn effect(found: &Found<'_>, operation: &Operation) -> Effect {
    let is_safe = found.operation.get("x-ms-safe-operation") == Some(&Value::Bool(true));
    let is_object = operation.body.as_ref().is_none_or(|it| {
        it.get("type").is_none_or(|it| it == "object") && it.get("items").is_none()
    });
    match operation.method.as_str() {
        "GET" | "HEAD" | "OPTIONS" => Effect::Read,
        _ if is_safe => Effect::Read,
        "DELETE" => Effect::Delete,
        "PUT" => Effect::Update,
        // A list is a list of changes, which may be made twice.
        "PATCH" if is_object => Effect::Update,
        _ => Effect::Action,
    }
}
