//! The kinds of actions as flow files have them.

use serde_json::Value;
use yaml::Draft;

use super::{Entries, Lines, Writer};
use crate::{
    actions::{
        ActionKind,
        api_connection::{ApiConnection, Target},
        approval::Approval,
        http::HttpInputs,
        response::Response,
        switch::Switch,
        table::Table,
        terminate::Terminate,
        until::{self, Until},
        variables::{Declaration, Variables},
        wait::Wait,
        workflow::Workflow,
    },
    export::values::{duration, schema},
    model::Action,
};

impl Writer<'_> {
    /// Writes the kind key and what belongs to it; gives back the blocks, which come last.
    pub(super) fn kind(&mut self, action: &Action, lines: &mut Lines) -> Lines {
        let mut blocks = Lines::default();
        match &action.kind {
            ActionKind::Condition(it) => {
                lines.put("if", self.values.condition(&it.condition));
                blocks.put("then", self.block(&it.then));
                if !it.otherwise.actions.is_empty() {
                    blocks.put("else", self.block(&it.otherwise));
                }
            }
            ActionKind::Foreach(it) => {
                lines.put("foreach", self.values.tree(&it.items));
                if it.concurrency != 1 {
                    lines.put("concurrency", it.concurrency);
                }
                blocks.put("actions", self.block(&it.block));
            }
            ActionKind::Scope(it) => blocks.put("scope", self.block(&it.block)),
            ActionKind::Switch(it) => self.switch(it, lines, &mut blocks),
            ActionKind::Until(it) => {
                self.until(it, lines);
                blocks.put("actions", self.block(&it.block));
            }
            ActionKind::ApiConnection(it) => self.call(it, lines),
            ActionKind::Http(it) => lines.put("http", self.values.http(&it.request).value()),
            ActionKind::HttpWebhook(it) => {
                let pair = self.pair(&it.subscribe, it.unsubscribe.as_deref());
                lines.put("httpWebhook", pair);
            }
            ActionKind::Approval(it) => lines.put("approval", self.approval(it)),
            ActionKind::Response(it) => self.respond(it, lines),
            ActionKind::Terminate(it) => self.terminate(it, lines),
            ActionKind::Variables(it) => self.variables(it, lines),
            ActionKind::Workflow(it) => self.run_flow(it, lines),
            ActionKind::Compare(_)
            | ActionKind::Compose(_)
            | ActionKind::Expression(_)
            | ActionKind::Join(_)
            | ActionKind::Map(_)
            | ActionKind::ParseJson(_)
            | ActionKind::Query(_)
            | ActionKind::Select(_)
            | ActionKind::SendToBatch(_)
            | ActionKind::Table(_)
            | ActionKind::Wait(_)
            | ActionKind::Unsupported(_) => self.data(&action.kind, lines),
        }
        blocks
    }

    /// The kinds that make a value of values.
    fn data(&mut self, kind: &ActionKind, lines: &mut Lines) {
        let values = &mut self.values;
        match kind {
            ActionKind::Compare(it) => {
                lines.put("compare", values.tree(&it.left));
                lines.put("with", values.tree(&it.right));
                lines.put_some("base", values.optional(it.base.as_ref()));
                lines.put_some("using", it.using.as_ref().map(|(name, _)| name.as_str()));
            }
            ActionKind::Compose(it) => lines.put("compose", values.tree(&it.inputs)),
            ActionKind::Expression(it) => {
                lines.put("expression", it.kind.as_str());
                let mut with = Entries::default();
                with.put_parameters("with", values.tree(&it.inputs));
                lines.extend(with);
            }
            ActionKind::Join(it) => {
                lines.put("join", values.tree(&it.with));
                lines.put("from", values.tree(&it.from));
            }
            ActionKind::Map(it) => {
                lines.put("map", it.mapping.as_str());
                lines.put("from", values.tree(&it.from));
            }
            ActionKind::ParseJson(it) => {
                lines.put("parseJson", values.tree(&it.content));
                let mut schema = Entries::default();
                schema.put_filled("schema", it.schema.source().clone());
                lines.extend(schema);
            }
            ActionKind::Query(it) => {
                lines.put("filter", values.condition(&it.condition));
                lines.put("from", values.tree(&it.from));
            }
            ActionKind::Select(it) => {
                lines.put("select", values.tree(&it.select));
                lines.put("from", values.tree(&it.from));
            }
            ActionKind::SendToBatch(it) => {
                lines.put("sendToBatch", it.flow.as_str());
                lines.put_some("trigger", it.trigger.as_deref());
                lines.put("batch", values.tree(&it.batch));
                lines.put_some("partition", values.optional(it.partition.as_ref()));
                lines.put_some("messageId", values.optional(it.message_id.as_ref()));
                lines.put("with", values.tree(&it.content));
            }
            ActionKind::Table(it) => self.table(it, lines),
            ActionKind::Wait(it) => lines.put("wait", self.wait(it)),
            ActionKind::Unsupported(it) => {
                lines.put("unsupported", it.type_name.as_str());
                let inputs = values.tree(&it.inputs);
                lines.put_some("with", Some(inputs).filter(|it| !it.is_null()));
            }
            ActionKind::ApiConnection(_)
            | ActionKind::Approval(_)
            | ActionKind::Condition(_)
            | ActionKind::Foreach(_)
            | ActionKind::Http(_)
            | ActionKind::HttpWebhook(_)
            | ActionKind::Response(_)
            | ActionKind::Scope(_)
            | ActionKind::Switch(_)
            | ActionKind::Terminate(_)
            | ActionKind::Until(_)
            | ActionKind::Variables(_)
            | ActionKind::Workflow(_) => {}
        }
    }

    fn approval(&mut self, it: &Approval) -> Value {
        let mut node = Entries::default();
        node.put("title", self.values.tree(&it.title));
        node.put_some("details", self.values.optional(it.details.as_ref()));
        node.put_some("assignedTo", self.values.optional(it.assigned_to.as_ref()));
        node.put("options", self.values.tree(&it.options));
        node.value()
    }

    fn call(&mut self, call: &ApiConnection, lines: &mut Lines) {
        let connection = call.connection.as_str();
        let mut target = Entries::default();
        target.put("connection", connection);
        match &call.target {
            Target::Operation(operation)
                if !call.webhook
                    && !connection.is_empty()
                    && !connection.contains('.')
                    && !operation.is_empty() =>
            {
                lines.put("call", format!("{connection}.{operation}"));
                target = Entries::default();
            }
            Target::Operation(operation) => target.put("operation", operation.as_str()),
            Target::Path { method, path } => {
                target.put("method", method.as_str());
                target.put("path", self.values.tree(path));
            }
        }
        if call.webhook {
            target.put("webhook", true);
        }
        let mut entries = Entries::default();
        entries.put_filled("call", target.value());
        entries.put_parameters("with", self.values.tree(&call.parameters));
        lines.extend(entries);
    }

    pub(super) fn pair(&mut self, first: &HttpInputs, second: Option<&HttpInputs>) -> Draft {
        let mut pair = Lines::default();
        pair.put("subscribe", self.values.http(first).value());
        pair.put_some("unsubscribe", second.map(|it| self.values.http(it).value()));
        pair.draft()
    }

    fn respond(&mut self, response: &Response, lines: &mut Lines) {
        let mut respond = Entries::default();
        respond.put_some("kind", response.kind.as_deref());
        respond.put("status", self.values.tree(&response.status));
        respond.put_some("headers", self.values.optional(response.headers.as_ref()));
        respond.put_some("body", self.values.optional(response.body.as_ref()));
        respond.put_some("schema", schema(response.schema.as_ref()));
        lines.put("respond", respond.value());
    }

    fn switch(&mut self, switch: &Switch, lines: &mut Lines, blocks: &mut Lines) {
        lines.put("switch", self.values.tree(&switch.on));
        let mut cases = Vec::new();
        for case in &switch.cases {
            let mut lines = Lines::default();
            lines.put("case", case.value.clone());
            if case.name != expr::to_text(&case.value) {
                lines.put("name", case.name.as_str());
            }
            lines.put("actions", self.block(&case.block));
            cases.push(lines.draft());
        }
        blocks.put("cases", Draft::List(cases));
        if !switch.default.actions.is_empty() {
            blocks.put("default", self.block(&switch.default));
        }
    }

    fn table(&mut self, table: &Table, lines: &mut Lines) {
        lines.put("table", table.format.name());
        lines.put("from", self.values.tree(&table.from));
        let mut columns = Vec::new();
        for column in &table.columns {
            let mut entries = Entries::default();
            entries.put("header", self.values.tree(&column.header));
            entries.put("value", self.values.tree(&column.value));
            columns.push(entries.value());
        }
        let mut entries = Entries::default();
        entries.put_filled("columns", columns);
        lines.extend(entries);
    }

    fn terminate(&mut self, terminate: &Terminate, lines: &mut Lines) {
        if terminate.code.is_none() && terminate.message.is_none() {
            return lines.put("terminate", terminate.status.name());
        }
        let mut entries = Entries::default();
        entries.put("status", terminate.status.name());
        entries.put_some("code", self.values.optional(terminate.code.as_ref()));
        entries.put_some("message", self.values.optional(terminate.message.as_ref()));
        lines.put("terminate", entries.value());
    }

    fn until(&mut self, until: &Until, lines: &mut Lines) {
        lines.put("until", self.values.condition(&until.condition));
        let mut limit = Entries::default();
        limit.put("count", until.count);
        limit.put("timeout", duration(until.timeout));
        if !until::is_default(until) {
            lines.put("limit", limit.value());
        }
        if !until.fails_at_limit {
            lines.put("onLimit", "continue");
        }
    }

    fn variables(&mut self, variables: &Variables, lines: &mut Lines) {
        match variables {
            Variables::Initialize(list) => {
                let mut list: Vec<Value> = list.iter().map(|it| self.declaration(it)).collect();
                let only = if list.len() == 1 { list.pop() } else { None };
                lines.put("initialize", only.unwrap_or(Value::Array(list)));
            }
            Variables::Set(it) => lines.put("set", self.values.change(it)),
            Variables::Increment(it) => lines.put("increment", self.values.change(it)),
            Variables::Decrement(it) => lines.put("decrement", self.values.change(it)),
            Variables::Append(it) => {
                let mut change = self.values.change(it);
                if let Some(wants) = it.wants {
                    change["type"] = wants.name().into();
                }
                lines.put("append", change);
            }
        }
    }

    fn declaration(&mut self, declaration: &Declaration) -> Value {
        let mut entries = Entries::default();
        entries.put("name", declaration.name.as_str());
        entries.put("type", declaration.ty.name());
        entries.put_some("value", self.values.optional(declaration.value.as_ref()));
        entries.value()
    }

    fn wait(&mut self, wait: &Wait) -> Value {
        let mut entries = Entries::default();
        match wait {
            Wait::Duration(length) => return self.values.tree(length),
            Wait::Interval { count, unit } => {
                entries.put("interval", self.values.tree(count));
                entries.put("unit", self.values.tree(unit));
            }
            Wait::Until(time) => entries.put("until", self.values.tree(time)),
        }
        entries.value()
    }

    fn run_flow(&mut self, workflow: &Workflow, lines: &mut Lines) {
        lines.put("runFlow", workflow.flow.as_str());
        lines.put_some("trigger", workflow.trigger.as_deref());
        lines.put_some("with", self.values.optional(workflow.body.as_ref()));
        lines.put_some("headers", self.values.optional(workflow.headers.as_ref()));
    }
}
