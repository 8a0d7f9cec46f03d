//! How much of a definition of the cloud's runs here as it did there, and why not all of it.

mod places;

use std::collections::{BTreeMap, BTreeSet};

use base::{Diagnostic, Location, Severity, Source, Span};
use expr::{Key, Tree};
use yaml::{Kind, Node};

use crate::{
    ActionKind, Schedule, TriggerKind,
    actions::http::HttpInputs,
    import::{self, Beside, any_case},
    model::{Action, Flow},
    reader::is_deployment_text,
};

pub use places::Places;

/// How what a definition is made of runs here, the better first. Whether it has errors, for which the
/// cloud would not save it either, is another matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fidelity {
    /// As in the cloud.
    Exact,
    /// As in the cloud but for what the reasons say.
    Notes,
    /// As soon as its connections have been set up.
    NeedsConnection,
    /// Something in it does not run here.
    Unsupported,
}

impl Fidelity {
    /// Every one, the best first.
    pub const ALL: [Self; 4] = [Self::Exact, Self::Notes, Self::NeedsConnection, Self::Unsupported];

    /// The words in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Notes => "notes",
            Self::NeedsConnection => "needs a connection",
            Self::Unsupported => "unsupported",
        }
    }
}

/// Why a definition is not exact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What it makes of the definition; none of an error, which has to be mended first.
    pub fidelity: Option<Fidelity>,
    /// What it is: lower case, no full stop, values in backticks.
    pub message: String,
    /// Where in the file.
    pub at: Location,
}

/// What is to be known of one definition.
#[derive(Clone, Debug)]
pub struct Report {
    /// The flow's name.
    pub name: String,
    /// What it was read as.
    pub flow: Flow,
    /// The worst of its reasons but for errors.
    pub fidelity: Fidelity,
    /// In the order of the file.
    pub reasons: Vec<Reason>,
    /// Types of actions and triggers that do not run here, with how often they stand there.
    pub unsupported: BTreeMap<String, usize>,
    /// Whether the cloud would not save it either: cycles, names that are not there. As it is, it does
    /// not run.
    pub has_errors: bool,
    /// How many actions it has on all levels.
    pub actions: usize,
}

impl Report {
    /// What the files beside the definition are to blame for.
    fn beside(&mut self, beside: &Beside) {
        for (source, found) in &beside.diagnostics {
            let file = source.name().rsplit(['/', '!']).next().unwrap_or_default();
            for it in found {
                let line = source.location(it.span.start).line;
                let message = format!("{} (line {line} of `{file}`)", it.message);
                let at = Location { line: 1, column: 1 };
                self.fidelity = self.fidelity.max(Fidelity::Notes);
                self.reasons.push(Reason { fidelity: Some(Fidelity::Notes), message, at });
            }
        }
    }
}

/// What a file turned out to be.
#[derive(Clone, Debug)]
pub enum Checked {
    /// It has definitions: one, or as many as a deployment template deploys.
    Definitions(Vec<Report>),
    /// It is JSON, but holds none.
    Other,
    /// It is not JSON.
    Broken(String),
}

/// Reads a file in any of the cloud's forms and says of each definition how it runs here. `fault` is
/// what its bytes are to blame for.
pub fn check(source: &Source, beside: &Beside, fault: Option<&Diagnostic>) -> Checked {
    let mut places = Places::new(source);
    let mut reports = Vec::new();
    let read = import::each(source, beside, &mut |it| {
        let mut it = it;
        it.diagnostics.extend(fault.filter(|_| reports.is_empty()).cloned());
        let mut report = report(it, &mut |at| places.find(at));
        report.beside(beside);
        reports.push(report);
    });
    match read {
        Ok(_) if reports.is_empty() => Checked::Other,
        Ok(_) => Checked::Definitions(reports),
        Err(found) => {
            let mut found = fault.into_iter().chain(&found);
            let first = found.find(|it| it.severity == Severity::Error);
            let message = first.map_or_else(String::new, |it| {
                let at = source.location(it.span.start);
                format!("{} (line {}, column {})", it.message, at.line, at.column)
            });
            Checked::Broken(message)
        }
    }
}

struct Notes<'a> {
    found: Vec<(Span, Option<Fidelity>, String)>,
    flow: &'a Flow,
    /// Connectors of the connections that the definition knows.
    connectors: BTreeMap<&'a str, &'a str>,
    /// Connections that have been asked for.
    connections: BTreeSet<&'a str>,
    unsupported: BTreeMap<String, usize>,
}

fn report(definition: import::Definition<'_>, locate: &mut dyn FnMut(usize) -> Location) -> Report {
    let import::Definition { flow, diagnostics, node } = definition;
    let connectors = flow.connections.iter().map(|it| (it.name.as_str(), it.connector.as_str()));
    let mut notes = Notes {
        found: Vec::new(),
        flow: &flow,
        connectors: connectors.collect(),
        connections: BTreeSet::new(),
        unsupported: BTreeMap::new(),
    };
    for it in &diagnostics {
        notes.diagnostic(it);
    }
    for action in &flow.actions {
        notes.action(action);
    }
    notes.triggers();
    if let Some(definition) = import::definition(node) {
        notes.dropped(definition);
        notes.deployment(definition);
    }
    let Notes { mut found, unsupported, .. } = notes;
    found.sort_by(|a, b| (a.0.start, &a.2).cmp(&(b.0.start, &b.2)));
    let worst = found.iter().filter_map(|it| it.1).max().unwrap_or(Fidelity::Exact);
    let reasons = found.into_iter().map(|(span, fidelity, message)| Reason {
        fidelity,
        message,
        at: locate(span.start),
    });
    Report {
        name: flow.name.clone(),
        actions: flow.actions.len(),
        flow,
        fidelity: worst,
        reasons: reasons.collect(),
        unsupported,
        has_errors: diagnostics.iter().any(|it| it.severity == Severity::Error),
    }
}

/// Options that the engine does what they say about.
const OPTIONS: [&str; 9] = [
    "Asynchronous",
    "DisableAsyncPattern",
    "EnableSchemaValidation",
    "FailWhenLimitsReached",
    "IncludeAuthorizationHeadersInOutputs",
    "Sequential",
    "SingleInstance",
    "SuppressWorkflowHeaders",
    "SuppressWorkflowHeadersOnResponse",
];

impl<'a> Notes<'a> {
    fn note(&mut self, span: Span, fidelity: Fidelity, message: String) {
        self.found.push((span, Some(fidelity), message));
    }

    fn diagnostic(&mut self, it: &Diagnostic) {
        // What it is about is told by the action or trigger itself.
        if it.code.slug == base::code::UNKNOWN_TYPE.slug {
            return;
        }
        let fidelity = match it.severity {
            Severity::Error => None,
            Severity::Warning => Some(Fidelity::Notes),
            Severity::Info => return,
        };
        self.found.push((it.span, fidelity, it.message.clone()));
    }

    fn action(&mut self, action: &'a Action) {
        let name = &action.display;
        self.options(action.name_span, name, &action.options);
        if let Some(result) = &action.static_result {
            let message =
                format!("`{name}` has the static result `{result}`: the flow runs with mocks only");
            self.note(action.name_span, Fidelity::Notes, message);
        }
        match &action.kind {
            ActionKind::Unsupported(it) if !it.type_name.is_empty() && !it.lacks_inputs => {
                self.unsupported(action.name_span, &format!("action `{name}`"), &it.type_name);
            }
            ActionKind::ApiConnection(it) => self.connection(action.name_span, &it.connection),
            ActionKind::Http(it) => self.authentication(action.name_span, &it.request),
            ActionKind::HttpWebhook(it) => self.authentication(action.name_span, &it.subscribe),
            ActionKind::SendToBatch(it) => {
                let flow = &it.flow;
                let message =
                    format!("`{name}` fills a batch of the flow `{flow}`, which must be there");
                self.note(it.span, Fidelity::Notes, message);
            }
            ActionKind::Workflow(it) => {
                let message = format!("`{name}` calls the flow `{}`, which must be there", it.flow);
                self.note(it.span, Fidelity::Notes, message);
            }
            _ => {}
        }
    }

    /// Whoever imports a flow must know that it waits for somebody to start it.
    fn is_not_fired(&mut self, span: Span, name: &str) {
        let message = format!("the trigger `{name}` does not fire by itself here; `run` starts it");
        self.note(span, Fidelity::Notes, message);
    }

    fn triggers(&mut self) {
        let flow = self.flow;
        if flow.triggers.is_empty() {
            let message = "nothing starts it: there is no trigger".to_owned();
            self.note(Span::default(), Fidelity::Notes, message);
        }
        for trigger in &flow.triggers {
            self.options(trigger.span, &trigger.display, &trigger.options);
            let (span, name) = (trigger.span, &trigger.display);
            match &trigger.kind {
                TriggerKind::Unsupported(it) if !is_known_trigger(&it.type_name) => {
                    self.unsupported(span, &format!("trigger `{name}`"), &it.type_name);
                }
                TriggerKind::ApiConnection(it) => self.connection(span, &it.connection),
                TriggerKind::Recurrence(it) => {
                    if Schedule::new(it).is_err() {
                        self.is_not_fired(span, name);
                    }
                }
                TriggerKind::Http(it) => {
                    if it.recurrence.as_ref().is_some_and(|it| Schedule::new(it).is_err()) {
                        self.is_not_fired(span, name);
                    }
                }
                TriggerKind::HttpWebhook(it) => self.authentication(span, &it.subscribe),
                TriggerKind::Unsupported(_) => self.is_not_fired(span, name),
                TriggerKind::Request(_)
                | TriggerKind::Manual(_)
                | TriggerKind::Flow(_)
                | TriggerKind::Batch(_) => {}
            }
        }
    }

    fn unsupported(&mut self, span: Span, what: &str, type_name: &str) {
        *self.unsupported.entry(type_name.to_owned()).or_default() += 1;
        let message = format!("the {what} is of type `{type_name}`, which does not run here");
        self.note(span, Fidelity::Unsupported, message);
    }

    /// Each connection is asked for once, where it is used first.
    fn connection(&mut self, span: Span, name: &'a str) {
        if !self.connections.insert(name) {
            return;
        }
        let connector = self.connectors.get(name).filter(|it| **it != name);
        let message = match connector {
            Some(connector) => {
                format!("needs the connection `{name}` of the connector `{connector}`")
            }
            None => format!("needs the connection `{name}`"),
        };
        self.note(span, Fidelity::NeedsConnection, message);
    }

    fn authentication(&mut self, span: Span, request: &HttpInputs) {
        let Some(Tree::Object(entries)) = &request.authentication else {
            return self.constant_authentication(span, request.authentication.as_ref());
        };
        let is_type = |key: &Key| matches!(key, Key::Plain(it) if it.eq_ignore_ascii_case("type"));
        let ty = entries.iter().find(|(key, _)| is_type(key)).map(|(_, tree)| tree);
        if let Some(Tree::Value(ty)) = ty {
            self.authentication_type(span, ty.as_str().unwrap_or_default());
        }
    }

    /// Credentials without any expression in them are one value.
    fn constant_authentication(&mut self, span: Span, tree: Option<&Tree>) {
        if let Some(Tree::Value(value)) = tree
            && let Some(ty) = value.get("type").and_then(|it| it.as_str())
        {
            self.authentication_type(span, ty);
        }
    }

    fn authentication_type(&mut self, span: Span, ty: &str) {
        if !["Basic", "Raw", "None"].iter().any(|it| it.eq_ignore_ascii_case(ty)) {
            let message = format!("authentication of the type `{ty}` needs a connector");
            self.note(span, Fidelity::NeedsConnection, message);
        }
    }

    fn options(&mut self, span: Span, name: &str, options: &[String]) {
        for option in options {
            if !OPTIONS.iter().any(|it| it.eq_ignore_ascii_case(option)) {
                let message = format!("the option `{option}` of `{name}` has no effect here");
                self.note(span, Fidelity::Notes, message);
            }
        }
    }

    /// Texts that only a deployment makes a value of; there are many or none.
    fn deployment(&mut self, definition: &Node) {
        let (mut open, mut first, mut count) = (vec![definition], None::<Span>, 0_usize);
        while let Some(node) = open.pop() {
            match &node.kind {
                Kind::Map(mapping) => open.extend(mapping.iter().map(|it| &it.value)),
                Kind::Seq(items) => open.extend(items),
                Kind::Str(it) if is_deployment_text(&it.text) => {
                    count += 1;
                    first = Some(first.map_or(node.span, |first| first.min(node.span)));
                }
                Kind::Str(_) | Kind::Null | Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) => {}
            }
        }
        if let Some(first) = first {
            let texts = if count == 1 { "1 text is" } else { &format!("{count} texts are") };
            let message = format!("{texts} known only when the template around it is deployed");
            self.note(first, Fidelity::Notes, message);
        }
    }

    /// What the definition says and the flow does not.
    fn dropped(&mut self, definition: &Node) {
        for entry in any_case(definition, "triggers").and_then(Node::as_map).into_iter().flatten() {
            self.unread(&entry.value, "trigger", &entry.key.text, TRIGGER_KEYS);
        }
        let mut open = vec![definition];
        while let Some(block) = open.pop() {
            let actions = any_case(block, "actions").and_then(Node::as_map);
            for entry in actions.into_iter().flatten() {
                let node = &entry.value;
                self.unread(node, "action", &entry.key.text, ACTION_KEYS);
                open.push(node);
                open.extend(any_case(node, "else"));
                open.extend(any_case(node, "default"));
                let cases = any_case(node, "cases").and_then(Node::as_map);
                open.extend(cases.into_iter().flatten().map(|it| &it.value));
            }
        }
    }

    fn unread(&mut self, node: &Node, what: &str, name: &str, known: &[&str]) {
        let places =
            [Some((node, known)), any_case(node, CONFIGURATION).map(|it| (it, RUNTIME_KEYS))];
        for (node, known) in places.into_iter().flatten() {
            for entry in node.as_map().into_iter().flatten() {
                let key = &entry.key;
                if !known.iter().any(|it| it.eq_ignore_ascii_case(&key.text)) {
                    let message =
                        format!("`{}` of the {what} `{name}` has no effect here", key.text);
                    self.note(key.span, Fidelity::Notes, message);
                }
            }
        }
    }
}

/// Recurrences that are known only when they are deployed are of a type that runs.
fn is_known_trigger(type_name: &str) -> bool {
    ["", "Recurrence", "SlidingWindow"].iter().any(|it| it.eq_ignore_ascii_case(type_name))
}

const CONFIGURATION: &str = "runtimeConfiguration";

/// Keys of triggers that are read, or say nothing about what happens.
const TRIGGER_KEYS: &[&str] = &[
    "type",
    "kind",
    "inputs",
    "recurrence",
    "conditions",
    "correlation",
    "splitOn",
    "retryPolicy",
    "operationOptions",
    CONFIGURATION,
    "description",
    "metadata",
    "evaluatedRecurrence",
];

/// Keys of actions that are read, or say nothing about what happens.
const ACTION_KEYS: &[&str] = &[
    "type",
    "kind",
    "inputs",
    "runAfter",
    "description",
    "metadata",
    "retryPolicy",
    "limit",
    "trackedProperties",
    "operationOptions",
    CONFIGURATION,
    "actions",
    "else",
    "cases",
    "default",
    "expression",
    "foreach",
];

/// Keys of `runtimeConfiguration` that are read.
const RUNTIME_KEYS: &[&str] = &["secureData", "staticResult", "paginationPolicy", "concurrency"];
