//! Requests to triggers: which flow they are for, and whether they are genuine.

use std::{collections::BTreeMap, sync::Arc};

use base::{RunId, Timestamp, http};
use connector::{trigger::Webhook, webhook};
use flow::{
    Trigger, TriggerKind,
    triggers::{relative_path::RelativePath, request::Verify},
};
use http_client::Client;
use serde_json::{Map, Value, json};

use crate::{
    addresses::{Addresses, Place, Subscribed},
    admit::Incoming,
    deliveries::Delivery,
    deploy::Deployed,
    engine::Engine,
    live::Connections,
    proof::{Declared, Genuine, unverifiable},
};

/// Who tells genuine requests from others.
pub struct Hooks {
    /// Fetches certificates, and nothing else.
    pub client: Client,
    /// Connections whose connectors know how their services sign.
    pub connections: Connections,
    /// Knows what was signed.
    pub addresses: Addresses,
}

/// A request to a trigger as it came in.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// What stands behind `/hooks/`, still escaped.
    pub path: &'a str,
    /// Upper-case method.
    pub method: &'a str,
    /// Query parameters.
    pub queries: &'a BTreeMap<String, String>,
    /// The same as they came, still escaped.
    pub query: &'a str,
    /// Headers as received.
    pub headers: &'a [(String, String)],
    /// The bytes.
    pub body: &'a [u8],
}

/// A genuine request.
#[derive(Clone, Debug)]
pub enum Accepted {
    /// Of somebody who calls a flow and may be answered by it.
    Request(Incoming),
    /// Of a service that was asked to deliver.
    Delivery(Delivery),
    /// Of a service that only wants to know whether the address is ours: `{statusCode, headers,
    /// body}` says so.
    Handshake(Value),
}

/// What a request is found to be.
enum Checked {
    Handshake(Value),
    Body(Value),
}

/// Why a request was refused, before anything was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// HTTP status.
    pub status: u16,
    /// Name of the reason.
    pub code: &'static str,
    /// The reason.
    pub message: String,
    /// The method that would be right, if that is the reason.
    pub allow: Option<String>,
}

impl Rejected {
    pub(crate) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), allow: None }
    }

    pub(crate) fn not_found() -> Self {
        Self::new(404, "TriggerNotFound", "there is no such trigger")
    }

    /// A trigger answers to that method only.
    pub(crate) fn method(method: String) -> Self {
        let message = format!("this trigger answers to {method} only");
        Self { allow: Some(method), ..Self::new(405, "MethodNotAllowed", message) }
    }
}

impl Hooks {
    /// The address of a trigger below the server's own, with its signature if it needs one, if it is
    /// for people to hand out: triggers that subscribe tell their service themselves. A relative path
    /// stands in it as the flow writes it.
    pub fn address(&self, flow: &Deployed, trigger: &Trigger) -> Option<String> {
        if let Some(connection) = self.webhook_connection(flow, trigger) {
            let subscribed = Subscribed::of(flow, trigger, &connection)?;
            if subscribed.webhook.subscription.is_some() {
                return None;
            }
            let place = Place::of(flow, trigger, Some(&subscribed));
            return Some(self.signed(&place, Addresses::path(&place), subscribed.is_signed()));
        }
        let served = Served::of(trigger).filter(|it| !it.subscribes)?;
        let place = Place::of(flow, trigger, None);
        let mut address = Addresses::path(&place);
        if let Some(path) = served.relative_path {
            address.push('/');
            address.push_str(path.as_str().trim_matches('/'));
        }
        Some(self.signed(&place, address, served.verify.is_none()))
    }

    fn signed(&self, place: &Place<'_>, path: String, is_signed: bool) -> String {
        if is_signed { format!("{path}?sig={}", self.addresses.signature(place)) } else { path }
    }

    /// Where the answer of a run is, below the server's own address, signed.
    pub fn answer_address(&self, run: &RunId) -> String {
        let place = Place::Answer(run);
        self.signed(&place, Addresses::path(&place), true)
    }

    /// Whether somebody who brings this signature was given the address of a run's answer.
    pub fn may_read_answer(&self, run: &RunId, signature: &str) -> bool {
        self.addresses.is_genuine(&Place::Answer(run), signature)
    }

    /// Finds the trigger and checks the request. Nothing is stored or started by this.
    ///
    /// # Errors
    /// With the status to answer; the message tells a stranger nothing that helps to forge.
    pub async fn accept(&self, engine: &Engine, call: &Call<'_>) -> Result<Accepted, Rejected> {
        let flows = engine.flows();
        let segments = segments(call.path).ok_or_else(Rejected::not_found)?;
        let Some(Found { flow, trigger, served, parameters }) = find(&flows, &segments) else {
            let now = engine.now();
            return self.delivery(&flows, &segments, call, now).await;
        };
        // A service that asks whether the address is ours may do so in another way than it delivers.
        if served.verify.is_none() && !served.method.eq_ignore_ascii_case(call.method) {
            return Err(Rejected::method(served.method.to_uppercase()));
        }
        let place = Place::of(flow, trigger, None);
        let target = Target { flow, place, method: served.method, verify: served.verify };
        let body = match self.checked(&target, call, engine.now()).await? {
            Checked::Handshake(answer) => return Ok(Accepted::Handshake(answer)),
            Checked::Body(body) => body,
        };
        let with_proof = trigger.has_option("IncludeAuthorizationHeadersInOutputs");
        let outputs = Arc::new(outputs(call, body, parameters, with_proof));
        let (flow, trigger) = (flow.name.clone(), trigger.name.as_str().to_owned());
        Ok(Accepted::Request(Incoming { flow, trigger, outputs, by: None }))
    }

    /// The body of a genuine request.
    async fn checked(
        &self,
        target: &Target<'_>,
        call: &Call<'_>,
        now: Timestamp,
    ) -> Result<Checked, Rejected> {
        let Target { flow, place, method, verify } = target;
        let Some(verify) = verify else {
            self.check_signature(place, call)?;
            return read_body(call).map(Checked::Body);
        };
        let unavailable = |message: String| unverifiable(&flow.name, &message);
        let connection = self
            .connections
            .of_connector(&verify.connector)
            .map_err(|failure| unavailable(failure.message))?;
        let declared = connection.connector.trigger(&verify.trigger);
        let Some(declared) = declared.and_then(webhook::webhook) else {
            let connector = &verify.connector;
            return Err(unavailable(format!("`{connector}` has no webhook `{}`", verify.trigger)));
        };
        if declared.receive.verify.is_by_address() {
            return Err(unavailable(format!("`{}` signs nothing", verify.connector)));
        }
        let of = Declared { of: &flow.name, method, connection, webhook: declared };
        if let Genuine::Handshake(answer) = self.prove(of, call, now, || Ok(())).await? {
            return Ok(Checked::Handshake(answer));
        }
        let body = read_body(call)?;
        Ok(Checked::Body(webhook::respelled(connection, declared, body)))
    }

    pub(crate) fn check_signature(
        &self,
        place: &Place<'_>,
        call: &Call<'_>,
    ) -> Result<(), Rejected> {
        let given = call.queries.get("sig").map_or("", String::as_str);
        if self.addresses.is_genuine(place, given) {
            return Ok(());
        }
        let message = "the address is not signed, or its signature is not valid";
        Err(Rejected::new(401, "DirectApiAuthorizationRequired", message))
    }
}

pub(crate) fn check_size(declared: &Webhook, call: &Call<'_>) -> Result<(), Rejected> {
    let most = declared.receive.body_bytes_max;
    if call.body.len() <= most {
        return Ok(());
    }
    let message = format!("a delivery has at most {most} bytes");
    Err(Rejected::new(413, "RequestEntityTooLarge", message))
}

/// The trigger that a request is for.
struct Target<'a> {
    flow: &'a Deployed,
    place: Place<'a>,
    method: &'a str,
    verify: Option<&'a Verify>,
}

/// What is said about a trigger that has an address.
struct Served<'a> {
    method: &'a str,
    relative_path: Option<&'a RelativePath>,
    verify: Option<&'a Verify>,
    /// Whether the flow tells the caller its address.
    subscribes: bool,
}

impl<'a> Served<'a> {
    fn of(trigger: &'a Trigger) -> Option<Self> {
        match &trigger.kind {
            TriggerKind::Request(request) => Some(Self {
                method: request.method.as_deref().unwrap_or("POST"),
                relative_path: request.relative_path.as_ref(),
                verify: request.verify.as_ref(),
                subscribes: false,
            }),
            TriggerKind::Manual(_) | TriggerKind::HttpWebhook(_) => Some(Self {
                method: "POST",
                relative_path: None,
                verify: None,
                subscribes: matches!(trigger.kind, TriggerKind::HttpWebhook(_)),
            }),
            TriggerKind::Flow(_)
            | TriggerKind::Batch(_)
            | TriggerKind::Recurrence(_)
            | TriggerKind::ApiConnection(_)
            | TriggerKind::Http(_)
            | TriggerKind::Unsupported(_) => None,
        }
    }

    /// The parameters in what stands behind the trigger's own address, if that is as it should be.
    fn parameters(&self, rest: &[String]) -> Option<Map<String, Value>> {
        match self.relative_path {
            Some(path) => path.parameters(rest),
            None => rest.is_empty().then(Map::new),
        }
    }
}

/// What an address leads to.
struct Found<'a> {
    flow: &'a Deployed,
    trigger: &'a Trigger,
    served: Served<'a>,
    /// `relativePathParameters`.
    parameters: Map<String, Value>,
}

/// The flow and trigger of a path: `flow/trigger`, with what its relative path says behind it, or
/// `flow` alone if it has one such trigger. One flow may lie in the folder of another; the longest
/// name wins.
fn find<'a>(flows: &'a BTreeMap<String, Arc<Deployed>>, segments: &[String]) -> Option<Found<'a>> {
    for split in (1..segments.len()).rev() {
        let (flow, rest) = segments.split_at(split);
        if let Some(flow) = flows.get(&flow.join("/"))
            && let Some((name, rest)) = rest.split_first()
            && let Some(trigger) = flow.plan.flow.trigger(name)
            && let Some(served) = Served::of(trigger)
            && let Some(parameters) = served.parameters(rest)
        {
            return Some(Found { flow, trigger, served, parameters });
        }
    }
    let flow = flows.get(&segments.join("/"))?;
    let triggers = flow.plan.flow.triggers.iter();
    let served = triggers.filter_map(|it| Some((it, Served::of(it)?)));
    let mut served = served.filter(|(_, it)| !it.subscribes);
    match (served.next(), served.next()) {
        (Some((trigger, served)), None) => {
            let parameters = served.parameters(&[])?;
            Some(Found { flow, trigger, served, parameters })
        }
        _ => None,
    }
}

/// The segments of an escaped path, unescaped; none if it is not UTF-8 or not escaped as it should.
fn segments(path: &str) -> Option<Vec<String>> {
    path.trim_end_matches('/').split('/').map(unescaped).collect()
}

pub(crate) fn unescaped(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let value = digit()? * 16 + digit()?;
            bytes.push(u8::try_from(value).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// JSON must be JSON; text and anything else is taken as it is.
pub(crate) fn read_body(call: &Call<'_>) -> Result<Value, Rejected> {
    let media = header(call.headers, "content-type");
    if media.is_some_and(http::is_json_type) && !call.body.is_empty() {
        return base::json::read(call.body).map_err(|error| {
            Rejected::new(400, "InvalidRequestContent", format!("the body is not JSON: {error}"))
        });
    }
    Ok(http::body_value(media, call.body))
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

/// The outputs of an action that was called back.
///
/// # Errors
/// If the body says that it is JSON and is not.
pub fn call_outputs(call: &Call<'_>) -> Result<Value, Rejected> {
    let mut outputs = outputs(call, read_body(call)?, Map::new(), false);
    outputs["statusCode"] = 200.into();
    Ok(outputs)
}

/// The headers that flows see.
pub(crate) fn visible_headers(call: &Call<'_>, with_proof: bool) -> Vec<(String, String)> {
    const HIDDEN: [&str; 3] = ["cookie", "proxy-authorization", "authorization"];
    let hidden = if with_proof { &HIDDEN[..2] } else { &HIDDEN[..] };
    let is_hidden = |name: &str| hidden.iter().any(|it| name.eq_ignore_ascii_case(it));
    call.headers.iter().filter(|(name, _)| !is_hidden(name)).cloned().collect()
}

/// `triggerOutputs()`; proofs of identity are not for flows, unless the trigger asks for them.
fn outputs(
    call: &Call<'_>,
    body: Value,
    parameters: Map<String, Value>,
    with_proof: bool,
) -> Value {
    let kept = visible_headers(call, with_proof);
    let queries = call.queries.iter().filter(|(name, _)| *name != "sig");
    let queries: Map<String, Value> =
        queries.map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    let mut outputs = json!({ "headers": http::headers_value(&kept), "queries": queries });
    if !parameters.is_empty() {
        outputs["relativePathParameters"] = parameters.into();
    }
    outputs["body"] = body;
    outputs
}
