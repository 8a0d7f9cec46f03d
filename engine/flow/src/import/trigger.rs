//! The types of triggers, their inputs and what all have in common.

use base::{ActionName, Diagnostic, Span, code, limits};
use serde_json::Map;
use yaml::{Key, Node};

use super::{
    Import,
    action::{Runtime, options},
    any_case,
    api::Call,
    kinds::{inputs, part},
};
use crate::{
    actions::{http::HttpInputs, http_webhook::take_pair},
    check,
    fields::Fields,
    model::{Trigger, TriggerConcurrency},
    policy::RetryPolicy,
    reader::{Reader, is_deployment_text},
    triggers::{
        TriggerKind,
        api_connection::ApiConnectionTrigger,
        batch::{self, Batch},
        http::HttpTrigger,
        http_webhook::HttpWebhookTrigger,
        recurrence::Recurrence,
        request::{Request, read_path},
        unsupported::UnsupportedTrigger,
    },
};

impl Import {
    pub(crate) fn trigger(&mut self, key: &Key, node: &Node) -> Trigger {
        check::name(&mut self.builder.reader.sink, &key.text, key.span, "trigger");
        let place = format!("trigger `{}`", key.text);
        let mut fields = Fields::new(&mut self.builder.reader, node, &place);
        fields.at = key.span;
        let reader = &mut self.builder.reader;
        let node = fields.required(reader, "type");
        let ty = node.and_then(|it| Some((reader.deployed_text(it, "`type`")?, it.span)));
        let (type_name, span) = ty.unwrap_or((String::new(), key.span));
        self.builder.trigger_names.push(ActionName::new(&key.text));
        let kind = self.trigger_kind(&type_name, span, &mut fields);
        let reader = &mut self.builder.reader;
        let conditions = fields.given("conditions");
        let conditions = conditions.map_or(&[][..], |it| reader.list(it, "`conditions`"));
        let conditions = conditions.iter().filter_map(|it| {
            let expression = any_case(it, "expression").unwrap_or(it);
            reader.template(expression, "a trigger's condition")
        });
        let conditions = conditions.collect();
        let split_on = fields.given("splitOn").and_then(|it| reader.template(it, "`splitOn`"));
        let inner = fields.given("inputs").and_then(|it| any_case(it, "retryPolicy"));
        let description = fields.given("description").and_then(Node::as_str).map(str::to_owned);
        let retry = fields.given("retryPolicy").or(inner);
        let retry = retry.and_then(|it| RetryPolicy::read(reader, it));
        let correlation = fields.given("correlation");
        let tracking_id = correlation.and_then(|it| any_case(it, "clientTrackingId"));
        let tracking_id = tracking_id.map(|it| reader.tree(it));
        let runtime = fields.given("runtimeConfiguration");
        let options = options(&mut fields);
        let secure = Runtime::read(runtime);
        Trigger {
            name: ActionName::new(&key.text),
            display: key.text.clone(),
            span: key.span,
            description,
            kind,
            conditions,
            split_on,
            dedupe: None,
            concurrency: concurrency(reader, runtime, &options),
            respond: None,
            tracking_id,
            retry,
            secure_inputs: secure.secure_inputs,
            secure_outputs: secure.secure_outputs,
            options,
            cloud: Map::new(),
        }
    }

    fn trigger_kind(
        &mut self,
        type_name: &str,
        span: Span,
        fields: &mut Fields<'_>,
    ) -> TriggerKind {
        let lower = type_name.to_ascii_lowercase();
        let reader = &mut self.builder.reader;
        match lower.as_str() {
            "request" => request(reader, fields, None),
            // The trigger that starts a flow by hand was of its own type before it was a Request.
            "manual" => request(reader, fields, Some("Button")),
            "recurrence" => match recurrence(reader, fields, span) {
                Some(recurrence) => TriggerKind::Recurrence(recurrence),
                None => unsupported(type_name),
            },
            "slidingwindow" => match recurrence(reader, fields, span) {
                Some(recurrence) => sliding_window(reader, fields, recurrence),
                None => unsupported(type_name),
            },
            "http" => {
                let recurrence = recurrence(reader, fields, span);
                let mut inputs = inputs(reader, fields);
                let request = HttpInputs::take(reader, &mut inputs);
                TriggerKind::Http(HttpTrigger { request, recurrence })
            }
            "httpwebhook" => {
                let mut inputs = inputs(reader, fields);
                let (subscribe, unsubscribe) = take_pair(reader, &mut inputs);
                TriggerKind::HttpWebhook(HttpWebhookTrigger { subscribe, unsubscribe })
            }
            "openapiconnection" | "openapiconnectionwebhook" | "openapiconnectionnotification" => {
                let call = self.open_api_call(fields);
                self.connector(call, lower != "openapiconnection", fields, span)
            }
            "apiconnection" | "apiconnectionwebhook" => {
                let call = self.path_call(fields);
                self.connector(call, lower != "apiconnection", fields, span)
            }
            "apiconnectionnotification" => {
                let call = self.notification_call(fields);
                self.connector(call, true, fields, span)
            }
            "batch" => read_batch(reader, fields),
            "serviceprovider" => {
                let call = self.service_provider(fields);
                self.connector(call, false, fields, span)
            }
            "" => unsupported(type_name),
            _ => {
                let message =
                    format!("triggers of type `{type_name}` do not run here; this one never fires");
                self.unknown_type(span, message);
                unsupported(type_name)
            }
        }
    }

    fn connector(
        &mut self,
        call: Call,
        webhook: bool,
        fields: &mut Fields<'_>,
        span: Span,
    ) -> TriggerKind {
        let recurrence = recurrence(&mut self.builder.reader, fields, span);
        TriggerKind::ApiConnection(ApiConnectionTrigger {
            connection: call.connection,
            operation: call.name,
            span: call.span,
            parameters: call.parameters,
            recurrence,
            webhook: Some(webhook),
        })
    }
}

fn read_batch(reader: &mut Reader, fields: &mut Fields<'_>) -> TriggerKind {
    let mut inputs = inputs(reader, fields);
    let node = inputs.required(reader, "configurations");
    let mapping = node.map(|it| reader.mapping(it, "`configurations`"));
    let mut batches = Vec::new();
    for entry in mapping.into_iter().flatten() {
        let place = format!("batch `{}`", entry.key.text);
        let mut fields = Fields::new(reader, &entry.value, &place);
        fields.at = entry.key.span;
        let mut criteria = part(reader, &mut fields, "releaseCriteria", "`releaseCriteria`");
        batches.push(batch::take(reader, &mut criteria, &entry.key));
    }
    TriggerKind::Batch(Batch { batches })
}

fn unsupported(type_name: &str) -> TriggerKind {
    TriggerKind::Unsupported(UnsupportedTrigger { type_name: type_name.to_owned() })
}

/// The option with which the cloud looks at the schemas of a request.
pub(crate) const VALIDATE: &str = "EnableSchemaValidation";

fn request(reader: &mut Reader, fields: &mut Fields<'_>, kind: Option<&str>) -> TriggerKind {
    let node = fields.given("inputs");
    let part = |key| node.and_then(|it| any_case(it, key));
    let method = part("method").and_then(Node::as_str).map(str::to_owned);
    let relative_path = part("relativePath").and_then(|it| read_path(reader, it));
    let schema = part("schema").and_then(|it| reader.schema(it, "`schema`"));
    let headers_schema = part("headersSchema").and_then(|it| reader.schema(it, "`headersSchema`"));
    let has_schema = schema.is_some() || headers_schema.is_some();
    let written = fields.given("kind").and_then(Node::as_str);
    TriggerKind::Request(Request {
        method,
        relative_path,
        schema,
        headers_schema,
        // Without a schema there is nothing to look at.
        validate: !has_schema || options(fields).iter().any(|it| it.eq_ignore_ascii_case(VALIDATE)),
        verify: None,
        kind: written.or(kind).map(str::to_owned),
    })
}

/// The `recurrence` of a trigger. One with a placeholder of a deployment template is no fault of
/// the flow, but it cannot run before the template is filled in.
fn recurrence(reader: &mut Reader, fields: &mut Fields<'_>, span: Span) -> Option<Recurrence> {
    let node = fields.given("recurrence")?;
    let parts = node.as_map().into_iter().flatten();
    let placeholder = parts.map(|it| &it.value).find(|it| is_placeholder(reader, it));
    if let Some(placeholder) = placeholder {
        let text = placeholder.as_str().unwrap_or_default();
        let message = format!("`{text}` is known only when the flow is deployed");
        let found = Diagnostic::new(code::WRONG_TYPE, placeholder.span, message).warning();
        reader.sink.push(found.label(span, "never fires as it is").hint("write the value here"));
        return None;
    }
    Recurrence::read(reader, node)
}

fn sliding_window(
    reader: &mut Reader,
    fields: &mut Fields<'_>,
    mut recurrence: Recurrence,
) -> TriggerKind {
    if let Recurrence::Every(every) = &mut recurrence {
        let delay = fields.given("inputs").and_then(|it| any_case(it, "delay"));
        let delay = delay.and_then(|it| reader.duration(it, "`delay`"));
        every.sliding = true;
        every.delay = delay.map(|it| it.to_string());
    }
    TriggerKind::Recurrence(recurrence)
}

/// `[parameters('x')]` of ARM, or an expression that the parameters' defaults do not answer.
fn is_placeholder(reader: &Reader, node: &Node) -> bool {
    let Some(text) = node.as_str() else { return false };
    let setting = reader.setting(node);
    let unknown = text.starts_with('@') && setting.is_none();
    unknown || is_deployment_text(text) || setting.is_some_and(|it| is_deployment_text(&it))
}

fn concurrency(
    reader: &mut Reader,
    runtime: Option<&Node>,
    options: &[String],
) -> Option<TriggerConcurrency> {
    let node = runtime.and_then(|it| any_case(it, "concurrency"));
    let Some(node) = node else {
        // The older way to say that runs must not overlap.
        let single = options.iter().any(|it| it.eq_ignore_ascii_case("SingleInstance"));
        return single.then_some(TriggerConcurrency {
            runs: 1,
            key: None,
            group: None,
            max_waiting: None,
        });
    };
    let range = (1, limits::FOREACH_CONCURRENCY_MAX);
    let runs = any_case(node, "runs").and_then(|it| reader.whole(it, "`runs`", range));
    let waiting = any_case(node, "maximumWaitingRuns");
    let max_waiting =
        waiting.and_then(|it| reader.whole(it, "`maximumWaitingRuns`", (0, 1_000_000_000)));
    Some(TriggerConcurrency { runs: runs.unwrap_or(1), key: None, group: None, max_waiting })
}
