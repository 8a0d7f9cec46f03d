//! The program of one connection: started when it is needed, and again when it has ended.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use base::{ErrorClass, Failure};
use connector::{Connection, program::Program};
use tokio::sync::Mutex;

use crate::{
    host::Options,
    running::{Over, Running, unavailable},
};

/// Before the third start in a row; each further pause is twice as long.
const BACK_OFF: Duration = Duration::from_secs(1);
/// No pause is longer.
const BACK_OFF_MAX: Duration = Duration::from_mins(1);
/// A program that ran for so long has not been crashing.
const STEADY: Duration = Duration::from_mins(1);

/// The program of one connection.
#[derive(Default)]
pub(crate) struct Slot {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: Option<(Arc<Running>, Instant)>,
    /// Ends in a row that nobody wanted.
    crashes: u32,
    /// Until when it is not started again, and why.
    rest: Option<(Instant, Failure)>,
}

impl Slot {
    /// The program, started if it does not run. True if it was started just now.
    pub(crate) async fn running(
        &self,
        connection: &Connection,
        program: &Program,
        options: &Options,
    ) -> Result<(Arc<Running>, bool), Failure> {
        let mut state = self.state.lock().await;
        if let Some((running, _)) = &state.running {
            if !running.is_gone() {
                return Ok((Arc::clone(running), false));
            }
            let over = running.over();
            // It is still being watched to its end; what it does meanwhile is not waited for.
            state.bury(connection, over);
        }
        if let Some(failure) = state.resting() {
            return Err(failure);
        }
        match Running::start(connection, program, options).await {
            Ok(running) => {
                state.running = Some((Arc::clone(&running), Instant::now()));
                Ok((running, true))
            }
            Err(failure) => {
                state.crashed(failure.clone());
                Err(failure)
            }
        }
    }

    /// The program, if it runs.
    pub(crate) async fn take(&self) -> Option<Arc<Running>> {
        self.state.lock().await.running.take().map(|(running, _)| running)
    }

    /// Tells the program to end, if it runs. One that is just being started ends with whoever starts it.
    pub(crate) fn stop(&self) {
        if let Ok(state) = self.state.try_lock()
            && let Some((running, _)) = &state.running
        {
            running.stop();
        }
    }
}

impl State {
    /// Forgets a program that is gone, and remembers how it went.
    fn bury(&mut self, connection: &Connection, over: Option<Over>) {
        let Some((running, since)) = self.running.take() else { return };
        // One that is replaced because it hangs has failed as well.
        let is_crash = over.as_ref().is_none_or(|it| it.is_crash);
        if !is_crash {
            return;
        }
        if STEADY <= since.elapsed() && running.has_served() {
            self.crashes = 0;
        }
        let why = over.map_or_else(|| "it does not answer any more".to_owned(), |it| it.why);
        self.crashed(unavailable(connection, &why));
    }

    /// Why it is not started at present: what kept it from running the last time.
    fn resting(&self) -> Option<Failure> {
        let (until, failure) = self.rest.as_ref()?;
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        let mut failure = failure.clone();
        if failure.class.is_some_and(ErrorClass::retryable) {
            let milliseconds = i64::try_from(left.as_millis()).unwrap_or(i64::MAX);
            failure.retry_after =
                Some(base::Duration::milliseconds(milliseconds.saturating_add(1)));
        }
        failure.message.push_str("; this was time ");
        failure.message.push_str(&self.crashes.to_string());
        failure.message.push_str(" in a row, so it is not started again at once");
        Some(failure)
    }

    /// Once is an accident; from the second time on there is a pause.
    fn crashed(&mut self, failure: Failure) {
        self.crashes = self.crashes.saturating_add(1);
        if self.crashes < 2 {
            self.rest = None;
            return;
        }
        let doublings = (self.crashes - 2).min(16);
        let pause = BACK_OFF.saturating_mul(1 << doublings).min(BACK_OFF_MAX);
        self.rest = Some((Instant::now() + pause, failure));
    }
}
