//! The service that a trigger subscribes at: what it is asked for, and the calls that ask it.

use std::sync::Arc;

use base::{Failure, Outcome, Timestamp};
use connector::{
    Call, Connection,
    trigger::{Cardinality, Subscription as Declared, SubscriptionCall, Trigger as Declaration},
    webhook::{self, Current, Subscriber as Known},
};
use flow::{
    Trigger, TriggerKind,
    actions::http::HttpInputs,
    triggers::{api_connection::ApiConnectionTrigger, http_webhook::HttpWebhookTrigger},
};
use interp::{
    effect::{Ask, Request},
    fire::{self, Event},
};
use journal::Path;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::poll::perform;
use crate::{
    addresses::{Place, Subscribed},
    deploy::Deployed,
    engine::Inner,
    meant, random,
};

/// A trigger of a version of its flow, which may not be the present one.
#[derive(Clone, Copy)]
pub(super) struct Subscriber<'a> {
    pub inner: &'a Arc<Inner>,
    pub flow: &'a Deployed,
    pub trigger: &'a Trigger,
    /// Bounds how many ask at a time.
    pub asking: &'a Semaphore,
}

/// Where a trigger subscribes.
pub(super) enum Service<'a> {
    /// At an address that the flow names.
    Http(&'a HttpWebhookTrigger),
    /// Through a connection.
    Connector(Through<'a>),
}

/// A connector's webhook as a flow uses it.
pub(super) struct Through<'a> {
    pub on: &'a ApiConnectionTrigger,
    /// Id of the connector's trigger.
    pub id: String,
    pub connection: Arc<Connection>,
}

/// One call about a subscription.
pub(super) struct Question<'a> {
    /// The same for every attempt.
    pub key: &'a str,
    /// Where the service is to deliver.
    pub address: &'a str,
    /// What the flow wants.
    pub wishes: &'a Value,
    /// What the service calls the subscription.
    pub state: &'a Value,
}

impl<'a> Subscriber<'a> {
    pub(super) fn service(&self) -> Result<Service<'a>, Failure> {
        match &self.trigger.kind {
            TriggerKind::HttpWebhook(http) => Ok(Service::Http(http)),
            TriggerKind::ApiConnection(on) => {
                let connection =
                    self.inner.performer.connection(&self.flow.plan, &on.connection)?;
                let event = self.event(None, self.inner.now());
                let id = meant::declared(&event, on, &connection.connector)?.id.clone();
                let through = Through { on, id, connection };
                through.declared()?;
                Ok(Service::Connector(through))
            }
            TriggerKind::Request(_)
            | TriggerKind::Manual(_)
            | TriggerKind::Recurrence(_)
            | TriggerKind::Http(_)
            | TriggerKind::Flow(_)
            | TriggerKind::Batch(_)
            | TriggerKind::Unsupported(_) => {
                let message = format!("the trigger `{}` does not subscribe", self.trigger.display);
                Err(Failure::new("TriggerNotFound", message))
            }
        }
    }

    /// Where the service is to deliver.
    pub(super) fn address(&self, service: &Service<'_>) -> Result<String, Failure> {
        let addresses = self.inner.addresses.as_ref().ok_or_else(|| {
            let message = "this engine has no address that a service could be told";
            Failure::new("NoPublicAddress", message)
        })?;
        let subscribed = match service {
            Service::Http(_) => None,
            Service::Connector(through) => {
                Subscribed::of(self.flow, self.trigger, &through.connection)
            }
        };
        let place = Place::of(self.flow, self.trigger, subscribed.as_ref());
        let is_signed = subscribed.as_ref().is_none_or(Subscribed::is_signed);
        Ok(addresses.of_deliveries(&place, is_signed))
    }

    fn event<'e>(&'e self, address: Option<&'e str>, at: Timestamp) -> Event<'e> {
        Event { callback_url: address, ..self.flow.before_event(self.trigger, at) }
    }

    /// What is sent to subscribe or unsubscribe by plain HTTP.
    pub(super) fn http(
        &self,
        request: &HttpInputs,
        address: &str,
        at: Timestamp,
    ) -> Result<Value, Failure> {
        fire::http_inputs(&self.event(Some(address), at), request)
    }

    /// What the flow says about the events that it wants.
    pub(super) fn wishes(&self, through: &Through<'_>, at: Timestamp) -> Result<Value, Failure> {
        let connector = &through.connection.connector;
        Ok(meant::wanted(&self.event(None, at), through.on, connector)?.1)
    }

    pub(super) async fn ask(&self, key: &str, address: &str, request: Request) -> Outcome {
        let permit = self.asking.acquire().await;
        let ask = Ask {
            callback_url: Some(address.to_owned()),
            path: Path::run(),
            attempt: 1,
            turn: 1,
            since: self.inner.now(),
            idempotency_key: key.to_owned(),
            intent: false,
            repeated: false,
            follow: None,
            request,
        };
        let outcome = perform(self.inner, self.flow, self.trigger, ask).await;
        drop(permit);
        outcome
    }

    /// Makes one of the connector's calls.
    pub(super) async fn call(
        &self,
        through: &Through<'_>,
        what: &SubscriptionCall,
        question: &Question<'_>,
    ) -> Result<Outcome, Failure> {
        let Question { key, address, wishes, state } = question;
        let (declared, _) = through.declared()?;
        let call = Call {
            inputs: &Value::Null,
            idempotency_key: key,
            now: self.inner.now(),
            seed: random::seed(),
            link: None,
            callback_url: Some(address),
        };
        let known = Known { inputs: wishes, callback_url: address, subscription: state };
        let inputs =
            webhook::subscription_inputs(&through.connection, declared, (what, &call), &known)?;
        let request = Request::Operation {
            connection: through.on.connection.clone(),
            operation: what.operation.clone(),
            inputs: inputs.into(),
            minimum_items: None,
        };
        Ok(self.ask(key, address, request).await)
    }
}

impl Service<'_> {
    /// What is asked for is something else if this is.
    pub(super) fn name(&self) -> Value {
        match self {
            Self::Http(_) => json!("http"),
            Self::Connector(Through { on, connection, .. }) => {
                json!([connection.name, connection.origins(), on.operation])
            }
        }
    }
}

impl Through<'_> {
    /// The connector's trigger, and how to make its service deliver.
    pub(super) fn declared(&self) -> Result<(&Declaration, &Declared), Failure> {
        let connector = &self.connection.connector;
        let declared = connector.trigger(&self.id).and_then(|it| {
            let subscription = webhook::webhook(it)?.subscription.as_ref()?;
            Some((it, subscription))
        });
        declared.ok_or_else(|| {
            let message =
                format!("the trigger `{}` of `{}` does not subscribe", self.id, connector.name);
            Failure::new("TriggerNotFound", message)
        })
    }

    /// Whether the service keeps one subscription for all.
    pub(super) fn is_shared(&self) -> bool {
        let declared = self.connection.connector.trigger(&self.id);
        let webhook = declared.and_then(webhook::webhook);
        webhook.is_some_and(|it| it.cardinality == Cardinality::Singleton)
    }

    /// What the answer of `read` says; none if the service has no subscription.
    pub(super) fn current(&self, outcome: &Outcome) -> Result<Option<Current>, Failure> {
        let (_, subscription) = self.declared()?;
        webhook::current(&self.connection, subscription, outcome)
    }
}
