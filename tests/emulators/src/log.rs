//! What was asked of an emulator, kept for inspection without the secrets.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::clock::seven_digits;
use crate::http::{Request, encode, form};

/// A long demo must not eat the machine's memory.
const KEPT_REQUESTS: usize = 5_000;
const KEPT_BODY_BYTES: usize = 256 * 1024;

/// Headers and form fields whose values never enter the log.
const SECRET_HEADERS: &[&str] = &["authorization", "cookie"];
const SECRET_FIELDS: &[&str] = &[
    "assertion",
    "client_assertion",
    "client_secret",
    "code",
    "code_verifier",
    "device_code",
    "password",
    "refresh_token",
    "token",
];

/// One request as it arrived, with what came of it.
#[derive(Clone, Debug)]
pub struct Logged {
    /// When it arrived, by the emulator's clock.
    pub at: Timestamp,
    /// The verb in capitals.
    pub method: String,
    /// Path and query exactly as sent.
    pub target: String,
    /// Names in lower case; the value of `authorization` is replaced.
    pub headers: BTreeMap<String, String>,
    /// The body as text; the secrets of those who sign in are replaced.
    pub body: String,
    /// The status answered; none when the connection was cut.
    pub status: Option<u16>,
    /// The scripted fault that was applied.
    pub fault: Option<String>,
}

impl Logged {
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "at": seven_digits(self.at, "Z"), "method": self.method, "target": self.target,
            "headers": self.headers, "body": self.body, "status": self.status, "fault": self.fault,
        })
    }
}

#[derive(Default)]
pub(crate) struct Log(Mutex<VecDeque<Logged>>);

impl Log {
    pub(crate) fn add(
        &self,
        at: Timestamp,
        request: &Request,
        status: Option<u16>,
        fault: Option<String>,
    ) {
        let logged = Logged {
            at,
            method: request.method.clone(),
            target: request.target.clone(),
            headers: request.headers.iter().map(|(name, value)| redact(name, value)).collect(),
            body: body(request),
            status,
            fault,
        };
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push_back(logged);
        while kept.len() > KEPT_REQUESTS {
            kept.pop_front();
        }
    }

    pub(crate) fn all(&self) -> Vec<Logged> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

fn redact(name: &str, value: &str) -> (String, String) {
    let secret = SECRET_HEADERS.contains(&name);
    (name.to_owned(), if secret { "<redacted>".to_owned() } else { value.to_owned() })
}

fn body(request: &Request) -> String {
    let kept = request.body.get(..KEPT_BODY_BYTES).unwrap_or(&request.body);
    let text = String::from_utf8_lossy(kept).into_owned();
    if request.path.starts_with("/services/Soap/") {
        // An envelope to sign in with, which is hardly more than its secrets.
        return "<redacted>".to_owned();
    }
    if !request.path.contains("/oauth2/") {
        return text;
    }
    let fields = form(&text).into_iter().map(|(name, value)| {
        let secret = SECRET_FIELDS.contains(&name.as_str());
        format!("{name}={}", if secret { "<redacted>".to_owned() } else { encode(&value) })
    });
    fields.collect::<Vec<_>>().join("&")
}
