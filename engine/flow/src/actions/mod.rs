//! The kinds of actions: one list, one file a kind (the behaviour has the same file in `interp`).

pub mod api_connection;
pub mod approval;
pub mod compare;
pub mod compose;
pub mod condition;
pub mod expression;
pub mod foreach;
pub mod hosted;
pub mod http;
pub mod http_webhook;
pub mod join;
pub mod map;
pub mod parse_json;
pub mod query;
pub mod response;
pub mod scope;
pub mod select;
pub mod send_to_batch;
pub mod switch;
pub mod table;
pub mod terminate;
pub mod unsupported;
pub mod until;
pub mod variables;
pub mod wait;
pub mod workflow;

use yaml::Node;

use self::variables::Variables;
use crate::{builder::Builder, fields::Fields, model::Block};

/// Hands an action to its kind, which takes the keys that are its own.
pub(crate) fn read(
    builder: &mut Builder,
    fields: &mut Fields<'_>,
    key: &str,
    node: &Node,
) -> ActionKind {
    let reader = &mut builder.reader;
    match key {
        "call" => api_connection::read(reader, fields, node),
        "http" => http::read(reader, node),
        "httpWebhook" => http_webhook::read(reader, node),
        "approval" => approval::read(reader, node),
        "compose" => compose::read(reader, node),
        "parseJson" => parse_json::read(reader, fields, node),
        "select" => select::read(reader, fields, node),
        "filter" => query::read(reader, fields, node),
        "join" => join::read(reader, fields, node),
        "table" => table::read(reader, fields, node),
        "initialize" => variables::read_initialize(builder, node),
        "set" => variables::read_change(reader, node, Variables::Set, true),
        "increment" => variables::read_change(reader, node, Variables::Increment, false),
        "decrement" => variables::read_change(reader, node, Variables::Decrement, false),
        "append" => variables::read_append(reader, node),
        "wait" => wait::read(reader, node),
        "map" => map::read(reader, fields, node),
        "compare" => compare::read(reader, fields, node),
        "expression" => expression::read(reader, fields, node),
        "scope" => scope::read(builder, node),
        "if" => condition::read(builder, fields, node),
        "switch" => switch::read(builder, fields, node),
        "foreach" => foreach::read(builder, fields, node),
        "until" => until::read(builder, fields, node),
        "terminate" => terminate::read(builder, node),
        "respond" => response::read(builder, fields.at, node),
        "runFlow" => workflow::read(reader, fields, node),
        "sendToBatch" => send_to_batch::read(reader, fields, node),
        _ => unsupported::read(reader, fields, node),
    }
}

/// What an action does.
#[derive(Clone, Debug)]
pub enum ActionKind {
    /// Calls an operation of a connector.
    ApiConnection(api_connection::ApiConnection),
    /// Asks people and waits for an answer.
    Approval(approval::Approval),
    /// Ours: what differs between two objects.
    Compare(compare::Compare),
    /// A value.
    Compose(compose::Compose),
    /// Two branches.
    Condition(condition::If),
    /// One of the designer's date, number and text actions.
    Expression(expression::Expression),
    /// A block for each item of a list.
    Foreach(foreach::Foreach),
    /// Plain HTTP.
    Http(http::Http),
    /// Subscribes, waits to be called, unsubscribes.
    HttpWebhook(http_webhook::HttpWebhook),
    /// A list to text.
    Join(join::Join),
    /// Ours: applies a mapping file.
    Map(map::Map),
    /// A value checked against a JSON Schema.
    ParseJson(parse_json::ParseJson),
    /// Filters a list.
    Query(query::Query),
    /// Answers the caller.
    Response(response::Response),
    /// Grouping.
    Scope(scope::Scope),
    /// Reshapes a list.
    Select(select::Select),
    /// Hands a message to a flow that collects them.
    SendToBatch(send_to_batch::SendToBatch),
    /// One of several blocks by value.
    Switch(switch::Switch),
    /// A list to CSV or HTML.
    Table(table::Table),
    /// Ends the run.
    Terminate(terminate::Terminate),
    /// A block until a condition holds.
    Until(until::Until),
    /// Sets up, sets, counts or extends variables.
    Variables(Variables),
    /// Lets time pass.
    Wait(wait::Wait),
    /// Calls another flow.
    Workflow(workflow::Workflow),
    /// A type of the cloud's that does not run here: fails when reached.
    Unsupported(unsupported::Unsupported),
}

impl ActionKind {
    /// Whether it goes on only when somebody calls back.
    pub const fn waits_for_call(&self) -> bool {
        match self {
            Self::HttpWebhook(_) | Self::Approval(_) => true,
            Self::ApiConnection(it) => it.webhook,
            _ => false,
        }
    }

    /// The key by which flow files name it.
    pub const fn key(&self) -> &'static str {
        match self {
            Self::ApiConnection(_) => "call",
            Self::Approval(_) => "approval",
            Self::Compare(_) => "compare",
            Self::Compose(_) => "compose",
            Self::Condition(_) => "if",
            Self::Expression(_) => "expression",
            Self::Foreach(_) => "foreach",
            Self::Http(_) => "http",
            Self::HttpWebhook(_) => "httpWebhook",
            Self::Join(_) => "join",
            Self::Map(_) => "map",
            Self::ParseJson(_) => "parseJson",
            Self::Query(_) => "filter",
            Self::Response(_) => "respond",
            Self::Scope(_) => "scope",
            Self::Select(_) => "select",
            Self::SendToBatch(_) => "sendToBatch",
            Self::Switch(_) => "switch",
            Self::Table(_) => "table",
            Self::Terminate(_) => "terminate",
            Self::Until(_) => "until",
            Self::Variables(Variables::Initialize(_)) => "initialize",
            Self::Variables(Variables::Set(_)) => "set",
            Self::Variables(Variables::Increment(_)) => "increment",
            Self::Variables(Variables::Decrement(_)) => "decrement",
            Self::Variables(Variables::Append(_)) => "append",
            Self::Wait(_) => "wait",
            Self::Workflow(_) => "runFlow",
            Self::Unsupported(_) => "unsupported",
        }
    }

    /// The blocks inside, in the order of the file.
    pub fn blocks(&self) -> Vec<&Block> {
        match self {
            Self::Condition(it) => vec![&it.then, &it.otherwise],
            Self::Foreach(it) => vec![&it.block],
            Self::Scope(it) => vec![&it.block],
            Self::Switch(it) => {
                it.cases.iter().map(|case| &case.block).chain([&it.default]).collect()
            }
            Self::Until(it) => vec![&it.block],
            Self::ApiConnection(_)
            | Self::Approval(_)
            | Self::Compare(_)
            | Self::Compose(_)
            | Self::Expression(_)
            | Self::Http(_)
            | Self::HttpWebhook(_)
            | Self::Join(_)
            | Self::Map(_)
            | Self::ParseJson(_)
            | Self::Query(_)
            | Self::Response(_)
            | Self::Select(_)
            | Self::SendToBatch(_)
            | Self::Table(_)
            | Self::Terminate(_)
            | Self::Variables(_)
            | Self::Wait(_)
            | Self::Workflow(_)
            | Self::Unsupported(_) => Vec::new(),
        }
    }
}
