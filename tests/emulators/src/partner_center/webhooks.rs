//! The Webhooks API: one registration per tenant, its events, its validation.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Service;
use super::notice::Notice;
use crate::clock::seven_digits;
use crate::courier::{Attempt, DeliveryState};
use crate::http::{Answer, Request};
use crate::seed::PARTNER_ID;

const EVENTS: &[&str] = &[
    "test-created",
    "referral-created",
    "referral-updated",
    "related-referral-created",
    "related-referral-updated",
    "subscription-updated",
    "usagerecords-thresholdExceeded",
    "invoice-ready",
];
const VALIDATIONS_PER_MINUTE: usize = 2;
/// What is known of a validation is forgotten after a week.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);
const MINUTE: SignedDuration = SignedDuration::from_secs(60);

/// Where notifications go and which.
#[derive(Clone, Debug)]
pub(super) struct Registration {
    pub(super) url: String,
    pub(super) ms_signature_header: bool,
    events: Vec<String>,
    subscriber_id: String,
    properties: Map<String, Value>,
    modified: Timestamp,
}

impl Registration {
    pub(super) fn wants(&self, event: &str) -> bool {
        self.events.iter().any(|it| it == event)
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "subscriberId": self.subscriber_id, "webhookUrl": self.url,
            "webhookEvents": self.events,
            "signatureTokenToMsSignatureHeader": self.ms_signature_header,
            "properties": self.properties,
            "lastModifiedTimestamp": seven_digits(self.modified, "Z"),
        })
    }

    /// Reads a body whose names may be in any case, as callers of both styles exist.
    fn read(body: &Value, modified: Timestamp) -> Result<Self, String> {
        let fields = body.as_object().ok_or("the body must be a registration")?;
        let field = |name: &str| {
            let found = fields.iter().find(|(it, _)| it.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value).filter(|it| !it.is_null())
        };
        let url = field("webhookUrl").and_then(Value::as_str).unwrap_or_default();
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        if rest.is_none_or(|it| it.is_empty() || it.starts_with('/')) {
            return Err("`webhookUrl` must be an absolute URL".to_owned());
        }
        let events = field("webhookEvents").and_then(Value::as_array);
        let events = events.filter(|it| !it.is_empty()).ok_or("`webhookEvents` is required")?;
        let mut known = Vec::new();
        for event in events {
            let name = event.as_str().unwrap_or_default();
            let found = EVENTS.iter().find(|it| it.eq_ignore_ascii_case(name));
            let found = found.ok_or_else(|| format!("the event {event} is not known"))?;
            known.push((*found).to_owned());
        }
        let ms_signature_header = match field("signatureTokenToMsSignatureHeader") {
            None => false,
            Some(Value::Bool(value)) => *value,
            Some(_) => {
                return Err("`signatureTokenToMsSignatureHeader` must be a boolean".to_owned());
            }
        };
        Ok(Self {
            url: url.to_owned(),
            ms_signature_header,
            events: known,
            subscriber_id: PARTNER_ID.to_owned(),
            properties: field("properties").cloned().map(crate::seed::object).unwrap_or_default(),
            modified,
        })
    }
}

impl Service {
    pub(super) fn webhooks(&self, request: &Request, rest: &str) -> Answer {
        let rest = rest.trim_end_matches('/');
        match (request.method.as_str(), rest) {
            ("GET", "/events") => Answer::json(200, &json!(EVENTS)),
            ("GET", "") => match &self.lock().registration {
                Some(registration) => Answer::json(200, &registration.to_json()),
                None => refused(404, "there is no registration"),
            },
            ("POST" | "PUT", "") => self.register(request),
            ("POST", "/validationEvents") => self.validate(),
            ("GET", _) => match rest.strip_prefix("/validationEvents/") {
                Some(id) => self.validation(id),
                None => refused(404, "there is no such resource"),
            },
            (_, "" | "/events" | "/validationEvents") => refused(405, "the method is not allowed"),
            _ => refused(404, "there is no such resource"),
        }
    }

    fn register(&self, request: &Request) -> Answer {
        let mut state = self.lock();
        match (request.method.as_str(), &state.registration) {
            ("POST", Some(_)) => return refused(409, "a registration exists; use the PUT method"),
            ("PUT", None) => return refused(404, "there is no registration to update"),
            _ => {}
        }
        let read = request.json().and_then(|body| Registration::read(&body, self.clock.now()));
        match read {
            Err(message) => refused(400, &message),
            Ok(registration) => {
                let shown = registration.to_json();
                state.registration = Some(registration);
                Answer::json(200, &shown)
            }
        }
    }

    fn validate(&self) -> Answer {
        let mut state = self.lock();
        let Some(registration) = state.registration.clone() else {
            return refused(404, "there is no registration");
        };
        if !registration.wants("test-created") {
            return refused(400, "the registration does not list `test-created`");
        }
        let now = self.clock.now();
        state.validated.retain(|it| it.duration_until(now) < MINUTE);
        if let Some(oldest) = state.validated.front()
            && state.validated.len() >= VALIDATIONS_PER_MINUTE
        {
            let left = MINUTE.saturating_sub(oldest.duration_until(now));
            let seconds = left.as_secs() + i64::from(left.subsec_nanos() > 0);
            return refused(429, "at most two validations a minute")
                .with("retry-after", &seconds.to_string());
        }
        state.validated.push_back(now);
        let id = Uuid::new_v4().to_string();
        let notice = Notice {
            event: "test-created",
            resource_name: "test",
            resource_uri: &format!(
                "http://api.partnercenter.microsoft.com/webhooks/v1/registration/validationEvents/{id}"
            ),
            resource_id: &id,
            changed: self.clock.tick(),
        };
        let index = self.send(&notice, &registration);
        state.validations.insert(id.clone(), (index, now));
        Answer::json(200, &json!({ "correlationId": id }))
    }

    fn validation(&self, id: &str) -> Answer {
        let now = self.clock.now();
        let found = self.lock().validations.get(id).copied();
        let index = found.filter(|(_, at)| at.duration_until(now) < KEPT).map(|(index, _)| index);
        let Some(delivery) = index.and_then(|index| self.courier.get(index)) else {
            return refused(404, "there is no such validation event");
        };
        let done = delivery.state != DeliveryState::Waiting;
        let results: Vec<Value> = delivery.attempts.iter().map(result).collect();
        let body = json!({
            "correlationId": id, "partnerId": PARTNER_ID,
            "status": if done { "completed" } else { "pending" },
            "callbackUrl": delivery.url, "results": results,
        });
        Answer::json(200, &body)
    }
}

/// One attempt as the Webhooks API reports it: the name of the status without spaces.
fn result(attempt: &Attempt) -> Value {
    let status = attempt.status.and_then(|it| reqwest::StatusCode::from_u16(it).ok());
    let code = status.and_then(|it| it.canonical_reason()).unwrap_or("Unknown");
    json!({
        "responseCode": code.replace(' ', ""),
        "responseMessage": attempt.error.clone().unwrap_or_default(),
        "systemError": attempt.status.is_none(),
        "dateTimeUtc": seven_digits(attempt.at, ""),
    })
}

/// The error shape of the older Partner Center family.
pub(super) fn refused(status: u16, description: &str) -> Answer {
    Answer::json(
        status,
        &json!({
            "code": status.to_string(), "description": description, "data": [], "source": "PartnerFD",
        }),
    )
}
