//! The task of one run: takes in its events, makes them durable, performs what follows from them.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
};

use base::{Duration, RunId};
use interp::{
    Effect, Plan, Run,
    effect::{Ask, Request},
    step,
};
use journal::{Admission, Append, Event, EventKind, Path, Post, RunRow, StoreError, Timer};
use serde_json::Value;
use tokio::sync::mpsc;
use tracing::Instrument as _;

use crate::{
    admit::{Fresh, Origin},
    child::child_outcome,
    commit::settle_order,
    engine::{Inner, Message, lock},
    family::{answer_parent, post_to_parent},
    fault, finish,
    intake::{Told, is_switch},
    lanes::Entry,
    patient::{self, append, load},
    room::Place,
    telemetry,
    tenure::Tenure,
    timers,
};

/// A run that begins sooner after its admission than this begins at its admission, which takes no
/// event of its own.
const PROMPT: Duration = Duration::seconds(1);

/// Starts the task of a run.
pub(crate) fn spawn(
    inner: Arc<Inner>,
    run: RunId,
    tenure: Arc<Tenure>,
    mail: mpsc::UnboundedReceiver<Message>,
) {
    tokio::spawn(async move {
        // Kept to the end: what follows a fault is work on the run, too.
        let held = Arc::clone(&tenure);
        let span = tracing::info_span!("run", %run, flow = tracing::field::Empty);
        let task = work(Arc::clone(&inner), run.clone(), held, mail).instrument(span);
        let task = tokio::spawn(task);
        match task.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                lock(&inner.mailboxes).remove(&run);
                if matches!(error, StoreError::Fenced) {
                    inner.fenced();
                } else {
                    fault::log(&run, &error);
                }
                if matches!(error, StoreError::IllegalEvent { .. }) {
                    fault::end(&inner, &run).await;
                }
            }
            Err(panic) => {
                lock(&inner.mailboxes).remove(&run);
                tracing::error!(%run, %panic, "A run has met a fault of the engine and is ended.");
                fault::end(&inner, &run).await;
            }
        }
        drop(tenure);
    });
}

/// One run in memory.
pub(crate) struct Task {
    pub(crate) inner: Arc<Inner>,
    /// Held while anything of the run is under way.
    pub(crate) tenure: Arc<Tenure>,
    pub(crate) origin: Origin,
    pub(crate) plan: Arc<Plan>,
    pub(crate) run: Run,
    pub(crate) mail: mpsc::UnboundedReceiver<Message>,
    /// Messages that were taken out of the mail and wait to be worked on.
    pub(crate) early: VecDeque<Message>,
    /// Questions that are being asked; while there are any, the run stays in memory, because whoever
    /// takes it up again would ask them again.
    pub(crate) asking: BTreeSet<Path>,
    /// Questions that wait until their services may be asked; not held on to when the run leaves memory.
    pub(crate) put_off: BTreeSet<Path>,
    /// Questions that other runs answer, or that are answered by a message to itself.
    pub(crate) calling: BTreeSet<Path>,
    /// Whether the store has it that the run sleeps.
    pub(crate) known_asleep: bool,
    /// Whether the store has it that the run has its turn among ordered ones.
    pub(crate) had_turn: bool,
}

async fn work(
    inner: Arc<Inner>,
    id: RunId,
    tenure: Arc<Tenure>,
    mut mail: mpsc::UnboundedReceiver<Message>,
) -> Result<(), StoreError> {
    // Runs that wait for their turn in memory, and runs that sleep, hold nothing but their name.
    let mut early = VecDeque::new();
    // Whoever made the mailbox has put something into it.
    let (_place, origin, events, has_ended, asleep, turn, is_turn) = match mail.try_recv() {
        Ok(Message::Begin(fresh)) => {
            let _place = tokio::select! {
                place = inner.room.enter(&fresh.origin.flow) => place,
                () = tenure.ending() => {
                    lock(&inner.mailboxes).remove(&id);
                    return Ok(());
                }
            };
            let Fresh { origin, started, begun, .. } = *fresh;
            let plan = patient::plan(&inner, &origin.flow, &origin.sha).await?;
            let mut task = Task::new(inner, tenure, (origin, plan), (mail, early));
            let effects = match begun {
                Some(begun) => {
                    task.run = begun.run;
                    begun.effects
                }
                None => step(&task.plan, &mut task.run, &started),
            };
            task.begin(Vec::new(), effects, true).await?;
            return task.pump().await;
        }
        first => {
            let is_turn = matches!(first, Ok(Message::Turn));
            early.extend(first);
            let found = tokio::select! {
                found = take_up(&inner, &id) => found,
                () = tenure.ending() => {
                    lock(&inner.mailboxes).remove(&id);
                    return Ok(());
                }
            };
            let (place, row, events) = match found {
                Ok(found) => found,
                Err(error) => {
                    if matches!(error, StoreError::UnknownRun(_)) {
                        // There is nobody any more who could be told.
                        early.into_iter().for_each(Message::settle);
                    }
                    return Err(error);
                }
            };
            let RunRow { run, flow, sha, parent, status, asleep, turn, .. } = row;
            let origin = Origin { run, flow, sha, parent };
            (place, origin, events, status.is_some(), asleep, turn, is_turn)
        }
    };
    let plan = patient::plan(&inner, &origin.flow, &origin.sha).await?;
    let mut task = Task::new(inner, tenure, (origin, plan), (mail, early));
    (task.known_asleep, task.had_turn) = (asleep, turn);
    if has_ended {
        task.retire();
        return Ok(());
    }
    let Some(is_turn) = task.waits_on(&events, is_turn && !turn) else { return Ok(()) };
    task.resume(&events, is_turn).await?;
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
        tenure: Arc<Tenure>,
        (origin, plan): (Origin, Arc<Plan>),
        (mail, early): (mpsc::UnboundedReceiver<Message>, VecDeque<Message>),
    ) -> Self {
        tracing::Span::current().record("flow", origin.flow.as_str());
        Self {
            inner,
            tenure,
            origin,
            run: Run::unseen(&plan),
            plan,
            mail,
            early,
            asking: BTreeSet::new(),
            put_off: BTreeSet::new(),
            calling: BTreeSet::new(),
            known_asleep: false,
            had_turn: false,
        }
    }

    /// Rebuilds the run; asks again what was asked and not answered. `is_turn` if it is sure that
    /// nothing of it has begun.
    async fn resume(&mut self, events: &[Event], is_turn: bool) -> Result<(), StoreError> {
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
        // What sleeps has carried out what followed from its start, though that has left no event.
        if (has_resumed || events.len() == 1) && !self.known_asleep {
            let Some(began) = self.late(events).filter(|_| is_turn) else {
                // Another process may have carried out the first step, such as called a flow, before
                // it died.
                let is_sure = is_turn || self.is_in_line();
                return self.begin(Vec::new(), effects, is_sure).await;
            };
            let effects = step(&self.plan, &mut self.run, &began);
            return self.begin(vec![began], effects, true).await;
        }
        if let (Some(parent), Some(_)) = (&self.origin.parent, self.run.response()) {
            let outcome = child_outcome(&self.run, self.inner.now());
            answer_parent(&self.inner, &self.origin.run, parent, outcome);
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
        if !self.may_begin() {
            return self.carry_out(unknown, effects).await;
        }
        let began = Event { at: now, path: Path::run(), kind: EventKind::Began };
        let effects = step(&self.plan, &mut self.run, &began);
        self.begin(vec![began], effects, true).await
    }

    /// That the run begins only now, if it was admitted so long ago that its pauses and times have to
    /// count from now. One that takes over the past of another has its own time for that.
    fn late(&self, events: &[Event]) -> Option<Event> {
        let [started] = events else { return None };
        let now = self.inner.now();
        (PROMPT <= now.since(started.at)).then(|| Event {
            at: now,
            path: Path::run(),
            kind: EventKind::Began,
        })
    }

    /// Nothing but the start is stored; `is_sure` if nothing that follows from it was carried out.
    async fn begin(
        &mut self,
        mut events: Vec<Event>,
        effects: Vec<Effect>,
        is_sure: bool,
    ) -> Result<(), StoreError> {
        // A run that ends in its first step has ended: there was nothing to wait for.
        match self.stopped(is_sure && self.run.is_new()).filter(|_| self.run.end().is_none()) {
            None => self.carry_out(events, effects).await,
            Some(event) => {
                let effects = step(&self.plan, &mut self.run, &event);
                events.push(event);
                self.carry_out(events, effects).await
            }
        }
    }

    /// Takes in messages until the run has ended, or waits for nothing that is in this process.
    async fn pump(&mut self) -> Result<(), StoreError> {
        while self.run.end().is_none() {
            let Some(messages) = self.gather().await else { return Ok(()) };
            let mut events = Vec::new();
            let mut effects = Vec::new();
            let mut told = Told::default();
            let mut messages = messages.into_iter();
            for message in messages.by_ref() {
                let Some((path, kind)) = self.take(message, &mut told) else { continue };
                if matches!(kind, EventKind::Answered { .. }) {
                    self.asking.remove(&path);
                    self.calling.remove(&path);
                }
                let event = Event { at: self.inner.now(), path, kind };
                effects.extend(step(&self.plan, &mut self.run, &event));
                events.push(event);
                if self.run.end().is_some() {
                    break;
                }
                if self.may_begin() {
                    let (at, path) = (self.inner.now(), Path::run());
                    let began = Event { at, path, kind: EventKind::Began };
                    effects.extend(step(&self.plan, &mut self.run, &began));
                    events.push(began);
                }
            }
            self.early.extend(messages);
            if !events.is_empty() {
                self.carry_out(events, effects).await?;
            }
            told.durable();
        }
        self.retire();
        Ok(())
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
        let Planned { responded, finished, left_out, .. } = planned;
        // A parent goes on when its child answers, or when it ends without an answer.
        let answers = responded.is_some() || (finished && self.run.response().is_none());
        let parent = self.origin.parent.clone().filter(|_| answers);
        let answer = parent.map(|it| (it, child_outcome(&self.run, self.inner.now())));
        let posts = answer
            .iter()
            .filter_map(|(it, outcome)| post_to_parent(&self.inner, &run, it, outcome));
        let posts: Vec<Post> = posts.collect();
        let fired: Vec<(Path, bool)> = events.iter().filter_map(fired_timer).collect();
        let earliest = arm.iter().map(|timer| timer.due).min();
        let waits = !finished && asks.is_empty() && !left_out && self.waits_for_nobody();
        let (asleep, turn, paused) = self.rest(waits);
        let is_switched = events.iter().any(is_switch);
        let is_new = !(events.is_empty() && arm.is_empty() && disarm.is_empty());
        let tells = !(children.is_empty() && posts.is_empty());
        if is_new || tells || (asleep && !self.known_asleep) {
            let slept = std::mem::replace(&mut self.known_asleep, asleep);
            self.had_turn = turn;
            let fresh: Vec<Fresh> = children.iter().map(|it| Fresh::of(it, None)).collect();
            let batch = Append { events, arm, disarm, children, posts, ..Append::new(run.clone()) };
            let batch = Append { asleep, turn, paused, ..batch };
            let inner = Arc::clone(&self.inner);
            let ordered = entries.iter().any(|it| it.lane.is_some());
            let order = if ordered { Some(inner.order.lock().await) } else { None };
            let admitted = append(&self.inner, batch).await?;
            telemetry::turned(&self.inner, &run, (slept, asleep));
            if ordered {
                settle_order(&self.inner).await;
            }
            let children = entries.into_iter().zip(fresh).zip(waiting);
            self.enter_children(admitted, children).await?;
            drop(order);
        }
        if finished {
            telemetry::ended(&self.inner, &self.origin, &self.plan, &self.run);
        }
        self.tell_of(fired, is_switched);
        if let Some(due) = earliest {
            timers::set(&self.inner, due);
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
        if let Some((parent, outcome)) = answer {
            answer_parent(&self.inner, &run, &parent, outcome);
        }
        Ok(())
    }

    /// Tells who waits for it that timers' events are durable, and a pause or its end.
    fn tell_of(&self, fired: Vec<(Path, bool)>, is_switched: bool) {
        if is_switched {
            self.inner.changed.send_modify(|count| *count += 1);
        }
        for (path, deadline) in fired {
            lock(&self.inner.fired).remove(&(self.origin.run.clone(), path, deadline));
        }
    }

    /// Whether nothing but timers and calls can make the run go on.
    fn waits_for_nobody(&mut self) -> bool {
        let (run, plan) = (&self.run, &self.plan);
        // Those that have run out of time are answered in vain.
        self.calling.retain(|path| run.asks(plan, path, 1));
        self.asking.is_empty() && self.put_off.is_empty() && self.calling.is_empty()
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
            // Whoever goes on with the run asks.
            Effect::Ask(_) if self.tenure.is_ending() => planned.left_out = true,
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
                let end = (status, error, response);
                events.push(finish::finished(&self.plan, &self.run, self.inner.now(), end));
                planned.finished = true;
            }
        }
    }

    /// The run has ended: whoever waits for it or behind it goes on.
    fn retire(&mut self) {
        lock(&self.inner.mailboxes).remove(&self.origin.run);
        // It takes nothing in any more, so what comes has been taken in.
        self.early.drain(..).for_each(Message::settle);
        while let Ok(message) = self.mail.try_recv() {
            message.settle();
        }
        lock(&self.inner.waiters).remove(&self.origin.run);
        lock(&self.inner.fired).retain(|(run, ..)| *run != self.origin.run);
        leave(&self.inner, &self.origin.run);
    }
}

/// What the effects of one step add to the store, and what is done afterwards.
#[derive(Default)]
pub(crate) struct Planned {
    arm: Vec<Timer>,
    disarm: Vec<(Path, bool)>,
    pub(crate) children: Vec<Admission>,
    pub(crate) entries: Vec<Entry>,
    pub(crate) waiting: Vec<Path>,
    asks: Vec<Ask>,
    unsubscribe: Vec<Ask>,
    responded: Option<Arc<Value>>,
    finished: bool,
    /// Something is not asked here any more.
    left_out: bool,
    /// How many flows have called each other, if another one is called.
    pub(crate) depth: usize,
}

fn fired_timer(event: &Event) -> Option<(Path, bool)> {
    match event.kind {
        EventKind::Woken => Some((event.path.clone(), false)),
        EventKind::Expired => Some((event.path.clone(), true)),
        _ => None,
    }
}

pub(crate) fn leave(inner: &Arc<Inner>, run: &RunId) {
    let started = lock(&inner.lanes).leave(run);
    if let Some(next) = started {
        inner.deliver(&next, Message::Turn);
    }
    inner.changed.send_modify(|count| *count += 1);
}
