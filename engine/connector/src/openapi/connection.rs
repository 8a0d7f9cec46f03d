//! What an operator has to give: the connection parameters, and what we need besides.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    Import, Policies,
    host::{self, Host},
};
use crate::model::{ConnectionParam, ConnectionSpec, Operation, ParamKind};

/// The parameter by which an operator names the address of the service.
pub(super) const BASE_URL: &str = "baseUrl";

impl Import<'_> {
    pub(super) fn connection(
        &mut self,
        policies: &Policies,
        host: &Host,
        operations: &BTreeMap<String, Operation>,
    ) -> ConnectionSpec {
        let mut params = Vec::new();
        let sets = self.sets();
        let is_one = sets.len() == 1;
        for (_, set) in &sets {
            for (name, declared) in set {
                let is_known = params.iter().any(|it: &ConnectionParam| it.name == *name);
                if let Some(mut param) = param(name, declared).filter(|_| !is_known) {
                    // What one way needs is not needed by the others.
                    param.required &= is_one;
                    params.push(param);
                }
            }
        }
        let auth = self.auth(policies, &sets, &mut params);
        for name in host::asked(policies) {
            if !params.iter().any(|it| it.name == name) {
                params.push(own(name, ParamKind::String, "Asked for by a policy."));
            }
        }
        let mut base = own(&host.param, ParamKind::Uri, "Address of the service.");
        base.required = host.address.is_none() && !host.is_always_dynamic;
        base.default = host.address.clone().filter(|_| !host.is_dynamic).map(Value::from);
        params.push(base);
        let test = self.document.root.get("x-ms-capabilities").and_then(|it| {
            let test = it.get("testConnection")?;
            let operation = test.get("operationId")?.as_str()?.to_owned();
            Some((operation, test.get("parameters").cloned().unwrap_or_default()))
        });
        ConnectionSpec { params, auth, test: test.filter(|it| operations.contains_key(&it.0)) }
    }

    /// The sets of parameters that a connection can be made of, with their names.
    pub(super) fn sets(&self) -> Vec<(String, Map<String, Value>)> {
        let object = |value: Option<&Value>| value.and_then(Value::as_object).cloned();
        let sets = self.properties.get("connectionParameterSets").and_then(|it| it.get("values"));
        let sets = sets.and_then(Value::as_array).into_iter().flatten();
        let named = sets.filter_map(|it| {
            let name = it.get("name")?.as_str()?.to_owned();
            Some((name, object(it.get("parameters")).unwrap_or_default()))
        });
        let named: Vec<_> = named.collect();
        if named.is_empty() {
            let only = object(self.properties.get("connectionParameters")).unwrap_or_default();
            vec![(String::new(), only)]
        } else {
            named
        }
    }
}

/// A declared parameter; none if it is what OAuth is about.
fn param(name: &str, declared: &Value) -> Option<ConnectionParam> {
    let interface = declared.get("uiDefinition");
    let constraints = interface.and_then(|it| it.get("constraints"));
    let constraint = |key: &str| constraints.and_then(|it| it.get(key));
    let kind = match declared.get("type").and_then(Value::as_str).unwrap_or("string") {
        kind if kind.eq_ignore_ascii_case("oauthSetting") => return None,
        kind if kind.eq_ignore_ascii_case("securestring") => ParamKind::Secret,
        "int" | "integer" => ParamKind::Integer,
        "bool" | "boolean" => ParamKind::Boolean,
        _ => ParamKind::String,
    };
    let default = declared.get("defaultValue").or_else(|| constraint("default"));
    let text = |key: &str| interface.and_then(|it| it.get(key)).and_then(Value::as_str);
    Some(ConnectionParam {
        name: name.to_owned(),
        kind,
        required: is_true(constraint("required")),
        default: default.filter(|it| !it.is_null() && it.as_str() != Some("")).cloned(),
        description: text("description")
            .or_else(|| text("displayName"))
            .unwrap_or_default()
            .to_owned(),
    })
}

/// A parameter of ours.
pub(super) fn own(name: &str, kind: ParamKind, description: &str) -> ConnectionParam {
    ConnectionParam {
        name: name.to_owned(),
        kind,
        required: false,
        default: None,
        description: description.to_owned(),
    }
}

fn is_true(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(value)) => *value,
        Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
        Some(_) | None => false,
    }
}
