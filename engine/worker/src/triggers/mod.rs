//! Triggers that fire by themselves: one task each, with its place kept in the store.
//!
//! What a trigger fires and where it has got to become durable in one transaction. So a process may
//! die anywhere: the next one goes on where the last one got to, and fires nothing twice.

pub(crate) mod batch;
mod poll;
mod progress;
mod service;
mod subscribe;
mod subscription;
mod task;
mod timed;
mod wanted;

use std::{collections::BTreeMap, sync::Arc};

use connector::trigger::Cardinality;
use flow::{Trigger, TriggerKind, triggers::recurrence::Recurrence};
use journal::{Shard, StoreError, TriggerState};
use serde_json::{Value, json};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinSet,
    time::sleep,
};

use crate::{
    addresses::Subscribed,
    deploy::Deployed,
    engine::{Flows, Inner},
    meant,
    timers::PAUSE,
    triggers::{
        subscription::Subscription,
        task::{Member, Task},
    },
};

/// Polls that are made at a time.
const POLLS_MAX: usize = 16;

/// Keeps the tasks of the deployed flows' triggers until the engine stops.
pub(crate) async fn run(inner: Arc<Inner>) {
    let mut deployed = inner.deployed.subscribe();
    let mut ours = inner.tenures.changed.subscribe();
    let mut stop = inner.stop.subscribe();
    // Flows that are gone know the secrets with which what they asked for is taken back.
    let mut seen = Flows::new();
    while !inner.stopped() {
        deployed.borrow_and_update();
        ours.borrow_and_update();
        // Whoever is told to end leaves nothing half done, and the next one begins behind it.
        let (end, ended) = watch::channel(false);
        let mut tasks = JoinSet::new();
        if let Err(error) = begin(&inner, (&mut tasks, &mut seen), &ended).await {
            log(&error);
            sleep(PAUSE).await;
            continue;
        }
        loop {
            tokio::select! {
                _ = deployed.changed() => break,
                _ = ours.changed() => break,
                _ = stop.wait_for(|stop| *stop) => break,
                Some(done) = tasks.join_next() => tell(done),
            }
        }
        end.send_replace(true);
        while let Some(done) = tasks.join_next().await {
            tell(done);
        }
    }
}

fn log(error: &StoreError) {
    let error: &dyn std::error::Error = error;
    tracing::error!(error, "Triggers cannot be read.");
}

fn tell(done: Result<(), tokio::task::JoinError>) {
    if let Err(panic) = done {
        tracing::error!(%panic, "A trigger met a fault of the engine and fires no more.");
    }
}

async fn begin(
    inner: &Arc<Inner>,
    (tasks, seen): (&mut JoinSet<()>, &mut Flows),
    ended: &watch::Receiver<bool>,
) -> Result<(), StoreError> {
    let ours = inner.tenures.ours();
    let is_ours = |row: &Row| ours.contains(Shard::of_flow(&row.0));
    let all_kept = inner.store.triggers().await?;
    let polls = Arc::new(Semaphore::new(POLLS_MAX));
    let flows = inner.flows();
    seen.extend(flows.iter().map(|(name, flow)| (name.clone(), Arc::clone(flow))));
    let mut all = Vec::new();
    let mut shared: BTreeMap<Row, Vec<Member>> = BTreeMap::new();
    for flow in flows.values().filter(|it| !inner.is_off(&it.name)) {
        for (index, trigger) in flow.plan.flow.triggers.iter().enumerate() {
            let own = (flow.name.clone(), trigger.name.as_str().to_owned());
            let has_subscribed =
                all_kept.iter().any(|it| is_row(it, &own) && subscribed(it).is_some());
            let Some(source) = source(inner, flow, trigger, has_subscribed) else { continue };
            match shared_row(inner, flow, trigger) {
                Some(row) if source == Source::Subscription => {
                    shared.entry(row).or_default().push((Arc::clone(flow), index));
                }
                Some(_) | None => all.push((Task::new(inner, (flow, index), source, &polls), own)),
            }
        }
    }
    for (row, members) in shared {
        let Some((flow, index)) = members.first() else { continue };
        let task = Task::new(inner, (flow, *index), Source::Subscription, &polls);
        all.push((task.in_row(row.clone(), members), row));
    }
    // Those of other flows fire elsewhere.
    all.retain(|(_, row)| is_ours(row));
    let mut kept = all_kept;
    kept.retain(|it| ours.contains(Shard::of_flow(&it.flow)));
    for (task, row) in all {
        let kept = kept.iter().position(|it| is_row(it, &row)).map(|at| kept.swap_remove(at));
        tasks.spawn(task.run(kept, ended.clone()));
    }
    // What nobody goes on with may have been asked for.
    for kept in kept {
        let Some(subscription) = subscribed(&kept) else { continue };
        let former = seen.get(&subscription.maker.flow);
        let row = (kept.flow.clone(), kept.trigger.clone());
        if let Some((flow, index)) = subscribe::made_by(inner, &subscription, former).await? {
            let task = Task::new(inner, (&flow, index), Source::Ended, &polls);
            tasks.spawn(task.in_row(row, Vec::new()).run(Some(kept), ended.clone()));
        } else {
            let (flow, trigger) = row;
            tracing::error!(flow, trigger, "The flow that has subscribed is not known any more.");
        }
    }
    Ok(())
}

/// The name of a state in the store.
type Row = (String, String);

fn is_row(state: &TriggerState, row: &Row) -> bool {
    (&state.flow, &state.trigger) == (&row.0, &row.1)
}

fn subscribed(kept: &TriggerState) -> Option<Subscription> {
    kept.state.get("subscription").and_then(Subscription::read)
}

/// The row of a subscription that all flows of a connection share: no flow is called nothing.
fn shared_row(inner: &Inner, flow: &Deployed, trigger: &Trigger) -> Option<Row> {
    let TriggerKind::ApiConnection(on) = &trigger.kind else { return None };
    let connection = inner.performer.connection(&flow.plan, &on.connection).ok()?;
    let found = Subscribed::of(flow, trigger, &connection)?;
    let is_shared = found.webhook.cardinality == Cardinality::Singleton;
    is_shared.then(|| (String::new(), format!("{}/{}", connection.name, found.id)))
}

/// What makes a trigger fire.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    /// Nothing but the time.
    Time,
    /// A URL that is polled.
    Http,
    /// A connector's trigger that is polled.
    Connector,
    /// A service that is asked to deliver.
    Subscription,
    /// Nothing any more: what a service was asked to deliver is taken back.
    Ended,
}

impl Source {
    /// Whether there is a subscription to look after, and nothing else.
    pub(crate) const fn is_subscription(&self) -> bool {
        match self {
            Self::Subscription | Self::Ended => true,
            Self::Time | Self::Http | Self::Connector => false,
        }
    }
}

/// What makes this trigger fire, if it does so by itself. `has_subscribed` tells what it did before.
fn source(
    inner: &Inner,
    flow: &Deployed,
    trigger: &Trigger,
    has_subscribed: bool,
) -> Option<Source> {
    match &trigger.kind {
        TriggerKind::Recurrence(_) => Some(Source::Time),
        TriggerKind::Http(_) => Some(Source::Http),
        TriggerKind::HttpWebhook(_) => Some(Source::Subscription),
        TriggerKind::ApiConnection(on) => {
            // What keeps a connection from being used is told when it is asked.
            let connection = inner.performer.connection(&flow.plan, &on.connection).ok();
            let event = flow.before_event(trigger, inner.now());
            let found =
                connection.as_ref().and_then(|it| meant::declared(&event, on, &it.connector).ok());
            match found.map(|it| &it.kind) {
                Some(connector::trigger::TriggerKind::Webhook(webhook)) => {
                    webhook.subscription.is_some().then_some(Source::Subscription)
                }
                None if on.webhook == Some(true) || has_subscribed => Some(Source::Subscription),
                Some(connector::trigger::TriggerKind::Poll(_)) | None => Some(Source::Connector),
            }
        }
        TriggerKind::Request(_)
        | TriggerKind::Manual(_)
        | TriggerKind::Flow(_)
        | TriggerKind::Batch(_)
        | TriggerKind::Unsupported(_) => None,
    }
}

/// The schedule of a trigger, as written.
fn recurrence(trigger: &Trigger) -> Option<&Recurrence> {
    match &trigger.kind {
        TriggerKind::Recurrence(recurrence) => Some(recurrence),
        TriggerKind::Http(http) => http.recurrence.as_ref(),
        TriggerKind::ApiConnection(on) => on.recurrence.as_ref(),
        TriggerKind::Request(_)
        | TriggerKind::Manual(_)
        | TriggerKind::HttpWebhook(_)
        | TriggerKind::Flow(_)
        | TriggerKind::Batch(_)
        | TriggerKind::Unsupported(_) => None,
    }
}

/// What a trigger asks, by name: a poll of something else starts from the present.
fn source_name(trigger: &Trigger) -> Value {
    match &trigger.kind {
        TriggerKind::ApiConnection(on) => json!(format!("{}.{}", on.connection, on.operation)),
        TriggerKind::Http(_) => json!("http"),
        TriggerKind::HttpWebhook(_) => json!("httpWebhook"),
        TriggerKind::Request(_)
        | TriggerKind::Manual(_)
        | TriggerKind::Recurrence(_)
        | TriggerKind::Flow(_)
        | TriggerKind::Batch(_)
        | TriggerKind::Unsupported(_) => Value::Null,
    }
}
