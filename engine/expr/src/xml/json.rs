//! XML as JSON and back: `@attribute`, `#text`, `#cdata-section`, `?xml`; repeated names are lists.

use serde_json::{Map, Value};

use super::{
    DEPTH_MAX, Doctype, Document, Fault, What, XML, XMLNS, declares, doctype, name, parts, read,
};
use crate::text;

/// The namespace whose `Array` attribute makes a list of a single element.
const JSON: &str = "http://james.newtonking.com/projects/json";

/// The property of the document type.
const DOCTYPE: &str = "!DOCTYPE";
/// The properties in it.
const PARTS: [&str; 4] = ["@name", "@public", "@system", "@internalSubset"];

/// The JSON form of a document.
pub(crate) fn to_json(document: &Document) -> Value {
    let mut converter =
        Converter { document, scope: vec![("xmlns", XMLNS), ("xml", XML), ("", "")] };
    let mut map = Map::new();
    converter.groups(0, &mut map);
    Value::Object(map)
}

struct Converter<'d> {
    document: &'d Document,
    /// The prefixes in scope, innermost last.
    scope: Vec<(&'d str, &'d str)>,
}

impl<'d> Converter<'d> {
    /// The children of a node as properties, those of one name as one list.
    fn groups(&mut self, at: usize, map: &mut Map<String, Value>) {
        let mut groups: Map<String, Value> = Map::new();
        let mut members: Vec<Vec<usize>> = Vec::new();
        for child in self.document.children(at) {
            let name = self.property(*child);
            let group =
                groups.get(&name).and_then(Value::as_u64).and_then(|it| usize::try_from(it).ok());
            if let Some(group) = group.and_then(|it| members.get_mut(it)) {
                group.push(*child);
            } else {
                groups.insert(name, members.len().into());
                members.push(vec![*child]);
            }
        }
        for (name, group) in groups.keys().zip(members) {
            let single = match group.as_slice() {
                [only] if !self.is_list(*only) => Some(*only),
                _ => None,
            };
            let value = match single {
                Some(only) => self.value(only),
                None => Some(group.iter().filter_map(|it| self.value(*it)).collect()),
            };
            if let Some(value) = value {
                map.insert(name.clone(), value);
            }
        }
    }

    /// What a node is worth; comments are worth nothing.
    fn value(&mut self, at: usize) -> Option<Value> {
        match self.document.what(at) {
            What::Document | What::Comment(_) => None,
            What::Text(text) | What::Section(text) => Some(text.as_str().into()),
            What::Instruction { data, .. } => Some(data.as_str().into()),
            What::Declaration { version, encoding, standalone } => {
                let mut map = Map::new();
                map.insert("@version".to_owned(), version.as_str().into());
                for (name, value) in [("@encoding", encoding), ("@standalone", standalone)] {
                    if let Some(value) = value {
                        map.insert(name.to_owned(), value.as_str().into());
                    }
                }
                Some(map.into())
            }
            What::Type(Doctype { name, public, system, subset }) => {
                let parts = [Some(name), public.as_ref(), system.as_ref(), subset.as_ref()];
                let parts = PARTS.into_iter().zip(parts);
                let parts = parts.filter_map(|(key, part)| Some((key, part?.as_str())));
                let parts = parts.filter(|(_, part)| !part.is_empty());
                Some(parts.map(|(key, part)| (key.to_owned(), Value::from(part))).collect())
            }
            What::Element { attributes, short, .. } => Some(self.element(at, attributes, *short)),
        }
    }

    fn element(&mut self, at: usize, attributes: &'d [(String, String)], short: bool) -> Value {
        let depth = self.scope.len();
        let declared =
            attributes.iter().filter_map(|(name, uri)| Some((declares(name)?, uri.as_str())));
        self.scope.extend(declared);
        let children = self.document.children(at);
        let own = attributes.iter().any(|(name, value)| !self.is_about_json(name, value));
        let value = match (children, attributes) {
            ([only], _) if !own && matches!(self.document.what(*only), What::Text(_)) => {
                self.value(*only).unwrap_or_default()
            }
            ([], []) if short => Value::Null,
            ([], []) => "".into(),
            _ => {
                let mut map = Map::new();
                for (name, value) in attributes {
                    if let Some(property) = self.attribute(name, value) {
                        map.insert(property, value.as_str().into());
                    }
                }
                self.groups(at, &mut map);
                map.into()
            }
        };
        self.scope.truncate(depth);
        value
    }

    /// What a node is called among its siblings.
    fn property(&self, at: usize) -> String {
        match self.document.what(at) {
            What::Document => String::new(),
            What::Declaration { .. } => "?xml".to_owned(),
            What::Type(_) => DOCTYPE.to_owned(),
            What::Text(_) => "#text".to_owned(),
            What::Section(_) => "#cdata-section".to_owned(),
            What::Comment(_) => "#comment".to_owned(),
            What::Instruction { target, .. } => format!("?{}", name::decode(target)),
            What::Element { name, .. } => {
                let (prefix, local) = parts(name);
                let uri = self.document.namespace(at, prefix).unwrap_or("");
                self.qualified(uri, local, || {
                    let mut own = self.document.attributes(at).iter().rev();
                    own.find_map(|(name, value)| declares(name).filter(|_| value == uri))
                })
            }
        }
    }

    /// The property of an attribute; `None` for those that are about the JSON form.
    fn attribute(&self, name: &str, value: &str) -> Option<String> {
        let (prefix, local) = parts(name);
        if declares(name).is_some() {
            return (value != JSON).then(|| format!("@{}", name::decode(name)));
        }
        let uri = if prefix.is_empty() { "" } else { self.uri(prefix) };
        match (uri == JSON, local) {
            (true, "Array") => None,
            (true, local) => Some(format!("${}", name::decode(local))),
            (false, local) => Some(format!("@{}", self.qualified(uri, local, || None))),
        }
    }

    /// A name with the innermost prefix of its namespace.
    fn qualified(&self, uri: &str, local: &str, own: impl Fn() -> Option<&'d str>) -> String {
        let outer = || {
            let mut scope = self.scope.iter().rev();
            scope
                .find(|(prefix, it)| *it == uri && self.uri(prefix) == uri)
                .map(|(prefix, _)| *prefix)
        };
        let local = name::decode(local);
        match own().or_else(outer).filter(|prefix| !prefix.is_empty() && !uri.is_empty()) {
            Some(prefix) => format!("{prefix}:{local}"),
            None => local,
        }
    }

    fn uri(&self, prefix: &str) -> &'d str {
        self.scope.iter().rev().find(|(name, _)| *name == prefix).map_or("", |(_, uri)| uri)
    }

    fn is_about_json(&self, name: &str, value: &str) -> bool {
        match declares(name) {
            Some(_) => value == JSON,
            None => name.contains(':') && self.uri(parts(name).0) == JSON,
        }
    }

    /// Whether an element says that it is a list even when it is alone.
    fn is_list(&self, at: usize) -> bool {
        self.document.attributes(at).iter().any(|(name, value)| {
            let (prefix, local) = parts(name);
            local == "Array"
                && self.document.namespace(at, prefix) == Some(JSON)
                && matches!(value.as_str(), "true" | "1")
        })
    }
}

/// The XML that an object describes, as text.
pub(crate) fn from_json(value: &Map<String, Value>) -> Result<String, Fault> {
    let mut document = Document::new();
    let mut has_root = false;
    for (name, value) in value {
        if name.starts_with('@') {
            return Err("a root object cannot have attributes; it has one property".to_owned());
        }
        let items = match value {
            Value::Array(items) => items.as_slice(),
            value => std::slice::from_ref(value),
        };
        for item in items {
            let root = !name.starts_with(['?', '#']) && !is_doctype(name);
            if root && std::mem::replace(&mut has_root, true) {
                return Err("a root object has one property that is not a list, \
                            for a document has one root element"
                    .to_owned());
            }
            place(&mut document, 0, name, item, 0)?;
        }
    }
    if !has_root {
        return Err("there is no root element".to_owned());
    }
    let text = document.write(0);
    let (declared, rest) = text.split_once("?>").unwrap_or(("", &text));
    read::check(if declared.starts_with("<?xml ") { rest } else { &text })?;
    Ok(text)
}

/// Adds what one property describes to a node.
fn place(
    document: &mut Document,
    at: usize,
    key: &str,
    value: &Value,
    depth: usize,
) -> Result<(), Fault> {
    if DEPTH_MAX < depth {
        return Err(format!("elements nest at most {DEPTH_MAX} deep"));
    }
    if key.is_empty() {
        return Err("a property without a name cannot become an element".to_owned());
    }
    match key {
        "#text" | "#whitespace" | "#significant-whitespace" => {
            let text = scalar(key, value)?.unwrap_or_default();
            return document.push(at, What::Text(text)).map(drop);
        }
        "#cdata-section" => {
            let text = scalar(key, value)?.unwrap_or_default();
            return document.push(at, What::Section(text)).map(drop);
        }
        key if is_doctype(key) => {
            if at != 0 {
                return Err(doctype::MISPLACED.to_owned());
            }
            return document.push(at, What::Type(document_type(value)?)).map(drop);
        }
        _ => {}
    }
    if let Some(target) = key.strip_prefix('?') {
        let what = if target == "xml" { declaration(value)? } else { instruction(target, value)? };
        return document.push(at, what).map(drop);
    }
    if let Some(attribute) = key.strip_prefix('@') {
        let text = scalar(key, value)?.unwrap_or_default();
        set(document, at, name::encode(attribute), text);
        return Ok(());
    }
    let element = What::Element { name: name::encode(key), attributes: Vec::new(), short: true };
    let inner = document.push(at, element)?;
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let items = match value {
                    Value::Array(items) => items.as_slice(),
                    value => std::slice::from_ref(value),
                };
                for item in items {
                    place(document, inner, name, item, depth + 1)?;
                }
            }
            Ok(())
        }
        // A list in a list is an element that holds elements of its own name.
        Value::Array(items) => {
            items.iter().try_for_each(|item| place(document, inner, key, item, depth + 1))
        }
        scalar_value => match scalar(key, scalar_value)? {
            Some(text) => document.push(inner, What::Text(text)).map(drop),
            None => Ok(()),
        },
    }
}

fn set(document: &mut Document, at: usize, name: String, value: String) {
    let node = document.nodes.get_mut(at).map(|node| &mut node.what);
    if let Some(What::Element { attributes, .. }) = node {
        match attributes.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => attributes.push((name, value)),
        }
    }
}

fn declaration(value: &Value) -> Result<What, Fault> {
    let of = |name: &str| value.get(name).map_or(Ok(None), |value| scalar(name, value));
    let known = |key: &String| matches!(key.as_str(), "@version" | "@encoding" | "@standalone");
    if !value.as_object().is_some_and(|map| map.keys().all(known)) {
        return Err("a declaration has `@version`, `@encoding` and `@standalone`".to_owned());
    }
    let version = of("@version")?.unwrap_or_else(|| "1.0".to_owned());
    Ok(What::Declaration { version, encoding: of("@encoding")?, standalone: of("@standalone")? })
}

fn is_doctype(key: &str) -> bool {
    key.eq_ignore_ascii_case(DOCTYPE)
}

fn document_type(value: &Value) -> Result<Doctype, Fault> {
    let known = |key: &String| PARTS.contains(&key.as_str());
    if !value.as_object().is_some_and(|map| map.keys().all(known)) {
        return Err(format!("a document type has `{}`", PARTS.join("`, `")));
    }
    let of = |name: &str| value.get(name).map_or(Ok(None), |value| scalar(name, value));
    let [name, public, system, subset] = PARTS.map(of);
    let name = name?.ok_or_else(|| "a document type has a `@name`".to_owned())?;
    Doctype { name, public: public?, system: system?, subset: subset? }.checked()
}

fn instruction(target: &str, value: &Value) -> Result<What, Fault> {
    let data = scalar(target, value)?.unwrap_or_default();
    Ok(What::Instruction { target: name::encode(target), data })
}

/// A value as text; nothing for null.
fn scalar(key: &str, value: &Value) -> Result<Option<String>, Fault> {
    match value {
        Value::Null => Ok(None),
        Value::Bool(truth) => Ok(Some(truth.to_string())),
        Value::Number(_) => Ok(Some(text::to_text(value))),
        Value::String(text) => Ok(Some(text.clone())),
        Value::Array(_) | Value::Object(_) => {
            Err(format!("`{key}` takes a text, not a list or an object"))
        }
    }
}
