//! `environments/<name>.yaml`: values of parameters and connections. Secrets are only named here.

use base::{Diagnostic, Quota, Source, Span, code, quota::Rate};
use expr::Dialect;
use serde_json::{Map, Value};
use yaml::{Kind, Mapping, Node, Scalar};

use crate::{fields::Fields, project::read_host, reader::Reader, shape};

/// The largest number in a connection's limits; larger ones are none.
pub(crate) const QUOTA_MAX: usize = 1_000_000;

/// One environment.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// Values of parameters by name.
    pub parameters: Vec<Named>,
    /// Connections by the name that flows use.
    pub connections: Vec<ConnectionSetting>,
}

/// A setting and its name.
#[derive(Clone, Debug)]
pub struct Named {
    /// The name.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// The value.
    pub setting: Setting,
}

/// What a connection is in this environment.
#[derive(Clone, Debug)]
pub struct ConnectionSetting {
    /// The name that flows use.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// The connector; the one of the connection's own name if it is not given.
    pub connector: Option<String>,
    /// Address, credentials and the like, as the connector asks for.
    pub params: Vec<Named>,
    /// How much may be asked of it, where the operator says so.
    pub quota: Quota,
    /// Which of the connector's ways to prove who asks, and where it says so.
    pub auth: Option<(String, Span)>,
    /// Hosts and origins that it may call although they are not public.
    pub allow_hosts: Vec<String>,
    /// The address of its proxy.
    pub proxy: Option<Setting>,
    /// Certificates of authorities that its service's may lead to, as PEM.
    pub ca_certificate: Option<Setting>,
}

/// A value that may name secrets.
#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    /// A value without any reference in it.
    Value(Value),
    /// Text with at least one reference.
    Text(Vec<Part>),
    /// A list with references somewhere in it.
    Array(Vec<Self>),
    /// An object with references somewhere in it.
    Object(Vec<(String, Self)>),
}

/// A piece of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Taken as it is.
    Literal(String),
    /// Looked up when the connection is used.
    Reference(Reference),
}

/// The name of something that is not in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Where it is kept.
    pub store: Store,
    /// Its name there.
    pub name: String,
    /// Where the reference stands; the whole text if that is not known more precisely.
    pub span: Span,
}

/// Where a referenced value is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// `${env:NAME}`: a variable of the process.
    Env,
    /// `${file:path}`: a file, such as a mounted secret.
    File,
    /// `${secret:name}`: the engine's encrypted store.
    Secret,
}

impl Store {
    const NAMES: &[(&str, Self)] =
        &[("env", Self::Env), ("file", Self::File), ("secret", Self::Secret)];
}

impl Setting {
    /// Shows every reference, in the order of the file.
    pub fn references(&self, visit: &mut dyn FnMut(&Reference)) {
        match self {
            Self::Value(_) => {}
            Self::Text(parts) => {
                for part in parts {
                    if let Part::Reference(reference) = part {
                        visit(reference);
                    }
                }
            }
            Self::Array(items) => items.iter().for_each(|it| it.references(visit)),
            Self::Object(entries) => entries.iter().for_each(|(_, it)| it.references(visit)),
        }
    }
}

/// Reads an environment file.
pub fn read(source: &Source) -> (Environment, Vec<Diagnostic>) {
    let (root, found) = yaml::parse(source.text());
    let mut reader = Reader::new(Dialect::Flowright, found);
    let mut environment = Environment::default();
    if let Some(root) = root {
        let mut fields = Fields::new(&mut reader, &root, "the environment").of(&shape::ENVIRONMENT);
        let parameters = fields.given("parameters");
        let parameters = parameters.map(|it| reader.mapping(it, "`parameters`"));
        environment.parameters = named(&mut reader, parameters);
        let connections = fields.given("connections");
        let connections = connections.map(|it| reader.mapping(it, "`connections`"));
        for entry in connections.into_iter().flatten() {
            let connection = read_connection(&mut reader, &entry.key, &entry.value);
            environment.connections.push(connection);
        }
        fields.finish(&mut reader);
    }
    (environment, reader.sink.into_sorted())
}

fn read_connection(reader: &mut Reader, key: &yaml::Key, node: &Node) -> ConnectionSetting {
    let mut fields =
        Fields::new(reader, node, &format!("connection `{}`", key.text)).of(&shape::CONNECTION);
    fields.at = key.span;
    let connector = fields.text(reader, "connector");
    let params = fields.given("params").map(|it| reader.mapping(it, "`params`"));
    let params = named(reader, params);
    let quota = fields.given("limits").map(|it| read_quota(reader, it));
    let auth = fields.given("auth");
    let auth = auth.and_then(|it| Some((reader.text(it, "`auth`")?, it.span)));
    let hosts = fields.given("allowHosts");
    let hosts = hosts.map_or(&[][..], |it| reader.list(it, "`allowHosts`"));
    let allow_hosts = hosts.iter().filter_map(|it| read_host(reader, it)).collect();
    let proxy = fields.given("proxy").and_then(|it| read_secret_text(reader, it, "`proxy`"));
    let ca_certificate = fields
        .given("caCertificate")
        .and_then(|it| read_secret_text(reader, it, "`caCertificate`"));
    fields.finish(reader);
    let (name, span, quota) = (key.text.clone(), key.span, quota.unwrap_or_default());
    ConnectionSetting {
        name,
        span,
        connector,
        params,
        quota,
        auth,
        allow_hosts,
        proxy,
        ca_certificate,
    }
}

/// Text that may name secrets.
pub(crate) fn read_secret_text(reader: &mut Reader, node: &Node, what: &str) -> Option<Setting> {
    if let Kind::Str(scalar) = &node.kind {
        return Some(read_text(reader, scalar, node.span));
    }
    reader.wrong(node, what, "text");
    None
}

/// `{concurrency, rate: {calls, per}}`.
fn read_quota(reader: &mut Reader, node: &Node) -> Quota {
    let mut fields = Fields::new(reader, node, "`limits`").of(&shape::QUOTA);
    let concurrency = fields.given("concurrency");
    let concurrency = concurrency.and_then(|it| reader.whole(it, "`concurrency`", (1, QUOTA_MAX)));
    let rate = fields.given("rate").and_then(|it| read_rate(reader, it));
    fields.finish(reader);
    Quota { concurrency, rate }
}

/// `{calls, per}`.
pub(crate) fn read_rate(reader: &mut Reader, node: &Node) -> Option<Rate> {
    let mut fields = Fields::new(reader, node, "`rate`").of(&shape::RATE);
    let (calls, per) = (fields.required(reader, "calls"), fields.required(reader, "per"));
    fields.finish(reader);
    let calls = calls.and_then(|it| reader.whole(it, "`calls`", (1, QUOTA_MAX)));
    let per = per.and_then(|it| reader.duration(it, "`per`"));
    Some(Rate { calls: calls?, per: per? })
}

fn named(reader: &mut Reader, mapping: Option<&Mapping>) -> Vec<Named> {
    let mut settings = Vec::new();
    for entry in mapping.into_iter().flatten() {
        let setting = read_setting(reader, &entry.value);
        settings.push(Named { name: entry.key.text.clone(), span: entry.key.span, setting });
    }
    settings
}

fn read_setting(reader: &mut Reader, node: &Node) -> Setting {
    match &node.kind {
        Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) => {
            Setting::Value(node.to_json())
        }
        Kind::Str(scalar) => read_text(reader, scalar, node.span),
        Kind::Seq(items) => {
            let items: Vec<Setting> = items.iter().map(|it| read_setting(reader, it)).collect();
            let values = items.iter().map(Setting::constant).collect::<Option<Vec<_>>>();
            values.map_or(Setting::Array(items), |it| Setting::Value(Value::Array(it)))
        }
        Kind::Map(mapping) => {
            let mut entries = Vec::new();
            for entry in mapping {
                entries.push((entry.key.text.clone(), read_setting(reader, &entry.value)));
            }
            let values = entries.iter().map(|(key, it)| Some((key.clone(), it.constant()?)));
            let values = values.collect::<Option<Map<_, _>>>();
            values.map_or(Setting::Object(entries), |it| Setting::Value(Value::Object(it)))
        }
    }
}

impl Setting {
    fn constant(&self) -> Option<Value> {
        if let Self::Value(value) = self { Some(value.clone()) } else { None }
    }
}

/// Splits text at `${store:name}`; `$${` stands for `${`.
fn read_text(reader: &mut Reader, scalar: &Scalar, span: Span) -> Setting {
    let text = scalar.text.as_str();
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|it| !it.is_empty()) {
        let Some(start) = rest.find("${") else {
            literal.push_str(rest);
            break;
        };
        let before = rest.get(..start).unwrap_or("");
        if let Some(before) = before.strip_suffix('$') {
            literal.push_str(before);
            literal.push_str("${");
            at += start + 2;
            continue;
        }
        literal.push_str(before);
        let length = rest.get(start..).and_then(|it| it.find('}')).map(|it| it + 1);
        let length = length.unwrap_or(rest.len() - start);
        let written = rest.get(start..start + length).unwrap_or("");
        let place = scalar
            .verbatim_at
            .map_or(span, |base| Span::new(base + at + start, base + at + start + length));
        if let Some(reference) = read_reference(reader, written, place) {
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            parts.push(Part::Reference(reference));
        }
        at += start + length;
    }
    if parts.is_empty() {
        return Setting::Value(Value::String(literal));
    }
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    Setting::Text(parts)
}

fn read_reference(reader: &mut Reader, written: &str, span: Span) -> Option<Reference> {
    let inside = written.strip_prefix("${").and_then(|it| it.strip_suffix('}'));
    let parts = inside.and_then(|it| it.split_once(':'));
    let reference = parts.and_then(|(store, name)| {
        let store = Store::NAMES.iter().find(|(known, _)| *known == store)?.1;
        let name = name.trim().to_owned();
        (!name.is_empty()).then_some(Reference { store, name, span })
    });
    if reference.is_none() {
        let message = format!("`{written}` is not a reference");
        let found = Diagnostic::new(code::WRONG_TYPE, span, message);
        let hint = "write `${env:NAME}`, `${file:path}` or `${secret:name}`; `$${` is plain `${`";
        reader.sink.push(found.hint(hint));
    }
    reference
}
