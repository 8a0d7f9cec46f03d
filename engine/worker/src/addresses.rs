//! The addresses at which others call the service, and the signatures that prove that they were told.

use std::sync::{Arc, PoisonError, RwLock};

use base::{RunId, Secret, Timestamp, digest::hmac_sha256_hex, http::percent_path};
use connector::{
    Connection,
    trigger::{Cardinality, Webhook},
    webhook::webhook,
};
use flow::{Trigger, TriggerKind};

use crate::{deploy::Deployed, meant};

/// Makes addresses and knows its own again.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// The address of the service as others reach it, without a slash at its end.
    pub public_url: String,
    /// The first one signs the addresses that nothing else protects; what the others have signed is
    /// still taken for genuine. Every handle of a process has the same.
    keys: Arc<RwLock<Arc<[Secret<String>]>>>,
}

/// What an address leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    /// One trigger of one flow.
    Trigger {
        /// Name of the flow.
        flow: &'a str,
        /// Name of the trigger.
        trigger: &'a str,
    },
    /// All triggers for which a service keeps one subscription.
    Shared {
        /// Name of the connection in the environment.
        connection: &'a str,
        /// Id of the connector's trigger.
        trigger: &'a str,
    },
    /// The answer of a run.
    Answer(&'a RunId),
}

/// What stands in the place of a flow's name in an address that flows share.
pub(crate) const SHARED: &str = "-";

impl<'a> Place<'a> {
    /// Where requests to a trigger, or deliveries for it, are sent.
    pub(crate) fn of(
        flow: &'a Deployed,
        trigger: &'a Trigger,
        subscribed: Option<&Subscribed<'a>>,
    ) -> Self {
        match subscribed {
            Some(Subscribed { connection, id, webhook })
                if webhook.cardinality == Cardinality::Singleton =>
            {
                Self::Shared { connection: &connection.name, trigger: id }
            }
            Some(_) | None => Self::Trigger { flow: &flow.name, trigger: trigger.name.as_str() },
        }
    }

    fn path(&self) -> String {
        match self {
            Self::Trigger { flow, trigger } => {
                format!("/hooks/{}/{}", percent_path(flow), segment(trigger))
            }
            Self::Shared { connection, trigger } => {
                format!("/hooks/{SHARED}/{}/{}", segment(connection), segment(trigger))
            }
            Self::Answer(run) => format!("/answers/{}", segment(run.as_str())),
        }
    }

    /// What is signed; no trigger's path has a line break in it.
    fn signed(&self) -> String {
        match self {
            Self::Trigger { flow, trigger } => format!("{flow}/{trigger}"),
            Self::Shared { connection, trigger } => format!("shared\n{connection}\n{trigger}"),
            Self::Answer(run) => format!("answer\n{run}"),
        }
    }
}

impl Addresses {
    /// With a key that is the first one.
    pub fn new(public_url: &str, key: Secret<String>) -> Self {
        Self::with_keys(public_url, vec![key])
    }

    /// With several keys, of which the first one signs. There must be one.
    pub fn with_keys(public_url: &str, keys: Vec<Secret<String>>) -> Self {
        let keys = Arc::new(RwLock::new(keys.into()));
        Self { public_url: public_url.to_owned(), keys }
    }

    /// Puts other keys in the place of the present ones, for every handle.
    pub fn change_keys(&self, keys: Vec<Secret<String>>) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys.into();
    }

    fn keys(&self) -> Arc<[Secret<String>]> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What proves that this service has written a text, for a purpose and no other.
    pub fn seal(&self, purpose: &str, text: &str) -> String {
        self.sign(&format!("seal\n{purpose}\n{text}"))
    }

    /// Whether this service has written a text for that purpose.
    pub fn is_sealed(&self, purpose: &str, text: &str, seal: &str) -> bool {
        self.has_signed(&format!("seal\n{purpose}\n{text}"), seal)
    }

    fn sign(&self, text: &str) -> String {
        self.keys().first().map(|key| hmac(key, text)).unwrap_or_default()
    }

    fn has_signed(&self, text: &str, signature: &str) -> bool {
        let given = Secret::new(signature.to_owned());
        // Secrets are compared in constant time.
        self.keys().iter().any(|key| given == Secret::new(hmac(key, text)))
    }

    /// What is appended to the service's own address to get there unsigned.
    pub(crate) fn path(place: &Place<'_>) -> String {
        place.path()
    }

    /// What proves that somebody was told the address.
    pub(crate) fn signature(&self, place: &Place<'_>) -> String {
        self.sign(&place.signed())
    }

    /// Whether somebody who brings this signature was told the address.
    pub(crate) fn is_genuine(&self, place: &Place<'_>, signature: &str) -> bool {
        self.has_signed(&place.signed(), signature)
    }

    /// The address that a service is told to deliver to.
    pub(crate) fn of_deliveries(&self, place: &Place<'_>, is_signed: bool) -> String {
        let url = format!("{}{}", self.public_url, place.path());
        if is_signed { format!("{url}?sig={}", self.signature(place)) } else { url }
    }

    /// A digest that tells whether something that may hold secrets is still the same.
    pub(crate) fn digest(&self, text: &str) -> String {
        self.sign(&format!("digest\n{text}"))
    }
}

fn hmac(key: &Secret<String>, text: &str) -> String {
    hmac_sha256_hex(key.expose().as_bytes(), text.as_bytes())
}

/// The webhook of a connector that a trigger means.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subscribed<'a> {
    pub connection: &'a Connection,
    /// Id of the connector's trigger.
    pub id: &'a str,
    pub webhook: &'a Webhook,
}

impl<'a> Subscribed<'a> {
    /// What a trigger means, if that is a webhook.
    pub(crate) fn of(
        flow: &Deployed,
        trigger: &Trigger,
        connection: &'a Connection,
    ) -> Option<Self> {
        let TriggerKind::ApiConnection(on) = &trigger.kind else { return None };
        // Which trigger it is does not depend on the time.
        let event = flow.before_event(trigger, Timestamp::from_ticks(0));
        let declared = meant::declared(&event, on, &connection.connector).ok()?;
        Some(Self { connection, id: &declared.id, webhook: webhook(declared)? })
    }

    /// Whether the address is the proof of those who deliver there.
    pub(crate) const fn is_signed(&self) -> bool {
        self.webhook.receive.verify.signs_address()
    }
}

/// A name as one segment of an address.
fn segment(name: &str) -> String {
    percent_path(name).replace('/', "%2F")
}
