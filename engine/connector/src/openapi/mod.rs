//! `OpenAPI` documents with the extensions of Power Platform, as connectors.
//!
//! What one operation has wrong never fails another: such an operation is left out and listed.

mod authentication;
mod body;
mod connection;
mod document;
mod host;
mod index;
mod oauth;
mod operation;
mod params;
mod polling;
mod schema;
mod subscription;
mod text;
mod trigger;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

pub use index::{Index, index};

use self::document::Document;
use crate::{
    model::{Connector, Operation},
    policy::{self, Declared, Policy},
    trigger::Trigger,
};

/// The files of a published connector.
#[derive(Clone, Copy, Debug)]
pub struct Files<'a> {
    /// `apiDefinition.swagger.json`, or any `OpenAPI` document.
    pub definition: &'a [u8],
    /// `apiProperties.json`, if there is one.
    pub properties: Option<&'a [u8]>,
    /// Whether there is a `script.csx`, which cannot be run here.
    pub has_script: bool,
}

/// A connector, and what is to be said about how it was read.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The connector.
    pub connector: Connector,
    /// What could not be taken over, and what was mended.
    pub report: Report,
}

/// What could not be taken over, and what was mended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Operations that cannot be called, and why.
    pub refused: BTreeMap<String, String>,
    /// Operations that only the connector's script can carry out.
    pub scripted: BTreeSet<String>,
    /// What was mended or left out without harm to operations.
    pub warnings: Vec<String>,
    /// The hosts that requests may go to; `{name}` stands for what a connection or a call gives.
    pub hosts: BTreeSet<String>,
}

impl Report {
    fn warn(&mut self, message: impl Into<String>) {
        let message = message.into();
        if !self.warnings.contains(&message) {
            self.warnings.push(message);
        }
    }
}

/// Reads the files of a published connector as a connector of that name.
///
/// # Errors
/// If the definition is neither JSON nor YAML, or is no `OpenAPI` document.
pub fn import(name: &str, files: &Files<'_>) -> Result<Imported, String> {
    let mut report = Report::default();
    let root = text::tree(files.definition, "the definition", &mut report)?;
    let properties = match files.properties {
        Some(bytes) => match text::tree(bytes, "the properties", &mut report) {
            Ok(tree) => tree,
            Err(why) => {
                report.warn(format!("{why}; the connector is read without them"));
                Value::Null
            }
        },
        None => Value::Null,
    };
    // Some keep the definition in a resource of its gateway.
    let inner = root.pointer("/properties/swagger").filter(|it| it.is_object()).cloned();
    let document = Document::new(inner.unwrap_or(root))?;
    let properties = properties.get("properties").cloned().unwrap_or(properties);
    let mut import =
        Import { document: &document, properties: &properties, report, keys: Vec::new() };
    let connector = import.connector(name, files.has_script);
    Ok(Imported { connector, report: import.report })
}

/// The state of one import.
struct Import<'d> {
    document: &'d Document,
    properties: &'d Value,
    report: Report,
    /// Keys that requests carry besides the one that proves who asks.
    keys: Vec<Policy>,
}

/// The policies of a connector, sorted.
#[derive(Default)]
struct Policies {
    done: Vec<Policy>,
    polls: Vec<policy::Poll>,
    links: Vec<(Option<BTreeSet<String>>, String)>,
    refused: Vec<(Option<BTreeSet<String>>, String)>,
    void: Vec<u16>,
}

impl Policies {
    fn poll(&self, operation: &str) -> Option<&policy::Poll> {
        self.polls.iter().find(|it| names(it.operations.as_ref(), operation))
    }

    fn next_link(&self, operation: &str) -> Option<&str> {
        let mut links = self.links.iter();
        links.find(|(scope, _)| names(scope.as_ref(), operation)).map(|(_, name)| name.as_str())
    }
}

fn names(scope: Option<&BTreeSet<String>>, operation: &str) -> bool {
    scope.is_none_or(|it| it.contains(operation))
}

impl Import<'_> {
    fn connector(&mut self, name: &str, has_script: bool) -> Connector {
        let policies = self.policies();
        let mut operations = self.operations(&policies);
        self.refuse(&mut operations, &policies, has_script);
        let triggers = self.triggers(&mut operations, &policies);
        let info = |key: &str| {
            let text = self.document.root.get("info").and_then(|it| it.get(key));
            text.and_then(Value::as_str).map(|it| it.trim().to_owned()).filter(|it| !it.is_empty())
        };
        let (title, version) = (info("title"), info("version"));
        let host = self.host(&policies);
        let connection = self.connection(&policies, &host, &operations);
        let schemas = self.document.schemas();
        Connector {
            name: connector_name(name),
            aliases: aliases(name, title.as_deref()),
            version: version.unwrap_or_else(|| "1.0".to_owned()),
            title: title.unwrap_or_else(|| name.to_owned()),
            connection,
            http: host.http(),
            errors: errors(&policies),
            error_message: Some(template(ERROR_MESSAGE)),
            error_code: None,
            schemas,
            operations,
            triggers,
            policies: policies.done.into_iter().chain(self.keys.drain(..)).collect(),
            program: None,
        }
    }

    fn policies(&mut self) -> Policies {
        let mut policies = Policies::default();
        let instances = self.properties.get("policyTemplateInstances").and_then(Value::as_array);
        for instance in instances.into_iter().flatten() {
            match policy::read(instance) {
                Declared::Policy(policy) => policies.done.push(policy),
                Declared::Poll(poll) => policies.polls.push(poll),
                Declared::NextLink { operations, name } => policies.links.push((operations, name)),
                Declared::Unauthenticated { operations: None, status } => policies.void.push(status),
                Declared::Unauthenticated { operations: Some(_), .. } => self.report.warn(
                    "that single operations find the connection's credentials void is not known here",
                ),
                Declared::Refused { operations, reason } => {
                    policies.refused.push((operations, reason));
                }
            }
        }
        policies
    }

    /// Takes out what cannot be called, and says why.
    fn refuse(
        &mut self,
        operations: &mut BTreeMap<String, Operation>,
        policies: &Policies,
        has_script: bool,
    ) {
        let scripted = self.properties.get("scriptOperations").and_then(Value::as_array);
        let scripted: Option<BTreeSet<&str>> =
            scripted.map(|it| it.iter().filter_map(Value::as_str).collect());
        let needs_script = |id: &str| match &scripted {
            Some(names) if !names.is_empty() => names.contains(id),
            Some(_) | None => has_script,
        };
        let ids: Vec<String> = operations.keys().cloned().collect();
        for id in ids {
            let mut reasons = policies.refused.iter();
            let reason = reasons.find(|(scope, _)| names(scope.as_ref(), &id));
            if needs_script(&id) {
                self.report.scripted.insert(id.clone());
            } else if let Some((_, reason)) = reason {
                self.report.refused.insert(id.clone(), reason.clone());
            } else {
                continue;
            }
            operations.remove(&id);
        }
    }

    fn triggers(
        &mut self,
        operations: &mut BTreeMap<String, Operation>,
        policies: &Policies,
    ) -> BTreeMap<String, Trigger> {
        let mut triggers = BTreeMap::new();
        for found in self.document.operations() {
            let Some(id) = found.id() else { continue };
            if !operations.contains_key(&id) {
                continue;
            }
            if let Some(trigger) = self.trigger(&found, &id, operations, policies) {
                triggers.insert(id, trigger);
            }
        }
        triggers
    }
}

/// Where services put what they have to say about a failure.
const ERROR_MESSAGE: &str = "@coalesce(bodyAt('error/message'), bodyAt('message'), \
     bodyAt('error_description'), bodyAt('detail'))";

fn errors(policies: &Policies) -> Vec<crate::model::ErrorRule> {
    let rules = policies.void.iter().map(|status| crate::model::ErrorRule {
        status: vec![*status],
        codes: Vec::new(),
        test: None,
        class: base::ErrorClass::Auth,
        message: None,
        retry: None,
    });
    rules.collect()
}

/// The names that the cloud may have for a connector of that folder and title.
pub fn aliases(name: &str, title: Option<&str>) -> Vec<String> {
    let plain = |text: &str| text.to_lowercase().replace(|it: char| !it.is_alphanumeric(), "");
    let mut aliases = vec![format!("shared_{}", plain(name))];
    if let Some(title) = title.map(plain).filter(|it| !it.is_empty() && *it != plain(name)) {
        aliases.push(format!("shared_{title}"));
    }
    aliases
}

/// A name as connectors have them.
pub fn connector_name(text: &str) -> String {
    let mut name = String::new();
    for it in text.to_lowercase().chars() {
        if it.is_ascii_alphanumeric() {
            name.push(it);
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    name.truncate(base::limits::NAME_CHARS_MAX);
    let name = name.trim_end_matches('-');
    if name.is_empty() { "connector".to_owned() } else { name.to_owned() }
}

/// A text that may be computed.
fn template(text: &str) -> expr::Template {
    expr::Template::parse(text, expr::Dialect::Wdl).0
}

/// A text that means itself, whatever it holds.
fn literal(text: &str) -> expr::Template {
    // An at sign is doubled, as in flows.
    template(&if text.contains('@') { text.replace('@', "@@") } else { text.to_owned() })
}
