//! The one thread that writes: everything that waits goes into one transaction with one sync.

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
    time::Instant,
};

use journal::{CommitCounter, Done, Expiry, StoreError, TriggerState};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use crate::{
    audit,
    error::{Failure, WriteError},
    expire, flows,
    mark::Mark,
    open::Owned,
    runs::{Entry, Positions, Step, to_i64},
    triggers,
};

/// Requests in one transaction: more would make the first of them wait for nothing.
const BATCH_MAX: usize = 1_024;

/// What is to be written, all of it or none.
pub(crate) enum Work {
    PutFlow(flows::Packed),
    Advance(Vec<Entry>, Vec<TriggerState>),
    Append(Vec<Step>),
    Expire(Expiry),
    Audit(audit::NewEntry),
    /// The number of a change and the status that it was answered with.
    Audited(u64, u16),
}

type Answer = Result<Done, StoreError>;

struct Request {
    work: Work,
    answer: oneshot::Sender<(Answer, Work)>,
}

/// The way to the thread. Dropping it lets the thread finish what waits and close the database.
#[derive(Debug)]
pub(crate) struct Writer {
    requests: Option<mpsc::Sender<Request>>,
    thread: Option<JoinHandle<()>>,
    pub(crate) counter: Arc<CommitCounter>,
}

impl Writer {
    pub(crate) fn spawn(owned: Owned, queue: usize) -> Result<Self, StoreError> {
        let (requests, waiting) = mpsc::channel(queue.max(1));
        let Owned { connection, epoch, commits, positions, mark } = owned;
        let counter = Arc::new(CommitCounter::default());
        let counted = Arc::clone(&counter);
        let database = Database {
            connection,
            epoch,
            commits,
            positions: Positions::after(positions),
            mark,
            stopped: None,
            counter: counted,
        };
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || serve(database, waiting))
            .map_err(|error| Failure::new("could not start the thread that writes", error))?;
        Ok(Self { requests: Some(requests), thread: Some(thread), counter })
    }

    /// Returns when the work is durable.
    pub(crate) async fn write(&self, work: Work) -> Answer {
        let gone = || Failure::new("could not write", "the thread that writes has ended");
        let (answer, answered) = oneshot::channel();
        let requests = self.requests.as_ref().ok_or_else(gone)?;
        requests.send(Request { work, answer }).await.map_err(|_| gone())?;
        // The work is freed here: the thread that writes has better things to do.
        let (result, _) = answered.await.map_err(|_| gone())?;
        result
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.requests = None;
        // A thread that has panicked has already failed every request it had.
        drop(self.thread.take().map(JoinHandle::join));
    }
}

fn serve(mut database: Database, mut waiting: mpsc::Receiver<Request>) {
    while let Some(first) = waiting.blocking_recv() {
        let (mut batch, mut answers) = (vec![first.work], vec![first.answer]);
        loop {
            let known = batch.len();
            // Lets those run who are about to ask; there is no waiting if nobody is.
            thread::yield_now();
            while batch.len() < BATCH_MAX
                && let Ok(next) = waiting.try_recv()
            {
                batch.push(next.work);
                answers.push(next.answer);
            }
            if batch.len() == known || batch.len() == BATCH_MAX {
                break;
            }
        }
        let results = database.write(&batch);
        for ((answer, work), result) in answers.into_iter().zip(batch).zip(results) {
            // Whoever asked may have stopped waiting.
            drop(answer.send((result, work)));
        }
    }
}

struct Database {
    connection: Connection,
    epoch: i64,
    /// How many there have been.
    commits: i64,
    positions: Positions,
    mark: Mark,
    stopped: Option<Stop>,
    counter: Arc<CommitCounter>,
}

/// Why nothing is written any more.
enum Stop {
    Fenced,
    Failed(Failure),
}

impl Stop {
    fn error(&self) -> StoreError {
        match self {
            Self::Fenced => StoreError::Fenced,
            Self::Failed(failure) => failure.earlier().into(),
        }
    }
}

impl Database {
    /// Answers each request, after those that are answered with success are durable.
    fn write(&mut self, batch: &[Work]) -> Vec<Answer> {
        if let Some(stop) = &self.stopped {
            return batch.iter().map(|_| Err(stop.error())).collect();
        }
        let failure = match self.commit(batch) {
            Ok(answers) => return answers,
            Err(Interrupt::Fenced) => {
                self.stopped = Some(Stop::Fenced);
                return batch.iter().map(|_| Err(StoreError::Fenced)).collect();
            }
            Err(Interrupt::Refused(_)) if batch.len() > 1 => return self.write_halves(batch),
            Err(Interrupt::Refused(error)) => return vec![Err(error)],
            Err(Interrupt::Failed(failure)) => failure,
        };
        if !failure.passes() {
            self.write_over();
            self.stopped = Some(Stop::Failed(failure.clone()));
        } else if batch.len() > 1 {
            return self.write_halves(batch);
        }
        batch.iter().map(|_| Err(failure.clone().into())).collect()
    }

    /// It may be the fault of one: the others need not share it. A place to go back to before each
    /// would find it sooner, but every page that changes would be copied, always.
    fn write_halves(&mut self, batch: &[Work]) -> Vec<Answer> {
        let (first, last) = batch.split_at(batch.len() / 2);
        let mut answers = self.write(first);
        answers.extend(self.write(last));
        answers
    }

    /// A commit whose sync failed is whole in the log, and would count when the log is next read,
    /// though its callers are told that nothing is stored. The next commit begins in its place.
    fn write_over(&self) {
        // It must change something, or SQLite writes nothing.
        let sql = "UPDATE owner SET commits = commits + 1 WHERE epoch = ?1";
        // Whether this is synced makes no difference, and nothing is left to be done if it fails.
        self.connection.execute(sql, [self.epoch]).ok();
    }

    fn commit(&mut self, batch: &[Work]) -> Result<Vec<Answer>, Interrupt> {
        let begun = Instant::now();
        let behavior = TransactionBehavior::Immediate;
        let tx = self.connection.transaction_with_behavior(behavior)?;
        // Asking for the number back would cost a copy of what changes.
        let commits = self.commits + 1;
        let sql = "UPDATE owner SET commits = ?2, positions = ?3 WHERE epoch = ?1";
        let most = self.positions.last().saturating_add(batch.iter().map(Work::runs).sum());
        if tx.prepare_cached(sql)?.execute([self.epoch, commits, most])? == 0 {
            return Err(Interrupt::Fenced);
        }
        let mut answers = Vec::with_capacity(batch.len());
        for work in batch {
            answers.push(Ok(work.carry_out(&tx, &self.positions)?));
        }
        tx.commit()?;
        self.commits = commits;
        self.counter.add(batch.len(), begun.elapsed());
        // A note that cannot be written lags behind, which is harmless; the commit is durable.
        self.mark.write(commits).ok();
        Ok(answers)
    }
}

impl Work {
    /// How many runs it begins, at most.
    fn runs(&self) -> i64 {
        let runs = match self {
            Self::Advance(entries, _) => entries.len(),
            Self::Append(steps) => steps.iter().map(Step::runs).sum(),
            Self::PutFlow(_) | Self::Expire(_) | Self::Audit(_) | Self::Audited(..) => 0,
        };
        to_i64(runs)
    }

    fn carry_out(
        &self,
        connection: &Connection,
        positions: &Positions,
    ) -> Result<Done, WriteError> {
        match self {
            Self::PutFlow(flow) => flow.insert(connection).map(|()| Done::Admitted(Vec::new())),
            Self::Advance(entries, states) => {
                states.iter().try_for_each(|it| triggers::put(connection, it))?;
                let admitted: Result<_, _> =
                    entries.iter().map(|it| it.admit(connection, positions)).collect();
                admitted.map(Done::Admitted)
            }
            Self::Audit(entry) => entry.insert(connection).map(Done::Noted),
            Self::Audited(number, status) => {
                audit::settle(connection, *number, *status).map(|()| Done::Admitted(Vec::new()))
            }
            Self::Expire(expiry) => expire::expire(connection, expiry).map(Done::Expired),
            Self::Append(steps) => {
                let mut admitted = Vec::new();
                for step in steps {
                    admitted.extend(step.append(connection, positions)?);
                }
                Ok(Done::Admitted(admitted))
            }
        }
    }
}

/// Why a transaction was given up.
enum Interrupt {
    Fenced,
    /// It is the fault of one request.
    Refused(StoreError),
    Failed(Failure),
}

impl From<WriteError> for Interrupt {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Refused(error) => Self::Refused(error),
            WriteError::Database(error) => error.into(),
        }
    }
}

impl From<rusqlite::Error> for Interrupt {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(Failure::new("could not write to the database", error))
    }
}
