//! What the task of a run is told, and what of it is an event.

use journal::{Event, EventKind, Path};
use tokio::sync::oneshot;

use crate::{
    engine::{Message, lock},
    mail::Slip,
    pump::Task,
};

/// Events of one run that are made durable together.
const EVENTS_MAX: usize = 256;

/// Who is told when what was taken in is durable.
#[derive(Default)]
pub(crate) struct Told {
    called: Vec<oneshot::Sender<bool>>,
    slips: Vec<Slip>,
}

impl Told {
    /// What was taken in is durable.
    pub(crate) fn durable(self) {
        self.slips.into_iter().for_each(Slip::taken);
        for done in self.called {
            answer_call(done, true);
        }
    }
}

/// Tells a service that called back.
fn answer_call(done: oneshot::Sender<bool>, awaited: bool) {
    if done.send(awaited).is_err() {
        tracing::debug!(awaited, "A service called back and went away before it was answered.");
    }
}

/// Whether an event pauses a run, or ends a pause.
pub(crate) const fn is_switch(event: &Event) -> bool {
    matches!(event.kind, EventKind::Paused { .. } | EventKind::Continued { .. })
}

impl Task {
    /// How a step leaves the run that `waits` or does not: whether it sleeps, has its turn and is paused.
    pub(crate) fn rest(&self, waits: bool) -> (bool, bool, bool) {
        let (lanes, run) = (lock(&self.inner.lanes), &self.origin.run);
        // What sleeps is not put in line again by whoever takes it up.
        let asleep = waits && !(self.run.is_unbegun() && lanes.has_to_wait(run));
        (asleep, lanes.has_turn(run, self.had_turn), self.run.paused().is_some())
    }

    /// The next messages; none if the run is to leave memory.
    pub(crate) async fn gather(&mut self) -> Option<Vec<Message>> {
        if self.asking.is_empty() && self.tenure.is_ending() {
            // What is in the mail is in the store, too, or whoever sent it is told.
            lock(&self.inner.mailboxes).remove(&self.origin.run);
            return None;
        }
        let mut messages: Vec<Message> = self.early.drain(..).collect();
        if messages.is_empty() {
            if self.asking.is_empty() && self.try_leave_memory() {
                return None;
            }
            messages.push(self.mail.recv().await?);
        }
        while messages.len() < EVENTS_MAX
            && let Ok(more) = self.mail.try_recv()
        {
            messages.push(more);
        }
        Some(messages)
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

    /// The event of a message; none if it is none, or changes nothing.
    pub(crate) fn take(&mut self, message: Message, told: &mut Told) -> Option<(Path, EventKind)> {
        let (path, kind) = match message {
            Message::Begin(_) => return None,
            Message::Look | Message::Turn => {
                self.ask_again();
                return self.may_begin().then(|| (Path::run(), EventKind::Began));
            }
            Message::PutOff(path) => {
                self.asking.remove(&path);
                self.put_off.insert(path);
                return None;
            }
            Message::Event(path, kind) => (path, *kind),
            Message::Note(path, kind, slip) => {
                told.slips.push(slip);
                (path, *kind)
            }
            Message::Call { path, outputs, done } => {
                if !self.run.awaits_call(&self.plan, &path) {
                    answer_call(done, false);
                    return None;
                }
                told.called.push(done);
                (path, EventKind::Called { outputs })
            }
        };
        let changes = match kind {
            EventKind::Paused { .. } => self.run.paused().is_none(),
            EventKind::Continued { .. } => self.run.paused().is_some(),
            _ => true,
        };
        changes.then_some((path, kind))
    }

    /// Whether the run was paused before anything of it had begun, and has its turn now.
    pub(crate) fn may_begin(&self) -> bool {
        self.run.is_unbegun() && self.run.paused().is_none() && !self.is_in_line()
    }

    /// Whether it is sure that the run has its turn and nothing of it has begun; none if it has been
    /// told what changes nothing, and waits for its turn on. Its task is over then.
    pub(crate) fn waits_on(&mut self, events: &[Event], is_turn: bool) -> Option<bool> {
        let mut is_turn = is_turn;
        while !is_turn && events.len() == 1 && !self.known_asleep && self.is_in_line() {
            if self.stopped(true).is_some() {
                break;
            }
            is_turn = self.early.iter().any(|it| matches!(it, Message::Turn));
            if !is_turn {
                self.early.drain(..).for_each(Message::settle);
                if self.try_leave_memory() {
                    return None;
                }
            }
        }
        Some(is_turn)
    }

    /// Whether the run is ordered and waits for its turn.
    pub(crate) fn is_in_line(&self) -> bool {
        lock(&self.inner.lanes).has_to_wait(&self.origin.run)
    }

    /// The end of a run that was stopped before it began, or the pause of one that `is_new`, of which
    /// nothing but the start has happened: it must not begin any more, or not yet.
    pub(crate) fn stopped(&mut self, is_new: bool) -> Option<Event> {
        self.early.extend(std::iter::from_fn(|| self.mail.try_recv().ok()));
        let at = self.inner.now();
        self.early.iter().find_map(|message| match message {
            Message::Event(path, kind) | Message::Note(path, kind, _) => {
                let kind = match &**kind {
                    EventKind::Paused { reason, .. } if is_new => {
                        EventKind::Paused { reason: reason.clone(), unbegun: true }
                    }
                    kind @ EventKind::Cancelled { .. } => kind.clone(),
                    _ => return None,
                };
                Some(Event { at, path: path.clone(), kind })
            }
            Message::Call { .. }
            | Message::Look
            | Message::Turn
            | Message::PutOff(_)
            | Message::Begin(_) => None,
        })
    }
}
