//! A flow package made ready to run, and the version that runs are pinned to.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use base::{Source, Timestamp, digest::sha256_hex};
use connector::{
    Catalog, Connector, Operation,
    model::{Effect, Idempotency},
};
use expr::Tree;
use flow::{
    ActionId, ActionKind, Flow, Package, Trigger, actions::api_connection::Target, import::Beside,
};
use interp::{Plan, fire::Event};
use journal::FlowVersion;
use serde_json::{Map, Value};

use crate::{project::FlowFile, settings::Settings};

/// A deployed flow.
#[derive(Debug)]
pub struct Deployed {
    /// Its name: the folder below the project's flows, with `/`.
    pub name: String,
    /// SHA-256 of its files.
    pub sha: String,
    /// Names and texts of its files, the flow first.
    pub files: Vec<(String, String)>,
    /// The flow, ready to run.
    pub plan: Arc<Plan>,
    /// Values of its parameters in the present environment, without the secure ones.
    pub parameters: Arc<Map<String, Value>>,
}

impl Deployed {
    /// Makes a package ready to run. `given` are the environment's parameter values. Parameters that
    /// are made of app settings have no value yet.
    pub fn new(
        name: &str,
        files: Vec<(String, String)>,
        package: Package,
        catalog: &Catalog,
        given: &Map<String, Value>,
    ) -> Self {
        let flow = package.flow;
        let (mut parameters, mut secure) = (Map::new(), Map::new());
        for parameter in &flow.parameters {
            let default = parameter.default.as_ref();
            let default = default.filter(|_| parameter.settings().is_none());
            let value = given.get(&parameter.name).or(default);
            if let Some(value) = value {
                let into = if parameter.secure { &mut secure } else { &mut parameters };
                into.insert(parameter.name.clone(), value.clone());
            }
        }
        let unsafe_calls = calls(&flow, catalog, |it| !it.repeat_is_safe());
        let creating_calls =
            calls(&flow, catalog, |it| matches!(it.effect, Effect::Create | Effect::Action));
        let mut plan = Plan::new(flow, package.mappings);
        plan.secure_parameters = secure;
        plan.sought_calls = calls(&plan.flow, catalog, |it| {
            !it.repeat_is_safe() && matches!(it.idempotency, Idempotency::Find { .. })
        });
        (plan.unsafe_calls, plan.creating_calls) = (unsafe_calls, creating_calls);
        Self {
            name: name.to_owned(),
            sha: sha(&files),
            files,
            plan: Arc::new(plan),
            parameters: Arc::new(parameters),
        }
    }

    /// The same in an environment of that name.
    #[must_use]
    pub fn in_environment(mut self, name: &str) -> Self {
        // Nobody else has the plan yet; a copy would serve as well.
        name.clone_into(&mut Arc::make_mut(&mut self.plan).environment);
        self
    }

    /// An event of one of its triggers, `{headers, body, …}`, as the trigger sees it.
    pub fn event<'a>(
        &'a self,
        trigger: &'a Trigger,
        outputs: &'a Arc<Value>,
        now: Timestamp,
    ) -> Event<'a> {
        Event {
            flow: &self.plan.flow,
            trigger,
            parameters: &self.parameters,
            secure_parameters: &self.plan.secure_parameters,
            outputs,
            now,
            callback_url: None,
        }
    }

    /// What a trigger's inputs are computed with while there is no event.
    pub(crate) fn before_event<'a>(&'a self, trigger: &'a Trigger, now: Timestamp) -> Event<'a> {
        static NOTHING: LazyLock<Arc<Value>> = LazyLock::new(Arc::default);
        self.event(trigger, &NOTHING, now)
    }

    /// The version as the store keeps it.
    pub fn version(&self) -> FlowVersion {
        FlowVersion { sha: self.sha.clone(), flow: self.name.clone(), files: self.files.clone() }
    }

    /// A version that is not the present one, to do once more what it did with these parameters.
    pub(crate) fn rebuilt(
        version: FlowVersion,
        present: Option<&Self>,
        parameters: Arc<Map<String, Value>>,
    ) -> Self {
        let plan = Arc::new(Self::plan_of(&version, present));
        let FlowVersion { sha, flow, files } = version;
        Self { name: flow, sha, files, plan, parameters }
    }

    /// The plan of a version that runs are pinned to. What a version does not say, it takes from
    /// the present deployment of the flow: secure parameters, and which calls are unsafe.
    pub(crate) fn plan_of(version: &FlowVersion, present: Option<&Self>) -> Plan {
        let package = read(&version.files);
        let flow = package.flow;
        // What the present flow does not have, or would not repeat, is not repeated.
        let without = |of: fn(&Plan) -> &Vec<ActionId>| -> Vec<ActionId> {
            let is_safe = |id: &ActionId| {
                let name = flow.action(*id).name.as_str();
                present.is_some_and(|present| {
                    let same = present.plan.flow.find(name);
                    same.is_some_and(|id| !of(&present.plan).contains(&id))
                })
            };
            let calls = (0..flow.actions.len())
                .filter(|id| matches!(flow.action(*id).kind, ActionKind::ApiConnection(_)));
            calls.filter(|id| !is_safe(id)).collect()
        };
        let unsafe_calls = without(|it| &it.unsafe_calls);
        let creating_calls = without(|it| &it.creating_calls);
        let mut plan = Plan::new(flow, package.mappings);
        (plan.unsafe_calls, plan.creating_calls) = (unsafe_calls, creating_calls);
        if let Some(present) = present {
            let sought = present.plan.sought_calls.iter().map(|id| present.plan.flow.action(*id));
            let sought = sought.filter_map(|it| plan.flow.find(it.name.as_str()));
            plan.sought_calls = sought.filter(|id| plan.unsafe_calls.contains(id)).collect();
            plan.secure_parameters.clone_from(&present.plan.secure_parameters);
            plan.environment.clone_from(&present.plan.environment);
        }
        plan
    }
}

/// The ending of a mapping's file name.
pub(crate) const MAPPING_SUFFIX: &str = ".mapping.yaml";

impl FlowFile {
    /// A flow of texts that are not in the project, or not yet.
    pub fn of_texts(name: &str, files: &[(String, String)]) -> Self {
        let files: Vec<Source> = files.iter().map(|(name, text)| Source::new(name, text)).collect();
        let package = of_sources(&files);
        Self { name: name.to_owned(), id: None, files, settings: Settings::new(), package }
    }
}

/// A package from its files, the flow first.
pub(crate) fn read(files: &[(String, String)]) -> Package {
    let files: Vec<Source> = files.iter().map(|(name, text)| Source::new(name, text)).collect();
    of_sources(&files)
}

/// The same of files that have been read.
pub(crate) fn of_sources(files: &[Source]) -> Package {
    let Some((flow, beside)) = files.split_first() else { return read_nothing() };
    let beside: Vec<(String, Source)> =
        beside.iter().map(|it| (name_beside(it.name()), it.clone())).collect();
    flow::package::read(flow, &beside)
}

fn read_nothing() -> Package {
    flow::package::read(&Source::new("flow.yaml", ""), &[])
}

/// What a file is to the flow that it stands beside: its name in the folder, without what is the
/// same for all of its kind.
fn name_beside(file: &str) -> String {
    let name = file.rsplit('/').next().unwrap_or(file);
    let known = Beside::FILES.into_iter().find(|it| name.ends_with(&format!(".{it}")));
    known.or(name.strip_suffix(MAPPING_SUFFIX)).unwrap_or(name).to_owned()
}

/// The version that these files are, the flow first; folders do not count.
pub fn sha(files: &[(String, String)]) -> String {
    let mut bytes = Vec::new();
    for (name, text) in files {
        // Lengths keep the border between two files from moving unseen.
        let name = name.rsplit('/').next().unwrap_or(name);
        bytes.extend(format!("{} {}\n{name}\n{text}", name.len(), text.len()).into_bytes());
    }
    sha256_hex(&bytes)
}

/// Calls of operations that are such.
fn calls(flow: &Flow, catalog: &Catalog, is_such: fn(&Operation) -> bool) -> Vec<ActionId> {
    let connectors: BTreeMap<&str, &str> =
        flow.connections.iter().map(|it| (it.name.as_str(), it.connector.as_str())).collect();
    let is_call = |kind: &ActionKind| {
        let ActionKind::ApiConnection(call) = kind else { return false };
        let connector = connectors.get(call.connection.as_str()).and_then(|it| catalog.find(it));
        let Some(connector) = connector else { return false };
        let operation = match &call.target {
            Target::Operation(id) => connector.operation(id),
            Target::Path { method, path } => routed(connector, method, path),
        };
        operation.is_some_and(is_such)
    };
    let all = flow.actions.iter().enumerate();
    all.filter(|(_, action)| is_call(&action.kind)).map(|(id, _)| id).collect()
}

/// The operation that a path leads to, whatever its expressions give.
fn routed<'a>(connector: &'a Connector, method: &str, path: &Tree) -> Option<&'a Operation> {
    let path = match path {
        Tree::Template(placed) => without_expressions(placed.template.source()),
        Tree::Value(value) => value.as_str()?.to_owned(),
        Tree::Array(_) | Tree::Object(_) => return None,
    };
    let given = serde_json::json!({ "method": method, "path": path });
    connector::route::find(connector, &given).ok().map(|(operation, _)| operation)
}

/// A path with something in the place of each `@{…}`.
fn without_expressions(path: &str) -> String {
    let mut text = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once("@{") {
        text.push_str(before);
        text.push('x');
        let mut quoted = false;
        let end = after.char_indices().find(|(_, letter)| {
            quoted ^= *letter == '\'';
            !quoted && *letter == '}'
        });
        rest = end.and_then(|(at, _)| after.get(at + 1..)).unwrap_or_default();
    }
    text.push_str(rest);
    text
}
