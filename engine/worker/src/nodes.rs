//! Takes up the shards that this process gets, and lets go of those that it loses or gives away.

use std::{sync::Arc, time::Duration};

use base::RunId;
use journal::{Nodes, Shard, Shards, StoreError};
use tokio::{task::JoinHandle, time::sleep};

use crate::{
    answers,
    engine::{Inner, Message, lock},
    lanes::Entry,
    queue::lane_entry,
    telemetry,
};

/// Between two looks at what this process has.
const PAUSE: Duration = Duration::from_millis(500);
/// Open runs that are read at a time when a shard is taken up.
const RECOVER_BATCH: usize = 1_000;
/// Questions that are being asked when a shard is given away may be answered for so long.
const GRACE: Duration = Duration::from_secs(5);
/// How long whatever is given up takes to end; it waits for nothing but the store.
const END_MAX: Duration = Duration::from_mins(1);

/// The task that keeps what this process has in line with what the store says.
pub(crate) async fn run(inner: Arc<Inner>) {
    if inner.store.shared().is_none() {
        return;
    }
    let mut giving: Option<JoinHandle<()>> = None;
    while !inner.stopped() {
        let fenced = inner.fence.notified();
        tokio::select! {
            () = sleep(PAUSE) => {}
            () = fenced => {}
        }
        if inner.stopped() {
            return;
        }
        match look(&inner).await {
            Ok(0) => {}
            Ok(surplus) => {
                if giving.as_ref().is_none_or(JoinHandle::is_finished) {
                    giving = Some(tokio::spawn(give(Arc::clone(&inner), surplus)));
                }
            }
            // Another process has come in the place of this one.
            Err(StoreError::Fenced) => {
                tracing::warn!("Another process has come in the place of this one.");
                inner.stop();
            }
            Err(error) => log(&error),
        }
    }
}

/// Takes up what is new and lets go of what is lost. Gives how many shards are to be given away.
pub(crate) async fn look(inner: &Arc<Inner>) -> Result<usize, StoreError> {
    let Some(shared) = inner.store.shared() else {
        take_up(inner, Shards::ALL).await?;
        return Ok(0);
    };
    let lease = shared.lease().await?;
    let held = inner.tenures.held();
    let lost = lease.lost.with(held.without(lease.owned));
    if !lost.is_empty() {
        tracing::warn!(shards = lost.len(), "Other nodes have taken over shards of this one.");
        let_go(inner, shared, lost, Duration::ZERO).await?;
    }
    let gained = lease.owned.without(held).without(lost);
    if !gained.is_empty() {
        tracing::info!(shards = gained.len(), "This node takes shards up.");
        if let Err(error) = take_up(inner, gained).await {
            // They are taken up anew by and by.
            give_up(inner, gained).await;
            inner.tenures.end(gained);
            return Err(error);
        }
    }
    Ok(lease.surplus)
}

/// Gives away what is more than this process's share.
async fn give(inner: Arc<Inner>, surplus: usize) {
    let Some(shared) = inner.store.shared() else { return };
    let mut busy = [0_usize; Shard::COUNT as usize];
    for run in lock(&inner.mailboxes).keys() {
        if let Some(count) = busy.get_mut(usize::from(Shard::of_run(run).number())) {
            *count += 1;
        }
    }
    let mut ours: Vec<Shard> = inner.tenures.ours().iter().collect();
    // Where least is under way, least is disturbed.
    ours.sort_by_key(|it| busy.get(usize::from(it.number())).copied());
    let given: Shards = ours.into_iter().take(surplus).collect();
    tracing::info!(shards = given.len(), "This node gives shards to others.");
    if let Err(error) = let_go(&inner, shared, given, GRACE).await {
        log(&error);
    }
}

/// Gives everything away, as well as that can be done in some seconds.
pub(crate) async fn hand_over(inner: &Arc<Inner>) {
    let Some(shared) = inner.store.shared() else { return };
    if let Err(error) = let_go(inner, shared, inner.tenures.held(), GRACE).await {
        log(&error);
    }
}

/// Ends what is under way in shards, and releases them after that.
async fn let_go(
    inner: &Arc<Inner>,
    shared: &dyn Nodes,
    shards: Shards,
    grace: Duration,
) -> Result<(), StoreError> {
    inner.tenures.leave(shards);
    inner.tenures.drained(shards, grace).await;
    give_up(inner, shards).await;
    let released = shared.release(shards).await;
    // Not before: what is held is not taken up. If the store has not heard of it, it says so soon.
    inner.tenures.end(shards);
    released
}

/// Returns when nothing is under way in shards; nothing of it is written.
async fn give_up(inner: &Arc<Inner>, shards: Shards) {
    let is_theirs = |run: &RunId| shards.contains(Shard::of_run(run));
    inner.tenures.lose(shards);
    lock(&inner.mailboxes).retain(|run, _| !is_theirs(run));
    while !inner.tenures.drained(shards, END_MAX).await && !inner.stopped() {
        tracing::error!("Runs of shards that are lost do not end.");
    }
    lock(&inner.mailboxes).retain(|run, _| !is_theirs(run));
    // Whoever puts runs into lanes has looked whose they are under this lock.
    let order = inner.order.lock().await;
    lock(&inner.lanes).forget(shards);
    drop(order);
    inner.open.forget(shards);
    lock(&inner.fired).retain(|(run, ..)| !is_theirs(run));
    // Whoever waits for an answer here gets it from wherever it is given now.
    let waited: Vec<RunId> =
        lock(&inner.waiters).keys().filter(|run| is_theirs(run)).cloned().collect();
    for run in waited {
        tokio::spawn(answers::follow(Arc::clone(inner), run));
    }
}

/// Takes up every open run of shards in the order of admission. Those that sleep stay where they are:
/// what they wait for wakes them.
async fn take_up(inner: &Arc<Inner>, shards: Shards) -> Result<(), StoreError> {
    lock(&inner.lanes).begin_taking_up(shards);
    inner.tenures.begin(shards);
    if inner.store.shared().is_some() {
        // Each has an order of its own.
        for shard in shards.iter() {
            recover(inner, shard.into()).await?;
        }
    } else {
        recover(inner, shards).await?;
    }
    let started = lock(&inner.lanes).taken_up(shards);
    for run in started {
        inner.deliver(&run, Message::Look);
    }
    inner.timer_set.notify_one();
    Ok(())
}

async fn recover(inner: &Arc<Inner>, shards: Shards) -> Result<(), StoreError> {
    let mut after = 0;
    loop {
        let rows = inner.store.awake_runs(shards, after, RECOVER_BATCH).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.position;
        for row in rows {
            let entry = entry_of(inner, &row.flow, &row.trigger, row.key.as_deref(), &row.run);
            if !row.asleep {
                telemetry::found(inner, &row.run);
            }
            if entry.lane.is_some() {
                lock(&inner.lanes).find(entry, row.turn, row.asleep);
            } else if !row.asleep {
                inner.deliver(&row.run, Message::Look);
            }
        }
    }
}

/// Where a run of the store stands in line.
pub(crate) fn entry_of(
    inner: &Inner,
    flow: &str,
    trigger: &str,
    key: Option<&str>,
    run: &RunId,
) -> Entry {
    match inner.flows().get(flow) {
        Some(flow) => lane_entry(flow, trigger, key, run.clone()),
        // The flow has been removed: its runs finish on the version they are pinned to.
        None => Entry { run: run.clone(), lane: None },
    }
}

fn log(error: &StoreError) {
    let error: &dyn std::error::Error = error;
    tracing::error!(error, "The nodes of the database cannot be told of.");
}
