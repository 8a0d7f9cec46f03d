//! The types of actions as definitions have them.

use base::Duration;
use expr::{Tree, condition::Condition};
use serde_json::{Value, json};

use super::{Entries, Writer, put_options, secure};
use crate::{
    actions::{
        ActionKind,
        foreach::Foreach,
        http::HttpInputs,
        response::Response,
        send_to_batch::SendToBatch,
        switch::Switch,
        table::Table,
        terminate::Terminate,
        until::Until,
        variables::{Change, Variables},
        wait::Wait,
        workflow::Workflow,
    },
    export::values::{duration, retry, schema},
    model::{Action, Block, ParameterType},
};

impl Writer<'_> {
    /// The type, what belongs to it, and the settings, which some types have in places of theirs.
    pub(super) fn kind(&mut self, action: &Action) -> Entries {
        let mut node = Entries::default();
        let mut runtime = Entries::default();
        let mut implied = None;
        match &action.kind {
            ActionKind::Condition(it) => {
                self.expression(&mut node, "If", &it.condition);
                node.put("actions", self.block(&it.then));
                if !it.otherwise.actions.is_empty() {
                    node.put("else", self.wrapped(&it.otherwise));
                }
            }
            ActionKind::Foreach(it) => {
                self.foreach(it, &mut node);
                if !action.has_option("Sequential") {
                    runtime.put("concurrency", json!({ "repetitions": it.concurrency }));
                }
            }
            ActionKind::Scope(it) => {
                node.put("type", "Scope");
                node.put("actions", self.block(&it.block));
            }
            ActionKind::Switch(it) => self.switch(it, &mut node),
            ActionKind::Until(it) => {
                self.until(it, &mut node);
                implied = it.fails_at_limit.then_some("FailWhenLimitsReached");
            }
            ActionKind::Unsupported(it) => {
                node.put("type", it.type_name.as_str());
                let inputs = self.values.tree(&it.inputs);
                node.put_some("inputs", Some(inputs).filter(|it| !it.is_null()));
            }
            _ => self.leaf(action, &mut node),
        }
        self.settings(action, &mut node, runtime);
        put_options(&mut node, &action.options, implied);
        node
    }

    fn settings(&mut self, action: &Action, node: &mut Entries, mut runtime: Entries) {
        if let Some(policy) = &action.retry {
            let is_unknown = matches!(action.kind, ActionKind::Unsupported(_));
            let is_data = matches!(action.kind, ActionKind::Compose(_) | ActionKind::Expression(_));
            let inputs = node.0.get_mut("inputs").filter(|_| !is_data);
            match inputs.and_then(Value::as_object_mut) {
                // The inputs of a type that is not known are written as they were.
                Some(inputs) if is_unknown && inputs.contains_key("retryPolicy") => {}
                Some(inputs) => {
                    inputs.insert("retryPolicy".to_owned(), retry(policy));
                }
                None => node.put("retryPolicy", retry(policy)),
            }
        }
        if let Some(timeout) = action.timeout {
            let limit = node.0.entry("limit").or_insert_with(|| json!({}));
            if let Some(limit) = limit.as_object_mut().filter(|it| !it.contains_key("timeout")) {
                limit.insert("timeout".to_owned(), duration(timeout).into());
            } else {
                let message = format!(
                    "in the cloud the time of `{}` is limited by its `limit` only",
                    action.display
                );
                self.values.refuse(action.name_span, message, "use `limit: {timeout}`");
            }
        }
        runtime.put_some("secureData", secure(action.secure_inputs, action.secure_outputs));
        if let Some(name) = &action.static_result {
            let result = json!({ "name": name, "staticResultOptions": "Enabled" });
            runtime.put("staticResult", result);
        }
        if let Some(count) = action.minimum_item_count {
            runtime.put("paginationPolicy", json!({ "minimumItemCount": count }));
        }
        node.put_filled("runtimeConfiguration", runtime.value());
    }

    fn wrapped(&mut self, block: &Block) -> Value {
        json!({ "actions": self.block(block) })
    }

    fn expression(&mut self, node: &mut Entries, ty: &str, condition: &Condition) {
        node.put("type", ty);
        node.put("expression", self.values.condition(condition));
    }

    fn foreach(&mut self, foreach: &Foreach, node: &mut Entries) {
        node.put("type", "Foreach");
        node.put("foreach", self.values.tree(&foreach.items));
        node.put("actions", self.block(&foreach.block));
    }

    fn switch(&mut self, switch: &Switch, node: &mut Entries) {
        node.put("type", "Switch");
        node.put("expression", self.values.tree(&switch.on));
        let mut cases = Entries::default();
        for case in &switch.cases {
            let actions = self.block(&case.block);
            cases.put(&case.name, json!({ "case": case.value, "actions": actions }));
        }
        node.put("cases", cases.value());
        if !switch.default.actions.is_empty() {
            node.put("default", self.wrapped(&switch.default));
        }
    }

    fn until(&mut self, until: &Until, node: &mut Entries) {
        self.expression(node, "Until", &until.condition);
        let timeout = duration(until.timeout);
        node.put("limit", json!({ "count": until.count, "timeout": timeout }));
        node.put("actions", self.block(&until.block));
    }

    /// The types without blocks.
    fn leaf(&mut self, action: &Action, node: &mut Entries) {
        let (ty, inputs) = match &action.kind {
            ActionKind::ApiConnection(it) => return self.call(it, node),
            ActionKind::Compose(it) => ("Compose", self.values.tree(&it.inputs)),
            ActionKind::Expression(it) => {
                node.put("type", "Expression");
                node.put("kind", it.kind.as_str());
                return node.put("inputs", self.values.tree(&it.inputs));
            }
            ActionKind::Http(it) => ("Http", self.values.http(&it.request).value()),
            ActionKind::HttpWebhook(it) => {
                ("HttpWebhook", self.pair(&it.subscribe, it.unsubscribe.as_deref()))
            }
            ActionKind::Join(it) => self.two("Join", ("from", &it.from), ("joinWith", &it.with)),
            ActionKind::ParseJson(it) => {
                let content = self.values.tree(&it.content);
                ("ParseJson", json!({ "content": content, "schema": it.schema.source() }))
            }
            ActionKind::Query(it) => {
                let from = self.values.tree(&it.from);
                let condition = self.values.condition(&it.condition);
                ("Query", json!({ "from": from, "where": condition }))
            }
            ActionKind::Response(it) => {
                node.put("type", "Response");
                node.put_some("kind", it.kind.as_deref());
                return node.put("inputs", self.response(it));
            }
            ActionKind::Select(it) => {
                self.two("Select", ("from", &it.from), ("select", &it.select))
            }
            ActionKind::SendToBatch(it) => ("SendToBatch", self.send_to_batch(it)),
            ActionKind::Table(it) => ("Table", self.table(it)),
            ActionKind::Terminate(it) => ("Terminate", self.terminate(it)),
            ActionKind::Variables(it) => self.variables(it),
            ActionKind::Wait(it) => ("Wait", self.wait(action, it)),
            ActionKind::Workflow(it) => ("Workflow", self.workflow(it)),
            ActionKind::Approval(_) => return self.ours(action, node, "approval"),
            ActionKind::Map(_) => return self.ours(action, node, "map"),
            ActionKind::Compare(_) => return self.ours(action, node, "compare"),
            ActionKind::Condition(_)
            | ActionKind::Foreach(_)
            | ActionKind::Scope(_)
            | ActionKind::Switch(_)
            | ActionKind::Until(_)
            | ActionKind::Unsupported(_) => return,
        };
        node.put("type", ty);
        node.put("inputs", inputs);
    }

    fn ours(&mut self, action: &Action, node: &mut Entries, key: &str) {
        let message =
            format!("the cloud has no counterpart of `{key}`, which `{}` is", action.display);
        self.values.refuse(action.name_span, message, "compute it with `compose` or `select`");
        node.put("type", "Compose");
        node.put("inputs", Value::Null);
    }

    fn two(
        &mut self,
        ty: &'static str,
        first: (&str, &Tree),
        second: (&str, &Tree),
    ) -> (&'static str, Value) {
        let mut inputs = Entries::default();
        for (key, tree) in [first, second] {
            inputs.put(key, self.values.tree(tree));
        }
        (ty, inputs.value())
    }

    pub(super) fn pair(&mut self, first: &HttpInputs, second: Option<&HttpInputs>) -> Value {
        let mut inputs = Entries::default();
        inputs.put("subscribe", self.values.http(first).value());
        let unsubscribe = second.map(|it| self.values.http(it).value());
        inputs.put("unsubscribe", unsubscribe.unwrap_or_else(|| json!({})));
        inputs.value()
    }

    fn response(&mut self, response: &Response) -> Value {
        let mut inputs = Entries::default();
        inputs.put("statusCode", self.values.tree(&response.status));
        inputs.put_some("headers", self.values.optional(response.headers.as_ref()));
        inputs.put_some("body", self.values.optional(response.body.as_ref()));
        inputs.put_some("schema", schema(response.schema.as_ref()));
        inputs.value()
    }

    fn table(&mut self, table: &Table) -> Value {
        let mut inputs = Entries::default();
        inputs.put("from", self.values.tree(&table.from));
        inputs.put("format", table.format.name().to_uppercase());
        let mut columns = Vec::new();
        for it in &table.columns {
            let header = self.values.tree(&it.header);
            columns.push(json!({ "header": header, "value": self.values.tree(&it.value) }));
        }
        inputs.put_filled("columns", columns);
        inputs.value()
    }

    fn terminate(&mut self, terminate: &Terminate) -> Value {
        let mut error = Entries::default();
        error.put_some("code", self.values.optional(terminate.code.as_ref()));
        error.put_some("message", self.values.optional(terminate.message.as_ref()));
        let mut inputs = Entries::default();
        inputs.put("runStatus", terminate.status.name());
        inputs.put_filled("runError", error.value());
        inputs.value()
    }

    fn variables(&mut self, variables: &Variables) -> (&'static str, Value) {
        match variables {
            Variables::Initialize(list) => {
                let mut declared = Vec::new();
                for it in list {
                    let mut entries = Entries::default();
                    entries.put("name", it.name.as_str());
                    entries.put("type", it.ty.name());
                    entries.put_some("value", self.values.optional(it.value.as_ref()));
                    declared.push(entries.value());
                }
                ("InitializeVariable", json!({ "variables": declared }))
            }
            Variables::Set(it) => {
                if let Some(span) = it.own_use() {
                    let message =
                        format!("the cloud cannot set the variable `{}` from itself", it.name);
                    self.values.refuse(span, message, "compute the value in a `compose` before");
                }
                ("SetVariable", self.values.change(it))
            }
            Variables::Increment(it) => ("IncrementVariable", self.values.change(it)),
            Variables::Decrement(it) => ("DecrementVariable", self.values.change(it)),
            Variables::Append(it) => (self.append(it), self.values.change(it)),
        }
    }

    /// What is appended to must be known in the cloud; of a variable that nobody declares, what is
    /// appended tells.
    fn append(&self, change: &Change) -> &'static str {
        let declared = self.variables.get(&change.name.to_ascii_lowercase()).copied();
        let is_text = match change.wants.or(declared) {
            Some(ty) => ty == ParameterType::String,
            None => matches!(&change.value, Some(Tree::Value(Value::String(_)))),
        };
        if is_text { "AppendToStringVariable" } else { "AppendToArrayVariable" }
    }

    fn wait(&mut self, action: &Action, wait: &Wait) -> Value {
        let (count, unit) = match wait {
            Wait::Until(time) => {
                return json!({ "until": { "timestamp": self.values.tree(time) } });
            }
            Wait::Interval { count, unit } => (self.values.tree(count), self.values.tree(unit)),
            Wait::Duration(length) => {
                let constant = length.constant();
                let length = constant.as_ref().and_then(Value::as_str);
                let length = length.and_then(Duration::parse_iso);
                let second = Duration::seconds(1).ticks();
                let whole = length.map(Duration::ticks).filter(|it| it % second == 0);
                if whole.is_none() {
                    let message = format!("the cloud cannot wait as long as `{}`", action.display);
                    let hint = "write `wait: {interval, unit}`";
                    self.values.refuse(action.name_span, message, hint);
                }
                ((whole.unwrap_or_default() / second).into(), "Second".into())
            }
        };
        json!({ "interval": { "count": count, "unit": unit } })
    }

    fn send_to_batch(&mut self, it: &SendToBatch) -> Value {
        let mut host = Entries::default();
        host.put_some("triggerName", it.trigger.as_deref());
        host.put("workflow", json!({ "id": it.flow }));
        let mut inputs = Entries::default();
        inputs.put("batchName", self.values.tree(&it.batch));
        inputs.put("content", self.values.tree(&it.content));
        inputs.put("host", host.value());
        inputs.put_some("partitionName", self.values.optional(it.partition.as_ref()));
        inputs.put_some("messageId", self.values.optional(it.message_id.as_ref()));
        inputs.value()
    }

    fn workflow(&mut self, workflow: &Workflow) -> Value {
        let host = match &workflow.trigger {
            Some(trigger) => json!({ "workflow": { "id": workflow.flow }, "triggerName": trigger }),
            None => json!({ "workflowReferenceName": workflow.flow }),
        };
        let mut inputs = Entries::default();
        inputs.put("host", host);
        inputs.put_some("headers", self.values.optional(workflow.headers.as_ref()));
        inputs.put_some("body", self.values.optional(workflow.body.as_ref()));
        inputs.value()
    }
}
