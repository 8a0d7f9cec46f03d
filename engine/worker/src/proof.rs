//! Whether a service's request is genuine, and what it is answered if it only asks whether the address
//! is ours.

use base::{Failure, Timestamp};
use connector::{
    Connection,
    proof::{self, Received, Verification},
    trigger::Webhook,
};
use serde_json::{Map, Value};

use crate::hooks::{Call, Hooks, Rejected, check_size};

/// What a connector says about the requests of its service.
#[derive(Clone, Copy)]
pub(crate) struct Declared<'a> {
    /// Whom the request is for, as logs name it.
    pub(crate) of: &'a str,
    /// The method of deliveries, in any case.
    pub(crate) method: &'a str,
    pub(crate) connection: &'a Connection,
    pub(crate) webhook: &'a Webhook,
}

/// What a genuine request is.
pub(crate) enum Genuine {
    /// It wants to know whether the address is ours: `{statusCode, headers, body}` says so.
    Handshake(Value),
    /// It brings something.
    Delivery,
}

/// The operator has to do something before deliveries can be believed.
pub(crate) fn unverifiable(of: &str, reason: &str) -> Rejected {
    tracing::error!(of, reason, "A delivery cannot be verified.");
    Rejected::new(503, "VerificationUnavailable", "deliveries cannot be verified at present")
}

impl Hooks {
    /// Checks a request; whether the address is signed is checked by `address`, if it has to be.
    pub(crate) async fn prove(
        &self,
        declared: Declared<'_>,
        call: &Call<'_>,
        now: Timestamp,
        address: impl FnOnce() -> Result<(), Rejected> + Send,
    ) -> Result<Genuine, Rejected> {
        let Declared { of, connection, webhook, .. } = declared;
        let delivers = declared.method.eq_ignore_ascii_case(call.method);
        let refused = || Err(Rejected::method(declared.method.to_uppercase()));
        let is_shaken = |it: &connector::trigger::Handshake| it.method == call.method;
        if !delivers && !webhook.receive.handshakes.iter().any(is_shaken) {
            return refused();
        }
        check_size(webhook, call)?;
        if webhook.receive.verify.signs_address() {
            address()?;
        }
        let url = self.url(call);
        let queries = call.queries.iter().filter(|(name, _)| *name != "sig");
        let queries: Map<String, Value> =
            queries.map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        let Call { method, headers, body, .. } = *call;
        let received = Received { method, url: &url, queries: &queries, headers, body };
        let unavailable = |failure: Failure| unverifiable(of, &failure.message);
        let shaken = |proved| proof::handshake(connection, webhook, &received, proved);
        if let Some(answer) = shaken(false).map_err(unavailable)? {
            return Ok(Genuine::Handshake(answer));
        }
        let verification = proof::verification(connection, webhook, &received);
        self.check(of, &verification.map_err(unavailable)?, call, now).await?;
        if let Some(answer) = shaken(true).map_err(unavailable)? {
            return Ok(Genuine::Handshake(answer));
        }
        if delivers { Ok(Genuine::Delivery) } else { refused() }
    }

    async fn check(
        &self,
        of: &str,
        verification: &Verification,
        call: &Call<'_>,
        now: Timestamp,
    ) -> Result<(), Rejected> {
        let delivery = http_client::Delivery { headers: call.headers, body: call.body, now };
        self.client.check(verification, &delivery).await.map_err(|rejected| {
            let (code, reason) = (rejected.code, &rejected.message);
            tracing::warn!(of, code, reason, "A delivery was refused.");
            let message = "the proof of the delivery was not accepted";
            Rejected::new(rejected.status, rejected.code, message)
        })
    }

    /// The address as the sender knows it.
    fn url(&self, call: &Call<'_>) -> String {
        let mark = if call.query.is_empty() { "" } else { "?" };
        format!("{}/hooks/{}{mark}{}", self.addresses.public_url, call.path, call.query)
    }
}
