//! The types of actions and their inputs.

use base::{Diagnostic, Span, Status, code, limits};
use expr::{Tree, condition::Condition};
use serde_json::Value;
use yaml::Node;

use super::{Import, action::options, any_case, api::Call, last_segment};
use crate::{
    ActionKind,
    actions::{
        api_connection::{ApiConnection, no_parameters},
        compose::Compose,
        condition::If,
        expression::{self, Expression},
        foreach::Foreach,
        hosted,
        http::{Http, HttpInputs},
        http_webhook::{self, HttpWebhook},
        join::Join,
        parse_json::ParseJson,
        query::Query,
        response::{self, Response},
        scope::Scope,
        select::Select,
        send_to_batch::SendToBatch,
        switch::{Case, Cases, Switch},
        table::{self, Table, TableFormat},
        terminate::{self, Terminate},
        unsupported::Unsupported,
        until::{self, Until},
        variables::{self, Change, Variables},
        wait::Wait,
        workflow::Workflow,
    },
    fields::Fields,
    model::ParameterType,
    reader::{Reader, always},
};

/// Types of the cloud's that have no counterpart here.
const ELSEWHERE: &[&str] = &["Agent", "AgentHandoff"];

/// Types that do nothing without inputs, in lower case.
const NEED_INPUTS: [&str; 24] = [
    "apiconnection",
    "apiconnectionnotification",
    "apiconnectionwebhook",
    "appendtoarrayvariable",
    "appendtostringvariable",
    "compose",
    "decrementvariable",
    "http",
    "httpwebhook",
    "incrementvariable",
    "initializevariable",
    "join",
    "openapiconnection",
    "openapiconnectionnotification",
    "openapiconnectionwebhook",
    "parsejson",
    "query",
    "response",
    "select",
    "setvariable",
    "table",
    "terminate",
    "wait",
    "workflow",
];

impl Import {
    /// Reads an action by its type, which is written in any case.
    pub(crate) fn read_kind(
        &mut self,
        type_name: &str,
        span: Span,
        fields: &mut Fields<'_>,
    ) -> ActionKind {
        let lower = type_name.to_ascii_lowercase();
        if fields.node("inputs").is_none() && needs_inputs(type_name) {
            return self.without_inputs(type_name, fields);
        }
        match lower.as_str() {
            "if" => self.condition(fields),
            "switch" => self.switch(fields),
            "foreach" => self.foreach(fields),
            "until" => self.until(fields),
            "scope" => {
                let block = self.actions(fields.given("actions"));
                ActionKind::Scope(Scope { block })
            }
            "terminate" => self.terminate(fields),
            "response" => self.response(fields),
            "initializevariable" => self.initialize(fields),
            "setvariable" => self.change(fields, Variables::Set, true),
            "incrementvariable" => self.change(fields, Variables::Increment, false),
            "decrementvariable" => self.change(fields, Variables::Decrement, false),
            "appendtoarrayvariable" => self.append(fields, ParameterType::Array),
            "appendtostringvariable" => self.append(fields, ParameterType::String),
            "apiconnection" | "apiconnectionnotification" => self.api(fields, false),
            "apiconnectionwebhook" => self.api(fields, true),
            "openapiconnection" | "openapiconnectionnotification" => self.open_api(fields, false),
            "openapiconnectionwebhook" => self.open_api(fields, true),
            "serviceprovider" => {
                ActionKind::ApiConnection(self.service_provider(fields).action(false))
            }
            "function" => ActionKind::ApiConnection(self.function(fields).action(false)),
            "invokefunction" => {
                ActionKind::ApiConnection(self.local_function(fields).action(false))
            }
            "apimanagement" => ActionKind::ApiConnection(self.api_management(fields).action(false)),
            lower => match self.leaf(lower, fields) {
                Some(kind) => kind,
                None => match hosted::find(type_name) {
                    Some(hosted) => {
                        ActionKind::ApiConnection(self.hosted(hosted, span, fields).action(false))
                    }
                    None => self.unsupported(type_name, span, fields),
                },
            },
        }
    }

    /// The types that need nothing but their inputs.
    fn leaf(&mut self, lower: &str, fields: &mut Fields<'_>) -> Option<ActionKind> {
        let reader = &mut self.builder.reader;
        Some(match lower {
            "compose" => {
                let inputs = fields.required_tree(reader, "inputs");
                ActionKind::Compose(Compose { inputs })
            }
            "parsejson" => parse_json(reader, fields),
            "query" => query(reader, fields),
            "select" => {
                let mut inputs = inputs(reader, fields);
                let from = inputs.required_tree(reader, "from");
                let select = inputs.required_tree(reader, "select");
                ActionKind::Select(Select { from, select })
            }
            "join" => {
                let mut inputs = inputs(reader, fields);
                let from = inputs.required_tree(reader, "from");
                let with = inputs.required_tree(reader, "joinWith");
                ActionKind::Join(Join { from, with })
            }
            "table" => table(reader, fields),
            "expression" => expression(reader, fields),
            "http" => {
                let mut inputs = inputs(reader, fields);
                let request = HttpInputs::take(reader, &mut inputs);
                ActionKind::Http(Http { request })
            }
            "httpwebhook" => {
                let mut inputs = inputs(reader, fields);
                let (subscribe, unsubscribe) = http_webhook::take_pair(reader, &mut inputs);
                ActionKind::HttpWebhook(HttpWebhook { subscribe, unsubscribe })
            }
            "wait" => wait(reader, fields),
            "sendtobatch" => send_to_batch(reader, fields),
            "workflow" => workflow(reader, fields),
            _ => return None,
        })
    }

    /// Some definitions are only drawn; they load, too.
    fn without_inputs(&mut self, type_name: &str, fields: &Fields<'_>) -> ActionKind {
        let message = format!("{} has no `inputs`; it fails when it is reached", fields.place);
        let found = Diagnostic::new(code::MISSING_KEY, fields.at, message).warning();
        self.builder.reader.sink.push(found);
        let (type_name, inputs) = (type_name.to_owned(), Tree::Value(Value::Null));
        ActionKind::Unsupported(Unsupported { type_name, lacks_inputs: true, inputs })
    }

    fn unsupported(&mut self, type_name: &str, span: Span, fields: &mut Fields<'_>) -> ActionKind {
        if !type_name.is_empty() {
            let elsewhere = ELSEWHERE.iter().any(|it| it.eq_ignore_ascii_case(type_name));
            let what = if elsewhere {
                format!("actions of type `{type_name}` do not run here")
            } else {
                format!("there is no action type `{type_name}`")
            };
            self.unknown_type(span, format!("{what}; this one fails when it is reached"));
        }
        let inputs = fields.tree(&mut self.builder.reader, "inputs");
        let inputs = inputs.unwrap_or(Tree::Value(Value::Null));
        ActionKind::Unsupported(Unsupported {
            type_name: type_name.to_owned(),
            lacks_inputs: false,
            inputs,
        })
    }

    fn expected(&mut self, fields: &mut Fields<'_>) -> Condition {
        let node = fields.required(&mut self.builder.reader, "expression");
        let what = format!("the expression of {}", fields.place);
        node.map_or_else(|| always(false, fields.at), |it| self.builder.reader.condition(it, &what))
    }

    fn condition(&mut self, fields: &mut Fields<'_>) -> ActionKind {
        let condition = self.expected(fields);
        let then = self.actions(fields.given("actions"));
        let otherwise = fields.given("else").and_then(|it| any_case(it, "actions"));
        let otherwise = self.actions(otherwise);
        ActionKind::Condition(If { condition, then, otherwise })
    }

    fn switch(&mut self, fields: &mut Fields<'_>) -> ActionKind {
        let on = fields.required_tree(&mut self.builder.reader, "expression");
        let list = fields.given("cases").map(|it| self.builder.reader.mapping(it, "`cases`"));
        let mut cases = Cases::default();
        for entry in list.into_iter().flatten() {
            let place = format!("case `{}`", entry.key.text);
            let mut inner = Fields::new(&mut self.builder.reader, &entry.value, &place);
            let value = inner.required(&mut self.builder.reader, "case");
            let block = self.actions(inner.given("actions"));
            if let Some(value) = value {
                let (span, value) = (value.span, value.to_json());
                let case = Case { name: entry.key.text.clone(), span, value, block };
                cases.push(&mut self.builder.reader.sink, case);
            }
        }
        let default = fields.given("default").and_then(|it| any_case(it, "actions"));
        let default = self.actions(default);
        ActionKind::Switch(Switch { on, cases: cases.list, default })
    }

    fn foreach(&mut self, fields: &mut Fields<'_>) -> ActionKind {
        let items = fields.required_tree(&mut self.builder.reader, "foreach");
        let runtime = fields.given("runtimeConfiguration");
        let node = runtime.and_then(|it| any_case(any_case(it, "concurrency")?, "repetitions"));
        let range = (1, limits::FOREACH_CONCURRENCY_MAX);
        let repetitions = node.and_then(|it| self.builder.reader.whole(it, "`repetitions`", range));
        let sequential = options(fields).iter().any(|it| it.eq_ignore_ascii_case("Sequential"));
        // A loop in a loop goes one by one in either cloud.
        let unsaid = if self.builder.in_loop() { 1 } else { self.repetitions };
        let concurrency = if sequential { 1 } else { repetitions.unwrap_or(unsaid) };
        let block = self.actions(fields.given("actions"));
        ActionKind::Foreach(Foreach { items, block, concurrency })
    }

    fn until(&mut self, fields: &mut Fields<'_>) -> ActionKind {
        let condition = self.expected(fields);
        let (count, timeout) = until::read_limit(&mut self.builder.reader, fields);
        let fails_at_limit =
            options(fields).iter().any(|it| it.eq_ignore_ascii_case("FailWhenLimitsReached"));
        let block = self.actions(fields.given("actions"));
        ActionKind::Until(Until { condition, count, timeout, fails_at_limit, block })
    }

    fn terminate(&mut self, fields: &mut Fields<'_>) -> ActionKind {
        terminate::check_place(&mut self.builder, fields.at);
        let reader = &mut self.builder.reader;
        let mut inputs = inputs(reader, fields);
        let status = inputs.required(reader, "runStatus");
        let status = status.and_then(|it| reader.choice(it, "`runStatus`", terminate::STATUSES));
        let error = inputs.given("runError");
        let part = |key| error.and_then(|it| any_case(it, key));
        let [code, message] = ["code", "message"].map(|key| part(key).map(|it| reader.tree(it)));
        let status = status.unwrap_or(Status::Failed);
        ActionKind::Terminate(Terminate { status, code, message })
    }

    fn response(&mut self, fields: &mut Fields<'_>) -> ActionKind {
        response::check_place(&mut self.builder, fields.at);
        let kind = fields.given("kind").and_then(Node::as_str).map(str::to_owned);
        let reader = &mut self.builder.reader;
        let mut inputs = inputs(reader, fields);
        let status = inputs.tree(reader, "statusCode").unwrap_or_else(|| Tree::Value(200.into()));
        let (headers, body) = (inputs.tree(reader, "headers"), inputs.tree(reader, "body"));
        let schema = inputs.given("schema").filter(|it| it.as_map().is_some());
        let schema = schema.and_then(|it| reader.schema(it, "`schema`"));
        ActionKind::Response(Response { status, headers, body, schema, kind })
    }

    fn initialize(&mut self, fields: &mut Fields<'_>) -> ActionKind {
        variables::check_place(&mut self.builder, fields.at);
        let reader = &mut self.builder.reader;
        let list = inputs(reader, fields).required(reader, "variables");
        let list = list.map_or(&[][..], |it| reader.list(it, "`variables`"));
        let list = list.iter().filter_map(|it| variables::read_declaration(reader, it));
        ActionKind::Variables(Variables::Initialize(list.collect()))
    }

    fn change(
        &mut self,
        fields: &mut Fields<'_>,
        kind: fn(Change) -> Variables,
        needs_value: bool,
    ) -> ActionKind {
        let reader = &mut self.builder.reader;
        let mut inputs = inputs(reader, fields);
        let change = kind(variables::take_change(reader, &mut inputs, needs_value));
        if let Variables::Set(change) = &change {
            refuse_self_reference(reader, change);
        }
        ActionKind::Variables(change)
    }

    /// Adds to an array or to text; here the type of the action says to which of them.
    fn append(&mut self, fields: &mut Fields<'_>, to: ParameterType) -> ActionKind {
        let reader = &mut self.builder.reader;
        let mut inputs = inputs(reader, fields);
        let change = variables::take_change(reader, &mut inputs, true);
        ActionKind::Variables(Variables::Append(Change { wants: Some(to), ..change }))
    }

    fn open_api(&mut self, fields: &mut Fields<'_>, webhook: bool) -> ActionKind {
        ActionKind::ApiConnection(self.open_api_call(fields).action(webhook))
    }

    fn api(&mut self, fields: &mut Fields<'_>, webhook: bool) -> ActionKind {
        ActionKind::ApiConnection(self.path_call(fields).action(webhook))
    }
}

impl Call {
    fn action(self, webhook: bool) -> ApiConnection {
        ApiConnection {
            connection: self.connection,
            target: self.target,
            target_span: self.span,
            parameters: self.parameters,
            webhook,
        }
    }
}

/// Whether actions of a type are nothing without their inputs.
pub(crate) fn needs_inputs(type_name: &str) -> bool {
    NEED_INPUTS.contains(&type_name.to_ascii_lowercase().as_str())
}

/// The cloud does not save a variable that is set from its own value.
fn refuse_self_reference(reader: &mut Reader, change: &Change) {
    if let Some(span) = change.own_use() {
        let message = format!("the variable `{}` cannot be set from itself", change.name);
        let found = Diagnostic::new(code::WRONG_TYPE, span, message);
        reader.sink.push(found.hint("compute the value with a `Compose` before"));
    }
}

fn parse_json(reader: &mut Reader, fields: &mut Fields<'_>) -> ActionKind {
    let mut inputs = inputs(reader, fields);
    let content = inputs.required_tree(reader, "content");
    let schema = inputs.given("schema").and_then(|it| reader.schema(it, "`schema`"));
    ActionKind::ParseJson(ParseJson { content, schema: schema.unwrap_or_default() })
}

fn query(reader: &mut Reader, fields: &mut Fields<'_>) -> ActionKind {
    let mut inputs = inputs(reader, fields);
    let from = inputs.required_tree(reader, "from");
    let condition = inputs.required(reader, "where");
    let condition =
        condition.map_or_else(|| always(false, inputs.at), |it| reader.condition(it, "`where`"));
    ActionKind::Query(Query { from, condition })
}

fn table(reader: &mut Reader, fields: &mut Fields<'_>) -> ActionKind {
    let mut inputs = inputs(reader, fields);
    let from = inputs.required_tree(reader, "from");
    let format = inputs.required(reader, "format");
    let format = format.and_then(|it| reader.choice(it, "`format`", table::FORMATS));
    let format = format.unwrap_or(TableFormat::Csv);
    let columns = inputs.given("columns").map(|it| table::read_columns(reader, it));
    ActionKind::Table(Table { from, format, columns: columns.unwrap_or_default() })
}

fn expression(reader: &mut Reader, fields: &mut Fields<'_>) -> ActionKind {
    let kind = fields.required(reader, "kind");
    let kind = kind.and_then(|it| reader.choice(it, "`kind`", expression::KINDS));
    let kind = kind.unwrap_or_default().to_owned();
    let inputs = fields.given("inputs").map_or_else(no_parameters, |it| reader.tree(it));
    ActionKind::Expression(Expression { kind, inputs })
}

fn wait(reader: &mut Reader, fields: &mut Fields<'_>) -> ActionKind {
    let mut inputs = inputs(reader, fields);
    let until = inputs.given("until").and_then(|it| any_case(it, "timestamp"));
    if let Some(until) = until {
        return ActionKind::Wait(Wait::Until(reader.tree(until)));
    }
    let mut interval = part(reader, &mut inputs, "interval", "`interval`");
    let count = interval.required_tree(reader, "count");
    let unit = interval.required_tree(reader, "unit");
    ActionKind::Wait(Wait::Interval { count, unit })
}

fn workflow(reader: &mut Reader, fields: &mut Fields<'_>) -> ActionKind {
    let mut inputs = inputs(reader, fields);
    let mut host = part(reader, &mut inputs, "host", "`host`");
    let other = host.given("workflow");
    let other = other.and_then(|it| any_case(it, "id").or(any_case(it, "name")));
    let node = match other {
        Some(node) => Some(node),
        None => host.required(reader, "workflowReferenceName"),
    };
    let flow = node.and_then(Node::as_str).map(last_segment).unwrap_or_default().to_owned();
    let trigger = host.given("triggerName").and_then(Node::as_str).map(str::to_owned);
    let (body, headers) = (inputs.tree(reader, "body"), inputs.tree(reader, "headers"));
    let span = node.map_or(inputs.at, |it| it.span);
    ActionKind::Workflow(Workflow { flow, span, trigger, body, headers })
}

fn send_to_batch(reader: &mut Reader, fields: &mut Fields<'_>) -> ActionKind {
    let mut inputs = inputs(reader, fields);
    let mut host = part(reader, &mut inputs, "host", "`host`");
    let workflow = host.required(reader, "workflow");
    let node = workflow.and_then(|it| any_case(it, "id").or(any_case(it, "name")));
    let flow = node.and_then(Node::as_str).map(last_segment).unwrap_or_default().to_owned();
    let trigger = host.given("triggerName").and_then(Node::as_str).map(str::to_owned);
    ActionKind::SendToBatch(SendToBatch {
        flow,
        span: node.map_or(inputs.at, |it| it.span),
        trigger,
        batch: inputs.required_tree(reader, "batchName"),
        partition: inputs.tree(reader, "partitionName"),
        message_id: inputs.tree(reader, "messageId"),
        content: inputs.required_tree(reader, "content"),
    })
}

/// The inputs of an action or a trigger.
pub(crate) fn inputs<'a>(reader: &mut Reader, fields: &mut Fields<'a>) -> Fields<'a> {
    let place = format!("`inputs` of {}", fields.place);
    part(reader, fields, "inputs", &place)
}

/// An object that must be there.
pub(crate) fn part<'a>(
    reader: &mut Reader,
    fields: &mut Fields<'a>,
    key: &'static str,
    place: &str,
) -> Fields<'a> {
    match fields.required(reader, key).filter(|it| !it.is_null()) {
        Some(node) => Fields::new(reader, node, place),
        None => Fields::missing(reader.dialect, place, fields.at),
    }
}
