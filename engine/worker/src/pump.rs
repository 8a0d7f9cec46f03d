//! The task of one run: takes in its events, makes them durable, performs what follows from them.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use base::{Failure, Outcome, RunId, Status};
use interp::{
    Effect, Plan, Run,
    effect::{Ask, Request},
    fire::{Firing, ordering_key},
    step,
};
use journal::{
    Admission, Admitted, Append, Event, EventKind, Parent, Path, RunRow, StoreError, Timer,
};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::{
    admit::{admission, enter, entry_of, lane_entry},
    engine::{Inner, Message, lock},
    lanes::Entry,
    local::{CHILD_DEPTH_MAX, child_outcome, find_flow, no_flow, too_deep},
};

/// Open runs that are read at a time when the engine starts.
const RECOVER_BATCH: usize = 1_000;
/// Events of one run that are made durable together.
const EVENTS_MAX: usize = 256;

/// Takes up every open run in the order of admission.
pub(crate) async fn recover(inner: &Arc<Inner>) -> Result<(), StoreError> {
    let mut after = 0;
    loop {
        let rows = inner.store.open_runs(after, RECOVER_BATCH).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = last.position;
        for row in rows {
            let entry = match inner.flows().get(&row.flow) {
                Some(flow) => lane_entry(flow, &row.trigger, row.key.as_deref(), row.run.clone()),
                // The flow has been removed: its runs finish on the version they are pinned to.
                None => Entry { run: row.run.clone(), lane: None },
            };
            enter(inner, entry);
        }
    }
}

/// Starts the task of a run.
pub(crate) fn spawn(inner: Arc<Inner>, run: RunId, mail: mpsc::UnboundedReceiver<Message>) {
    tokio::spawn(async move {
        let task = tokio::spawn(work(Arc::clone(&inner), run.clone(), mail));
        match task.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                lock(&inner.mailboxes).remove(&run);
                if matches!(error, StoreError::Fenced) {
                    inner.stop();
                }
                log_end(&run, &error);
                if matches!(error, StoreError::IllegalEvent { .. }) {
                    end_after_fault(&inner, &run).await;
                }
            }
            Err(panic) => {
                lock(&inner.mailboxes).remove(&run);
                tracing::error!(%run, %panic, "A run has met a fault of the engine and is ended.");
                end_after_fault(&inner, &run).await;
            }
        }
    });
}

/// A fault in one run ends that run only.
async fn end_after_fault(inner: &Arc<Inner>, run: &RunId) {
    let failure = Failure::new("InternalError", "the engine met a fault of its own in this run");
    let kind = EventKind::Finished {
        status: Status::Failed,
        error: Some(failure.to_json()),
        response: None,
    };
    let event = Event { at: inner.now(), path: Path::run(), kind };
    let batch = Append {
        run: run.clone(),
        events: vec![event],
        arm: Vec::new(),
        disarm: Vec::new(),
        children: Vec::new(),
    };
    let parent = match append(inner, batch).await {
        Ok(_) => load(inner, run).await.map(|found| found.and_then(|(row, _)| row.parent)),
        Err(error) => Err(error),
    };
    match parent {
        Ok(Some(parent)) => answer_parent(inner, &parent, Outcome::failed(failure)),
        Ok(None) => {}
        Err(error) => {
            let error: &dyn std::error::Error = &error;
            tracing::error!(%run, error, "The end of a run could not be stored.");
        }
    }
    lock(&inner.waiters).remove(run);
    lock(&inner.fired).retain(|(fired, ..)| fired != run);
    leave(inner, run);
}

fn log_end(run: &RunId, error: &StoreError) {
    let error: &dyn std::error::Error = error;
    tracing::error!(%run, error, "A run cannot go on.");
}

/// One run in memory.
struct Task {
    inner: Arc<Inner>,
    row: RunRow,
    plan: Arc<Plan>,
    run: Run,
    mail: mpsc::UnboundedReceiver<Message>,
    /// Messages that were taken out of the mail and wait to be worked on.
    early: VecDeque<Message>,
    /// Questions that are being asked; while there are any, the run stays in memory, because whoever
    /// takes it up again would ask them again.
    asking: BTreeSet<Path>,
}

async fn work(
    inner: Arc<Inner>,
    id: RunId,
    mail: mpsc::UnboundedReceiver<Message>,
) -> Result<(), StoreError> {
    // Runs that wait for their turn in memory, and runs that sleep, hold nothing but their name.
    let gate = Arc::clone(&inner);
    let _permit = gate.permits.acquire().await;
    let Some((row, events)) = load(&inner, &id).await? else {
        return Err(StoreError::UnknownRun(id));
    };
    let plan = inner.plan(&row).await?;
    let mut task = Task {
        inner,
        row,
        plan,
        run: Run::default(),
        mail,
        early: VecDeque::new(),
        asking: BTreeSet::new(),
    };
    if task.row.status.is_some() {
        task.retire();
        return Ok(());
    }
    task.resume(&events).await?;
    task.pump().await
}

async fn load(inner: &Arc<Inner>, id: &RunId) -> Result<Option<(RunRow, Vec<Event>)>, StoreError> {
    let mut pause = PAUSE_MIN;
    loop {
        match inner.store.load(id).await {
            Err(error @ StoreError::Io(_)) if !inner.stopped() => {
                back_off(&error, &mut pause).await;
            }
            other => return other,
        }
    }
}

impl Task {
    /// Rebuilds the run; asks again what was asked and not answered.
    async fn resume(&mut self, events: &[Event]) -> Result<(), StoreError> {
        let mut effects = Vec::new();
        for event in events {
            effects = step(&self.plan, &mut self.run, event);
        }
        if events.len() == 1 {
            // Nothing but the start is stored: what follows from it has not been carried out.
            return match self.cancelled() {
                None => self.carry_out(Vec::new(), effects).await,
                Some(event) => {
                    let effects = step(&self.plan, &mut self.run, &event);
                    self.carry_out(vec![event], effects).await
                }
            };
        }
        if let (Some(parent), Some(_)) = (&self.row.parent, self.run.response()) {
            answer_parent(&self.inner, parent, child_outcome(&self.run, self.inner.now()));
        }
        let now = self.inner.now();
        let unknown: Vec<Event> = self
            .run
            .unknown(&self.plan)
            .into_iter()
            .map(|(path, attempt)| Event { at: now, path, kind: EventKind::Unknown { attempt } })
            .collect();
        let mut effects = self.run.outstanding(&self.plan);
        for event in &unknown {
            effects.extend(step(&self.plan, &mut self.run, event));
        }
        self.carry_out(unknown, effects).await
    }

    /// The end of a run that was stopped before it began: it must not begin any more.
    fn cancelled(&mut self) -> Option<Event> {
        self.early.extend(std::iter::from_fn(|| self.mail.try_recv().ok()));
        let at = self.inner.now();
        self.early.iter().find_map(|message| match message {
            Message::Event(path, kind) if matches!(**kind, EventKind::Cancelled { .. }) => {
                Some(Event { at, path: path.clone(), kind: EventKind::clone(kind) })
            }
            Message::Event(..) | Message::Look => None,
        })
    }

    /// Takes in messages until the run has ended, or waits for nothing that is in this process.
    async fn pump(&mut self) -> Result<(), StoreError> {
        while self.run.end().is_none() {
            let mut messages: Vec<Message> = self.early.drain(..).collect();
            if messages.is_empty() {
                if self.asking.is_empty() && self.try_leave_memory() {
                    return Ok(());
                }
                let Some(first) = self.mail.recv().await else { return Ok(()) };
                messages.push(first);
            }
            while messages.len() < EVENTS_MAX
                && let Ok(more) = self.mail.try_recv()
            {
                messages.push(more);
            }
            let mut events = Vec::new();
            let mut effects = Vec::new();
            for message in messages {
                let Message::Event(path, kind) = message else { continue };
                if matches!(*kind, EventKind::Answered { .. }) {
                    self.asking.remove(&path);
                }
                let event = Event { at: self.inner.now(), path, kind: *kind };
                effects.extend(step(&self.plan, &mut self.run, &event));
                events.push(event);
                if self.run.end().is_some() {
                    break;
                }
            }
            if !events.is_empty() {
                self.carry_out(events, effects).await?;
            }
        }
        self.retire();
        Ok(())
    }

    /// Takes the run out of memory, unless a message has come in the meantime.
    fn try_leave_memory(&mut self) -> bool {
        let mut mailboxes = lock(&self.inner.mailboxes);
        if self.mail.is_empty() {
            mailboxes.remove(&self.row.run);
            return true;
        }
        false
    }

    /// Makes events and what follows from them durable, then performs the effects.
    async fn carry_out(
        &mut self,
        mut events: Vec<Event>,
        effects: Vec<Effect>,
    ) -> Result<(), StoreError> {
        let mut planned = Planned::default();
        if effects
            .iter()
            .any(|it| matches!(it, Effect::Ask(Ask { request: Request::Flow { .. }, .. })))
        {
            planned.depth = self.depth().await?;
        }
        for effect in effects {
            self.plan_effect(effect, &mut planned, &mut events);
        }
        // What asks nothing of the store, such as a question again after a restart, writes nothing.
        let run = self.row.run.clone();
        let Planned { arm, disarm, children, entries, waiting, asks, responded, finished, .. } =
            planned;
        // A parent goes on when its child answers, or when it ends without an answer.
        let answers = responded.is_some() || (finished && self.run.response().is_none());
        let fired: Vec<(Path, bool)> = events.iter().filter_map(fired_timer).collect();
        let armed = !arm.is_empty();
        if !(events.is_empty() && arm.is_empty() && disarm.is_empty() && children.is_empty()) {
            let batch = Append { run: run.clone(), events, arm, disarm, children };
            let admitted = append(&self.inner, batch).await?;
            self.enter_children(admitted, entries, waiting).await?;
        }
        for (path, deadline) in fired {
            lock(&self.inner.fired).remove(&(run.clone(), path, deadline));
        }
        if armed {
            self.inner.timer_set.notify_one();
        }
        for ask in asks {
            self.perform(ask);
        }
        if let Some(response) = responded {
            self.inner.respond(&run, &response);
        }
        if answers && let Some(parent) = &self.row.parent {
            answer_parent(&self.inner, parent, child_outcome(&self.run, self.inner.now()));
        }
        Ok(())
    }

    fn plan_effect(&mut self, effect: Effect, planned: &mut Planned, events: &mut Vec<Event>) {
        let run = self.row.run.clone();
        match effect {
            Effect::Arm { path, deadline, due } => {
                planned.arm.push(Timer { run, path, deadline, due });
            }
            Effect::Disarm { path, deadline } => planned.disarm.push((path, deadline)),
            // What the same step has ended is not asked any more.
            Effect::Ask(ask) if !self.run.asks(&self.plan, &ask.path, ask.attempt) => {}
            Effect::Ask(ask) => match &ask.request {
                Request::Flow { .. } => self.plan_child(&ask, planned),
                Request::Operation { .. } | Request::Route { .. } | Request::Http { .. } => {
                    if ask.intent {
                        let kind = EventKind::Intended { attempt: ask.attempt };
                        let event = Event { at: self.inner.now(), path: ask.path.clone(), kind };
                        step(&self.plan, &mut self.run, &event);
                        events.push(event);
                    }
                    planned.asks.push(ask);
                }
            },
            Effect::Respond { outputs } => planned.responded = Some(outputs),
            Effect::Finish { status, error, response } => {
                let response = response.map(|it| Value::clone(&it));
                let kind = EventKind::Finished { status, error, response };
                events.push(Event { at: self.inner.now(), path: Path::run(), kind });
                planned.finished = true;
            }
        }
    }

    /// A child run is a row of the same commit.
    fn plan_child(&self, ask: &Ask, planned: &mut Planned) {
        let Request::Flow { flow, trigger, inputs } = &ask.request else { return };
        let child = if CHILD_DEPTH_MAX <= planned.depth {
            Err(too_deep())
        } else {
            self.child(ask, flow, trigger.as_deref(), inputs)
        };
        match child {
            Ok((admission, entry)) => {
                planned.children.push(admission);
                planned.entries.push(entry);
                planned.waiting.push(ask.path.clone());
            }
            Err(failure) => {
                let kind =
                    EventKind::Answered { attempt: ask.attempt, outcome: Outcome::failed(failure) };
                self.inner.deliver(&self.row.run, Message::event(ask.path.clone(), kind));
            }
        }
    }

    /// How many flows have called each other down to this run.
    async fn depth(&self) -> Result<usize, StoreError> {
        let mut depth = 0;
        let mut parent = self.row.parent.clone();
        while let Some(above) = parent
            && depth < CHILD_DEPTH_MAX
        {
            depth += 1;
            parent = load(&self.inner, &above.run).await?.and_then(|(row, _)| row.parent);
        }
        Ok(depth)
    }

    fn child(
        &self,
        ask: &Ask,
        flow: &str,
        trigger: Option<&str>,
        inputs: &Value,
    ) -> Result<(Admission, Entry), Failure> {
        let flows = self.inner.flows();
        let flow = find_flow(&flows, flow).ok_or_else(|| no_flow(flow))?;
        let triggers = &flow.plan.flow.triggers;
        let found = match trigger {
            Some(name) => flow.plan.flow.trigger(name),
            None => triggers.first(),
        };
        let Some(found) = found else {
            let message =
                format!("the flow `{}` has no trigger `{}`", flow.name, trigger.unwrap_or(""));
            return Err(Failure::new("TriggerNotFound", message));
        };
        let event = interp::fire::Event {
            flow: &flow.plan.flow,
            trigger: found,
            parameters: &flow.parameters,
            secure_parameters: &flow.plan.secure_parameters,
            outputs: inputs,
            now: self.inner.now(),
        };
        let firing = Firing {
            outputs: inputs.clone(),
            dedupe: Some(ask.idempotency_key.clone()),
            key: ordering_key(&event)?,
        };
        let parent = Parent { run: self.row.run.clone(), path: ask.path.clone() };
        let admission = admission(&self.inner, flow, found.name.as_str(), firing, Some(parent));
        let entry = entry_of(flow, &admission);
        Ok((admission, entry))
    }

    /// Starts new children; one that was started before has perhaps ended without our knowing.
    async fn enter_children(
        &self,
        admitted: Vec<Admitted>,
        entries: Vec<Entry>,
        waiting: Vec<Path>,
    ) -> Result<(), StoreError> {
        for ((admitted, entry), path) in admitted.into_iter().zip(entries).zip(waiting) {
            match admitted {
                Admitted::New(_) => enter(&self.inner, entry),
                Admitted::Duplicate(child) => {
                    let Some((row, events)) = load(&self.inner, &child).await? else { continue };
                    if row.status.is_some() {
                        let plan = self.inner.plan(&row).await?;
                        let outcome =
                            child_outcome(&interp::replay(&plan, &events), self.inner.now());
                        let parent = Parent { run: self.row.run.clone(), path };
                        answer_parent(&self.inner, &parent, outcome);
                    }
                }
            }
        }
        Ok(())
    }

    fn perform(&mut self, ask: Ask) {
        self.asking.insert(ask.path.clone());
        let inner = Arc::clone(&self.inner);
        let plan = Arc::clone(&self.plan);
        let run = self.row.run.clone();
        let mut stop = inner.stop.subscribe();
        tokio::spawn(async move {
            let (asked, question) = (Arc::clone(&inner), ask.clone());
            let mut answer = tokio::spawn(async move {
                asked.performer.perform(&plan, &question, asked.now()).await
            });
            let answered = tokio::select! {
                answered = &mut answer => answered,
                _ = stop.wait_for(|stop| *stop) => return answer.abort(),
            };
            let outcome = answered.unwrap_or_else(|panic| {
                tracing::error!(%run, path = %ask.path, %panic, "Asking met a fault of the engine.");
                let message = "the engine met a fault of its own when it asked";
                Outcome::failed(Failure::new("InternalError", message))
            });
            let kind = EventKind::Answered { attempt: ask.attempt, outcome };
            inner.deliver(&run, Message::event(ask.path, kind));
        });
    }

    /// The run has ended: whoever waits for it or behind it goes on.
    fn retire(&self) {
        lock(&self.inner.mailboxes).remove(&self.row.run);
        lock(&self.inner.waiters).remove(&self.row.run);
        lock(&self.inner.fired).retain(|(run, ..)| *run != self.row.run);
        leave(&self.inner, &self.row.run);
    }
}

/// What the effects of one step add to the store, and what is done afterwards.
#[derive(Default)]
struct Planned {
    arm: Vec<Timer>,
    disarm: Vec<(Path, bool)>,
    children: Vec<Admission>,
    entries: Vec<Entry>,
    waiting: Vec<Path>,
    asks: Vec<Ask>,
    responded: Option<Arc<Value>>,
    finished: bool,
    /// How many flows have called each other, if another one is called.
    depth: usize,
}

fn fired_timer(event: &Event) -> Option<(Path, bool)> {
    match event.kind {
        EventKind::Woken => Some((event.path.clone(), false)),
        EventKind::Expired => Some((event.path.clone(), true)),
        _ => None,
    }
}

fn leave(inner: &Arc<Inner>, run: &RunId) {
    let started = lock(&inner.lanes).leave(run);
    if let Some(next) = started {
        inner.deliver(&next, Message::Look);
    }
    inner.ended.send_modify(|count| *count += 1);
}

/// A question to another flow is never asked again, so its answer is always to the first attempt.
fn answer_parent(inner: &Arc<Inner>, parent: &Parent, outcome: Outcome) {
    let kind = EventKind::Answered { attempt: 1, outcome };
    inner.deliver(&parent.run, Message::event(parent.path.clone(), kind));
}

const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Appends; while the disk or the database fails, the run waits and nothing is lost.
async fn append(inner: &Arc<Inner>, batch: Append) -> Result<Vec<Admitted>, StoreError> {
    let mut pause = PAUSE_MIN;
    loop {
        match inner.store.append(vec![batch.clone()]).await {
            Err(error @ StoreError::Io(_)) if !inner.stopped() => {
                back_off(&error, &mut pause).await;
            }
            other => return other,
        }
    }
}

async fn back_off(error: &StoreError, pause: &mut Duration) {
    log_store(error, *pause);
    tokio::time::sleep(*pause).await;
    *pause = (*pause * 2).min(PAUSE_MAX);
}

fn log_store(error: &StoreError, pause: Duration) {
    let error: &dyn std::error::Error = error;
    tracing::error!(error, pause_ms = pause.as_millis(), "The store failed; trying again.");
}
