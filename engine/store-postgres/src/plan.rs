//! What requests come to, found out before anything is written: a refused one leaves no trace and
//! does not concern the others of its batch.

use std::collections::{BTreeMap, BTreeSet};

use base::RunId;
use journal::{
    Admission, Admitted, Done, Expired, Shard, Shards, StoreError,
    body::{Body, Packed},
    status::{self, End},
};

use crate::work::{Entry, FlowRow, NoteRow, Sha, Step, TriggerRow, Work, path_sha};

/// A run as the database has it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    pub(crate) position: i64,
    /// Number of its last row of events.
    pub(crate) last: i32,
    pub(crate) has_ended: bool,
    /// Whether it is asleep, whether it has its turn, and whether it is paused.
    pub(crate) rest: (bool, bool, bool),
}

/// What the database has of the things that a batch speaks of, and what the batch has added so far.
#[derive(Default)]
pub(crate) struct View {
    pub(crate) runs: BTreeMap<RunId, Known>,
    pub(crate) inbox: BTreeMap<Sha, RunId>,
    pub(crate) versions: BTreeSet<String>,
    /// Positions that nobody else will get, and how many have been given away.
    pub(crate) positions: Vec<i64>,
    /// What may be written to.
    pub(crate) owned: Shards,
    pub(crate) n_given: usize,
    /// What is to be deleted, if that was asked for.
    pub(crate) old: Old,
}

/// What is not kept any longer.
#[derive(Debug, Default)]
pub(crate) struct Old {
    /// Positions of runs.
    pub(crate) runs: Vec<i64>,
    /// By what events are known.
    pub(crate) known: Vec<Vec<u8>>,
}

/// A note for the owner of a shard.
#[derive(Clone, Copy)]
pub(crate) struct Note<'a> {
    pub(crate) shard: i16,
    pub(crate) text: &'a str,
}

impl<'a> Note<'a> {
    fn of(row: &'a NoteRow) -> Self {
        Self { shard: row.shard, text: &row.text }
    }
}

/// The number of the shard of a run.
pub(crate) fn shard_of(run: &RunId) -> i16 {
    i16::from(Shard::of_run(run).number())
}

/// Position of the run, digest of the path, whether a deadline.
pub(crate) type TimerKey = (i64, Sha, bool);

/// What is to be written.
#[derive(Default)]
pub(crate) struct Changes<'a> {
    pub(crate) flows: Vec<&'a FlowRow>,
    pub(crate) blobs: Vec<&'a Packed>,
    pub(crate) runs: Vec<(i64, &'a Entry)>,
    /// Position of the run, number, text.
    pub(crate) events: Vec<(i64, i32, &'a Body)>,
    pub(crate) ended: Vec<(i64, End)>,
    /// Position of the run, whether it is asleep, has its turn and is paused.
    pub(crate) rests: BTreeMap<i64, (bool, bool, bool)>,
    /// Shard, path and time, or none for one that goes.
    pub(crate) timers: BTreeMap<TimerKey, Option<(i16, &'a str, i64)>>,
    pub(crate) triggers: BTreeMap<(&'a str, &'a str), &'a TriggerRow>,
    pub(crate) mail: Vec<Note<'a>>,
    pub(crate) discarded: Vec<i64>,
    /// What notes may be removed of, if any are.
    pub(crate) owned: Vec<i16>,
    /// What goes, before anything else is written.
    pub(crate) old: Old,
}

impl<'a> Changes<'a> {
    /// Adds rows of events to a run.
    fn add(&mut self, run: &mut Known, rows: &'a [Body]) {
        for row in rows {
            if let Body::Packed(packed) = row {
                self.blobs.push(packed);
            }
            run.last = run.last.saturating_add(1);
            self.events.push((run.position, run.last, row));
        }
    }

    fn extend(&mut self, later: Self) {
        let Self {
            flows,
            blobs,
            runs,
            events,
            ended,
            rests,
            timers,
            triggers,
            mail,
            discarded,
            owned,
            old,
        } = later;
        self.flows.extend(flows);
        self.blobs.extend(blobs);
        self.runs.extend(runs);
        self.events.extend(events);
        self.ended.extend(ended);
        self.rests.extend(rests);
        self.timers.extend(timers);
        self.triggers.extend(triggers);
        self.mail.extend(mail);
        self.discarded.extend(discarded);
        self.owned.extend(owned);
        self.old.runs.extend(old.runs);
        self.old.known.extend(old.known);
    }
}

/// An answer that counts once the changes are durable.
pub(crate) type Answer = Result<Done, StoreError>;

/// What all the requests of a batch come to, and what each is answered.
pub(crate) fn of<'a>(view: &mut View, batch: &'a [Work]) -> (Changes<'a>, Vec<Answer>) {
    let mut changes = Changes::default();
    let mut answers = Vec::with_capacity(batch.len());
    for work in batch {
        if let Work::Expire(_) = work {
            // Whoever else asked for it in this batch finds nothing left.
            let old = std::mem::take(&mut view.old);
            let expired = Expired { runs: old.runs.len(), known: old.known.len() };
            changes.extend(Changes { old, ..Changes::default() });
            answers.push(Ok(Done::Expired(expired)));
            continue;
        }
        let mut draft = Draft::new(view);
        let answer = draft.work(work).map(|()| Done::Admitted(std::mem::take(&mut draft.admitted)));
        let Draft { view: _, new, changes: added, admitted: _ } = draft;
        if answer.is_ok() {
            changes.extend(added);
            view.runs.extend(new.runs);
            view.inbox.extend(new.inbox);
            view.versions.extend(new.versions);
            view.n_given = new.n_given;
        }
        answers.push(answer);
    }
    (changes, answers)
}

/// One request that may still be refused.
struct Draft<'v, 'a> {
    view: &'v View,
    new: View,
    changes: Changes<'a>,
    admitted: Vec<Admitted>,
}

impl<'v, 'a> Draft<'v, 'a> {
    fn new(view: &'v View) -> Self {
        let new = View { n_given: view.n_given, ..View::default() };
        Self { view, new, changes: Changes::default(), admitted: Vec::new() }
    }

    fn work(&mut self, work: &'a Work) -> Result<(), StoreError> {
        match work {
            Work::PutFlow(flow) => {
                self.new.versions.insert(flow.sha.clone());
                self.changes.flows.push(flow);
                Ok(())
            }
            Work::Advance(entries, triggers) => {
                for new in triggers {
                    // What has no name is said of the flow itself, by whoever it is told to.
                    if !new.trigger.is_empty() {
                        self.check(Shard::of_flow(&new.flow))?;
                    }
                    self.changes.triggers.insert((&new.flow, &new.trigger), new);
                }
                entries.iter().try_for_each(|entry| self.admit(entry))
            }
            Work::Append(steps) => steps.iter().try_for_each(|step| {
                self.check(Shard::of_run(&step.append.run))?;
                self.step(step)
            }),
            Work::Expire(_) => Ok(()),
            Work::Post(notes) => {
                self.changes.mail.extend(notes.iter().map(Note::of));
                Ok(())
            }
            Work::Discard(ids) => {
                self.changes.discarded.extend(ids);
                let owned = self.view.owned.iter();
                self.changes.owned = owned.map(|it| i16::from(it.number())).collect();
                Ok(())
            }
        }
    }

    /// Refuses what is somebody else's.
    fn check(&self, shard: Shard) -> Result<(), StoreError> {
        if self.view.owned.contains(shard) { Ok(()) } else { Err(StoreError::Fenced) }
    }

    fn admit(&mut self, entry: &'a Entry) -> Result<(), StoreError> {
        let admission = &entry.admission;
        if let Some(key) = &entry.inbox {
            if let Some(run) = self.view.inbox.get(key).or_else(|| self.new.inbox.get(key)) {
                self.admitted.push(Admitted::Duplicate(run.clone()));
                return Ok(());
            }
            self.new.inbox.insert(*key, admission.run.clone());
        }
        if self.find(&admission.run).is_some() {
            return Err(status::already_begun(admission));
        }
        let sha = &admission.sha;
        if !self.view.versions.contains(sha) && !self.new.versions.contains(sha) {
            return Err(status::unknown_version(admission));
        }
        let position = self.position(admission)?;
        let mut run = Known { position, last: 0, has_ended: false, rest: (false, false, false) };
        self.changes.add(&mut run, &entry.rows);
        self.new.runs.insert(admission.run.clone(), run);
        if !self.view.owned.contains(Shard::of_run(&admission.run)) {
            self.changes.mail.push(Note::of(&entry.begin));
        }
        self.changes.runs.push((position, entry));
        self.admitted.push(Admitted::New(admission.run.clone()));
        entry.then.as_ref().map_or(Ok(()), |step| self.step(step))
    }

    fn position(&mut self, admission: &Admission) -> Result<i64, StoreError> {
        let missing = || StoreError::Corrupt(format!("no position for run `{}`", admission.run));
        let position = self.view.positions.get(self.new.n_given).ok_or_else(missing)?;
        self.new.n_given += 1;
        Ok(*position)
    }

    fn find(&self, run: &RunId) -> Option<Known> {
        self.new.runs.get(run).or_else(|| self.view.runs.get(run)).copied()
    }

    fn step(&mut self, step: &'a Step) -> Result<(), StoreError> {
        let append = &step.append;
        let Some(mut run) = self.find(&append.run) else {
            return Err(StoreError::UnknownRun(append.run.clone()));
        };
        if run.has_ended {
            return Err(status::already_ended(append));
        }
        self.changes.add(&mut run, &step.rows);
        let ended = append.events.iter().filter_map(status::ended_timer);
        let disarmed = append.disarm.iter().map(|(path, deadline)| (path, *deadline));
        for (path, deadline) in ended.chain(disarmed) {
            self.changes.timers.insert((run.position, path_sha(path), deadline), None);
        }
        let shard = shard_of(&append.run);
        for timer in &append.arm {
            let key = (run.position, path_sha(&timer.path), timer.deadline);
            self.changes.timers.insert(key, Some((shard, timer.path.as_str(), timer.due.ticks())));
        }
        if let Some(end) = append.events.last().and_then(status::end) {
            run.has_ended = true;
            self.changes.ended.push((run.position, end));
        } else if run.rest != (append.asleep, append.turn, append.paused) {
            // Most steps change nothing about it.
            run.rest = (append.asleep, append.turn, append.paused);
            self.changes.rests.insert(run.position, run.rest);
        }
        self.new.runs.insert(append.run.clone(), run);
        self.changes.mail.extend(step.posts.iter().map(Note::of));
        step.children.iter().try_for_each(|child| self.admit(child))
    }
}
