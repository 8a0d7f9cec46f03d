//! A document as a tree whose references are followed when they are met.

use std::{borrow::Cow, collections::BTreeMap};

use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::schema;

/// References that lead to references, at most; a circle ends here too.
const HOPS_MAX: usize = 32;
/// The methods that requests can have.
const METHODS: &[&str] = &["get", "post", "put", "patch", "delete", "head", "options"];

/// An `OpenAPI` document.
pub(super) struct Document {
    pub(super) root: Value,
    /// Whether it is of version 3, else 2.
    pub(super) is_three: bool,
}

/// One operation of a document.
#[derive(Clone, Copy)]
pub(super) struct Found<'d> {
    pub(super) path: &'d str,
    pub(super) item: &'d Value,
    pub(super) method: &'d str,
    pub(super) operation: &'d Value,
}

impl Found<'_> {
    /// Its id; one that has none is called as its method and path.
    pub(super) fn id(&self) -> Option<String> {
        if !self.operation.is_object() {
            return None;
        }
        let id = self.operation.get("operationId").and_then(Value::as_str).map(str::trim);
        Some(id.filter(|it| !it.is_empty()).map_or_else(|| self.made_id(), str::to_owned))
    }

    fn made_id(&self) -> String {
        let words = self.path.split(|it: char| !it.is_ascii_alphanumeric());
        let words = words.filter(|it| !it.is_empty()).map(|word| {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| {
                first.to_ascii_uppercase().to_string() + letters.as_str()
            })
        });
        format!("{}{}", self.method, words.collect::<String>())
    }
}

impl Document {
    /// A document of a version that is known.
    pub(super) fn new(root: Value) -> Result<Self, String> {
        let is_three = match (root.get("swagger"), root.get("openapi")) {
            (Some(_), _) => false,
            (None, Some(version)) => {
                let version = version.as_str().map_or_else(|| version.to_string(), str::to_owned);
                if !version.starts_with('3') {
                    return Err(format!("OpenAPI `{version}` is not known; 2.0 and 3.x are"));
                }
                true
            }
            (None, None) => {
                return Err("the definition is no OpenAPI document: it has neither `swagger` nor \
                            `openapi`"
                    .to_owned());
            }
        };
        if !root.get("paths").is_some_and(Value::is_object) {
            return Err("the definition has no `paths`".to_owned());
        }
        Ok(Self { root, is_three })
    }

    /// All operations, in the order of the document.
    pub(super) fn operations(&self) -> impl Iterator<Item = Found<'_>> {
        let paths = self.root.get("paths").and_then(Value::as_object).into_iter().flatten();
        paths.flat_map(|(path, item)| {
            let item = self.resolve(item).unwrap_or(item);
            let members = item.as_object().into_iter().flatten();
            let own = members.filter(|(name, _)| METHODS.contains(&name.as_str()));
            own.map(move |(method, operation)| Found { path, item, method, operation })
        })
    }

    /// What a value stands for: itself, or what its `$ref` leads to.
    pub(super) fn resolve<'d>(&'d self, value: &'d Value) -> Option<&'d Value> {
        let mut value = value;
        for _ in 0..HOPS_MAX {
            let Some(Value::String(reference)) = value.get("$ref") else { return Some(value) };
            value = self.pointed(reference)?;
        }
        None
    }

    /// The place in this document that a reference names.
    pub(super) fn pointed(&self, reference: &str) -> Option<&Value> {
        let pointer = reference.strip_prefix('#')?;
        let exact = self.root.pointer(pointer);
        exact.or_else(|| self.root.pointer(&decoded(pointer)))
    }

    /// The schemas that references lead to, by the names that this crate gives them.
    pub(super) fn schemas(&self) -> BTreeMap<String, Value> {
        let mut schemas = BTreeMap::new();
        let named = if self.is_three { "/components/schemas" } else { "/definitions" };
        let members = self.root.pointer(named).and_then(Value::as_object);
        for (name, value) in members.into_iter().flatten() {
            schemas.insert(name.clone(), schema::rewritten(value));
        }
        // Some refer to other places of the document.
        let mut others = Vec::new();
        schema::others(&self.root, &mut others);
        while let Some(reference) = others.pop() {
            let name = schema::name(reference).into_owned();
            if schemas.contains_key(&name) {
                continue;
            }
            let Some(value) = self.pointed(reference) else { continue };
            schemas.insert(name, schema::rewritten(value));
        }
        schemas
    }
}

fn decoded(pointer: &str) -> Cow<'_, str> {
    percent_decode_str(pointer).decode_utf8_lossy()
}
