//! What other processes have left for this one: runs to begin, events of runs, messages of batches.
//!
//! A note is discarded after what it leads to is durable, so it may be seen twice, which changes
//! nothing: a run that has begun is not begun again, an event that was taken in is late, and a batch
//! knows its senders.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use base::{ErrorClass, RunId};
use journal::{Mail, Nodes, Note, StoreError};
use tokio::{sync::mpsc, time::sleep};

use crate::{
    admit::enter,
    engine::{Inner, Message, lock},
    nodes::entry_of,
    telemetry,
};

/// Between two looks: the first while there is something, the last when there is not.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// Notes that are read at a time, and that are under way.
const PAGE: usize = 1_000;

/// The notes that are under way, and the way to be told what became of them.
pub(crate) struct Letters {
    under_way: Mutex<BTreeSet<u64>>,
    ends: mpsc::UnboundedSender<(u64, bool)>,
}

/// Tells what becomes of a note: if this is dropped, it is delivered again.
#[derive(Debug)]
pub(crate) struct Slip {
    id: u64,
    ends: mpsc::UnboundedSender<(u64, bool)>,
    taken: bool,
}

impl Slip {
    /// What the note leads to is durable.
    pub(crate) fn taken(mut self) {
        self.taken = true;
    }
}

impl Drop for Slip {
    fn drop(&mut self) {
        // Whoever stops has nobody to tell; the note is there for the next one.
        self.ends.send((self.id, self.taken)).ok();
    }
}

type Ends = mpsc::UnboundedReceiver<(u64, bool)>;

impl Letters {
    pub(crate) fn new() -> (Self, Ends) {
        let (ends, receiver) = mpsc::unbounded_channel();
        (Self { under_way: Mutex::default(), ends }, receiver)
    }
}

/// The task; ends when the engine stops.
pub(crate) async fn run(inner: Arc<Inner>, mut ends: Ends) {
    let Some(shared) = inner.store.shared() else { return };
    let mut stop = inner.stop.subscribe();
    let mut pause = PAUSE_MIN;
    let mut ended = Vec::new();
    loop {
        tokio::select! {
            () = sleep(pause) => {}
            _ = ends.recv_many(&mut ended, PAGE) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let done = async {
            discard(&inner, shared, &mut ended).await?;
            let order = inner.order.lock().await;
            let count = drain(&inner).await?;
            drop(order);
            Ok(count)
        };
        pause = match done.await {
            Ok(0) => (pause * 2).min(PAUSE_MAX),
            Ok(_) => PAUSE_MIN,
            Err(error) => {
                log(&error);
                PAUSE_MAX
            }
        };
    }
}

async fn discard(
    inner: &Inner,
    shared: &dyn Nodes,
    ended: &mut Vec<(u64, bool)>,
) -> Result<(), StoreError> {
    let taken: Vec<u64> = ended.iter().filter(|(_, taken)| *taken).map(|(id, _)| *id).collect();
    if !taken.is_empty() {
        shared.discard(taken).await?;
    }
    let mut under_way = lock(&inner.mail.under_way);
    for (id, _) in ended.drain(..) {
        under_way.remove(&id);
    }
    Ok(())
}

/// Delivers what has been left since the last look; gives how much that was. The caller holds the
/// order of admission: what was left before is in line before what comes now.
pub(crate) async fn drain(inner: &Arc<Inner>) -> Result<usize, StoreError> {
    let Some(shared) = inner.store.shared() else { return Ok(0) };
    let ours = inner.tenures.ours();
    if ours.is_empty() {
        return Ok(0);
    }
    let mut fresh = 0;
    for Mail { id, note, .. } in shared.mail(ours, PAGE).await? {
        if lock(&inner.mail.under_way).insert(id) {
            fresh += 1;
            let slip = Slip { id, ends: inner.mail.ends.clone(), taken: false };
            deliver(inner, note, slip);
        }
    }
    Ok(fresh)
}

fn deliver(inner: &Arc<Inner>, note: Note, slip: Slip) {
    match note {
        Note::Begin { run, flow, trigger, key } => {
            let run = RunId::new(run);
            if inner.tenures.has(&run) {
                telemetry::found(inner, &run);
            }
            enter(inner, entry_of(inner, &flow, &trigger, key.as_deref(), &run));
            // From here on it is found with the other open runs.
            slip.taken();
        }
        Note::Event { run, path, event } => {
            inner.deliver(&RunId::new(run), Message::Note(path, Box::new(event), slip));
        }
        Note::Message { flow, trigger, key, inputs } => {
            let inner = Arc::clone(inner);
            tokio::spawn(async move {
                let of = (flow.as_str(), Some(trigger.as_str()));
                let outcome = inner.batches.send(&inner, of, &key, &inputs).await;
                match outcome.failure {
                    Some(failure) if failure.class.is_some_and(ErrorClass::retryable) => return,
                    Some(failure) => {
                        let (code, reason) = (failure.code, failure.message);
                        let message = "A message that was taken in fits no batch any more.";
                        tracing::error!(flow, trigger, code, reason, %inputs, message);
                    }
                    None => {}
                }
                slip.taken();
            });
        }
    }
}

fn log(error: &StoreError) {
    let error: &dyn std::error::Error = error;
    tracing::error!(error, "What other nodes have left cannot be read.");
}
