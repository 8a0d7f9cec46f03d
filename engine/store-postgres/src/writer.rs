//! The one task that writes: everything that waits goes into one transaction with one commit.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use journal::{CommitCounter, StoreError};
use tokio::sync::{mpsc, oneshot};

use crate::{
    Options,
    address::Address,
    error::Failure,
    link::Link,
    owner::{self, Ownership},
    plan::{self, Answer},
    work::Work,
    write::{self, STATEMENTS},
};

/// Requests in one transaction: more would make the first of them wait for nothing.
const BATCH_MAX: usize = 1_024;
/// Bytes after which no further request goes into a transaction.
const BATCH_BYTES_MAX: usize = 16 << 20;
/// Between two attempts to connect.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);

struct Request {
    work: Work,
    answer: oneshot::Sender<Answer>,
}

/// The way to the task. Dropping it lets the task write what waits and end.
#[derive(Debug)]
pub(crate) struct Writer {
    requests: mpsc::Sender<Request>,
    pub(crate) counter: Arc<CommitCounter>,
}

impl Writer {
    pub(crate) fn spawn(
        address: Arc<Address>,
        options: &Options,
        link: Link,
        owner: Ownership,
    ) -> Self {
        let (requests, waiting) = mpsc::channel(options.queue.max(1));
        let counter = Arc::new(CommitCounter::default());
        let database = Database {
            counter: Arc::clone(&counter),
            address,
            patience: options.patience,
            lease: options.lease,
            link: Some(link),
            owner,
            is_over: false,
            pause: PAUSE_MIN,
            rest: None,
        };
        tokio::spawn(serve(database, waiting));
        Self { requests, counter }
    }

    /// Returns when the work is durable.
    pub(crate) async fn write(&self, work: Work) -> Answer {
        let gone = || Failure::new("could not write", "the task that writes has ended");
        let (answer, answered) = oneshot::channel();
        self.requests.send(Request { work, answer }).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

async fn serve(mut database: Database, mut waiting: mpsc::Receiver<Request>) {
    let pause = owner::pause(database.lease);
    loop {
        let first = tokio::select! {
            biased;
            first = waiting.recv() => first,
            () = tokio::time::sleep(pause) => {
                database.renew().await;
                continue;
            }
        };
        let Some(first) = first else { return };
        let mut bytes = first.work.bytes();
        let (mut batch, mut answers) = (vec![first.work], vec![first.answer]);
        while batch.len() < BATCH_MAX
            && bytes < BATCH_BYTES_MAX
            && let Ok(next) = waiting.try_recv()
        {
            bytes += next.work.bytes();
            batch.push(next.work);
            answers.push(next.answer);
        }
        for (answer, result) in answers.into_iter().zip(database.write(&batch, &mut waiting).await)
        {
            // Whoever asked may have stopped waiting.
            drop(answer.send(result));
        }
    }
}

/// Why a batch was not written.
enum Interrupt {
    Fenced,
    /// Nothing of it is stored.
    Failed(Failure),
}

impl From<Interrupt> for StoreError {
    fn from(interrupt: Interrupt) -> Self {
        match interrupt {
            Interrupt::Fenced => Self::Fenced,
            Interrupt::Failed(failure) => failure.into(),
        }
    }
}

struct Database {
    counter: Arc<CommitCounter>,
    address: Arc<Address>,
    patience: Duration,
    lease: Duration,
    /// None after something failed on it.
    link: Option<Link>,
    owner: Ownership,
    /// Another process has taken over, or this one has given up.
    is_over: bool,
    /// How long nobody tries to connect after the next failure to do so.
    pause: Duration,
    /// Until when nobody tries, and why the last attempt failed.
    rest: Option<(Instant, Failure)>,
}

impl Database {
    /// Answers each request, after those that are answered with success are durable.
    async fn write(
        &mut self,
        batch: &[Work],
        waiting: &mut mpsc::Receiver<Request>,
    ) -> Vec<Answer> {
        if self.is_over {
            return batch.iter().map(|_| Err(StoreError::Fenced)).collect();
        }
        let failure = match self.commit(batch, waiting).await {
            Ok(answers) => return answers,
            Err(Interrupt::Fenced) => {
                self.end();
                return batch.iter().map(|_| Err(StoreError::Fenced)).collect();
            }
            Err(Interrupt::Failed(failure)) => failure,
        };
        if failure.is_of_request() && batch.len() > 1 {
            // It may be the fault of one: the others need not share it.
            let mut answers = Vec::with_capacity(batch.len());
            for one in batch.chunks(1) {
                answers.extend(Box::pin(self.write(one, waiting)).await);
            }
            return answers;
        }
        batch.iter().map(|_| Err(failure.clone().into())).collect()
    }

    fn end(&mut self) {
        self.is_over = true;
        self.link = None;
    }

    /// Shows that the owner is there, though it has nothing to write. Also finds out in time that
    /// the connection is lost, or that somebody has taken over.
    async fn renew(&mut self) {
        if self.is_over {
            return;
        }
        if self.link.is_none() {
            self.link = self.connect().await.ok();
        }
        let Some(link) = &self.link else { return };
        let renewing = write::renew(link, &self.owner);
        let failure = match tokio::time::timeout(self.patience, renewing).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => Failure::of("could not write to the database", &error),
            Err(_) => Failure::late("could not write to the database"),
        };
        self.link = None;
        if failure.is_fence() {
            self.end();
        }
    }

    async fn commit(
        &mut self,
        batch: &[Work],
        waiting: &mut mpsc::Receiver<Request>,
    ) -> Result<Vec<Answer>, Interrupt> {
        let begun = Instant::now();
        let mut view = self.look(batch).await?;
        let (changes, answers) = plan::of(&mut view, batch);
        let Some(link) = &self.link else { return Err(Interrupt::Failed(not_connected())) };
        let next = self.owner.batch + 1;
        let writing = write::write(link, &self.owner, next, &changes);
        let failure = match tokio::time::timeout(self.patience, writing).await {
            Ok(Ok(())) => {
                self.owner.batch = next;
                self.counter.add(batch.len(), begun.elapsed());
                if changes.release {
                    self.end();
                }
                return Ok(answers);
            }
            Ok(Err(error)) => Failure::of("could not write to the database", &error),
            Err(_) => Failure::late("could not write to the database"),
        };
        self.link = None;
        if failure.is_fence() {
            return Err(Interrupt::Fenced);
        }
        if failure.is_refusal() || !self.settle(next, waiting).await? {
            return Err(Interrupt::Failed(failure));
        }
        // Only the answer was lost.
        Ok(answers)
    }

    /// Asks what is there already. A connection may have been lost since it was last used, which
    /// shows now; so there is a second attempt.
    async fn look(&mut self, batch: &[Work]) -> Result<plan::View, Interrupt> {
        let is_new = self.link.is_none();
        match self.look_once(batch).await {
            Err(Interrupt::Failed(failure)) if !is_new && failure.is_lost() => {
                self.look_once(batch).await
            }
            other => other,
        }
    }

    async fn look_once(&mut self, batch: &[Work]) -> Result<plan::View, Interrupt> {
        if self.link.is_none() {
            self.link = Some(self.connect().await.map_err(Interrupt::Failed)?);
        }
        let Some(link) = &self.link else { return Err(Interrupt::Failed(not_connected())) };
        let failure = match tokio::time::timeout(self.patience, write::look(link, batch)).await {
            Ok(Ok(view)) => return Ok(view),
            Ok(Err(error)) => Failure::of("could not read from the database", &error),
            Err(_) => Failure::late("could not read from the database"),
        };
        self.link = None;
        Err(Interrupt::Failed(failure))
    }

    /// Connects, unless that has failed just now.
    async fn connect(&mut self) -> Result<Link, Failure> {
        if let Some((until, failure)) = &self.rest
            && Instant::now() < *until
        {
            return Err(failure.clone());
        }
        match open(&self.address, self.patience).await {
            Ok(link) => {
                (self.pause, self.rest) = (PAUSE_MIN, None);
                Ok(link)
            }
            Err(failure) => {
                self.rest = Some((Instant::now() + self.pause, failure.clone()));
                self.pause = (self.pause * 2).min(PAUSE_MAX);
                Err(failure)
            }
        }
    }

    /// Finds out whether a batch was stored whose answer did not come. This takes as long as the
    /// database is away: to answer its callers either way would be to guess, and a guess would be
    /// a lost event or one that is there twice. All others are told meanwhile that it is away.
    async fn settle(
        &mut self,
        next: i64,
        waiting: &mut mpsc::Receiver<Request>,
    ) -> Result<bool, Interrupt> {
        let mut reclaiming =
            Box::pin(reclaim(Arc::clone(&self.address), self.patience, self.owner));
        let reclaimed = loop {
            tokio::select! {
                reclaimed = &mut reclaiming => break reclaimed,
                request = waiting.recv() => match request {
                    Some(request) => drop(request.answer.send(Err(not_connected().into()))),
                    // The store was dropped: nobody is left who would be told.
                    None => return Err(Interrupt::Failed(not_connected())),
                },
            }
        };
        let Some((link, owner)) = reclaimed else { return Err(Interrupt::Fenced) };
        (self.link, self.owner, self.rest) = (Some(link), owner, None);
        Ok(owner.batch == next)
    }
}

pub(crate) async fn open(address: &Address, patience: Duration) -> Result<Link, Failure> {
    let mut link = Link::open(address, patience).await?;
    let prepared = tokio::time::timeout(patience, link.prepare(STATEMENTS)).await;
    match prepared {
        Ok(Ok(())) => Ok(link),
        Ok(Err(error)) => Err(Failure::of("could not connect to the database", &error)),
        Err(_) => Err(Failure::late("could not connect to the database")),
    }
}

/// Connects and goes on where an earlier connection was lost; none if another process has taken
/// over.
async fn reclaim(
    address: Arc<Address>,
    patience: Duration,
    owner: Ownership,
) -> Option<(Link, Ownership)> {
    let mut pause = PAUSE_MIN;
    loop {
        if let Ok(link) = open(&address, patience).await
            && let Ok(Ok(found)) =
                tokio::time::timeout(patience, owner::reclaim(&link, &owner)).await
        {
            return found.map(|owner| (link, owner));
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

fn not_connected() -> Failure {
    Failure::new("could not write to the database", "the connection to it was lost")
}
