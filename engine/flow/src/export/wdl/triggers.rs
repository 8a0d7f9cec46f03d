//! Triggers as definitions have them.

use serde_json::{Map, Value, json};

use super::{Entries, Writer, connections, put_options, secure};
use crate::{
    export::values::{delay, every, is_sliding, retry, schema},
    import::VALIDATE,
    model::{Trigger, TriggerConcurrency},
    triggers::{
        TriggerKind,
        api_connection::ApiConnectionTrigger,
        batch::BatchConfiguration,
        manual::Input,
        recurrence::{Frequency, Recurrence},
        relative_path::RelativePath,
        request::Request,
    },
};

impl Writer<'_> {
    pub(in crate::export) fn trigger(&mut self, trigger: &Trigger) -> Value {
        self.refuse_ours(trigger);
        let mut node = self.trigger_kind(trigger);
        node.put_some("description", trigger.description.as_deref());
        if let Some(policy) = &trigger.retry {
            put_inner(&mut node, "retryPolicy", retry(policy));
        }
        let conditions = trigger.conditions.iter();
        let conditions = conditions.map(|it| json!({ "expression": self.values.template(it) }));
        let conditions: Value = conditions.collect();
        node.put_filled("conditions", conditions);
        node.put_some("splitOn", trigger.split_on.as_ref().map(|it| self.values.template(it)));
        let mut runtime = Entries::default();
        if let Some(it) = &trigger.concurrency {
            runtime.put("concurrency", concurrency(it));
        }
        runtime.put_some("secureData", secure(trigger.secure_inputs, trigger.secure_outputs));
        node.put_filled("runtimeConfiguration", runtime.value());
        let tracking_id = self.values.optional(trigger.tracking_id.as_ref());
        node.put_some("correlation", tracking_id.map(|it| json!({ "clientTrackingId": it })));
        let validates = matches!(&trigger.kind, TriggerKind::Request(it)
            if it.validate && (it.schema.is_some() || it.headers_schema.is_some()));
        put_options(&mut node, &trigger.options, validates.then_some(VALIDATE));
        node.value()
    }

    /// What triggers can do here and not in the cloud.
    fn refuse_ours(&mut self, trigger: &Trigger) {
        let grouped = trigger.concurrency.as_ref().is_some_and(|it| it.group.is_some());
        let keyed = trigger.concurrency.as_ref().is_some_and(|it| it.key.is_some());
        for (is_there, what) in [
            (trigger.dedupe.is_some(), "dedupe"),
            (keyed, "concurrency.key"),
            (grouped, "concurrency.group"),
            (trigger.respond.is_some(), "respond"),
        ] {
            if is_there {
                let message = format!(
                    "the cloud has no `{what}`, which the trigger `{}` has",
                    trigger.display
                );
                self.values.refuse(trigger.span, message, "");
            }
        }
    }

    fn trigger_kind(&mut self, trigger: &Trigger) -> Entries {
        let mut node = Entries::default();
        match &trigger.kind {
            TriggerKind::Request(it) => self.request(it, &mut node),
            TriggerKind::Manual(it) => {
                node.put("type", "Request");
                node.put("kind", "Button");
                node.put("inputs", json!({ "schema": form(&it.inputs) }));
            }
            TriggerKind::Recurrence(it) => {
                node.put("type", if is_sliding(it) { "SlidingWindow" } else { "Recurrence" });
                if let Recurrence::Every(every) = it
                    && let Some(delay) = delay(every)
                {
                    node.put("inputs", json!({ "delay": delay }));
                }
                self.recurrence(trigger, Some(it), &mut node);
            }
            TriggerKind::ApiConnection(it) => {
                self.connector(it, &mut node);
                self.recurrence(trigger, it.recurrence.as_ref(), &mut node);
            }
            TriggerKind::Http(it) => {
                node.put("type", "Http");
                node.put("inputs", self.values.http(&it.request).value());
                self.recurrence(trigger, it.recurrence.as_ref(), &mut node);
            }
            TriggerKind::HttpWebhook(it) => {
                node.put("type", "HttpWebhook");
                node.put("inputs", self.pair(&it.subscribe, it.unsubscribe.as_deref()));
            }
            TriggerKind::Flow(it) => {
                node.put("type", "Request");
                let mut inputs = Entries::default();
                inputs.put_some("schema", schema(it.schema.as_ref()));
                node.put_filled("inputs", inputs.value());
            }
            TriggerKind::Batch(it) => {
                node.put("type", "Batch");
                let mut batches = Map::new();
                for batch in &it.batches {
                    let criteria = self.batch(trigger, batch);
                    batches.insert(batch.name.clone(), json!({ "releaseCriteria": criteria }));
                }
                node.put("inputs", json!({ "configurations": batches }));
            }
            TriggerKind::Unsupported(it) => node.put("type", it.type_name.as_str()),
        }
        node
    }

    fn request(&mut self, request: &Request, node: &mut Entries) {
        if let Some(verify) = &request.verify {
            let message = "the cloud does not verify signatures of requests";
            self.values.refuse(verify.span, message, "");
        }
        node.put("type", "Request");
        node.put_some("kind", request.kind.as_deref());
        let mut inputs = Entries::default();
        inputs.put_some("method", request.method.as_deref());
        let path = request.relative_path.as_ref();
        inputs.put_some("relativePath", path.map(RelativePath::as_str));
        inputs.put_some("schema", schema(request.schema.as_ref()));
        inputs.put_some("headersSchema", schema(request.headers_schema.as_ref()));
        node.put_filled("inputs", inputs.value());
    }

    fn recurrence(&mut self, trigger: &Trigger, it: Option<&Recurrence>, node: &mut Entries) {
        match it {
            Some(Recurrence::Every(it)) => {
                if it.frequency == Frequency::Year {
                    let message = "the cloud has no recurrences by the year";
                    self.values.refuse(trigger.span, message, "write so many months");
                }
                if let Some(zone) = it.time_zone.as_deref().filter(|it| it.contains('/')) {
                    let message = format!("the cloud does not know the time zone `{zone}`");
                    let hint = "write its name in Windows, such as `W. Europe Standard Time`";
                    self.values.refuse(trigger.span, message, hint);
                }
                node.put("recurrence", every(it).value());
            }
            Some(Recurrence::Cron { expression, .. }) => {
                let message = format!("the cloud has no cron expressions such as `{expression}`");
                let hint = "write `{frequency, interval, schedule}`";
                self.values.refuse(trigger.span, message, hint);
            }
            None => {}
        }
    }

    fn batch(&mut self, trigger: &Trigger, batch: &BatchConfiguration) -> Value {
        let mut criteria = Entries::default();
        criteria.put_some("messageCount", batch.message_count);
        criteria.put_some("batchSize", batch.batch_size);
        self.recurrence(trigger, batch.recurrence.as_ref(), &mut criteria);
        criteria.value()
    }

    fn connector(&mut self, on: &ApiConnectionTrigger, node: &mut Entries) {
        // A trigger that names no way of its own is asked if it says how often.
        let webhook = on.webhook.unwrap_or(on.recurrence.is_none());
        let waits = if webhook { "Webhook" } else { "" };
        if let Some(provider) = self.service_provider(&on.connection) {
            node.put("type", "ServiceProvider");
            let parameters = self.values.tree(&on.parameters);
            let inputs = connections::provided(&on.connection, provider, &on.operation, parameters);
            return node.put("inputs", inputs);
        }
        let Some((method, path)) = on.operation.split_once(' ') else {
            node.put("type", format!("OpenApiConnection{waits}"));
            let parameters = self.values.tree(&on.parameters);
            let inputs = self.open_api(&on.connection, &on.operation, parameters);
            return node.put("inputs", inputs.value());
        };
        let mut inputs = Entries::default();
        inputs.put("host", connections::host(&on.connection));
        self.put_authentication(&mut inputs);
        let mut parts = Entries::default();
        connections::put_parts(&mut parts, &mut self.values, &on.parameters);
        if parts.0.contains_key("fetch") {
            node.put("type", "ApiConnectionNotification");
        } else {
            node.put("type", format!("ApiConnection{waits}"));
            inputs.put("method", method);
            inputs.put("path", path);
        }
        inputs.0.extend(parts.0);
        node.put("inputs", inputs.value());
    }
}

fn put_inner(node: &mut Entries, key: &str, value: Value) {
    let inputs = node.0.entry("inputs").or_insert_with(|| json!({}));
    if let Value::Object(inputs) = inputs {
        inputs.insert(key.to_owned(), value);
    }
}

fn concurrency(it: &TriggerConcurrency) -> Value {
    let mut concurrency = Entries::default();
    concurrency.put("runs", it.runs);
    concurrency.put_some("maximumWaitingRuns", it.max_waiting);
    concurrency.value()
}

/// The inputs of a manual trigger as the schema of its body.
fn form(inputs: &[Input]) -> Value {
    let mut properties = Map::new();
    for input in inputs {
        let mut property = Entries::default();
        property.put("type", if input.ty.name() == "float" { "number" } else { input.ty.name() });
        property.put("title", input.title.as_str());
        property.put_some("description", input.description.as_deref());
        property.put_some("default", input.default.clone());
        property.put_filled("enum", input.choices.clone());
        properties.insert(input.name.clone(), property.value());
    }
    let required: Vec<&str> =
        inputs.iter().filter(|it| it.required).map(|it| it.name.as_str()).collect();
    json!({ "type": "object", "properties": properties, "required": required })
}
