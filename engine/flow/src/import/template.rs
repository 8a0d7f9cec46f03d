//! The workflows in a deployment template of Azure Resource Manager.

use std::{collections::BTreeMap, rc::Rc};

use serde_json::Value;
use yaml::Node;

use super::any_case;
use crate::reader::is_deployment_text;

/// A workflow that a template deploys.
pub(crate) struct Workflow<'a> {
    /// The whole resource.
    pub(crate) node: &'a Node,
    /// Its name; where that is computed, the parameter's default or name, else the text.
    pub(crate) name: String,
    /// What the template says of texts that only a deployment makes a value of.
    pub(crate) values: Rc<Values>,
}

/// Values of `parameters('x')` and `variables('x')`, in lower case, of a template.
pub(crate) type Values = BTreeMap<String, Value>;

/// How often the value of a parameter or variable may be another one.
const HOPS_MAX: usize = 8;

/// Every workflow of a template, in the order of the file; none if it is no template. Values that
/// are given for the deployment win over the defaults of parameters.
pub(crate) fn workflows<'a>(root: &'a Node, given: &Values) -> Vec<Workflow<'a>> {
    let mut found = Vec::new();
    let mut open = vec![(root, Rc::new(values(root, given)))];
    while let Some((holder, values)) = open.pop() {
        for resource in resources(holder) {
            let ty = any_case(resource, "type").and_then(Node::as_str).unwrap_or_default();
            if ty.eq_ignore_ascii_case("Microsoft.Logic/workflows") {
                let name = name(resource, &values);
                found.push(Workflow { node: resource, name, values: Rc::clone(&values) });
            }
            // A resource holds others, or a whole template.
            open.push((resource, Rc::clone(&values)));
            let inner = any_case(resource, "properties").and_then(|it| any_case(it, "template"));
            open.extend(inner.map(|it| (it, Rc::new(self::values(it, &Values::new())))));
        }
    }
    found.sort_by_key(|it| it.node.span.start);
    found
}

/// The value of a whole text `[parameters('x')]` or `[variables('x')]`, if it is known here.
pub(crate) fn value<'a>(values: &'a Values, text: &str) -> Option<&'a Value> {
    let mut text = text;
    for _ in 0..HOPS_MAX {
        let inside = text.strip_prefix('[')?.strip_suffix(']')?;
        let value = values.get(&inside.trim().to_ascii_lowercase())?;
        match value.as_str() {
            Some(next) if is_deployment_text(next) => text = next,
            Some(_) | None => return Some(value),
        }
    }
    None
}

fn values(template: &Node, given: &Values) -> Values {
    let mut values = Values::new();
    let parts = |key| any_case(template, key).and_then(Node::as_map).into_iter().flatten();
    for entry in parts("variables") {
        values.insert(key("variables", &entry.key.text), entry.value.to_json());
    }
    for entry in parts("parameters") {
        if let Some(default) = any_case(&entry.value, "defaultValue") {
            values.insert(key("parameters", &entry.key.text), default.to_json());
        }
    }
    values.extend(given.iter().map(|(name, it)| (key("parameters", name), it.clone())));
    values
}

fn key(kind: &str, name: &str) -> String {
    format!("{kind}('{name}')").to_ascii_lowercase()
}
/// A list, or since version 2.0 of the language an object.
fn resources(holder: &Node) -> Vec<&Node> {
    let Some(resources) = any_case(holder, "resources") else { return Vec::new() };
    match (resources.as_seq(), resources.as_map()) {
        (Some(list), _) => list.iter().collect(),
        (None, Some(named)) => named.iter().map(|it| &it.value).collect(),
        (None, None) => Vec::new(),
    }
}

fn name(resource: &Node, values: &Values) -> String {
    let text = any_case(resource, "name").and_then(Node::as_str).unwrap_or_default();
    let known = value(values, text).and_then(Value::as_str).map(str::to_owned);
    let parameter = text.strip_prefix("[parameters('").and_then(|it| it.strip_suffix("')]"));
    known.unwrap_or_else(|| parameter.unwrap_or(text).to_owned())
}
