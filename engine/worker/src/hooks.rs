//! Requests to triggers: which flow they are for, and whether they are genuine.

use std::collections::BTreeMap;

use base::{Secret, Timestamp, digest::hmac_sha256_hex, http};
use connector::webhook::{self, Verification};
use flow::{Trigger, TriggerKind, triggers::request::Request};
use http_client::{Client, Delivery};
use serde_json::{Value, json};

use crate::{admit::Incoming, deploy::Deployed, engine::Engine, live::Connections};

/// Who tells genuine requests from others.
pub struct Hooks {
    /// Fetches certificates, and nothing else.
    pub client: Client,
    /// Connections whose connectors know how their services sign.
    pub connections: Connections,
    /// Signs the addresses of triggers that nobody else protects.
    pub key: Secret<String>,
}

/// A request to a trigger as it came in.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// What stands behind `/hooks/`.
    pub path: &'a str,
    /// Upper-case method.
    pub method: &'a str,
    /// Query parameters.
    pub queries: &'a BTreeMap<String, String>,
    /// Headers as received.
    pub headers: &'a [(String, String)],
    /// The bytes.
    pub body: &'a [u8],
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
}

impl Rejected {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }
}

impl Hooks {
    /// The address of a request trigger below the server's own, with its signature if it needs one.
    pub fn address(&self, flow: &Deployed, trigger: &Trigger) -> Option<String> {
        let TriggerKind::Request(request) = &trigger.kind else { return None };
        let path = path_of(flow, trigger);
        let address = format!("/hooks/{}", percent_path(&path));
        if request.verify.is_some() {
            return Some(address);
        }
        Some(format!("{address}?sig={}", self.signature(&path)))
    }

    fn signature(&self, path: &str) -> String {
        hmac_sha256_hex(self.key.expose().as_bytes(), path.as_bytes())
    }

    /// Finds the trigger and checks the request. Nothing is stored or started by this.
    ///
    /// # Errors
    /// With the status to answer; the message tells a stranger nothing that helps to forge.
    pub async fn accept(&self, engine: &Engine, call: &Call<'_>) -> Result<Incoming, Rejected> {
        let not_found = || Rejected::new(404, "TriggerNotFound", "there is no such trigger");
        let flows = engine.flows();
        let (flow, trigger) = find(&flows, call.path).ok_or_else(not_found)?;
        let TriggerKind::Request(request) = &trigger.kind else { return Err(not_found()) };
        let method = request.method.as_deref().unwrap_or("POST");
        if !method.eq_ignore_ascii_case(call.method) {
            let message = format!("this trigger answers to {} only", method.to_uppercase());
            return Err(Rejected::new(405, "MethodNotAllowed", message));
        }
        let target = Target { flow, path: path_of(flow, trigger), request };
        let body = self.check(&target, call, engine.now()).await?;
        let outputs = outputs(call, &body);
        Ok(Incoming { flow: flow.name.clone(), trigger: trigger.name.as_str().to_owned(), outputs })
    }

    /// The body of a genuine request.
    async fn check(
        &self,
        target: &Target<'_>,
        call: &Call<'_>,
        now: Timestamp,
    ) -> Result<Value, Rejected> {
        let Target { flow, path, request } = target;
        let Some(verify) = &request.verify else {
            let given = Secret::new(call.queries.get("sig").cloned().unwrap_or_default());
            if given != Secret::new(self.signature(path)) {
                let message = "the address is not signed, or its signature is not valid";
                return Err(Rejected::new(401, "DirectApiAuthorizationRequired", message));
            }
            return read_body(call);
        };
        let unavailable = |message: String| {
            tracing::error!(flow = flow.name, reason = message, "A delivery cannot be verified.");
            Rejected::new(
                503,
                "VerificationUnavailable",
                "deliveries cannot be verified at present",
            )
        };
        let connection = self
            .connections
            .of_connector(&verify.connector)
            .map_err(|failure| unavailable(failure.message))?;
        let declared = connection.connector.trigger(&verify.trigger);
        let Some(declared) = declared.and_then(webhook::webhook) else {
            let connector = &verify.connector;
            return Err(unavailable(format!("`{connector}` has no webhook `{}`", verify.trigger)));
        };
        let most = declared.receive.body_bytes_max;
        if most < call.body.len() {
            let message = format!("a delivery has at most {most} bytes");
            return Err(Rejected::new(413, "RequestEntityTooLarge", message));
        }
        match webhook::verification(connection, declared)
            .map_err(|failure| unavailable(failure.message))?
        {
            Verification::Certificate(signed) => {
                let delivery = Delivery { headers: call.headers, body: call.body, now };
                self.client.verify(&signed, &delivery).await.map_err(|rejected| {
                    let (code, reason) = (rejected.code, &rejected.message);
                    tracing::warn!(flow = flow.name, code, reason, "A delivery was refused.");
                    let message = "the signature of the delivery was not accepted";
                    Rejected::new(rejected.status, rejected.code, message)
                })?;
            }
            Verification::UrlSecret | Verification::None => {
                return Err(unavailable(format!("`{}` signs nothing", verify.connector)));
            }
        }
        let body = read_body(call)?;
        Ok(webhook::respelled(connection, declared, body))
    }
}

/// The trigger that a request is for.
struct Target<'a> {
    flow: &'a Deployed,
    path: String,
    request: &'a Request,
}

fn path_of(flow: &Deployed, trigger: &Trigger) -> String {
    format!("{}/{}", flow.name, trigger.name)
}

/// The flow and trigger of a path: `flow/trigger`, or `flow` alone if it has one request trigger.
fn find<'a>(
    flows: &'a BTreeMap<String, std::sync::Arc<Deployed>>,
    path: &str,
) -> Option<(&'a Deployed, &'a Trigger)> {
    let path = path.trim_end_matches('/');
    // One flow may lie in the folder of another: then the last part may be a flow, too.
    if let Some((flow, trigger)) = path.rsplit_once('/')
        && let Some(flow) = flows.get(flow)
        && let Some(trigger) = flow.plan.flow.trigger(trigger)
    {
        return Some((flow, trigger));
    }
    let flow = flows.get(path)?;
    let is_request = |it: &&Trigger| matches!(it.kind, TriggerKind::Request(_));
    let mut triggers = flow.plan.flow.triggers.iter().filter(is_request);
    match (triggers.next(), triggers.next()) {
        (Some(only), None) => Some((flow, only)),
        _ => None,
    }
}

/// JSON must be JSON; text and anything else is taken as it is.
fn read_body(call: &Call<'_>) -> Result<Value, Rejected> {
    let media = header(call.headers, "content-type");
    if media.is_some_and(http::is_json_type) && !call.body.is_empty() {
        return serde_json::from_slice(call.body).map_err(|error| {
            Rejected::new(400, "InvalidRequestContent", format!("the body is not JSON: {error}"))
        });
    }
    Ok(http::body_value(media, call.body))
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.as_str())
}

/// `triggerOutputs()`; proofs of identity are not for flows.
fn outputs(call: &Call<'_>, body: &Value) -> Value {
    const HIDDEN: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];
    let kept: Vec<(String, String)> = call
        .headers
        .iter()
        .filter(|(name, _)| !HIDDEN.iter().any(|it| name.eq_ignore_ascii_case(it)))
        .cloned()
        .collect();
    let queries = call.queries.iter().filter(|(name, _)| *name != "sig");
    let queries: serde_json::Map<String, Value> =
        queries.map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    json!({ "headers": http::headers_value(&kept), "queries": queries, "body": body })
}

fn percent_path(path: &str) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(char::from(byte));
            }
            // Writing to a text cannot fail.
            other => drop(write!(text, "%{other:02X}")),
        }
    }
    text
}
