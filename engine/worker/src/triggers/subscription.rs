//! What is kept of a subscription: enough to know it again and to take it back.

use std::sync::Arc;

use base::Timestamp;
use serde_json::{Map, Value, json};

/// A subscription at a service, as the store keeps it. Neither its inputs nor its address are among
/// what is kept, as both may hold secrets.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Subscription {
    /// Digest of everything that was asked for.
    pub asked: String,
    /// Digest of the address that the service was told.
    pub address: String,
    /// As of when its expressions are evaluated.
    pub at: Timestamp,
    /// When the service was last asked for it.
    pub renewed: Timestamp,
    /// Whether the service has agreed; if not, it may have done so unheard.
    pub confirmed: bool,
    /// What the service calls it, `{id}`, or null.
    pub state: Value,
    /// Who can take it back.
    pub maker: Maker,
}

/// The version of a flow that made a subscription.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Maker {
    /// Name of the flow.
    pub flow: String,
    /// Digest of its files.
    pub sha: String,
    /// Name of the trigger.
    pub trigger: String,
    /// Values of its parameters, without the secure ones.
    pub parameters: Arc<Map<String, Value>>,
}

impl Subscription {
    /// What the store kept, if it can be read.
    pub(crate) fn read(kept: &Value) -> Option<Self> {
        let text = |name: &str| kept.get(name)?.as_str().map(str::to_owned);
        let at = Timestamp::parse(kept.get("at")?.as_str()?)?;
        let renewed = kept.get("renewed").and_then(Value::as_str).and_then(Timestamp::parse);
        Some(Self {
            asked: text("asked")?,
            address: text("address")?,
            at,
            renewed: renewed.unwrap_or(at),
            confirmed: kept.get("confirmed") == Some(&Value::Bool(true)),
            state: kept.get("state").cloned().unwrap_or_default(),
            maker: Maker {
                flow: text("flow")?,
                sha: text("sha")?,
                trigger: text("trigger")?,
                parameters: kept.get("parameters")?.as_object()?.clone().into(),
            },
        })
    }

    /// For the store.
    pub(crate) fn to_value(&self) -> Value {
        let Maker { flow, sha, trigger, parameters } = &self.maker;
        json!({
            "asked": self.asked,
            "address": self.address,
            "at": self.at.to_string(),
            "renewed": self.renewed.to_string(),
            "confirmed": self.confirmed,
            "state": self.state,
            "flow": flow,
            "sha": sha,
            "trigger": trigger,
            "parameters": **parameters,
        })
    }
}
