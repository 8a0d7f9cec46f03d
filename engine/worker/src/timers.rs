//! Wakes runs whose pauses are over.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use base::Timestamp;
use journal::{EventKind, Timer};

use crate::engine::{Inner, Message, lock};

/// Timers that are read at a time.
const BATCH: usize = 1_000;
/// The longest sleep: a timer that another process set is seen after this at the latest.
const SLEEP_MAX: Duration = Duration::from_secs(5);
/// After the store has failed.
pub(crate) const PAUSE: Duration = Duration::from_millis(500);

/// A timer was set: whoever sleeps for longer than that is woken.
pub(crate) fn set(inner: &Inner, due: Timestamp) {
    if due.ticks() < inner.timer_next.load(Ordering::SeqCst) {
        inner.timer_set.notify_one();
    }
}

/// The task of the timers; ends when the engine stops.
pub(crate) async fn run(inner: Arc<Inner>) {
    while !inner.stopped() {
        let set = inner.timer_set.notified();
        // Until it is known which one is next, every one may be.
        inner.timer_next.store(i64::MAX, Ordering::SeqCst);
        let sleep = match look(&inner).await {
            Ok(sleep) => sleep,
            Err(error) => {
                let error = error.as_ref();
                tracing::error!(error, "Timers cannot be read.");
                PAUSE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(sleep) => {}
            () = set => {}
        }
    }
}

async fn look(inner: &Arc<Inner>) -> Result<Duration, Box<dyn std::error::Error + Send + Sync>> {
    let ours = inner.tenures.ours();
    if ours.is_empty() {
        return Ok(SLEEP_MAX);
    }
    let due = inner.store.due(ours, inner.now(), BATCH).await?;
    let full = due.len() == BATCH;
    let mut fresh = 0;
    for timer in due {
        fresh += usize::from(fire(inner, timer));
    }
    if full && 0 < fresh {
        return Ok(Duration::ZERO);
    }
    let next = inner.store.next_due(ours).await?;
    inner.timer_next.store(next.map_or(i64::MAX, Timestamp::ticks), Ordering::SeqCst);
    let now = inner.now();
    Ok(match next {
        // What is due and still there is on its way; it leaves when its event is stored.
        Some(next) if next <= now => Duration::from_millis(20),
        Some(next) => inner.clock.pause(next).min(SLEEP_MAX),
        None => SLEEP_MAX,
    })
}

fn fire(inner: &Arc<Inner>, timer: Timer) -> bool {
    let mark = (timer.run.clone(), timer.path.clone(), timer.deadline);
    if !lock(&inner.fired).insert(mark.clone()) {
        return false;
    }
    let (deadline, due) = (timer.deadline, timer.due);
    let kind = if timer.deadline { EventKind::Expired } else { EventKind::Woken };
    let delivered = inner.has_delivered(&timer.run, Message::event(timer.path, kind));
    if delivered {
        inner.metrics.fired(deadline, due, inner.now());
    } else {
        // It was given away meanwhile; if it comes back, it is not on its way.
        lock(&inner.fired).remove(&mark);
    }
    delivered
}
