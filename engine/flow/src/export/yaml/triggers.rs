//! Triggers as flow files have them.

use serde_json::{Map, Value};
use yaml::Draft;

use super::{Entries, Lines, Writer, options, retry, secure};
use crate::{
    export::values::{delay, every, schema},
    model::Trigger,
    triggers::{
        TriggerKind, api_connection::ApiConnectionTrigger, batch::BatchConfiguration,
        manual::Input, recurrence::Recurrence, relative_path::RelativePath, request::Request,
    },
};

impl Writer<'_> {
    pub(super) fn trigger(&mut self, trigger: &Trigger) -> Draft {
        let mut lines = Lines::default();
        lines.put("name", trigger.display.as_str());
        lines.put_some("description", trigger.description.as_deref());
        self.trigger_kind(&trigger.kind, &mut lines);
        let conditions = trigger.conditions.iter().map(|it| Value::from(self.values.template(it)));
        let conditions: Value = conditions.collect();
        let mut common = Entries::default();
        common.put_filled("conditions", conditions);
        common.put_some("splitOn", trigger.split_on.as_ref().map(|it| self.values.template(it)));
        common.put_some("dedupe", self.values.optional(trigger.dedupe.as_ref()));
        if let Some(it) = &trigger.concurrency {
            let mut concurrency = Entries::default();
            concurrency.put_some("key", self.values.optional(it.key.as_ref()));
            concurrency.put_some("group", it.group.as_deref());
            concurrency.put("runs", it.runs);
            concurrency.put_some("maxWaiting", it.max_waiting);
            common.put("concurrency", concurrency.value());
        }
        if let Some(it) = &trigger.respond {
            let mut respond = Entries::default();
            respond.put("status", it.status);
            respond.put_some("headers", self.values.optional(it.headers.as_ref()));
            respond.put_some("body", self.values.optional(it.body.as_ref()));
            common.put("respond", respond.value());
        }
        common.put_some("clientTrackingId", self.values.optional(trigger.tracking_id.as_ref()));
        common.put_some("retryPolicy", trigger.retry.as_ref().map(retry));
        common.put_filled("secure", secure(trigger.secure_inputs, trigger.secure_outputs));
        common.put_some("operationOptions", options(&trigger.options));
        common.put_filled("cloud", trigger.cloud.clone());
        lines.extend(common);
        lines.draft()
    }

    fn trigger_kind(&mut self, kind: &TriggerKind, lines: &mut Lines) {
        match kind {
            TriggerKind::Request(it) => lines.put("request", request(it)),
            TriggerKind::Manual(it) => {
                let inputs = it.inputs.iter().map(|it| (it.name.clone(), input(it)));
                let inputs: Map<String, Value> = inputs.collect();
                let mut manual = Entries::default();
                manual.put_filled("inputs", inputs);
                lines.put("manual", manual.value());
            }
            TriggerKind::Recurrence(it) => lines.put("recurrence", recurrence(it)),
            TriggerKind::ApiConnection(it) => self.on(it, lines),
            TriggerKind::Http(it) => {
                lines.put("http", self.values.http(&it.request).value());
                lines.put_some("recurrence", it.recurrence.as_ref().map(recurrence));
            }
            TriggerKind::HttpWebhook(it) => {
                let pair = self.pair(&it.subscribe, it.unsubscribe.as_deref());
                lines.put("httpWebhook", pair);
            }
            TriggerKind::Flow(it) => {
                let mut flow = Entries::default();
                flow.put_some("schema", schema(it.schema.as_ref()));
                lines.put("flow", flow.value());
            }
            TriggerKind::Batch(it) => {
                let batches = it.batches.iter().map(|it| (it.name.clone(), batch(it)));
                lines.put("batch", Value::Object(batches.collect()));
            }
            TriggerKind::Unsupported(it) => lines.put("unsupported", it.type_name.as_str()),
        }
    }

    fn on(&mut self, on: &ApiConnectionTrigger, lines: &mut Lines) {
        let is_short = on.webhook.is_none()
            && !on.connection.is_empty()
            && !on.connection.contains('.')
            && !on.operation.is_empty();
        if is_short {
            lines.put("on", format!("{}.{}", on.connection, on.operation));
        } else {
            let mut target = Entries::default();
            target.put("connection", on.connection.as_str());
            target.put("operation", on.operation.as_str());
            target.put_some("webhook", on.webhook);
            lines.put("on", target.value());
        }
        let mut with = Entries::default();
        with.put_parameters("with", self.values.tree(&on.parameters));
        lines.extend(with);
        lines.put_some("recurrence", on.recurrence.as_ref().map(recurrence));
    }
}

fn request(request: &Request) -> Value {
    let mut entries = Entries::default();
    entries.put_some("kind", request.kind.as_deref());
    entries.put_some("method", request.method.as_deref());
    entries.put_some("relativePath", request.relative_path.as_ref().map(RelativePath::as_str));
    entries.put_some("schema", schema(request.schema.as_ref()));
    entries.put_some("headersSchema", schema(request.headers_schema.as_ref()));
    if !request.validate {
        entries.put("validate", false);
    }
    if let Some(it) = &request.verify {
        let mut verify = Entries::default();
        verify.put("connector", it.connector.as_str());
        verify.put("trigger", it.trigger.as_str());
        entries.put("verify", verify.value());
    }
    entries.value()
}

fn batch(batch: &BatchConfiguration) -> Value {
    let mut entries = Entries::default();
    entries.put_some("messageCount", batch.message_count);
    entries.put_some("batchSize", batch.batch_size);
    entries.put_some("recurrence", batch.recurrence.as_ref().map(recurrence));
    entries.value()
}

fn input(input: &Input) -> Value {
    let mut entries = Entries::default();
    entries.put("type", input.ty.name());
    if input.title != input.name {
        entries.put("title", input.title.as_str());
    }
    if input.required {
        entries.put("required", true);
    }
    entries.put_some("default", input.default.clone());
    entries.put_some("description", input.description.as_deref());
    entries.put_filled("choices", input.choices.clone());
    entries.value()
}

fn recurrence(recurrence: &Recurrence) -> Value {
    match recurrence {
        Recurrence::Cron { expression, time_zone } => {
            let mut entries = Entries::default();
            entries.put("cron", expression.as_str());
            entries.put_some("timeZone", time_zone.as_deref());
            entries.value()
        }
        Recurrence::Every(it) => {
            let mut entries = every(it);
            if it.sliding {
                entries.put("slidingWindow", true);
            }
            entries.put_some("delay", delay(it));
            entries.value()
        }
    }
}
