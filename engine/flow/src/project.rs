//! `flowright.yaml`: where a project keeps its flows, connectors and environments.

use base::{Diagnostic, Duration, Source, Span, code};
use expr::Dialect;
use yaml::Node;

use crate::{
    fields::Fields,
    lint::{self, Lint},
    reader::Reader,
    serve::{Serve, read_serve},
    shape,
};

/// A project. What its file does not say has the usual place.
#[derive(Clone, Debug)]
pub struct Project {
    /// Folders in which every folder with a flow file is a package, at any depth.
    pub flows: Vec<Folder>,
    /// Folders of connectors.
    pub connectors: Vec<Folder>,
    /// The folder of environment files.
    pub environments: Folder,
    /// The environment that is used unless another one is asked for.
    pub environment: Option<String>,
    /// What plain HTTP may reach.
    pub http: Http,
    /// How long runs that have ended are kept.
    pub retention: Retention,
    /// How its service is run.
    pub serve: Serve,
    /// What lint looks for, if the file says.
    pub lint: Option<Lint>,
}

/// A folder relative to the project's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// The path, with `/`.
    pub path: String,
    /// Where it is written.
    pub span: Span,
}

/// What plain HTTP may reach.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Http {
    /// Private hosts that flows may call all the same; public ones need no leave.
    pub allow_hosts: Vec<String>,
}

/// How long runs that have ended are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// After their end; none for ever.
    pub age: Option<Duration>,
    /// Bytes that the runs of a database file may take; none for as many as there are.
    pub bytes: Option<u64>,
}

impl Default for Retention {
    /// As long as Power Automate, and what fits on the disk of a small machine.
    fn default() -> Self {
        Self { age: Some(Duration::seconds(28 * 86_400)), bytes: Some(10_000_000_000) }
    }
}

impl Default for Project {
    fn default() -> Self {
        let folder = |path: &str| Folder { path: path.to_owned(), span: Span::default() };
        Self {
            flows: vec![folder("flows")],
            connectors: vec![folder("connectors")],
            environments: folder("environments"),
            environment: None,
            http: Http::default(),
            retention: Retention::default(),
            serve: Serve::default(),
            lint: None,
        }
    }
}

/// Reads a project file.
pub fn read(source: &Source) -> (Project, Vec<Diagnostic>) {
    let (root, found) = yaml::parse(source.text());
    let mut reader = Reader::new(Dialect::Flowright, found);
    let mut project = Project::default();
    if let Some(root) = root {
        read_project(&mut reader, &mut project, &root);
    }
    (project, reader.sink.into_sorted())
}

fn read_project(reader: &mut Reader, project: &mut Project, root: &Node) {
    let mut fields = Fields::new(reader, root, "the project").of(&shape::PROJECT);
    for (key, folders) in [("flows", &mut project.flows), ("connectors", &mut project.connectors)] {
        if let Some(node) = fields.given(key) {
            let items = reader.list(node, &format!("`{key}`"));
            let what = format!("an item of `{key}`");
            *folders = items.iter().filter_map(|it| read_folder(reader, it, &what)).collect();
        }
    }
    let environments = fields.given("environments");
    let environments = environments.and_then(|it| read_folder(reader, it, "`environments`"));
    if let Some(folder) = environments {
        project.environments = folder;
    }
    project.environment = fields.text(reader, "environment");
    if let Some(node) = fields.given("http") {
        let mut inner = Fields::new(reader, node, "`http`").of(&shape::PROJECT_HTTP);
        let hosts = inner.given("allowHosts");
        let hosts = hosts.map_or(&[][..], |it| reader.list(it, "`allowHosts`"));
        let hosts = hosts.iter().filter_map(|it| read_host(reader, it));
        project.http.allow_hosts = hosts.collect();
        inner.finish(reader);
    }
    if let Some(node) = fields.given("retention") {
        let mut inner = Fields::new(reader, node, "`retention`").of(&shape::RETENTION);
        if let Some(node) = inner.given("age") {
            let is_endless = node.as_str() == Some(FOREVER);
            project.retention.age = if is_endless {
                None
            } else {
                reader.duration(node, "`age`").or(project.retention.age)
            };
        }
        if let Some(node) = inner.given("bytes") {
            project.retention.bytes = read_bytes(reader, node, project.retention.bytes);
        }
        inner.finish(reader);
    }
    if let Some(node) = fields.given("serve") {
        project.serve = read_serve(reader, node);
    }
    project.lint = fields.given("lint").map(|it| lint::read(reader, it));
    fields.finish(reader);
}

/// For an age without end, and for bytes without one.
const FOREVER: &str = "forever";
const UNLIMITED: &str = "unlimited";
/// What a number of bytes may be followed by.
const UNITS: [(&str, u64); 5] =
    [("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000), ("B", 1)];
/// Fewer would hold no run.
const BYTES_MIN: u64 = 1_000_000;

fn read_bytes(reader: &mut Reader, node: &Node, usual: Option<u64>) -> Option<u64> {
    let text = match node.as_i64() {
        Some(number) => number.to_string(),
        None => reader.text(node, "`bytes`")?,
    };
    if text == UNLIMITED {
        return None;
    }
    let unit = UNITS.iter().find_map(|(unit, size)| Some((text.strip_suffix(unit)?, *size)));
    let (number, size) = unit.unwrap_or((&text, 1));
    let bytes = number.trim().parse::<u64>().ok().and_then(|it| it.checked_mul(size));
    let bytes = bytes.filter(|it| BYTES_MIN <= *it);
    if bytes.is_none() {
        let message = format!("`bytes` is no size of at least 1 MB: `{text}`");
        let found = Diagnostic::new(code::WRONG_TYPE, node.span, message);
        reader.sink.push(found.hint("write `10GB`, `500MB` or `unlimited`"));
    }
    bytes.or(usual)
}

/// A host stands for all its ports, an origin for one; nothing else would ever be met.
pub(crate) fn read_host(reader: &mut Reader, node: &Node) -> Option<String> {
    let host = reader.text(node, "an item of `allowHosts`")?;
    let bare = host.split_once("://").map_or(host.as_str(), |(_, rest)| rest);
    let port_without_scheme = !host.contains("://") && host.contains(':') && !host.starts_with('[');
    if host.is_empty() || bare.contains(['/', '*', ' ']) || port_without_scheme {
        let message = format!("`{host}` is neither a host nor an origin");
        let found = Diagnostic::new(code::WRONG_TYPE, node.span, message);
        reader.sink.push(found.hint("write `api.example.com` or `https://api.example.com:8443`"));
        return None;
    }
    Some(host)
}

fn read_folder(reader: &mut Reader, node: &Node, what: &str) -> Option<Folder> {
    let path = reader.text(node, what)?;
    if path.trim().is_empty() || path.contains(['*', '?', '[']) {
        let message = format!("{what} must be a folder, not a pattern: `{path}`");
        let found = Diagnostic::new(code::WRONG_TYPE, node.span, message);
        reader.sink.push(found.hint("every flow below the folder is taken"));
        return None;
    }
    Some(Folder { path, span: node.span })
}
