//! Published files as they are: read again, without anything of the importer.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

/// A published connector as its files say it.
pub(super) struct Raw {
    pub(super) name: String,
    pub(super) definition_bytes: Vec<u8>,
    pub(super) properties_bytes: Option<Vec<u8>>,
    pub(super) has_script: bool,
    /// Null if it cannot be read at all.
    pub(super) definition: Value,
    pub(super) properties: Value,
}

/// An operation as the definition says it.
#[derive(Clone, Copy)]
pub(super) struct RawOperation<'r> {
    pub(super) path: &'r str,
    pub(super) method: &'r str,
    pub(super) item: &'r Value,
    pub(super) value: &'r Value,
}

impl Raw {
    pub(super) fn load(
        name: &str,
        definition: &Path,
        properties: Option<&Path>,
        has_script: bool,
    ) -> Self {
        let definition_bytes = fs::read(definition).unwrap();
        let properties_bytes = properties.and_then(|it| fs::read(it).ok());
        let tree = tree(&definition_bytes);
        let inner = tree.pointer("/properties/swagger").cloned();
        let properties = properties_bytes.as_deref().map(self::tree).unwrap_or_default();
        Self {
            name: name.to_owned(),
            definition: inner.filter(Value::is_object).unwrap_or(tree),
            properties: properties.get("properties").cloned().unwrap_or_default(),
            definition_bytes,
            properties_bytes,
            has_script,
        }
    }

    pub(super) fn is_readable(&self) -> bool {
        self.definition.get("paths").is_some_and(Value::is_object)
    }

    pub(super) fn is_three(&self) -> bool {
        self.definition.get("openapi").is_some()
    }

    /// All operations that have an id, by the order of the file.
    pub(super) fn operations(&self) -> Vec<RawOperation<'_>> {
        let methods = ["get", "post", "put", "patch", "delete", "head", "options"];
        let mut found = Vec::new();
        for (path, item) in self.definition["paths"].as_object().into_iter().flatten() {
            for (method, value) in item.as_object().into_iter().flatten() {
                if methods.contains(&method.as_str()) && value["operationId"].is_string() {
                    found.push(RawOperation { path, method, item, value });
                }
            }
        }
        found
    }

    /// What a `$ref` leads to, once and again.
    pub(super) fn follow<'v>(&'v self, value: &'v Value) -> &'v Value {
        let mut value = value;
        for _ in 0..20 {
            let Some(reference) = value.get("$ref").and_then(Value::as_str) else { return value };
            let pointer = reference.trim_start_matches('#');
            let decoded = pointer.replace("%20", " ").replace("%5B", "[").replace("%5D", "]");
            match self.definition.pointer(pointer).or_else(|| self.definition.pointer(&decoded)) {
                Some(target) => value = target,
                None => return &Value::Null,
            }
        }
        &Value::Null
    }

    /// The parameters of an operation and of its path; the operation's count more.
    pub(super) fn params(&self, operation: RawOperation<'_>) -> Vec<Value> {
        let mut found: Vec<Value> = Vec::new();
        for home in [operation.value, operation.item] {
            for param in home["parameters"].as_array().into_iter().flatten() {
                let param = self.follow(param);
                let key = |it: &Value| (it["name"].clone(), it["in"].clone());
                if !found.iter().any(|it| key(it) == key(param)) {
                    found.push(param.clone());
                }
            }
        }
        found
    }

    /// The policies for requests of an operation: small id and parameters.
    pub(super) fn policies(&self, id: &str) -> Vec<(String, &Value)> {
        let all = self.properties["policyTemplateInstances"].as_array().into_iter().flatten();
        let wanted = all.filter(|it| {
            let scope = &it["parameters"]["x-ms-apimTemplate-operationName"];
            match scope {
                Value::Array(names) => names.is_empty() || names.iter().any(|it| it == id),
                Value::String(text) => text.contains(&format!("'{id}'")) || text == id,
                _ => true,
            }
        });
        wanted
            .map(|it| (it["templateId"].as_str().unwrap_or("").to_lowercase(), &it["parameters"]))
            .collect()
    }

    /// Whether an operation is carried out by a script.
    pub(super) fn is_scripted(&self, id: &str) -> bool {
        let names = self.properties["scriptOperations"].as_array();
        match names.filter(|it| !it.is_empty()) {
            Some(names) => names.iter().any(|it| it == id),
            None => self.has_script,
        }
    }

    /// What a connection is asked for: names and types.
    pub(super) fn asked(&self) -> Vec<(String, String, Value)> {
        let mut found: Vec<(String, String, Value)> = Vec::new();
        let sets = self.properties["connectionParameterSets"]["values"].as_array();
        let sets = sets.into_iter().flatten().map(|it| &it["parameters"]);
        let mut seen = BTreeSet::new();
        for set in std::iter::once(&self.properties["connectionParameters"]).chain(sets) {
            for (name, it) in set.as_object().into_iter().flatten() {
                let kind = it["type"].as_str().unwrap_or("string").to_lowercase();
                if seen.insert(name.clone()) {
                    found.push((name.clone(), kind, it.clone()));
                }
            }
        }
        found
    }
}

/// JSON, strict or not; null if it is none.
fn tree(bytes: &[u8]) -> Value {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|it| char::from(*it)).collect(),
    };
    match serde_json::from_str(&text) {
        Ok(tree) => tree,
        Err(_) => yaml::parse_json(&text).0.map(|it| it.to_json()).unwrap_or_default(),
    }
}
