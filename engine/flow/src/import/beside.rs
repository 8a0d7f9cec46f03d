//! What belongs to a definition and stands in other files: connections, parameters, a package's list.

use std::collections::{BTreeMap, BTreeSet};

use base::{Diagnostic, Source, code};
use serde_json::Value;
use yaml::{Mapping, Node};

use super::{any_case, last_segment, parameter};
use crate::{model::Parameter, reader::Reader};

/// What the files beside a definition say.
#[derive(Clone, Debug, Default)]
pub struct Beside {
    /// Connectors of the connections by name.
    pub(crate) connectors: BTreeMap<String, String>,
    /// The file that lists all connections there are.
    pub(crate) connections_in: Option<String>,
    /// Parameters of all workflows of a Standard Logic App.
    pub(crate) parameters: Vec<Parameter>,
    /// Values of a deployment template's parameters.
    pub(crate) deployment: BTreeMap<String, Value>,
    /// Display names of a package's flows by id.
    names: BTreeMap<String, String>,
    /// What was found in those files.
    pub(crate) diagnostics: Vec<(Source, Vec<Diagnostic>)>,
}

/// Findings of one file that are kept.
const FOUND_MAX: usize = 100;

impl Beside {
    /// The names of the files that are read.
    pub const FILES: [&str; 6] = [
        SETTINGS,
        "connections.json",
        "parameters.json",
        "manifest.json",
        "apisMap.json",
        "connectionsMap.json",
    ];

    /// Reads the files; those of other names are let be.
    pub fn read(files: &[(String, Source)]) -> Self {
        let mut beside = Self::default();
        let mut resources = BTreeMap::new();
        let mut settings = BTreeSet::new();
        // The maps of a package refer to its manifest.
        let known = Self::FILES.iter();
        for (name, source) in known.flat_map(|known| files.iter().filter(move |it| it.0 == *known))
        {
            let (root, found) = yaml::parse_json(source.text());
            let mut reader = Reader::new(expr::Dialect::Wdl, found);
            if let Some(root) = root {
                match name.as_str() {
                    "connections.json" => beside.connections(&root, name),
                    SETTINGS => settings = names(&root),
                    "parameters.json" => beside.parameters(&mut reader, &root, &settings),
                    "manifest.json" => resources = beside.manifest(&root),
                    "apisMap.json" => beside.apis(&root, &resources),
                    _ => beside.connections_in = Some(name.clone()),
                }
            }
            let mut found = reader.sink.into_sorted();
            // They are told with each of what may be many flows.
            found.truncate(FOUND_MAX);
            if !found.is_empty() {
                beside.diagnostics.push((source.clone(), found));
            }
        }
        beside
    }

    /// The display name that the package gives a flow.
    pub(crate) fn name(&self, id: &str) -> Option<&str> {
        self.names.get(&id.to_ascii_lowercase()).map(String::as_str)
    }

    /// `managedApiConnections`, `serviceProviderConnections` and their like: by name, each with the
    /// id of its connector somewhere in it.
    fn connections(&mut self, root: &Node, file: &str) {
        self.connections_in = Some(file.to_owned());
        for kind in root.as_map().into_iter().flatten() {
            let word = kind.key.text.strip_suffix("Connections").unwrap_or(&kind.key.text);
            for entry in kind.value.as_map().into_iter().flatten() {
                let part = |key| any_case(&entry.value, key);
                let id = part("api").or(part("serviceProvider")).and_then(|it| any_case(it, "id"));
                let id = id.and_then(Node::as_str).map(last_segment);
                let connector = id.unwrap_or(word).to_owned();
                self.connectors.insert(entry.key.text.clone(), connector);
            }
        }
    }

    /// Parameters of a Standard Logic App with type and value, or values for a deployment.
    fn parameters(&mut self, reader: &mut Reader, root: &Node, settings: &BTreeSet<String>) {
        if let Some(values) = any_case(root, "parameters").and_then(Node::as_map) {
            let values = values.iter().filter_map(|it| {
                Some((it.key.text.clone(), any_case(&it.value, "value")?.to_json()))
            });
            self.deployment.extend(values);
            return;
        }
        for entry in root.as_map().into_iter().flatten() {
            if any_case(&entry.value, "type").is_none() {
                continue;
            }
            let Some(read) = parameter(reader, &entry.key, &entry.value, None) else { continue };
            let setting = read.default.as_ref().and_then(app_setting);
            if let Some(setting) = setting.filter(|it| !settings.contains(&it.to_lowercase())) {
                let name = &read.name;
                let message = format!(
                    "the value of the parameter `{name}` is the app setting `{setting}`, which no \
                     `{SETTINGS}` gives"
                );
                let found = Diagnostic::new(code::WRONG_TYPE, entry.value.span, message).warning();
                let hint = format!(
                    "give it there, as an environment variable `{setting}`, or by `--set {name}=…`"
                );
                reader.sink.push(found.hint(hint));
            }
            self.parameters.push(read);
        }
    }

    /// The resources of a package: names of its flows, and of what its maps refer to.
    fn manifest(&mut self, root: &Node) -> BTreeMap<String, String> {
        let mut names = BTreeMap::new();
        let resources = any_case(root, "resources").and_then(Node::as_map);
        for entry in resources.unwrap_or(&Mapping::EMPTY) {
            let text = |key| any_case(&entry.value, key).and_then(Node::as_str);
            if let Some(name) = text("name") {
                names.insert(entry.key.text.clone(), name.to_owned());
            }
            let details = any_case(&entry.value, "details");
            let display = details.and_then(|it| any_case(it, "displayName")).and_then(Node::as_str);
            if text("type").is_some_and(|it| it.eq_ignore_ascii_case("Microsoft.Flow/flows"))
                && let Some(display) = display
            {
                self.names.insert(entry.key.text.to_ascii_lowercase(), display.to_owned());
            }
        }
        names
    }

    /// Connectors of a package's connections: each names a resource of the package.
    fn apis(&mut self, root: &Node, resources: &BTreeMap<String, String>) {
        for entry in root.as_map().into_iter().flatten() {
            let name = entry.value.as_str().and_then(|it| resources.get(it));
            let name = name.unwrap_or(&entry.key.text).clone();
            self.connectors.insert(entry.key.text.clone(), name);
        }
    }
}

/// The file with the app settings of a Standard Logic App. Whoever reads it from disk keeps the values.
const SETTINGS: &str = "local.settings.json";

/// The names of its settings, in small letters.
fn names(root: &Node) -> BTreeSet<String> {
    let values = any_case(root, "Values").and_then(Node::as_map);
    values.unwrap_or(&Mapping::EMPTY).iter().map(|it| it.key.text.to_lowercase()).collect()
}

/// The name in a text such as `@appsetting('X')` or `@{appsetting('X')}/y`.
fn app_setting(value: &Value) -> Option<&str> {
    let (_, rest) = value.as_str()?.split_once("appsetting('")?;
    rest.split_once('\'').map(|(name, _)| name)
}
