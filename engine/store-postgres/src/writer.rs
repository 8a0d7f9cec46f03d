//! The one task that writes: everything that waits goes into one transaction with one commit.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use journal::{CommitCounter, Lease, Shards, StoreError};
use tokio::sync::{mpsc, oneshot};

use crate::{
    Options,
    address::Address,
    error::Failure,
    link::{Link, Values},
    node::{self, Holdings, LEAVE, Node, RELEASE, Settled},
    plan::{self, Answer},
    work::Work,
    write::{self, STATEMENTS},
};

/// Requests in one transaction: more would make the first of them wait for nothing.
const BATCH_MAX: usize = 1_024;
/// Bytes after which no further request goes into a transaction.
const BATCH_BYTES_MAX: usize = 16 << 20;
/// How often a batch is written again because another node was first with something of it.
const CONFLICTS_MAX: usize = 5;
/// Between two attempts to connect.
const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// What the task is asked to do.
enum Request {
    Write(Work, oneshot::Sender<Answer>),
    /// These are carried out by themselves.
    Lease(oneshot::Sender<Result<Lease, StoreError>>),
    Release(Shards, oneshot::Sender<Result<(), StoreError>>),
    Leave(oneshot::Sender<Result<(), StoreError>>),
}

/// The way to the task. Dropping it lets the task write what waits and end.
#[derive(Debug)]
pub(crate) struct Writer {
    requests: mpsc::Sender<Request>,
    holdings: Arc<Mutex<Holdings>>,
    pub(crate) counter: Arc<CommitCounter>,
}

impl Writer {
    /// Starts the task, which has its share from the beginning.
    pub(crate) async fn spawn(
        address: Arc<Address>,
        options: Options,
        node: Node,
    ) -> Result<Self, StoreError> {
        let link = open(&address, options.patience).await?;
        let holdings = Arc::new(Mutex::new(Holdings::default()));
        let (requests, waiting) = mpsc::channel(options.queue.max(1));
        let counter = Arc::new(CommitCounter::default());
        let mut database = Database {
            counter: Arc::clone(&counter),
            address,
            options,
            link: Some(link),
            node,
            holdings: Arc::clone(&holdings),
            is_over: false,
            pause: PAUSE_MIN,
            rest: None,
        };
        match database.lease().await {
            // Another one of its name has come at the same time.
            Ok(_) | Err(StoreError::Fenced) => {}
            Err(error) => return Err(error),
        }
        tokio::spawn(serve(database, waiting));
        Ok(Self { requests, holdings, counter })
    }

    /// Returns when the work is durable.
    pub(crate) async fn write(&self, work: Work) -> Answer {
        self.ask(|answer| Request::Write(work, answer)).await
    }

    pub(crate) async fn lease(&self) -> Result<Lease, StoreError> {
        self.ask(Request::Lease).await
    }

    pub(crate) async fn release(&self, shards: Shards) -> Result<(), StoreError> {
        self.ask(|answer| Request::Release(shards, answer)).await
    }

    pub(crate) async fn leave(&self) -> Result<(), StoreError> {
        self.ask(Request::Leave).await
    }

    pub(crate) fn owned(&self) -> Shards {
        lock(&self.holdings).owned
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Request,
    ) -> Result<T, StoreError> {
        let gone = || Failure::new("could not write", "the task that writes has ended");
        let (answer, answered) = oneshot::channel();
        self.requests.send(request(answer)).await.map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

fn lock(holdings: &Mutex<Holdings>) -> MutexGuard<'_, Holdings> {
    holdings.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(mut database: Database, mut waiting: mpsc::Receiver<Request>) {
    let pause = node::pause(database.options.lease);
    let mut held = None;
    loop {
        let next = if held.is_some() {
            held.take()
        } else {
            tokio::select! {
                biased;
                next = waiting.recv() => next,
                () = tokio::time::sleep(pause) => {
                    database.renew().await;
                    continue;
                }
            }
        };
        // Whoever asked may have stopped waiting.
        match next {
            None => return,
            Some(Request::Lease(answer)) => drop(answer.send(database.lease().await)),
            Some(Request::Release(shards, answer)) => {
                drop(answer.send(database.release(shards).await));
            }
            Some(Request::Leave(answer)) => drop(answer.send(database.leave().await)),
            Some(Request::Write(work, answer)) => {
                let (batch, answers) = gather((work, answer), &mut waiting, &mut held);
                let results = database.write(&batch, &mut waiting).await;
                for (answer, result) in answers.into_iter().zip(results) {
                    drop(answer.send(result));
                }
            }
        }
    }
}

/// What waits, up to the first request that is carried out by itself.
fn gather(
    (work, answer): (Work, oneshot::Sender<Answer>),
    waiting: &mut mpsc::Receiver<Request>,
    held: &mut Option<Request>,
) -> (Vec<Work>, Vec<oneshot::Sender<Answer>>) {
    let mut bytes = work.bytes();
    let (mut batch, mut answers) = (vec![work], vec![answer]);
    while batch.len() < BATCH_MAX && bytes < BATCH_BYTES_MAX {
        match waiting.try_recv() {
            Ok(Request::Write(work, answer)) => {
                bytes += work.bytes();
                batch.push(work);
                answers.push(answer);
            }
            Ok(other) => {
                *held = Some(other);
                break;
            }
            Err(_) => break,
        }
    }
    (batch, answers)
}

/// Why a batch was not written.
enum Interrupt {
    /// This node was given up for lost.
    Fenced,
    /// Nothing of it is stored.
    Failed(Failure),
}

struct Database {
    counter: Arc<CommitCounter>,
    address: Arc<Address>,
    options: Options,
    /// None after something failed on it.
    link: Option<Link>,
    node: Node,
    holdings: Arc<Mutex<Holdings>>,
    /// Another process has come in the place of this one, or this one has left.
    is_over: bool,
    /// How long nobody tries to connect after the next failure to do so.
    pause: Duration,
    /// Until when nobody tries, and why the last attempt failed.
    rest: Option<(Instant, Failure)>,
}

const WRITING: &str = "could not write to the database";

impl Database {
    /// Answers each request, after those that are answered with success are durable.
    async fn write(
        &mut self,
        batch: &[Work],
        waiting: &mut mpsc::Receiver<Request>,
    ) -> Vec<Answer> {
        let mut conflicts = 0;
        let failure = loop {
            if self.is_over {
                return batch.iter().map(|_| Err(StoreError::Fenced)).collect();
            }
            match self.commit(batch, waiting).await {
                Ok(answers) => return answers,
                // What is not a matter of shards is written by the node that this one is then.
                Err(Interrupt::Fenced) => {
                    if let Err(failure) = self.rejoin().await {
                        break failure;
                    }
                }
                // Another node has written what this one was about to: that is seen now.
                Err(Interrupt::Failed(failure))
                    if failure.is_conflict() && conflicts < CONFLICTS_MAX =>
                {
                    conflicts += 1;
                }
                Err(Interrupt::Failed(failure)) => break failure,
            }
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
        lock(&self.holdings).owned = Shards::NONE;
    }

    /// Comes back as a new node that has nothing.
    async fn rejoin(&mut self) -> Result<(), Failure> {
        {
            let mut mine = lock(&self.holdings);
            mine.lost = mine.lost.with(mine.owned);
            mine.owned = Shards::NONE;
        }
        if self.link.is_none() {
            self.link = Some(self.connect().await?);
        }
        let Some(link) = &self.link else { return Err(not_connected()) };
        let joining = node::rejoin(link, &self.node, &self.options);
        match tokio::time::timeout(self.options.patience, joining).await {
            Ok(Ok(Some(node))) => self.node = node,
            Ok(Ok(None)) => self.end(),
            Ok(Err(error)) => {
                self.link = None;
                return Err(Failure::new(WRITING, error));
            }
            Err(_) => {
                self.link = None;
                return Err(Failure::late(WRITING));
            }
        }
        Ok(())
    }

    /// Shows that the node is there, and finds out what it has.
    async fn lease(&mut self) -> Result<Lease, StoreError> {
        for _ in 0..2 {
            if self.is_over {
                break;
            }
            if self.link.is_none() {
                self.link = Some(self.connect().await?);
            }
            let mut mine = *lock(&self.holdings);
            let Some(link) = &self.link else { return Err(not_connected().into()) };
            let leasing = node::balance(link, &self.node, &mut mine);
            let failure = match tokio::time::timeout(self.options.patience, leasing).await {
                Ok(Ok(lease)) => {
                    *lock(&self.holdings) = mine;
                    return Ok(lease);
                }
                Ok(Err(error)) => Failure::of(WRITING, &error),
                Err(_) => Failure::late(WRITING),
            };
            self.link = None;
            if !failure.is_fence() {
                return Err(failure.into());
            }
            self.rejoin().await?;
        }
        Err(StoreError::Fenced)
    }

    /// Nothing is written to these any more, whether or not the database hears of it now: if it does
    /// not, it says later that they are still there.
    async fn release(&mut self, shards: Shards) -> Result<(), StoreError> {
        let given = {
            let mut mine = lock(&self.holdings);
            let given = mine.owned.and(shards);
            mine.owned = mine.owned.without(shards);
            mine.lost = mine.lost.without(shards);
            given
        };
        if given.is_empty() {
            return Ok(());
        }
        let numbers: Vec<i16> = given.iter().map(|it| i16::from(it.number())).collect();
        let id = self.node.id;
        self.tell(RELEASE, vec![&id, &numbers]).await
    }

    async fn leave(&mut self) -> Result<(), StoreError> {
        if self.is_over {
            return Ok(());
        }
        let id = self.node.id;
        let told = self.tell(LEAVE, vec![&id]).await;
        self.end();
        told
    }

    async fn tell(&mut self, sql: &str, values: Values<'_>) -> Result<(), StoreError> {
        if self.link.is_none() {
            self.link = Some(self.connect().await?);
        }
        let Some(link) = &self.link else { return Err(not_connected().into()) };
        let telling = link.run(sql, values);
        let failure = match tokio::time::timeout(self.options.patience, telling).await {
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => Failure::of(WRITING, &error),
            Err(_) => Failure::late(WRITING),
        };
        self.link = None;
        Err(failure.into())
    }

    /// Shows that the node is there, though it has nothing to write. Also finds out in time that
    /// the connection is lost.
    async fn renew(&mut self) {
        if self.is_over {
            return;
        }
        if self.link.is_none() {
            self.link = self.connect().await.ok();
        }
        let Some(link) = &self.link else { return };
        let renewing = write::renew(link, &self.node);
        let failure = match tokio::time::timeout(self.options.patience, renewing).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => Failure::of(WRITING, &error),
            Err(_) => Failure::late(WRITING),
        };
        self.link = None;
        // If this fails, the next one to write finds out the same.
        if failure.is_fence() {
            self.rejoin().await.ok();
        }
    }

    async fn commit(
        &mut self,
        batch: &[Work],
        waiting: &mut mpsc::Receiver<Request>,
    ) -> Result<Vec<Answer>, Interrupt> {
        let begun = Instant::now();
        let mut view = self.look(batch).await?;
        view.owned = lock(&self.holdings).owned;
        let (changes, answers) = plan::of(&mut view, batch);
        let Some(link) = &self.link else { return Err(Interrupt::Failed(not_connected())) };
        let next = self.node.batch + 1;
        let writing = write::write(link, &self.node, next, &changes);
        let failure = match tokio::time::timeout(self.options.patience, writing).await {
            Ok(Ok(())) => {
                self.node.batch = next;
                self.counter.add(batch.len(), begun.elapsed());
                return Ok(answers);
            }
            Ok(Err(error)) => Failure::of(WRITING, &error),
            Err(_) => Failure::late(WRITING),
        };
        if failure.is_conflict() {
            return Err(Interrupt::Failed(failure));
        }
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
        let looking = write::look(link, batch);
        let failure = match tokio::time::timeout(self.options.patience, looking).await {
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
        match open(&self.address, self.options.patience).await {
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
        let patience = self.options.patience;
        let mut reclaiming = Box::pin(reclaim(Arc::clone(&self.address), patience, self.node));
        let (link, settled) = loop {
            tokio::select! {
                reclaimed = &mut reclaiming => break reclaimed,
                request = waiting.recv() => match request {
                    Some(request) => request.refuse(),
                    // The store was dropped: nobody is left who would be told.
                    None => return Err(Interrupt::Failed(not_connected())),
                },
            }
        };
        (self.link, self.rest) = (Some(link), None);
        match settled.node {
            Some(node) => self.node = node,
            // The next batch finds out, too.
            None if settled.batch == next => {}
            None => return Err(Interrupt::Fenced),
        }
        Ok(settled.batch == next)
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

/// Connects and finds out where an earlier connection was lost.
async fn reclaim(address: Arc<Address>, patience: Duration, node: Node) -> (Link, Settled) {
    let mut pause = PAUSE_MIN;
    loop {
        if let Ok(link) = open(&address, patience).await
            && let Ok(Ok(settled)) =
                tokio::time::timeout(patience, node::reclaim(&link, &node)).await
        {
            return (link, settled);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

impl Request {
    /// Tells whoever asks that the database is away; whoever has gone need not be told.
    fn refuse(self) {
        let away = || Err(not_connected().into());
        match self {
            Self::Write(_, answer) => drop(answer.send(away())),
            Self::Lease(answer) => drop(answer.send(Err(not_connected().into()))),
            Self::Release(_, answer) | Self::Leave(answer) => {
                drop(answer.send(Err(not_connected().into())));
            }
        }
    }
}

fn not_connected() -> Failure {
    Failure::new(WRITING, "the connection to it was lost")
}
