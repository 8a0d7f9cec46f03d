//! One trigger: sleeps until it is due, fires, and keeps where it has got to.

use std::{sync::Arc, time::Duration as Pause};

use base::{Duration, Failure, Timestamp};
use flow::{Schedule, Trigger, triggers::recurrence::Recurrence};
use interp::fire::{Firing, fire};
use journal::{Page, RunFilter, StoreError, TriggerState};
use serde_json::Value;
use tokio::{
    sync::{Semaphore, watch},
    time::sleep,
};

use super::{Source, progress::Progress, recurrence, source_name};
use crate::{
    admit::{AdmitError, keyed},
    deploy::Deployed,
    engine::Inner,
    queue::is_full,
    timers::PAUSE,
};

/// Before a trigger whose runs stand in its way is looked at again.
const HELD_PAUSE: Duration = Duration::seconds(1);
/// No sleep is shorter: clocks may say that no time is left when a little is.
const PAUSE_MIN: Pause = Pause::from_millis(1);
const SECOND: i64 = Duration::seconds(1).ticks();

/// A trigger of a deployed flow.
pub(crate) struct Task {
    pub inner: Arc<Inner>,
    pub flow: Arc<Deployed>,
    /// Which of the flow's triggers.
    index: usize,
    source: Source,
    /// Its schedule, or why there is none; a poll may go without.
    pub schedule: Option<Result<Schedule, String>>,
    pub polls: Arc<Semaphore>,
    pub progress: Progress,
    pub due: Option<Timestamp>,
    /// The name of its row in the store: its flow and trigger, or what it shares.
    row: (String, String),
    /// All triggers that share its subscription, itself among them; none if nobody does.
    pub members: Vec<Member>,
}

/// A trigger of a deployed flow, by its place.
pub(crate) type Member = (Arc<Deployed>, usize);

/// Why a trigger does not go on at once.
pub(crate) enum Halt {
    /// The engine stops, or the flows have changed.
    Ended,
    /// The store failed; nothing was stored.
    Later,
}

impl Task {
    pub(crate) fn new(
        inner: &Arc<Inner>,
        (flow, index): (&Arc<Deployed>, usize),
        source: Source,
        polls: &Arc<Semaphore>,
    ) -> Self {
        let trigger = &flow.plan.flow.triggers[index];
        let subscribes = source.is_subscription();
        Self {
            inner: Arc::clone(inner),
            flow: Arc::clone(flow),
            index,
            source,
            schedule: if subscribes { None } else { recurrence(trigger).map(Schedule::new) },
            polls: Arc::clone(polls),
            progress: Progress::default(),
            due: None,
            row: (flow.name.clone(), trigger.name.as_str().to_owned()),
            members: Vec::new(),
        }
    }

    /// The same in another row of the store, for all triggers that share it.
    pub(crate) fn in_row(mut self, row: (String, String), members: Vec<Member>) -> Self {
        (self.row, self.members) = (row, members);
        self
    }

    /// Goes on from where it was until told to end.
    pub(crate) async fn run(
        mut self,
        kept: Option<TriggerState>,
        mut ended: watch::Receiver<bool>,
    ) {
        let (progress, due) = self.take_up(kept.as_ref());
        let is_known = kept.is_some_and(|it| it.due == due && it.state == progress.to_value());
        (self.progress, self.due) = (progress, due);
        let mut saved = is_known;
        let mut halt = Ok(());
        if matches!(self.end_former_subscription(&mut ended).await, Err(Halt::Ended)) {
            return;
        }
        loop {
            let pause = match (halt, saved, self.due) {
                (Err(Halt::Ended), ..) | (Ok(()), true, None) => return,
                (Err(Halt::Later), ..) => PAUSE,
                (Ok(()), false, _) => Pause::ZERO,
                (Ok(()), true, Some(due)) if due <= self.inner.now() => Pause::ZERO,
                (Ok(()), true, Some(due)) => self.inner.clock.pause(due).max(PAUSE_MIN),
            };
            tokio::select! {
                biased;
                _ = ended.wait_for(|ended| *ended) => return,
                () = sleep(pause) => {}
            }
            halt = match self.due {
                _ if !saved => {
                    let all = (self.progress.clone(), self.due);
                    self.save(Vec::new(), all).await.inspect(|()| saved = true)
                }
                Some(due) if due <= self.inner.now() => self.look(due, &mut ended).await,
                Some(_) | None => Ok(()),
            };
        }
    }

    /// What is left of what the store kept, now that the trigger is as it is.
    fn take_up(&self, kept: Option<&TriggerState>) -> (Progress, Option<Timestamp>) {
        let now = self.inner.now();
        // Services that write down whole seconds date what comes next a little back.
        let since = Timestamp::from_ticks(now.ticks() - now.ticks().rem_euclid(SECOND));
        if self.source.is_subscription() {
            return (self.take_up_subscription(kept), Some(now));
        }
        let trigger = self.trigger();
        let schedule = recurrence(trigger).map_or(Value::Null, Recurrence::to_value);
        let source = source_name(trigger);
        let (mut progress, known) = match kept {
            Some(kept) => (Progress::read(&kept.state), true),
            None => (Progress { deployed: now, since, ..Progress::default() }, false),
        };
        let same_schedule = known && progress.schedule == schedule;
        if known && progress.source != source {
            let Progress { window, subscription, .. } = progress;
            progress = Progress { since, window, subscription, ..Progress::default() };
        } else if same_schedule {
            let due = kept.and_then(|it| it.due);
            return (progress, due);
        }
        (progress.schedule, progress.source) = (schedule, source);
        (progress.deployed, progress.retries, progress.error) = (now, 0, None);
        let due = match &self.schedule {
            None => Some(now),
            Some(Err(reason)) => {
                progress.fail(&Failure::new("InvalidRecurrence", reason.clone()), now);
                self.warn(&Failure::new("InvalidRecurrence", reason.clone()));
                None
            }
            Some(Ok(schedule)) if self.sliding().is_some() => {
                progress.window = progress.window.or_else(|| schedule.first_window(now));
                self.window(&progress).map(|(_, due)| due)
            }
            Some(Ok(schedule)) if known && self.source == Source::Time => schedule.next(now, now),
            Some(Ok(schedule)) => schedule.first(now),
        };
        (progress, due)
    }

    /// Fires what is due.
    async fn look(
        &mut self,
        due: Timestamp,
        ended: &mut watch::Receiver<bool>,
    ) -> Result<(), Halt> {
        let now = self.inner.now();
        match self.source {
            Source::Subscription => return self.subscribe(now, ended).await,
            Source::Ended => return self.end_subscription(now, ended).await,
            Source::Time | Source::Http | Source::Connector => {
                self.end_former_subscription(ended).await?;
            }
        }
        if self.inner.is_off(&self.flow.name) {
            // Whoever keeps the tasks is about to end this one.
            return Err(Halt::Ended);
        }
        let held = match self.held().await {
            Ok(held) => held,
            Err(error) => return Err(self.unstored(&error)),
        };
        match (&self.source, self.sliding().is_some()) {
            (Source::Time, false) => self.fire_once(due, now, held).await,
            (Source::Time, true) if held => {
                self.due = Some(now.after(HELD_PAUSE));
                Ok(())
            }
            (Source::Time, true) => self.fire_windows(now).await,
            (Source::Http | Source::Connector, _) if held => {
                // What is not asked is not lost: the next poll finds it.
                self.due = self.next_poll(now);
                Ok(())
            }
            (Source::Http | Source::Connector, _) => self.poll(now, ended).await,
            (Source::Subscription | Source::Ended, _) => Ok(()),
        }
    }

    /// Makes firings and progress durable together.
    pub(super) async fn save(
        &mut self,
        firings: Vec<Firing>,
        (progress, due): (Progress, Option<Timestamp>),
    ) -> Result<(), Halt> {
        let state = TriggerState {
            flow: self.row.0.clone(),
            trigger: self.row.1.clone(),
            state: progress.to_value(),
            due,
        };
        let of = (self.flow.as_ref(), self.trigger());
        let fired = firings.len();
        match self.inner.admitter.advance(&self.inner, of, firings, state).await {
            Ok(_) => {
                (self.progress, self.due) = (progress, due);
                if 0 < fired {
                    self.count(Some(fired));
                }
                Ok(())
            }
            Err(AdmitError::Store(error)) => Err(self.unstored(&error)),
            Err(_) => Err(Halt::Ended),
        }
    }

    pub(super) fn unstored(&self, error: &StoreError) -> Halt {
        if matches!(error, StoreError::Fenced) {
            return Halt::Ended;
        }
        let error: &dyn std::error::Error = error;
        let (flow, trigger) = (&self.flow.name, &self.trigger().display);
        tracing::error!(error, flow, trigger, "The store failed; the trigger tries again.");
        Halt::Later
    }

    /// What an event of the trigger starts. `key` is by what the event is known if the flow does
    /// not say.
    pub(super) fn firings(
        &self,
        outputs: Value,
        key: Option<String>,
        now: Timestamp,
    ) -> Result<Vec<Firing>, Failure> {
        let outputs = Arc::new(outputs);
        let firings = fire(&self.flow.event(self.trigger(), &outputs, now))?;
        Ok(keyed(self.trigger(), key, firings))
    }

    /// Remembers and tells why nothing was fired.
    pub(super) fn failed(
        &self,
        progress: &mut Progress,
        failure: &Failure,
        now: Timestamp,
    ) -> Vec<Firing> {
        progress.fail(failure, now);
        self.warn(failure);
        self.count(None);
        Vec::new()
    }

    /// Counts a look: how many runs it has started; none if it failed.
    pub(super) fn count(&self, fired: Option<usize>) {
        let trigger = self.trigger().name.as_str();
        self.inner.metrics.looked(&self.flow.name, trigger, fired);
    }

    pub(super) fn warn(&self, failure: &Failure) {
        let (flow, trigger) = (&self.flow.name, &self.trigger().display);
        let (code, reason) = (&failure.code, &failure.message);
        tracing::warn!(flow, trigger, code, reason, "A trigger could not fire.");
    }

    pub(super) const fn is_subscription(&self) -> bool {
        self.source.is_subscription()
    }

    pub(super) const fn index(&self) -> usize {
        self.index
    }

    pub(super) fn trigger(&self) -> &Trigger {
        &self.flow.plan.flow.triggers[self.index]
    }

    pub(super) fn sound(&self) -> Option<&Schedule> {
        self.schedule.as_ref().and_then(|it| it.as_ref().ok())
    }

    pub(super) fn is_single(&self) -> bool {
        self.trigger().options.iter().any(|it| it.eq_ignore_ascii_case("SingleInstance"))
    }

    /// Whether open runs stand in the way of another one.
    async fn held(&self) -> Result<bool, StoreError> {
        if is_full(&self.inner, &self.flow, self.trigger()) {
            return Ok(true);
        }
        if !self.is_single() {
            return Ok(false);
        }
        let flow = Some(self.flow.name.clone());
        let open = RunFilter { flow, open: true, ..RunFilter::default() };
        Ok(!self.inner.store.runs(&open, Page::Newest, 1).await?.is_empty())
    }
}
