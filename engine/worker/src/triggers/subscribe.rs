//! Keeps what a service delivers in line with what the flows want.
//!
//! That a service will be asked is written down first, and what it answered as soon as it has: whoever
//! comes after a crash knows that there may be a subscription, and asks again under the same key.

use std::sync::Arc;

use base::{Duration, ErrorClass, Failure, Outcome, Timestamp, limits::CURSOR_BYTES_MAX};
use connector::webhook;
use interp::effect::Request;
use journal::{StoreError, TriggerState, codec};
use serde_json::{Value, json};
use tokio::{sync::watch, time::sleep};

use super::{
    progress::Progress,
    service::{Question, Service, Subscriber},
    subscription::{Maker, Subscription},
    task::{Halt, Member, Task},
    wanted::{Found, Wanted, find, is_old, may_replace, pause, wanted},
};
use crate::{deploy::Deployed, engine::Inner};

/// Before the second attempt; each further pause is twice as long.
const BACK_OFF: Duration = Duration::seconds(1);
/// No pause is longer.
const BACK_OFF_MAX: Duration = Duration::seconds(900);
/// A call that is under way when the flows change may take so long: what is cut off may have
/// worked, and has to be repeated.
const GRACE: std::time::Duration = std::time::Duration::from_secs(5);

/// What keeps a service and the flows from agreeing.
enum Trouble {
    Failed(Failure),
    Halt(Halt),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl Task {
    pub(super) fn take_up_subscription(&self, kept: Option<&TriggerState>) -> Progress {
        let known = kept.map(|it| Progress::read(&it.state)).unwrap_or_default();
        let members = self.members.iter().map(|(flow, index)| {
            let trigger = &flow.plan.flow.triggers[*index].name;
            json!({ "flow": flow.name, "trigger": trigger.as_str() })
        });
        let members: Vec<Value> = members.collect();
        Progress {
            source: super::source_name(self.trigger()),
            deployed: if kept.is_some() { known.deployed } else { self.inner.now() },
            subscription: known.subscription,
            members: if members.is_empty() { Value::Null } else { members.into() },
            error: known.error,
            ..Progress::default()
        }
    }

    /// Subscribes, or looks whether the subscription is still there.
    pub(super) async fn subscribe(
        &mut self,
        now: Timestamp,
        ended: &mut watch::Receiver<bool>,
    ) -> Result<(), Halt> {
        let done = tokio::select! {
            done = self.reconcile(now) => done,
            () = late(ended) => return Err(Halt::Ended),
        };
        self.conclude(done, now).await
    }

    /// Takes back what a trigger that is gone has asked for.
    pub(super) async fn end_subscription(
        &mut self,
        now: Timestamp,
        ended: &mut watch::Receiver<bool>,
    ) -> Result<(), Halt> {
        let done = tokio::select! {
            done = self.take_back() => done.map(|()| None),
            () = late(ended) => return Err(Halt::Ended),
        };
        self.conclude(done, now).await
    }

    /// Takes back what the trigger asked for when it was of another kind; once at a time, so that
    /// it does not stand in the way of what the trigger is now.
    pub(super) async fn end_former_subscription(
        &mut self,
        ended: &mut watch::Receiver<bool>,
    ) -> Result<(), Halt> {
        if self.progress.subscription.is_none() || self.is_subscription() {
            return Ok(());
        }
        let done = tokio::select! {
            done = self.take_back() => done,
            () = late(ended) => return Err(Halt::Ended),
        };
        match done {
            Ok(()) => Ok(()),
            Err(Trouble::Halt(halt)) => Err(halt),
            Err(Trouble::Failed(failure)) => {
                self.warn(&self.without_address(failure));
                Ok(())
            }
        }
    }

    async fn conclude(
        &mut self,
        done: Result<Option<Timestamp>, Trouble>,
        now: Timestamp,
    ) -> Result<(), Halt> {
        let mut progress = self.progress.clone();
        match done {
            Ok(next) => {
                (progress.retries, progress.error) = (0, None);
                self.save(Vec::new(), (progress, next)).await
            }
            Err(Trouble::Halt(halt)) => Err(halt),
            Err(Trouble::Failed(failure)) => {
                let failure = self.without_address(failure);
                let none = self.failed(&mut progress, &failure, now);
                let doubled = i64::from(1_u32 << progress.retries.min(16));
                let pause = Duration::from_ticks(BACK_OFF.ticks().saturating_mul(doubled));
                let pause = pause.min(BACK_OFF_MAX).max(failure.retry_after.unwrap_or_default());
                progress.retries += 1;
                self.save(none, (progress, Some(now.after(pause)))).await
            }
        }
    }

    /// When to look again.
    async fn reconcile(&mut self, now: Timestamp) -> Result<Option<Timestamp>, Trouble> {
        // What is borrowed from is not what is changed.
        let (inner, flow) = (Arc::clone(&self.inner), Arc::clone(&self.flow));
        let (asking, members) = (Arc::clone(&self.polls), self.members.clone());
        let trigger = &flow.plan.flow.triggers[self.index()];
        let subscriber = Subscriber { inner: &inner, flow: &flow, trigger, asking: &asking };
        let kept = self.progress.subscription.clone();
        let wanted = wanted(subscriber, &members, kept.as_ref().map_or(now, |it| it.at))?;
        let same = kept.as_ref().is_some_and(|it| it.asked == wanted.asked);
        let found = find(&wanted, kept.as_ref(), same).await?;
        // What is asked for anew is asked for as of now, under a key of its own.
        let anew = || self::wanted(subscriber, &members, now);
        let is_pending = kept.as_ref().is_some_and(|it| same && !it.confirmed);
        match found {
            Found::Same(_) if kept.as_ref().is_some_and(|it| is_old(&wanted, it, now)) => {
                self.change(&anew()?, now).await?;
            }
            Found::Same(state) => self.confirm(&wanted, state, now).await?,
            Found::Nothing if is_pending => self.create(&wanted, now).await?,
            Found::Nothing => self.create(&anew()?, now).await?,
            Found::Other => self.change(&anew()?, now).await?,
            Found::Foreign => {
                may_replace(&wanted)?;
                self.change(&anew()?, now).await?;
            }
        }
        Ok(pause(&wanted.service).map(|pause| now.after(pause)))
    }

    /// Makes a subscription.
    async fn create(&mut self, wanted: &Wanted<'_>, now: Timestamp) -> Result<(), Trouble> {
        let pending = wanted.subscription(now);
        let again =
            self.progress.subscription.as_ref().is_some_and(|it| {
                !it.confirmed && (&it.asked, it.at) == (&pending.asked, pending.at)
            });
        if again {
            let (flow, trigger) = (&self.flow.name, &self.trigger().display);
            let message = "It is not known whether a service has agreed; it is asked once more.";
            tracing::warn!(flow, trigger, message);
        } else {
            self.keep(Some(pending.clone())).await?;
        }
        let key = wanted.key("subscribe", wanted.at);
        let outcome = match &wanted.service {
            Service::Http(_) => {
                let request = Request::Http { inputs: wanted.inputs.clone().into() };
                wanted.subscriber.ask(&key, &wanted.address, request).await
            }
            Service::Connector(through) => {
                let (_, subscription) = through.declared()?;
                let Some(create) = &subscription.create else {
                    let message = "the connector does not say how to subscribe";
                    return Err(Failure::new("SubscriptionNotSupported", message).into());
                };
                let question = wanted.question(&key, &Value::Null);
                wanted.subscriber.call(through, create, &question).await?
            }
        };
        match &outcome.failure {
            // What was asked for twice is there once.
            Some(failure) if again && is_there(failure) => {}
            Some(failure) => {
                if is_refusal(failure) {
                    self.keep(None).await?;
                }
                return Err(failure.clone().into());
            }
            None => {}
        }
        let state = self.named(&wanted.service, &outcome);
        self.keep(Some(Subscription { confirmed: true, state, ..pending })).await
    }

    /// What the service calls the subscription. One whose name cannot be read is there all the same.
    fn named(&self, service: &Service<'_>, outcome: &Outcome) -> Value {
        let Service::Connector(through) = service else { return Value::Null };
        let named = through.declared().and_then(|(_, subscription)| match &subscription.create {
            Some(create) if outcome.failure.is_none() => {
                webhook::subscription_state(&through.connection, create, outcome)
            }
            Some(_) | None => Ok(Value::Null),
        });
        let named = named.and_then(|state| match codec::encode_value(&state) {
            Ok(text) if text.len() <= CURSOR_BYTES_MAX => Ok(state),
            Ok(_) | Err(_) => Err(Failure::new("InvalidSubscription", "its name is too long")),
        });
        named.unwrap_or_else(|failure| {
            let (flow, trigger) = (&self.flow.name, &self.trigger().display);
            let reason = self.without_address(failure).message;
            let message = "A subscription has no name that can be read; it cannot be taken back.";
            tracing::error!(flow, trigger, reason, message);
            Value::Null
        })
    }

    /// Changes what the service has: by a call if there is one, else by taking it back first.
    async fn change(&mut self, wanted: &Wanted<'_>, now: Timestamp) -> Result<(), Trouble> {
        let kept = self.progress.subscription.clone();
        let state = kept.as_ref().map_or(Value::Null, |it| it.state.clone());
        if let Service::Connector(through) = &wanted.service
            && let Some(update) = &through.declared()?.1.update
            && (through.is_shared() || !state.is_null())
        {
            let key = wanted.key("update", now);
            let question = wanted.question(&key, &state);
            let outcome = wanted.subscriber.call(through, update, &question).await?;
            if let Some(failure) = outcome.failure {
                return Err(failure.into());
            }
            let new = Subscription { confirmed: true, state, ..wanted.subscription(now) };
            return self.keep(Some(new)).await;
        }
        if kept.is_some() {
            self.take_back().await?;
        }
        self.create(wanted, now).await
    }

    /// The service has what is wanted: that is known from now on, and which version takes it back.
    async fn confirm(
        &mut self,
        wanted: &Wanted<'_>,
        state: Value,
        now: Timestamp,
    ) -> Result<(), Trouble> {
        let kept = self.progress.subscription.clone();
        let renewed = kept.as_ref().map_or(now, |it| it.renewed);
        let known = kept.map_or(Value::Null, |it| it.state);
        let state = if state.is_null() { known } else { state };
        let new = Subscription { confirmed: true, state, renewed, ..wanted.subscription(renewed) };
        if self.progress.subscription.as_ref() == Some(&new) {
            return Ok(());
        }
        self.keep(Some(new)).await
    }

    /// Tells the service that nothing is wanted any more. What can never work is let go.
    async fn take_back(&mut self) -> Result<(), Trouble> {
        let Some(kept) = self.progress.subscription.clone() else { return Ok(()) };
        match self.unsubscribe(&kept).await {
            Err(Trouble::Failed(failure)) if may_work_later(&failure) => {
                return Err(Trouble::Failed(failure));
            }
            Err(Trouble::Failed(failure)) if failure.class != Some(ErrorClass::NotFound) => {
                let Maker { flow, trigger, .. } = &kept.maker;
                let (code, reason) = (&failure.code, self.without_address(failure.clone()).message);
                let message =
                    "A subscription could not be taken back; the service may still have it.";
                tracing::error!(flow, trigger, code, reason, message);
            }
            Err(Trouble::Halt(halt)) => return Err(Trouble::Halt(halt)),
            Ok(()) | Err(Trouble::Failed(_)) => {}
        }
        self.keep(None).await
    }

    async fn unsubscribe(&self, kept: &Subscription) -> Result<(), Trouble> {
        let inner = Arc::clone(&self.inner);
        let flows = inner.flows();
        let present = flows.get(&kept.maker.flow).or(Some(&self.flow));
        let maker = match made_by(&inner, kept, present).await {
            Ok(maker) => maker.ok_or_else(|| {
                let message = "the version of the flow that subscribed is not known any more";
                Failure::new("FlowVersionNotFound", message)
            })?,
            Err(error) => return Err(Trouble::Halt(self.unstored(&error))),
        };
        let (flow, index) = maker;
        let trigger = &flow.plan.flow.triggers[index];
        let subscriber = Subscriber { inner: &inner, flow: &flow, trigger, asking: &self.polls };
        let service = subscriber.service()?;
        let address = subscriber.address(&service)?;
        let key = format!("{}/{}/{}/unsubscribe", flow.name, trigger.name, kept.at);
        let outcome = match &service {
            Service::Http(http) => {
                let Some(unsubscribe) = http.unsubscribe.as_deref() else { return Ok(()) };
                let inputs = subscriber.http(unsubscribe, &address, kept.at)?;
                subscriber.ask(&key, &address, Request::Http { inputs: inputs.into() }).await
            }
            Service::Connector(through) => {
                let (_, subscription) = through.declared()?;
                let (name, of) = (&through.connection.name, &trigger.display);
                if let Some(location) = webhook::located(subscription, &kept.state)
                    && let Some(create) = &subscription.create
                {
                    let made = Request::Operation {
                        connection: through.on.connection.clone(),
                        operation: create.operation.clone(),
                        inputs: Value::Null.into(),
                        minimum_items: None,
                    };
                    let answer = json!({ "headers": { "Location": location } });
                    let request =
                        Request::Unsubscribe { of: Box::new(made), answer: answer.into() };
                    let outcome = subscriber.ask(&key, &address, request).await;
                    return outcome.failure.map_or(Ok(()), |failure| Err(failure.into()));
                }
                let Some(delete) = &subscription.delete else {
                    tracing::info!(
                        name,
                        of,
                        "A service keeps a subscription that cannot be taken back."
                    );
                    return Ok(());
                };
                if kept.state.is_null() && !kept.confirmed {
                    let message = "A subscription that may have been made cannot be taken back.";
                    tracing::warn!(name, of, message);
                    return Ok(());
                }
                let wishes = subscriber.wishes(through, kept.at)?;
                let question =
                    Question { key: &key, address: &address, wishes: &wishes, state: &kept.state };
                subscriber.call(through, delete, &question).await?
            }
        };
        outcome.failure.map_or(Ok(()), |failure| Err(failure.into()))
    }

    async fn keep(&mut self, subscription: Option<Subscription>) -> Result<(), Trouble> {
        let progress = Progress { subscription, ..self.progress.clone() };
        self.save(Vec::new(), (progress, self.due)).await.map_err(Trouble::Halt)
    }

    /// A failure in whose message no service repeats the signed address.
    fn without_address(&self, mut failure: Failure) -> Failure {
        let subscriber = Subscriber {
            inner: &self.inner,
            flow: &self.flow,
            trigger: self.trigger(),
            asking: &self.polls,
        };
        let address = subscriber.service().and_then(|it| subscriber.address(&it));
        if let Some((_, signature)) = address.ok().as_deref().and_then(|it| it.split_once("?sig="))
        {
            failure.message = failure.message.replace(signature, "*sanitized*");
        }
        failure
    }
}

/// The version of a flow that made a subscription, and its trigger in there.
pub(super) async fn made_by(
    inner: &Inner,
    kept: &Subscription,
    present: Option<&Arc<Deployed>>,
) -> Result<Option<Member>, StoreError> {
    let Some(version) = inner.store.flow(&kept.maker.sha).await? else { return Ok(None) };
    let present = present.filter(|it| it.name == kept.maker.flow).map(AsRef::as_ref);
    let flow = Deployed::rebuilt(version, present, Arc::clone(&kept.maker.parameters));
    let mut triggers = flow.plan.flow.triggers.iter();
    let index = triggers.position(|it| it.name.as_str() == kept.maker.trigger);
    Ok(index.map(|index| (Arc::new(flow), index)))
}

/// Whether the service said that it has not done what it was asked.
fn is_refusal(failure: &Failure) -> bool {
    failure.class.is_some_and(|it| it != ErrorClass::Transient)
}

fn is_there(failure: &Failure) -> bool {
    matches!(failure.class, Some(ErrorClass::AlreadyExists | ErrorClass::Conflict))
}

/// Whether taking back may work once the service, its credentials or the connection are well again.
fn may_work_later(failure: &Failure) -> bool {
    failure.code.contains("Connection")
        || failure.class.is_some_and(|it| it.retryable() || it == ErrorClass::Auth)
}

/// Ready some time after the task was told to end.
async fn late(ended: &mut watch::Receiver<bool>) {
    // A sender that is gone is an end as well.
    drop(ended.wait_for(|ended| *ended).await);
    sleep(GRACE).await;
}
