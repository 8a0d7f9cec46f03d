//! Tokens as they are kept from one process to the next.

use base::{Secret, Timestamp};
use serde_json::{Map, Value, json};

use super::Token;

/// What is kept of a token.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Whose it is, see [`super::identity`].
    pub identity: String,
    /// The refresh token, if there is one.
    pub refresh: Option<Secret<String>>,
    /// The token itself and when it ends, if nothing could replace it.
    pub access: Option<(Secret<String>, Timestamp)>,
    /// What else the service said.
    fields: Map<String, Value>,
}

impl Stored {
    /// What to keep of a token: what can replace it, or the token if nothing can.
    pub fn new(
        identity: &str,
        token: &Token,
        refresh: Option<&Secret<String>>,
        until: Timestamp,
    ) -> Self {
        let access = refresh.is_none().then(|| (token.access.clone(), until));
        Self {
            identity: identity.to_owned(),
            refresh: refresh.cloned(),
            access,
            fields: token.fields.clone(),
        }
    }

    /// The token, if it was kept and is good for a while.
    pub fn token(&self, now: Timestamp) -> Option<(Token, Timestamp)> {
        let (access, until) = self.access.clone().filter(|(_, until)| now < *until)?;
        let fields = self.fields.clone();
        Some((Token { access, refresh: None, lifetime: None, fields }, until))
    }

    /// As text, which is a secret.
    pub fn to_text(&self) -> Secret<String> {
        let exposed = |it: &Secret<String>| Value::from(it.expose().as_str());
        let text = json!({
            "identity": self.identity,
            "refresh": self.refresh.as_ref().map(exposed),
            "access": self.access.as_ref().map(|(access, _)| exposed(access)),
            "until": self.access.as_ref().map(|(_, until)| until.to_string()),
            "fields": self.fields,
        });
        Secret::new(text.to_string())
    }

    /// From such a text; `None` if it is none.
    pub fn from_text(text: &Secret<String>) -> Option<Self> {
        let value: Value = serde_json::from_str(text.expose()).ok()?;
        let text = |name: &str| value.get(name).and_then(Value::as_str);
        let secret = |name: &str| text(name).map(|it| Secret::new(it.to_owned()));
        let until = text("until").and_then(Timestamp::parse);
        Some(Self {
            identity: text("identity")?.to_owned(),
            refresh: secret("refresh"),
            access: secret("access").zip(until),
            fields: value.get("fields").and_then(Value::as_object).cloned().unwrap_or_default(),
        })
    }
}
