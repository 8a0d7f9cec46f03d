//! Wakes runs whose pauses are over.

use std::{sync::Arc, time::Duration};

use journal::{EventKind, Timer};

use crate::engine::{Inner, Message, lock};

/// Timers that are read at a time.
const BATCH: usize = 1_000;
/// The longest sleep: a timer that another process set is seen after this at the latest.
const SLEEP_MAX: Duration = Duration::from_secs(5);
/// After the store has failed.
pub(crate) const PAUSE: Duration = Duration::from_millis(500);

/// The task of the timers; ends when the engine stops.
pub(crate) async fn run(inner: Arc<Inner>) {
    while !inner.stopped() {
        let set = inner.timer_set.notified();
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
    let due = inner.store.due(inner.now(), BATCH).await?;
    let full = due.len() == BATCH;
    let mut fresh = 0;
    for timer in due {
        fresh += usize::from(fire(inner, timer));
    }
    if full && 0 < fresh {
        return Ok(Duration::ZERO);
    }
    let next = inner.store.next_due().await?;
    let now = inner.now();
    Ok(match next {
        // What is due and still there is on its way; it leaves when its event is stored.
        Some(next) if next <= now => Duration::from_millis(20),
        Some(next) => next.since(now).to_std().min(SLEEP_MAX),
        None => SLEEP_MAX,
    })
}

fn fire(inner: &Arc<Inner>, timer: Timer) -> bool {
    let mark = (timer.run.clone(), timer.path.clone(), timer.deadline);
    if !lock(&inner.fired).insert(mark) {
        return false;
    }
    inner.metrics.fired(timer.deadline, timer.due, inner.now());
    let kind = if timer.deadline { EventKind::Expired } else { EventKind::Woken };
    inner.deliver(&timer.run, Message::event(timer.path, kind));
    true
}
