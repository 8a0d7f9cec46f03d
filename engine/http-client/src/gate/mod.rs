//! Lets requests of a connection through as its service allows: so many at a time, so many in a
//! period, and none while the service has asked to be left alone.
//!
//! The flows that wait take turns, so that one with a thousand questions does not keep another with
//! one from asking it. Waiting holds no thread, and no time-out runs.

mod line;

#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use base::{ErrorClass, Failure};
use connector::Connection;
use tokio::{runtime::Handle, sync::oneshot, time::Instant};

use self::line::{Line, Verdict};

/// Nobody is left alone for longer, whatever a service asks for.
const CLOSED_MAX: Duration = Duration::from_hours(1);

/// The gates of all connections, by name.
#[derive(Default)]
pub(crate) struct Gates(Mutex<BTreeMap<String, Arc<Gate>>>);

/// The gate of one connection.
#[derive(Default)]
pub(crate) struct Gate(Mutex<Line<oneshot::Sender<Ticket>>>);

/// What somebody who has waited is told.
type Ticket = Result<Pass, Closed>;

/// A service has asked to be left alone for longer than anybody should wait in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// For how long still.
    pub pause: Duration,
}

impl Closed {
    /// The failure of a call that cannot be put off.
    pub fn to_failure(self) -> Failure {
        let message = "the service has asked to be left alone, so it was not called";
        let pause = i64::try_from(self.pause.as_millis()).unwrap_or(i64::MAX);
        let retry_after = Some(base::Duration::milliseconds(pause));
        let class = ErrorClass::Throttled;
        Failure { retry_after, ..Failure::of_class(class, "ConnectionPaused", message) }
    }
}

/// A request that is under way; dropped when it has been answered.
pub(crate) struct Pass(Arc<Gate>);

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.line().leave();
        self.0.serve();
    }
}

impl Gates {
    pub(crate) fn of(&self, connection: &Connection) -> Arc<Gate> {
        let gate = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(connection.name.clone()).or_default())
        };
        gate.line().set_quota(connection.quota);
        gate
    }
}

impl Gate {
    fn line(&self) -> MutexGuard<'_, Line<oneshot::Sender<Ticket>>> {
        // What is inside is right after every statement.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until a request on behalf of a flow may be made.
    pub(crate) async fn enter(self: &Arc<Self>, flow: &str) -> Result<Pass, Closed> {
        let (sender, told) = oneshot::channel();
        self.line().join(flow, sender);
        self.serve();
        // The sender stays in the line until it is used.
        told.await.unwrap_or(Err(Closed { pause: Duration::ZERO }))
    }

    /// The service wants to be left alone.
    pub(crate) fn close(self: &Arc<Self>, pause: Duration) {
        self.line().close(Instant::now() + pause.min(CLOSED_MAX));
        self.serve();
    }

    /// Lets go whoever may. What time alone will open is looked at again then.
    fn serve(self: &Arc<Self>) {
        let now = Instant::now();
        let mut line = self.line();
        let mut told = Vec::new();
        // Whoever has gone away is passed over.
        while let Some((sender, verdict)) = line.next(now, oneshot::Sender::is_closed) {
            told.push((sender, verdict));
        }
        let alarm = line.take_alarm(now);
        drop(line);
        for (sender, verdict) in told {
            let ticket = match verdict {
                Verdict::Go => Ok(Pass(Arc::clone(self))),
                Verdict::Closed(pause) => Err(Closed { pause }),
            };
            // A pass that nobody takes is given back as it is dropped.
            drop(sender.send(ticket));
        }
        // A pass may be dropped when the runtime has gone, and with it everybody who waits.
        if let Some(at) = alarm
            && let Ok(runtime) = Handle::try_current()
        {
            let gate = Arc::clone(self);
            runtime.spawn(async move {
                tokio::time::sleep_until(at).await;
                gate.line().alarm_rang();
                gate.serve();
            });
        }
    }
}
