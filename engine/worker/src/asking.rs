//! What a run asks: each question in a task of its own, its answer an event of the run.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use base::{ErrorClass, Failure, Outcome, RunId, Timestamp};
use interp::{
    Effect, Plan,
    effect::{Ask, Request},
};
use journal::{EventKind, Path};
use tracing::Instrument as _;

use crate::{
    engine::{Inner, Message},
    perform::{Asked, Question},
    pump::Task,
    traces::Context,
};

/// A question that was sent sooner has not waited.
const WAIT_MIN: base::Duration = base::Duration::milliseconds(100);

impl Task {
    /// The trace and span of an action, if runs are followed.
    pub(crate) fn traceparent(&self, path: &Path) -> Option<String> {
        self.inner.performer.traces()?;
        Some(Context::of(&self.origin.run, self.run.trigger_outputs()).traceparent(path))
    }

    pub(crate) fn perform(&mut self, ask: Ask) {
        self.asking.insert(ask.path.clone());
        let inner = Arc::clone(&self.inner);
        let plan = Arc::clone(&self.plan);
        let run = self.origin.run.clone();
        let traceparent = self.traceparent(&ask.path);
        let tenure = Arc::clone(&self.tenure);
        let mut stop = inner.stop.subscribe();
        let span = tracing::info_span!("action", path = %ask.path, attempt = ask.attempt);
        let asking = async move {
            let (asked, question) = (Arc::clone(&inner), ask.clone());
            let question =
                async move { outcome_of(&asked, &plan, &question, traceparent.as_deref()).await };
            let mut answer = tokio::spawn(question.in_current_span());
            let answered = tokio::select! {
                answered = &mut answer => answered,
                _ = stop.wait_for(|stop| *stop) => return answer.abort(),
                () = tenure.lost() => return answer.abort(),
            };
            let (outcome, sent) = match answered {
                Ok((Asked::Answered(outcome), sent)) => (outcome, sent),
                Ok((Asked::NotYet(pause), _)) => return put_off(inner, run, ask.path, pause),
                Err(panic) => {
                    tracing::error!(%run, path = %ask.path, %panic, "Asking met a fault of the engine.");
                    let message = "the engine met a fault of its own when it asked";
                    (Outcome::failed(Failure::new("InternalError", message)), ask.since)
                }
            };
            let sent = Some(sent).filter(|it| WAIT_MIN <= it.since(ask.since));
            let kind = EventKind::Answered { attempt: ask.attempt, outcome, sent };
            inner.deliver(&run, Message::event(ask.path, kind));
        };
        tokio::spawn(asking.instrument(span));
    }

    /// Asks again what could not be asked when it was tried.
    pub(crate) fn ask_again(&mut self) {
        let put_off = std::mem::take(&mut self.put_off);
        if put_off.is_empty() || self.run.end().is_some() || self.tenure.is_ending() {
            return;
        }
        for effect in self.run.outstanding(&self.plan) {
            if let Effect::Ask(ask) = effect
                && put_off.contains(&ask.path)
            {
                self.perform(ask);
            }
        }
    }

    /// Tells a service once that nobody waits for its call any more.
    pub(crate) fn unsubscribe(&self, ask: Ask) {
        let (inner, plan, run) =
            (Arc::clone(&self.inner), Arc::clone(&self.plan), self.origin.run.clone());
        tokio::spawn(async move {
            let outcome = inner.performer.perform(&plan, &ask, inner.now()).await;
            // What is gone need not be taken back.
            let failure = outcome.failure.filter(|it| it.class != Some(ErrorClass::NotFound));
            if let Some(failure) = failure {
                let (code, reason) = (failure.code, failure.message);
                tracing::warn!(%run, path = %ask.path, code, reason, "A service was not told that a wait is over.");
            }
        });
    }
}

/// Asks a service, or a part of the engine that does what a service would; and when that was sent.
async fn outcome_of(
    inner: &Inner,
    plan: &Plan,
    ask: &Ask,
    traceparent: Option<&str>,
) -> (Asked, Timestamp) {
    if let Request::Batch { flow, trigger, inputs } = &ask.request {
        let of = (flow.as_str(), trigger.as_deref());
        let outcome = inner.batches.send(inner, of, &ask.idempotency_key, inputs).await;
        return (Asked::Answered(outcome), ask.since);
    }
    loop {
        let (now, sent) = (inner.now(), OnceLock::new());
        let question = Question { plan, ask, now, traceparent, sent: Some(&sent) };
        match inner.performer.ask(question).await {
            // That it will be asked is in the journal: whoever comes back could not tell whether it was.
            Asked::NotYet(pause) if ask.intent => tokio::time::sleep(pause).await,
            asked => {
                let ago = sent.get().map(Instant::elapsed);
                return (asked, ago.map_or(now, |it| before(inner.now(), it)));
            }
        }
    }
}

/// The instant so long before another one.
fn before(now: Timestamp, ago: Duration) -> Timestamp {
    let milliseconds = i64::try_from(ago.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_ticks(
        now.ticks().saturating_sub(base::Duration::milliseconds(milliseconds).ticks()),
    )
}

/// A question waits until its service may be asked again; its run need not be in memory until then.
fn put_off(inner: Arc<Inner>, run: RunId, path: Path, pause: Duration) {
    inner.deliver(&run, Message::PutOff(path));
    tokio::spawn(async move {
        let mut stop = inner.stop.subscribe();
        tokio::select! {
            () = tokio::time::sleep(pause) => inner.deliver(&run, Message::Look),
            _ = stop.wait_for(|stop| *stop) => {}
        }
    });
}
