//! Deliveries of services that triggers subscribe at: whose they are, and what they say.

use std::{collections::BTreeMap, sync::Arc};

use base::Timestamp;
use connector::{Connection, trigger::Cardinality, webhook};
use flow::{Trigger, TriggerKind, triggers::api_connection::ApiConnectionTrigger};

use crate::{
    addresses::{Place, SHARED, Subscribed},
    admit::Incoming,
    deploy::Deployed,
    hooks::{Accepted, Call, Hooks, Rejected, read_body, visible_headers},
    meant,
    proof::{Declared, Genuine},
};

/// What a service has delivered.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The status that the service is answered once everything is durable.
    pub status: u16,
    /// What the flows that want it are given.
    pub events: Vec<Delivered>,
}

/// An event that a service has delivered for one flow.
#[derive(Clone, Debug)]
pub struct Delivered {
    /// The event.
    pub event: Incoming,
    /// By what it is known if the flow does not say.
    pub key: Option<String>,
}

type Flows = BTreeMap<String, Arc<Deployed>>;

/// A trigger for which a service delivers.
struct Subscriber<'a> {
    flow: &'a Deployed,
    trigger: &'a Trigger,
    on: &'a ApiConnectionTrigger,
    connection: Arc<Connection>,
}

impl Hooks {
    /// The connection of a trigger whose service delivers.
    pub(crate) fn webhook_connection(
        &self,
        flow: &Deployed,
        trigger: &Trigger,
    ) -> Option<Arc<Connection>> {
        let TriggerKind::ApiConnection(on) = &trigger.kind else { return None };
        let connection = self.connections.of_flow(&flow.plan.flow, &on.connection).ok()?;
        Subscribed::of(flow, trigger, connection).map(|_| Arc::clone(connection))
    }

    /// What a service has delivered to this address, if it is genuine.
    pub(crate) async fn delivery(
        &self,
        flows: &Flows,
        segments: &[String],
        call: &Call<'_>,
        now: Timestamp,
    ) -> Result<Accepted, Rejected> {
        let subscribers = self.subscribers(flows, segments);
        let first = subscribers.first().ok_or_else(Rejected::not_found)?;
        let subscribed = first.subscribed().ok_or_else(Rejected::not_found)?;
        let declared = Declared {
            of: &first.flow.name,
            method: "POST",
            connection: &first.connection,
            webhook: subscribed.webhook,
        };
        let place = Place::of(first.flow, first.trigger, Some(&subscribed));
        let address = || self.check_signature(&place, call);
        if let Genuine::Handshake(answer) = self.prove(declared, call, now, address).await? {
            return Ok(Accepted::Handshake(answer));
        }
        // What says that it is JSON has to be.
        read_body(call)?;
        let read = subscribers.iter().map(|it| it.read(call, now));
        let (events, refused): (Vec<_>, Vec<_>) = read.partition(Result::is_ok);
        // A flow that cannot take it does not keep it from the others.
        if events.is_empty()
            && let Some(Err(rejected)) = refused.into_iter().next()
        {
            return Err(rejected);
        }
        let events = events.into_iter().flatten().flatten().collect();
        Ok(Accepted::Delivery(Delivery { status: subscribed.webhook.receive.status, events }))
    }

    /// The triggers that an address was made for: one, or all that share a subscription.
    fn subscribers<'a>(&self, flows: &'a Flows, segments: &[String]) -> Vec<Subscriber<'a>> {
        let [flow @ .., name] = segments else { return Vec::new() };
        if let Some(flow) = flows.get(&flow.join("/"))
            && let Some(found) = flow.plan.flow.trigger(name).and_then(|it| self.of(flow, it))
            && !found.subscribed().is_some_and(|it| is_shared(&it))
        {
            return vec![found];
        }
        let [shared, connection, name] = segments else { return Vec::new() };
        if shared != SHARED {
            return Vec::new();
        }
        let triggers = flows.values().flat_map(|flow| {
            let triggers = flow.plan.flow.triggers.iter();
            triggers.filter_map(|trigger| self.of(flow, trigger))
        });
        let is_it = |it: &Subscriber<'_>| {
            it.connection.name == *connection
                && it.subscribed().is_some_and(|it| is_shared(&it) && it.id == name)
        };
        triggers.filter(is_it).collect()
    }

    fn of<'a>(&self, flow: &'a Deployed, trigger: &'a Trigger) -> Option<Subscriber<'a>> {
        let TriggerKind::ApiConnection(on) = &trigger.kind else { return None };
        let connection = self.webhook_connection(flow, trigger)?;
        Some(Subscriber { flow, trigger, on, connection })
    }
}

/// Whether a service keeps one subscription for all flows of a connection.
fn is_shared(subscribed: &Subscribed<'_>) -> bool {
    subscribed.webhook.cardinality == Cardinality::Singleton
}

impl Subscriber<'_> {
    fn subscribed(&self) -> Option<Subscribed<'_>> {
        Subscribed::of(self.flow, self.trigger, &self.connection)
    }

    /// The event as the flow sees it, if the flow wants it.
    fn read(&self, call: &Call<'_>, now: Timestamp) -> Result<Option<Delivered>, Rejected> {
        let (flow, trigger) = (&self.flow.name, self.trigger.name.as_str());
        let event = self.flow.before_event(self.trigger, now);
        let wanted = meant::wanted(&event, self.on, &self.connection.connector);
        let (declared, given) = wanted.map_err(|failure| {
            let reason = failure.message;
            tracing::error!(flow, trigger, reason, "What a trigger wants cannot be evaluated.");
            Rejected::new(503, "TriggerUnavailable", "deliveries cannot be taken in at present")
        })?;
        let with_proof = self.trigger.has_option("IncludeAuthorizationHeadersInOutputs");
        let headers = visible_headers(call, with_proof);
        let found = webhook::receive(&self.connection, declared, &given, &headers, call.body);
        let found = found.map_err(|failure| {
            let reason = failure.message;
            tracing::warn!(flow, trigger, reason, "A delivery could not be read.");
            Rejected::new(400, "InvalidRequestContent", "the delivery is not as it should be")
        })?;
        let event = Incoming {
            flow: flow.clone(),
            trigger: trigger.to_owned(),
            outputs: Arc::new(found.outputs),
            by: None,
        };
        Ok(found.wanted.then_some(Delivered { event, key: found.dedupe_key }))
    }
}
