//! Logins of people: a code that the browser carries back, or one that is typed in elsewhere.

use std::collections::BTreeMap;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{Directory, opaque, refused};
use crate::http::{Answer, Request, encode, form};

const CODE_LIFE: SignedDuration = SignedDuration::from_mins(10);
const DEVICE_LIFE: SignedDuration = SignedDuration::from_mins(15);
const INTERVAL_SECONDS: u32 = 1;
const KEPT_MAX: usize = 1_000;

/// What is waiting for somebody to come back.
#[derive(Default)]
pub(super) struct Logins {
    codes: BTreeMap<String, Code>,
    devices: BTreeMap<String, Device>,
}

/// A code that a browser carries, with the challenge it must answer to.
struct Code {
    challenge: Option<String>,
    redirect: String,
    until: Timestamp,
}

/// A device that asks until somebody has typed in its code.
struct Device {
    typed: String,
    agreed: bool,
    until: Timestamp,
}

impl Directory {
    /// Sends the browser straight back with a code, as when the user has long agreed.
    pub(super) fn authorize(&self, request: &Request) -> Answer {
        let fields: BTreeMap<String, String> = request.parameters().into_iter().collect();
        let given = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
        if given("client_id") != self.credentials.client_id {
            return refused(400, "unauthorized_client", "AADSTS700016: application not found");
        }
        let redirect = given("redirect_uri");
        if given("response_type") != "code" || !redirect.starts_with("http") {
            let text = "AADSTS900144: `response_type=code` and `redirect_uri` are required";
            return refused(400, "invalid_request", text);
        }
        if fields.contains_key("code_challenge") && given("code_challenge_method") != "S256" {
            return refused(400, "invalid_request", "AADSTS501481: only S256 is supported");
        }
        let code = opaque();
        let kept = Code {
            challenge: fields.get("code_challenge").cloned(),
            redirect: redirect.to_owned(),
            until: self.after(CODE_LIFE),
        };
        let joint = if redirect.contains('?') { '&' } else { '?' };
        let location = format!("{redirect}{joint}code={code}&state={}", encode(given("state")));
        let mut state = self.lock();
        if state.logins.codes.len() < KEPT_MAX {
            state.logins.codes.insert(code, kept);
        }
        Answer::empty(302).with("location", &location)
    }

    pub(super) fn check_code(&self, fields: &BTreeMap<String, String>) -> Result<(), Answer> {
        let given = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
        // A code is good for one use, whether that succeeds or not.
        let code = self.lock().logins.codes.remove(given("code"));
        let code = code.filter(|it| it.until > self.clock.now());
        let wrong = |text| refused(400, "invalid_grant", text);
        let code =
            code.ok_or_else(|| wrong("AADSTS70008: the code is not known or has expired"))?;
        if code.redirect != given("redirect_uri") {
            return Err(wrong("AADSTS500112: the reply address does not match"));
        }
        let hashed = digest::digest(&digest::SHA256, given("code_verifier").as_bytes());
        let answers = code.challenge.is_none_or(|it| it == URL_SAFE_NO_PAD.encode(hashed.as_ref()));
        if answers { Ok(()) } else { Err(wrong("AADSTS501481: the code verifier does not match")) }
    }

    /// A code for a device, and one to be typed in by a person.
    pub(super) fn device_code(&self, request: &Request, origin: &str) -> Answer {
        let fields: BTreeMap<String, String> =
            form(&String::from_utf8_lossy(&request.body)).into_iter().collect();
        if fields.get("client_id") != Some(&self.credentials.client_id) {
            return refused(400, "unauthorized_client", "AADSTS700016: application not found");
        }
        let code = opaque();
        let typed = opaque().get(..9).unwrap_or_default().to_ascii_uppercase();
        let device = Device { typed: typed.clone(), agreed: false, until: self.after(DEVICE_LIFE) };
        let mut state = self.lock();
        let now = self.clock.now();
        state.logins.devices.retain(|_, it| it.until > now);
        if state.logins.devices.len() < KEPT_MAX {
            state.logins.devices.insert(code.clone(), device);
        }
        let page = format!("{origin}/devicelogin");
        let body = json!({
            "device_code": code, "user_code": typed, "verification_uri": page,
            "expires_in": DEVICE_LIFE.as_secs(), "interval": INTERVAL_SECONDS,
            "message": format!("To sign in, open {page}?code={typed}"),
        });
        Answer::json(200, &body)
    }

    /// The page a person opens: typing in the code is all there is to agreeing.
    pub(super) fn agree(&self, request: &Request) -> Answer {
        let typed = request.parameters().into_iter().find(|(name, _)| name == "code");
        let typed = typed.map(|(_, it)| it.to_ascii_uppercase()).unwrap_or_default();
        let now = self.clock.now();
        let mut state = self.lock();
        let mut waiting = state.logins.devices.values_mut();
        let device = waiting.find(|it| it.typed == typed && it.until > now);
        let (status, text) = match device {
            Some(device) => {
                device.agreed = true;
                (200, "You have signed in. You may close this page.")
            }
            None => (404, "Add ?code= and the code that your device shows to this address."),
        };
        Answer { status, ..Answer::bytes("text/plain; charset=utf-8", text.into()) }
    }

    pub(super) fn check_device(&self, code: &str) -> Result<(), Answer> {
        let now = self.clock.now();
        let mut state = self.lock();
        let wrong = |error, text| refused(400, error, text);
        let Some(device) = state.logins.devices.get(code) else {
            return Err(wrong(
                "bad_verification_code",
                "AADSTS70019: the device code is not known",
            ));
        };
        if device.until <= now {
            return Err(wrong("expired_token", "AADSTS70020: the device code has expired"));
        }
        if !device.agreed {
            let text = "AADSTS70016: the user has not signed in yet";
            return Err(wrong("authorization_pending", text));
        }
        state.logins.devices.remove(code);
        Ok(())
    }

    fn after(&self, life: SignedDuration) -> Timestamp {
        self.clock.now().saturating_add(life).unwrap_or(Timestamp::MAX)
    }
}
