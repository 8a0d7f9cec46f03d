//! The task of one run: takes in its events, makes them durable, performs what follows from them.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use base::{Failure, Outcome, RunId};
use interp::{
    Effect, Plan, Run,
    effect::{Ask, Request},
    step,
};
use journal::{
    Admission, Admitted, Append, Event, EventKind, Parent, Path, RunRow, StoreError, Timer,
};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tracing::Instrument as _;

use crate::{
    admit::{Fresh, Origin, admission, begin, enter},
    child::{self, CHILD_DEPTH_MAX, Called, child_outcome, too_deep},
    engine::{Inner, Message, lock},
    finish,
    lanes::Entry,
    off,
    patient::{self, append, load},
    queue::{entry_of, lane_entry},
    room::Place,
    telemetry,
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
            telemetry::found(inner);
            enter(inner, entry);
        }
    }
}

/// Starts the task of a run.
pub(crate) fn spawn(inner: Arc<Inner>, run: RunId, mail: mpsc::UnboundedReceiver<Message>) {
    tokio::spawn(async move {
        let span = tracing::info_span!("run", %run, flow = tracing::field::Empty);
        let task = tokio::spawn(work(Arc::clone(&inner), run.clone(), mail).instrument(span));
        match task.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                lock(&inner.mailboxes).remove(&run);
                if matches!(error, StoreError::Fenced) {
                    inner.fenced();
                } else {
                    log_end(&run, &error);
                }
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
    let batch = Append {
        run: run.clone(),
        events: vec![finish::failed(&failure, inner.now())],
        arm: Vec::new(),
        disarm: Vec::new(),
        children: Vec::new(),
    };
    let parent = match append(inner, batch).await {
        Ok(_) => load(inner, run).await.map(|found| {
            let row = found.map(|(row, _)| row);
            telemetry::broken(inner, run, row.as_ref().map(|it| it.flow.as_str()));
            row.and_then(|it| it.parent)
        }),
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
pub(crate) struct Task {
    pub(crate) inner: Arc<Inner>,
    pub(crate) origin: Origin,
    pub(crate) plan: Arc<Plan>,
    pub(crate) run: Run,
    mail: mpsc::UnboundedReceiver<Message>,
    /// Messages that were taken out of the mail and wait to be worked on.
    early: VecDeque<Message>,
    /// Questions that are being asked; while there are any, the run stays in memory, because whoever
    /// takes it up again would ask them again.
    pub(crate) asking: BTreeSet<Path>,
    /// Questions that wait until their services may be asked; not held on to when the run leaves memory.
    pub(crate) put_off: BTreeSet<Path>,
}

async fn work(
    inner: Arc<Inner>,
    id: RunId,
    mut mail: mpsc::UnboundedReceiver<Message>,
) -> Result<(), StoreError> {
    // Runs that wait for their turn in memory, and runs that sleep, hold nothing but their name.
    let mut early = VecDeque::new();
    // Whoever made the mailbox has put something into it.
    let (_place, origin, events, has_ended) = match mail.try_recv() {
        Ok(Message::Begin(fresh)) => {
            let _place = inner.room.enter(&fresh.origin.flow).await;
            let Fresh { origin, started, begun, .. } = *fresh;
            let plan = patient::plan(&inner, &origin.flow, &origin.sha).await?;
            let run = Run::default();
            let mut task = Task::new(inner, (origin, plan), run, (mail, early));
            let effects = match begun {
                Some(begun) => {
                    task.run = begun.run;
                    begun.effects
                }
                None => step(&task.plan, &mut task.run, &started),
            };
            task.begin(effects).await?;
            return task.pump().await;
        }
        first => {
            early.extend(first);
            let (place, row, events) = take_up(&inner, &id).await?;
            let RunRow { run, flow, sha, parent, status, .. } = row;
            (place, Origin { run, flow, sha, parent }, events, status.is_some())
        }
    };
    let plan = patient::plan(&inner, &origin.flow, &origin.sha).await?;
    let mut task = Task::new(inner, (origin, plan), Run::default(), (mail, early));
    if has_ended {
        task.retire();
        return Ok(());
    }
    task.resume(&events).await?;
    task.pump().await
}

/// Reads a run when there is room for it. What its flow is called is known only then; if that has
/// no room left, the run is read again when it has.
async fn take_up(
    inner: &Inner,
    id: &RunId,
) -> Result<(Option<Place>, RunRow, Vec<Event>), StoreError> {
    let unknown = || StoreError::UnknownRun(id.clone());
    let visit = inner.room.visit().await;
    let (row, events) = load(inner, id).await?.ok_or_else(unknown)?;
    if let Some(place) = visit.and_then(|it| inner.room.settle(it, &row.flow)) {
        return Ok((Some(place), row, events));
    }
    drop(events);
    let place = inner.room.enter(&row.flow).await;
    let (row, events) = load(inner, id).await?.ok_or_else(unknown)?;
    Ok((place, row, events))
}

impl Task {
    fn new(
        inner: Arc<Inner>,
        (origin, plan): (Origin, Arc<Plan>),
        run: Run,
        (mail, early): (mpsc::UnboundedReceiver<Message>, VecDeque<Message>),
    ) -> Self {
        tracing::Span::current().record("flow", origin.flow.as_str());
        let (asking, put_off) = (BTreeSet::new(), BTreeSet::new());
        Self { inner, origin, plan, run, mail, early, asking, put_off }
    }

    /// Rebuilds the run; asks again what was asked and not answered.
    async fn resume(&mut self, events: &[Event]) -> Result<(), StoreError> {
        let mut effects = Vec::new();
        for event in events {
            effects = step(&self.plan, &mut self.run, event);
        }
        let has_resumed = matches!(events.last().map(|it| &it.kind), Some(EventKind::Resumed));
        if has_resumed {
            // What was taken over may ask, too.
            effects.retain(|it| !matches!(it, Effect::Ask(_)));
            effects.extend(self.run.outstanding(&self.plan));
        }
        if has_resumed || events.len() == 1 {
            return self.begin(effects).await;
        }
        if let (Some(parent), Some(_)) = (&self.origin.parent, self.run.response()) {
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

    /// Nothing but the start is stored: what follows from it has not been carried out.
    async fn begin(&mut self, effects: Vec<Effect>) -> Result<(), StoreError> {
        // A run that ends in its first step has ended: there was nothing to wait for.
        match self.cancelled().filter(|_| self.run.end().is_none()) {
            None => self.carry_out(Vec::new(), effects).await,
            Some(event) => {
                let effects = step(&self.plan, &mut self.run, &event);
                self.carry_out(vec![event], effects).await
            }
        }
    }

    /// The end of a run that was stopped before it began: it must not begin any more.
    fn cancelled(&mut self) -> Option<Event> {
        self.early.extend(std::iter::from_fn(|| self.mail.try_recv().ok()));
        let at = self.inner.now();
        self.early.iter().find_map(|message| match message {
            Message::Event(path, kind) if matches!(**kind, EventKind::Cancelled { .. }) => {
                Some(Event { at, path: path.clone(), kind: EventKind::clone(kind) })
            }
            Message::Event(..)
            | Message::Call { .. }
            | Message::Look
            | Message::PutOff(_)
            | Message::Begin(_) => None,
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
            let mut called = Vec::new();
            for message in messages {
                let (path, kind) = match message {
                    Message::Begin(_) => continue,
                    Message::Look => {
                        self.ask_again();
                        continue;
                    }
                    Message::PutOff(path) => {
                        self.asking.remove(&path);
                        self.put_off.insert(path);
                        continue;
                    }
                    Message::Event(path, kind) => (path, kind),
                    Message::Call { path, outputs, done } => {
                        if !self.run.awaits_call(&self.plan, &path) {
                            answer_call(done, false);
                            continue;
                        }
                        called.push(done);
                        (path, Box::new(EventKind::Called { outputs }))
                    }
                };
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
            for done in called {
                answer_call(done, true);
            }
        }
        self.retire();
        Ok(())
    }

    /// Takes the run out of memory, unless a message has come in the meantime.
    fn try_leave_memory(&mut self) -> bool {
        let mut mailboxes = lock(&self.inner.mailboxes);
        if self.mail.is_empty() {
            mailboxes.remove(&self.origin.run);
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
        let run = self.origin.run.clone();
        let Planned { arm, disarm, children, entries, waiting, asks, unsubscribe, .. } = planned;
        let Planned { responded, finished, .. } = planned;
        // A parent goes on when its child answers, or when it ends without an answer.
        let answers = responded.is_some() || (finished && self.run.response().is_none());
        let fired: Vec<(Path, bool)> = events.iter().filter_map(fired_timer).collect();
        let armed = !arm.is_empty();
        if !(events.is_empty() && arm.is_empty() && disarm.is_empty() && children.is_empty()) {
            let fresh: Vec<Fresh> = children.iter().map(|it| Fresh::of(it, None)).collect();
            let batch = Append { run: run.clone(), events, arm, disarm, children };
            let inner = Arc::clone(&self.inner);
            let ordered = entries.iter().any(|it| it.lane.is_some());
            let order = if ordered { Some(inner.order.lock().await) } else { None };
            let admitted = append(&self.inner, batch).await?;
            let children = entries.into_iter().zip(fresh).zip(waiting);
            self.enter_children(admitted, children).await?;
            drop(order);
        }
        if finished {
            telemetry::ended(&self.inner, &self.origin, &self.plan, &self.run);
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
        for ask in unsubscribe {
            self.unsubscribe(ask);
        }
        if let Some(response) = responded {
            self.inner.respond(&run, &response);
        }
        if answers && let Some(parent) = &self.origin.parent {
            answer_parent(&self.inner, parent, child_outcome(&self.run, self.inner.now()));
        }
        Ok(())
    }

    fn plan_effect(&mut self, effect: Effect, planned: &mut Planned, events: &mut Vec<Event>) {
        let run = self.origin.run.clone();
        match effect {
            Effect::Arm { path, deadline, due } => {
                planned.arm.push(Timer { run, path, deadline, due });
            }
            Effect::Disarm { path, deadline } => planned.disarm.push((path, deadline)),
            // What the same step has ended is not asked any more.
            Effect::Ask(ask) if !self.run.asks(&self.plan, &ask.path, ask.attempt) => {}
            Effect::Ask(ask)
                if matches!(ask.request, Request::Flow { .. })
                    && !self.inner.performer.answers(&self.plan, &ask) =>
            {
                self.plan_child(&ask, planned);
            }
            Effect::Ask(ask) => {
                if ask.intent {
                    let kind = EventKind::Intended { attempt: ask.attempt };
                    let event = Event { at: self.inner.now(), path: ask.path.clone(), kind };
                    step(&self.plan, &mut self.run, &event);
                    events.push(event);
                }
                planned.asks.push(ask);
            }
            Effect::Respond { outputs } => planned.responded = Some(outputs),
            Effect::Unsubscribe(ask) => planned.unsubscribe.push(ask),
            Effect::Finish { status, error, response } => {
                let end = (status, error, response.map(|it| Value::clone(&it)));
                events.push(finish::finished(&self.plan, &self.run, self.inner.now(), end));
                planned.finished = true;
            }
        }
    }

    /// Child runs are rows of the same commit. The path of a caller that is told something at once
    /// is that of its run: it waits for none of them.
    fn plan_child(&self, ask: &Ask, planned: &mut Planned) {
        let flows = self.inner.flows();
        let called = if CHILD_DEPTH_MAX <= planned.depth {
            Err(too_deep())
        } else {
            let traceparent = self.traceparent(&ask.path);
            let about = (self.run.tracking_id(), traceparent.as_deref());
            child::call(&flows, ask, about, self.inner.now())
        };
        let outcome = match called {
            Ok(Called { flow, .. }) if self.inner.is_off(&flow.name) => {
                Some(Outcome::failed(off::is_off(&flow.name)))
            }
            Ok(Called { flow, trigger, firings, at_once }) => {
                let path = if at_once.is_some() { Path::run() } else { ask.path.clone() };
                for firing in firings {
                    let parent = Parent { run: self.origin.run.clone(), path: path.clone() };
                    let trigger = trigger.name.as_str();
                    let admission = admission(&self.inner, flow, trigger, firing, Some(parent));
                    planned.entries.push(entry_of(flow, &admission));
                    planned.children.push(admission);
                    planned.waiting.push(path.clone());
                }
                at_once
            }
            Err(failure) => Some(Outcome::failed(failure)),
        };
        if let Some(outcome) = outcome {
            let kind = EventKind::Answered { attempt: ask.attempt, outcome };
            self.inner.deliver(&self.origin.run, Message::event(ask.path.clone(), kind));
        }
    }

    /// How many flows have called each other down to this run.
    async fn depth(&self) -> Result<usize, StoreError> {
        let mut depth = 0;
        let mut parent = self.origin.parent.clone();
        while let Some(above) = parent
            && depth < CHILD_DEPTH_MAX
        {
            depth += 1;
            parent = load(&self.inner, &above.run).await?.and_then(|(row, _)| row.parent);
        }
        Ok(depth)
    }

    /// Starts new children; one that was started before has perhaps ended without our knowing.
    async fn enter_children(
        &self,
        admitted: Vec<Admitted>,
        children: impl Iterator<Item = ((Entry, Fresh), Path)>,
    ) -> Result<(), StoreError> {
        for (admitted, ((entry, fresh), path)) in admitted.into_iter().zip(children) {
            let is_new = matches!(admitted, Admitted::New(_));
            telemetry::admitted(&self.inner, &fresh.origin.flow, is_new);
            match admitted {
                Admitted::New(_) => begin(&self.inner, entry, fresh),
                Admitted::Duplicate(child) => {
                    let Some((row, events)) = load(&self.inner, &child).await? else { continue };
                    if row.status.is_some() {
                        let plan = patient::plan(&self.inner, &row.flow, &row.sha).await?;
                        let outcome =
                            child_outcome(&interp::replay(&plan, &events), self.inner.now());
                        let parent = Parent { run: self.origin.run.clone(), path };
                        answer_parent(&self.inner, &parent, outcome);
                    }
                }
            }
        }
        Ok(())
    }

    /// The run has ended: whoever waits for it or behind it goes on.
    fn retire(&self) {
        lock(&self.inner.mailboxes).remove(&self.origin.run);
        lock(&self.inner.waiters).remove(&self.origin.run);
        lock(&self.inner.fired).retain(|(run, ..)| *run != self.origin.run);
        leave(&self.inner, &self.origin.run);
    }
}

/// Tells a service that called back.
fn answer_call(done: oneshot::Sender<bool>, awaited: bool) {
    if done.send(awaited).is_err() {
        tracing::debug!(awaited, "A service called back and went away before it was answered.");
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
    unsubscribe: Vec<Ask>,
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
/// A parent that was told something at once does not wait.
fn answer_parent(inner: &Arc<Inner>, parent: &Parent, outcome: Outcome) {
    if parent.path == Path::run() {
        return;
    }
    let kind = EventKind::Answered { attempt: 1, outcome };
    inner.deliver(&parent.run, Message::event(parent.path.clone(), kind));
}
