//! What flows want of a service, and whether the service has it.

use std::sync::Arc;

use base::{Duration, ErrorClass, Failure, Outcome, Timestamp};
use connector::webhook;
use serde_json::{Value, json};

use super::{
    service::{Question, Service, Subscriber, Through},
    subscription::{Maker, Subscription},
    task::Member,
};

/// No service is looked at more often.
const LOOK_MIN: Duration = Duration::seconds(1);

/// What the service has now, compared with what is wanted.
pub(super) enum Found {
    /// The same, under the name that it gives it, if it tells.
    Same(Value),
    Nothing,
    /// Ours, but not as it should be.
    Other,
    /// Somebody else's.
    Foreign,
}

/// What the flows want of a service.
pub(super) struct Wanted<'a> {
    pub subscriber: Subscriber<'a>,
    pub service: Service<'a>,
    pub address: String,
    /// The request of plain HTTP, or what the flows say about the events.
    pub inputs: Value,
    pub asked: String,
    pub at: Timestamp,
}

impl Wanted<'_> {
    pub(super) fn question<'q>(&'q self, key: &'q str, state: &'q Value) -> Question<'q> {
        Question { key, address: &self.address, wishes: &self.inputs, state }
    }

    /// By what a service may know a repeated call.
    pub(super) fn key(&self, what: &str, at: Timestamp) -> String {
        let (flow, trigger) = (&self.subscriber.flow.name, &self.subscriber.trigger.name);
        format!("{flow}/{trigger}/{at}/{what}")
    }

    pub(super) fn subscription(&self, now: Timestamp) -> Subscription {
        let Subscriber { inner, flow, trigger, .. } = self.subscriber;
        let digest = |text: &str| inner.addresses.as_ref().map(|it| it.digest(text));
        Subscription {
            asked: self.asked.clone(),
            address: digest(&self.address).unwrap_or_default(),
            at: self.at,
            renewed: now,
            confirmed: false,
            state: Value::Null,
            maker: Maker {
                flow: flow.name.clone(),
                sha: flow.sha.clone(),
                trigger: trigger.name.as_str().to_owned(),
                parameters: Arc::clone(&flow.parameters),
            },
        }
    }
}

/// What the flows want, evaluated as of some time.
pub(super) fn wanted<'a>(
    subscriber: Subscriber<'a>,
    members: &[Member],
    at: Timestamp,
) -> Result<Wanted<'a>, Failure> {
    let service = subscriber.service()?;
    let address = subscriber.address(&service)?;
    let inputs = match &service {
        Service::Http(http) => subscriber.http(&http.subscribe, &address, at)?,
        Service::Connector(through) if members.is_empty() => subscriber.wishes(through, at)?,
        Service::Connector(through) => {
            let mut all = Vec::new();
            for (flow, index) in members {
                let trigger = &flow.plan.flow.triggers[*index];
                let of_member = Subscriber { flow, trigger, ..subscriber };
                if let flow::TriggerKind::ApiConnection(on) = &trigger.kind {
                    let (id, connection) = (through.id.clone(), Arc::clone(&through.connection));
                    all.push(of_member.wishes(&Through { on, id, connection }, at)?);
                }
            }
            webhook::union(through.declared()?.0, &all)?
        }
    };
    let addresses = subscriber.inner.addresses.as_ref();
    let everything = json!([service.name(), address, inputs]).to_string();
    let asked = addresses.map(|it| it.digest(&everything)).unwrap_or_default();
    Ok(Wanted { subscriber, service, address, inputs, asked, at })
}

/// What the service has, asked if it can be, else as far as it is known.
pub(super) async fn find(
    wanted: &Wanted<'_>,
    kept: Option<&Subscription>,
    same: bool,
) -> Result<Found, Failure> {
    let known = match kept {
        Some(_) if !same => Found::Other,
        Some(kept) if kept.confirmed => Found::Same(Value::Null),
        None | Some(_) => Found::Nothing,
    };
    let Service::Connector(through) = &wanted.service else { return Ok(known) };
    let (_, subscription) = through.declared()?;
    let Some(read) = &subscription.read else { return Ok(known) };
    if !through.is_shared() && kept.is_none_or(|it| !it.confirmed) {
        return Ok(known);
    }
    let state = kept.map_or(Value::Null, |it| it.state.clone());
    let key = wanted.key("read", wanted.subscriber.inner.now());
    let outcome = wanted.subscriber.call(through, read, &wanted.question(&key, &state)).await?;
    match &outcome.failure {
        Some(failure) if failure.class == Some(ErrorClass::NotFound) => return Ok(Found::Nothing),
        Some(failure) => return Err(failure.clone()),
        None => {}
    }
    let found = compare(wanted, through, kept, &outcome)?;
    // What was asked for otherwise may look the same.
    let other = kept.is_some() && !same;
    Ok(if other && matches!(found, Found::Same(_)) { Found::Other } else { found })
}

fn compare(
    wanted: &Wanted<'_>,
    through: &Through<'_>,
    kept: Option<&Subscription>,
    outcome: &Outcome,
) -> Result<Found, Failure> {
    let (declared, subscription) = through.declared()?;
    let state = subscription.read.as_ref().map_or(Ok(Value::Null), |read| {
        webhook::subscription_state(&through.connection, read, outcome)
    })?;
    if subscription.current_url.is_none() {
        return Ok(Found::Same(state));
    }
    let Some(current) = through.current(outcome)? else { return Ok(Found::Nothing) };
    let digest = wanted.subscriber.inner.addresses.as_ref().map(|it| it.digest(&current.url));
    if current.url == wanted.address {
        let same = webhook::delivers(declared, subscription, &wanted.inputs, &current)?;
        return Ok(if same { Found::Same(state) } else { Found::Other });
    }
    // An address that the service was told when it had another one.
    let is_ours = kept.is_some_and(|it| Some(&it.address) == digest.as_ref());
    Ok(if is_ours { Found::Other } else { Found::Foreign })
}

pub(super) fn may_replace(wanted: &Wanted<'_>) -> Result<(), Failure> {
    let Service::Connector(through) = &wanted.service else { return Ok(()) };
    let (declared, subscription) = through.declared()?;
    if webhook::may_replace(&through.connection, declared, subscription, &wanted.inputs)? {
        return Ok(());
    }
    let message = "the service delivers to somebody else, and the flow does not say that this may be \
                   replaced";
    Err(Failure::new("ForeignSubscription", message))
}

/// Whether a subscription has to be renewed.
pub(super) fn is_old(wanted: &Wanted<'_>, kept: &Subscription, now: Timestamp) -> bool {
    let Service::Connector(through) = &wanted.service else { return false };
    let every = through.declared().ok().and_then(|(_, it)| it.renew_every);
    every.is_some_and(|every| kept.confirmed && kept.renewed.after(every.max(LOOK_MIN)) <= now)
}

/// How long a subscription is left alone.
pub(super) fn pause(service: &Service<'_>) -> Option<Duration> {
    let Service::Connector(through) = service else { return None };
    let (_, subscription) = through.declared().ok()?;
    let look = subscription.reconcile_every.filter(|_| subscription.read.is_some());
    let all = [look, subscription.renew_every];
    all.into_iter().flatten().min().map(|it| it.max(LOOK_MIN))
}
