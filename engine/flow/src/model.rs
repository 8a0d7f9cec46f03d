//! The flow as a typed tree: what every front end reads into and everything else works on.

use std::collections::BTreeMap;

use base::{ActionName, Duration, Span, StatusSet};
use expr::{Dialect, Looks, Placed, Tree};
use serde_json::{Map, Value};

use crate::{actions::ActionKind, policy::RetryPolicy, triggers::TriggerKind};

/// One flow, whatever it was written in.
#[derive(Clone, Debug)]
pub struct Flow {
    /// Display name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Which notations its strings use; also decides the cloud's defaults against our safe ones.
    pub dialect: Dialect,
    /// Environment variables with their defaults.
    pub parameters: Vec<Parameter>,
    /// Connections by the name they have in this flow.
    pub connections: Vec<Connection>,
    /// What starts a run; at least one in a valid flow.
    pub triggers: Vec<Trigger>,
    /// Every action of every level; `ActionId` is the index.
    pub actions: Vec<Action>,
    /// The top level.
    pub root: Block,
    /// What the run gives back, by name.
    pub outputs: Vec<(String, Tree)>,
    /// Results that tests may use in place of an action's own, by name.
    pub static_results: Map<String, Value>,
    /// What its definition in the cloud says besides: without effect here, kept for export.
    pub cloud: Map<String, Value>,
    /// Index of `actions` by folded name.
    pub names: BTreeMap<String, ActionId>,
    /// What its templates look at of actions that have ended.
    pub looks: Looks,
}

/// Index into [`Flow::actions`].
pub type ActionId = usize;

impl Flow {
    /// A flow without anything in it.
    pub(crate) fn empty(dialect: Dialect) -> Self {
        Self {
            name: String::new(),
            description: None,
            dialect,
            parameters: Vec::new(),
            connections: Vec::new(),
            triggers: Vec::new(),
            actions: Vec::new(),
            root: Block::default(),
            outputs: Vec::new(),
            static_results: Map::new(),
            cloud: Map::new(),
            names: BTreeMap::new(),
            looks: Looks::default(),
        }
    }

    /// The action that an expression or `runAfter` calls by this name, in any case.
    pub fn find(&self, name: &str) -> Option<ActionId> {
        self.names.get(ActionName::new(name).folded()).copied()
    }

    /// Whether an action goes on only when somebody calls back.
    pub fn waits_for_calls(&self) -> bool {
        self.actions.iter().any(|it| it.kind.waits_for_call())
    }

    /// The action with that index.
    pub fn action(&self, id: ActionId) -> &Action {
        &self.actions[id]
    }

    /// The trigger of that name, in any case, with spaces or underscores.
    pub fn trigger(&self, name: &str) -> Option<&Trigger> {
        let wanted = ActionName::new(name);
        self.triggers.iter().find(|it| it.name == wanted)
    }

    /// The actions whose static result stands in for what they would be answered.
    pub fn with_static_results(&self) -> impl Iterator<Item = &Action> {
        self.actions.iter().filter(|it| it.static_result.is_some())
    }

    /// The containers around an action, innermost first.
    pub fn ancestors(&self, id: ActionId) -> impl Iterator<Item = ActionId> + '_ {
        std::iter::successors(self.actions[id].parent, |id| self.actions[*id].parent)
    }
}

/// A parameter: Power Automate's environment variable.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// Name as declared.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// Its type.
    pub ty: ParameterType,
    /// Value when the environment gives none.
    pub default: Option<Value>,
    /// Whether its value is kept out of records and logs.
    pub secure: bool,
    /// What it is for.
    pub description: Option<String>,
}

impl Parameter {
    /// The app settings of the cloud that its value is made of, in the definition's words.
    pub fn settings(&self) -> Option<&str> {
        self.default.as_ref()?.as_str().filter(|it| is_made_of_settings(it))
    }
}

/// Whether a value is made of app settings, as in `@appsetting('X')`.
pub(crate) fn is_made_of_settings(text: &str) -> bool {
    text.starts_with('@') && text.to_ascii_lowercase().contains("appsetting(")
}

/// Types of parameters and variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParameterType {
    /// Text.
    String,
    /// Whole number.
    Integer,
    /// Any number.
    Float,
    /// True or false.
    Boolean,
    /// List.
    Array,
    /// Object.
    Object,
}

impl ParameterType {
    /// Every type by its name in flows; the cloud writes them in any case.
    pub const NAMES: &[(&str, Self)] = &[
        ("string", Self::String),
        ("integer", Self::Integer),
        ("float", Self::Float),
        ("boolean", Self::Boolean),
        ("array", Self::Array),
        ("object", Self::Object),
    ];

    /// The name in flows.
    pub fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, it)| *it == self).map_or("object", |(name, _)| name)
    }

    /// Whether a value is of this type.
    pub fn accepts(self, value: &Value) -> bool {
        match self {
            Self::String => value.is_string(),
            Self::Integer => value.is_i64() || value.is_u64(),
            Self::Float => value.is_number(),
            Self::Boolean => value.is_boolean(),
            Self::Array => value.is_array(),
            Self::Object => value.is_object(),
        }
    }

    /// A value of this type from what a person types: text as it is, a list as JSON or with commas,
    /// anything else as JSON.
    ///
    /// # Errors
    /// If it is no JSON.
    pub fn read(self, text: &str) -> Result<Value, serde_json::Error> {
        match self {
            Self::String => Ok(text.into()),
            Self::Array if !text.trim_start().starts_with('[') => {
                Ok(text.split(',').map(|it| Value::from(it.trim())).collect())
            }
            Self::Integer | Self::Float | Self::Boolean | Self::Array | Self::Object => {
                serde_json::from_str(text)
            }
        }
    }

    /// The type as messages say it.
    pub fn described(self) -> &'static str {
        match self {
            Self::String => "text",
            Self::Integer => "a whole number",
            Self::Float => "a number",
            Self::Boolean => "`true` or `false`",
            Self::Array => "a list",
            Self::Object => "an object",
        }
    }
}

/// A connection by the name it has in the flow.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Name in `call: name.Operation`.
    pub name: String,
    /// The connector, by name or alias.
    pub connector: String,
    /// The version that it must be of: all of it or its beginning. Any if not said.
    pub version: Option<String>,
    /// Where the connector's name stands.
    pub span: Span,
}

/// What starts runs.
#[derive(Clone, Debug)]
pub struct Trigger {
    /// Name in expressions and URLs.
    pub name: ActionName,
    /// Name as written.
    pub display: String,
    /// Where the name stands.
    pub span: Span,
    /// What it is for.
    pub description: Option<String>,
    /// Which kind, and its inputs.
    pub kind: TriggerKind,
    /// All must be true, else there is no run.
    pub conditions: Vec<Placed>,
    /// A list; each item starts a run of its own.
    pub split_on: Option<Placed>,
    /// Events of the same key start one run.
    pub dedupe: Option<Tree>,
    /// How many runs at a time, and in which order.
    pub concurrency: Option<TriggerConcurrency>,
    /// Answer to the caller as soon as the event is durable.
    pub respond: Option<ImmediateResponse>,
    /// What runs of the same business are found by; the caller's header or the run's id if not given.
    pub tracking_id: Option<Tree>,
    /// What the trigger does about failures of its own polling.
    pub retry: Option<RetryPolicy>,
    /// Inputs are kept out of records.
    pub secure_inputs: bool,
    /// Outputs are kept out of records.
    pub secure_outputs: bool,
    /// `operationOptions`, as written.
    pub options: Vec<String>,
    /// What its definition in the cloud says besides: without effect here, kept for export.
    pub cloud: Map<String, Value>,
}

impl Trigger {
    /// Whether an operation option is set, in any case.
    pub fn has_option(&self, name: &str) -> bool {
        self.options.iter().any(|it| it.eq_ignore_ascii_case(name))
    }
}

/// Order and parallelism of a trigger's runs.
#[derive(Clone, Debug)]
pub struct TriggerConcurrency {
    /// Runs at a time, of one key if there is a key, else of the trigger.
    pub runs: usize,
    /// Runs of one key are counted together and start in the order of their events.
    pub key: Option<Tree>,
    /// Triggers that name the same group count their runs together, whatever flow they are of. Only
    /// with a key.
    pub group: Option<String>,
    /// Events that may wait; further ones are refused with 429.
    pub max_waiting: Option<usize>,
}

/// What the caller of a request trigger gets at once.
#[derive(Clone, Debug)]
pub struct ImmediateResponse {
    /// HTTP status.
    pub status: u16,
    /// Headers by name.
    pub headers: Option<Tree>,
    /// Body.
    pub body: Option<Tree>,
}

/// Actions that belong together: a scope's, a branch's, a loop's, the flow's.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// The actions in the order of the file.
    pub actions: Vec<ActionId>,
}

/// One step.
#[derive(Clone, Debug)]
pub struct Action {
    /// Name in expressions.
    pub name: ActionName,
    /// Name as written.
    pub display: String,
    /// Where the name stands.
    pub name_span: Span,
    /// The whole action.
    pub span: Span,
    /// What it is for.
    pub description: Option<String>,
    /// All must match, else the action is skipped. Empty: starts with its block.
    pub run_after: Vec<RunAfter>,
    /// Which kind, and its inputs.
    pub kind: ActionKind,
    /// The container it stands in.
    pub parent: Option<ActionId>,
    /// How long it may take in all.
    pub timeout: Option<Duration>,
    /// What to do about failures; absent: the default policy.
    pub retry: Option<RetryPolicy>,
    /// Inputs are kept out of records.
    pub secure_inputs: bool,
    /// Outputs are kept out of records.
    pub secure_outputs: bool,
    /// Values shown beside the run, evaluated when the action has ended.
    pub tracked_properties: Option<Tree>,
    /// Name of a static result that tests may use.
    pub static_result: Option<String>,
    /// Items wanted at least, when the operation pages.
    pub minimum_item_count: Option<usize>,
    /// `operationOptions`, as written.
    pub options: Vec<String>,
    /// What its definition in the cloud says besides: without effect here, kept for export.
    pub cloud: Map<String, Value>,
}

impl Action {
    /// Whether an operation option is set, in any case.
    pub fn has_option(&self, name: &str) -> bool {
        self.options.iter().any(|it| it.eq_ignore_ascii_case(name))
    }
}

/// One condition of `runAfter`.
#[derive(Clone, Debug)]
pub struct RunAfter {
    /// The action before, in the same block.
    pub predecessor: ActionId,
    /// Its statuses that let this action start.
    pub statuses: StatusSet,
    /// Where it is written; the action's name if it follows from the order.
    pub span: Span,
}
