//! Batch triggers: messages of other flows are kept until there are enough of them.
//!
//! One task keeps them all. A message is durable before whoever sent it goes on, and what a batch
//! releases is admitted in the transaction that takes it out.

mod pending;

use std::{collections::BTreeMap, sync::Arc};

use base::{Duration, ErrorClass, Failure, Outcome, Timestamp};
use flow::{Flow, Trigger, TriggerKind, triggers::batch::Batch};
use interp::fire::{Firing, fire};
use journal::{Note, Post, Shard, StoreError, TriggerState};
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, oneshot},
    time::sleep,
};

use self::pending::{Message, Pending, Release};
use crate::{
    admit::AdmitError,
    child::{find_flow, no_flow},
    deploy::Deployed,
    engine::Inner,
    off,
    timers::PAUSE,
};

/// Messages that may wait to be kept; beyond that, their senders wait.
const WAITING_MAX: usize = 1_024;
/// Messages that are kept in one transaction.
const TOGETHER_MAX: usize = 256;
/// Before a batch whose trigger has failed or has gone is released again.
const FAILED_PAUSE: Duration = Duration::seconds(60);
/// Before a batch that could not be stored is released again.
const UNSTORED_PAUSE: Duration = Duration::seconds(1);
/// The longest sleep: a batch that was deployed meanwhile is seen after this at the latest.
const SLEEP_MAX: std::time::Duration = std::time::Duration::from_secs(5);

/// A flow and its trigger, by name.
type Of = (String, String);

/// The door of the task.
pub(crate) struct Batches(mpsc::Sender<Sent>);

/// A message on its way.
pub(crate) struct Sent {
    of: Of,
    message: Message,
    done: oneshot::Sender<Outcome>,
}

impl Batches {
    pub(crate) fn new() -> (Self, mpsc::Receiver<Sent>) {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        (Self(sender), receiver)
    }

    /// Hands a message over; answered when it is durable. One for a trigger of another process is left
    /// for it.
    pub(crate) async fn send(
        &self,
        inner: &Inner,
        of: (&str, Option<&str>),
        key: &str,
        inputs: &Value,
    ) -> Outcome {
        loop {
            let outcome = self.send_once(inner, of, key, inputs).await;
            if outcome.failure.as_ref().is_none_or(|it| it.code != MOVED) {
                return outcome;
            }
            // Whose it is is known soon.
            sleep(PAUSE).await;
        }
    }

    async fn send_once(
        &self,
        inner: &Inner,
        (flow, trigger): (&str, Option<&str>),
        key: &str,
        inputs: &Value,
    ) -> Outcome {
        let flows = inner.flows();
        let addressed = find_flow(&flows, flow).ok_or_else(|| no_flow(flow)).and_then(|flow| {
            let (name, batch) = trigger_of(&flow.plan.flow, trigger)?;
            if inner.is_off(&flow.name) {
                return Err(off::is_off(&flow.name));
            }
            let message = Message::read(batch, key, inputs)?;
            Ok(((flow.name.clone(), name), message))
        });
        let (of, message) = match addressed {
            Ok(addressed) => addressed,
            Err(failure) => return Outcome::failed(failure),
        };
        let shard = Shard::of_flow(&of.0);
        if let Some(shared) = inner.store.shared()
            && !inner.tenures.ours().contains(shard)
        {
            let (flow, trigger) = of;
            let (key, inputs) = (key.to_owned(), inputs.clone());
            let note = Note::Message { flow, trigger, key, inputs };
            return match shared.post(vec![Post { shard, note }]).await {
                Ok(()) => accepted(),
                Err(error) => unstored(&error),
            };
        }
        let (done, told) = oneshot::channel();
        if self.0.send(Sent { of, message, done }).await.is_err() {
            return Outcome::failed(stopping());
        }
        told.await.unwrap_or_else(|_| Outcome::failed(stopping()))
    }
}

/// The trigger is another process's now.
const MOVED: &str = "TriggerMoved";

fn accepted() -> Outcome {
    Outcome::succeeded(json!({ "statusCode": 202, "headers": {}, "body": null }))
}

fn unstored(error: &StoreError) -> Outcome {
    log(error);
    let message = "the message could not be stored";
    Outcome::failed(Failure::of_class(ErrorClass::Transient, "StoreUnavailable", message))
}

fn stopping() -> Failure {
    Failure::of_class(ErrorClass::Transient, "Stopping", "the engine is stopping")
}

/// The batch trigger of a flow: the one of that name, or its only one.
fn trigger_of<'a>(flow: &'a Flow, name: Option<&str>) -> Result<(String, &'a Batch), Failure> {
    let mut all = flow.triggers.iter().filter_map(|it| match &it.kind {
        TriggerKind::Batch(batch) => Some((it, batch)),
        _ => None,
    });
    let found = match name {
        Some(name) => {
            flow.trigger(name).and_then(|wanted| all.find(|(it, _)| it.name == wanted.name))
        }
        None => all.next(),
    };
    let (trigger, batch) = found.ok_or_else(|| {
        let named = name.map_or_else(String::new, |name| format!(" `{name}`"));
        let message = format!("the flow `{}` has no batch trigger{named}", flow.name);
        Failure::new("TriggerNotFound", message)
    })?;
    Ok((trigger.name.as_str().to_owned(), batch))
}

/// The task; ends when the engine stops.
pub(crate) async fn run(inner: Arc<Inner>, mut sent: mpsc::Receiver<Sent>) {
    let mut stop = inner.stop.subscribe();
    let mut ours = inner.tenures.changed.subscribe();
    ours.mark_changed();
    let mut kept = BTreeMap::new();
    let mut together = Vec::new();
    loop {
        while ours.has_changed().unwrap_or(false) {
            ours.borrow_and_update();
            match load(&inner).await {
                Ok(all) => {
                    kept = all;
                    continue;
                }
                Err(error) => log(&error),
            }
            ours.mark_changed();
            tokio::select! {
                () = sleep(PAUSE) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
        let pause = next_due(&kept).map_or(SLEEP_MAX, |due| inner.clock.pause(due).min(SLEEP_MAX));
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            count = sent.recv_many(&mut together, TOGETHER_MAX) => if count == 0 { return },
            _ = ours.changed() => {
                ours.mark_changed();
                continue;
            }
            () = sleep(pause) => {}
        }
        let mut by_trigger: BTreeMap<Of, Vec<Sent>> = BTreeMap::new();
        for sent in together.drain(..) {
            by_trigger.entry(sent.of.clone()).or_default().push(sent);
        }
        let now = inner.now();
        let due = kept.iter().filter(|(_, it)| it.due.is_some_and(|due| due <= now));
        for (of, _) in due {
            by_trigger.entry(of.clone()).or_default();
        }
        for (of, sent) in by_trigger {
            take(&inner, &mut kept, of, sent, now).await;
        }
    }
}

fn next_due(kept: &BTreeMap<Of, Pending>) -> Option<Timestamp> {
    kept.values().filter_map(|it| it.due).min()
}

async fn load(inner: &Inner) -> Result<BTreeMap<Of, Pending>, StoreError> {
    let states = inner.store.triggers().await?;
    let ours = inner.tenures.ours();
    let states = states.into_iter().filter(|it| ours.contains(Shard::of_flow(&it.flow)));
    let pending = states.filter_map(|it| {
        let pending = Pending::read(&it.state, it.due)?;
        Some(((it.flow, it.trigger), pending))
    });
    Ok(pending.collect())
}

/// Takes messages in and releases what is due, all in one transaction.
async fn take(
    inner: &Arc<Inner>,
    kept: &mut BTreeMap<Of, Pending>,
    of: Of,
    sent: Vec<Sent>,
    now: Timestamp,
) {
    let flows = inner.flows();
    let found = flows.get(&of.0).and_then(|flow| {
        let trigger = flow.plan.flow.trigger(&of.1)?;
        let TriggerKind::Batch(batch) = &trigger.kind else { return None };
        Some((flow, trigger, batch))
    });
    let Some((flow, trigger, batch)) = found else {
        // Its messages stay; what is due is looked at again, for the trigger may come back.
        put_off(kept, &of, now.after(FAILED_PAUSE));
        let failure = Failure::new("TriggerNotFound", "the batch trigger has gone");
        return answer(sent, &Outcome::failed(failure));
    };
    let mut pending = kept.get(&of).cloned().unwrap_or_else(|| Pending::new(now));
    for sent in &sent {
        pending.add(sent.message.clone());
    }
    let (mut firings, mut failed) = (Vec::new(), false);
    for release in pending.releases(batch, now) {
        match firings_of(flow, trigger, &release, now) {
            Ok(all) => firings.extend(all),
            Err(failure) => {
                let (flow, trigger) = (&flow.name, &trigger.display);
                let (code, reason) = (&failure.code, &failure.message);
                tracing::warn!(flow, trigger, code, reason, "A batch could not be released.");
                pending.put_back(release);
                failed = true;
            }
        }
    }
    pending.schedule(batch, now);
    if failed {
        pending.due = Some(now.after(FAILED_PAUSE));
    }
    let state = TriggerState {
        flow: flow.name.clone(),
        trigger: of.1.clone(),
        state: pending.to_value(),
        due: pending.due,
    };
    match inner.admitter.advance(inner, (flow.as_ref(), trigger), firings, state).await {
        Ok(_) => {
            kept.insert(of, pending);
            answer(sent, &accepted());
        }
        Err(AdmitError::Store(error))
            if matches!(*error, StoreError::Fenced) && inner.store.shared().is_some() =>
        {
            let message = "another process looks after the trigger";
            let failure = Failure::of_class(ErrorClass::Transient, MOVED, message);
            answer(sent, &Outcome::failed(failure));
        }
        Err(AdmitError::Store(error)) => {
            put_off(kept, &of, now.after(UNSTORED_PAUSE));
            answer(sent, &unstored(&error));
        }
        Err(_) => {
            put_off(kept, &of, now.after(UNSTORED_PAUSE));
            answer(sent, &Outcome::failed(stopping()));
        }
    }
}

/// What could not be released is due again after a pause, not at once.
fn put_off(kept: &mut BTreeMap<Of, Pending>, of: &Of, later: Timestamp) {
    if let Some(pending) = kept.get_mut(of) {
        pending.due = pending.due.map(|due| due.max(later));
    }
}

fn firings_of(
    flow: &Deployed,
    trigger: &Trigger,
    release: &Release,
    now: Timestamp,
) -> Result<Vec<Firing>, Failure> {
    fire(&flow.event(trigger, &Arc::new(release.outputs()), now))
}

fn answer(sent: Vec<Sent>, outcome: &Outcome) {
    for sent in sent {
        if sent.done.send(outcome.clone()).is_err() {
            tracing::debug!("The sender of a message has gone; the message is kept.");
        }
    }
}

fn log(error: &StoreError) {
    let error: &dyn std::error::Error = error;
    tracing::error!(error, "The batches cannot be read or written.");
}
