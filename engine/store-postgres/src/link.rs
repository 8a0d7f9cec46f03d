//! One connection with the statements that were prepared on it.

use std::{
    collections::BTreeMap,
    future::{Future, poll_fn},
    pin::Pin,
    task::Poll,
    time::Duration,
};

use tokio::task::JoinHandle;
use tokio_postgres::{
    Client, Error, NoTls, Row, Socket, Statement, tls::MakeTlsConnect, types::ToSql,
};

use crate::{address::Address, error::Failure};

/// Everything that is ours is in the schema `flowright`, so that a database can be shared with others.
/// Nothing is acknowledged before it is on the disk; and whoever leaves a transaction open, such as
/// a process that was frozen, holds its locks for some seconds only.
const SETTINGS: &str = "
    SET search_path = flowright, pg_catalog;
    SELECT set_config('synchronous_commit', 'on', false)
        WHERE current_setting('synchronous_commit') NOT IN ('on', 'remote_apply');
    SET idle_in_transaction_session_timeout = '5s';
    SET lock_timeout = '30s';
    SET client_min_messages = warning;
    SET jit = off";

/// A connection; dropping it closes it, whatever was being done.
pub(crate) struct Link {
    pub(crate) client: Client,
    driver: JoinHandle<()>,
    statements: BTreeMap<String, Statement>,
}

impl Drop for Link {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

/// A statement that is being carried out.
pub(crate) type Doing<'a> = Pin<Box<dyn Future<Output = Result<Vec<Row>, Error>> + Send + 'a>>;
/// The values of a statement.
pub(crate) type Values<'a> = Vec<&'a (dyn ToSql + Sync)>;

impl Link {
    /// Connects within a time.
    pub(crate) async fn open(address: &Address, patience: Duration) -> Result<Self, Failure> {
        let connecting = async {
            let link = match &address.tls {
                None => Self::connect(address, NoTls).await?,
                Some(tls) => Self::connect(address, tls.clone()).await?,
            };
            link.client.batch_execute(SETTINGS).await?;
            Ok(link)
        };
        match tokio::time::timeout(patience, connecting).await {
            Ok(result) => {
                result.map_err(|error| Failure::of("could not connect to the database", &error))
            }
            Err(_) => Err(Failure::late("could not connect to the database")),
        }
    }

    async fn connect<T>(address: &Address, tls: T) -> Result<Self, Error>
    where
        T: MakeTlsConnect<Socket>,
        T::Stream: Send + 'static,
    {
        let (client, connection) = address.config.connect(tls).await?;
        let driver = tokio::spawn(async move {
            // Whoever waits for an answer hears of a lost connection by himself.
            connection.await.ok();
        });
        Ok(Self { client, driver, statements: BTreeMap::new() })
    }

    /// Prepares statements, all in one go.
    pub(crate) async fn prepare(&mut self, statements: &[&str]) -> Result<(), Error> {
        let client = &self.client;
        let new = statements.iter().filter(|sql| !self.statements.contains_key(**sql));
        let new: Vec<_> = new.map(|sql| Box::pin(client.prepare(sql))).collect();
        let prepared = in_order(new).await;
        for (sql, statement) in statements.iter().zip(prepared) {
            self.statements.insert((*sql).to_owned(), statement?);
        }
        Ok(())
    }

    /// Carries out a statement; it is sent when the result is first polled.
    pub(crate) fn run<'a>(&'a self, sql: &'a str, values: Values<'a>) -> Doing<'a> {
        Box::pin(async move {
            match self.statements.get(sql) {
                Some(statement) => self.client.query(statement, &values).await,
                None => self.client.query(sql, &values).await,
            }
        })
    }

    /// Carries out statements without values.
    pub(crate) fn command<'a>(&'a self, sql: &'a str) -> Doing<'a> {
        Box::pin(async move { self.client.batch_execute(sql).await.map(|()| Vec::new()) })
    }
}

/// Carries out statements one after the other, sending all before the first is answered. Waits for
/// all; gives the error of the first that failed.
pub(crate) async fn pipeline(statements: Vec<Doing<'_>>) -> Result<Vec<Vec<Row>>, Error> {
    in_order(statements).await.into_iter().collect()
}

/// Polls futures in their order until all are done.
async fn in_order<F: Future + Unpin>(mut futures: Vec<F>) -> Vec<F::Output> {
    let mut done: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    poll_fn(|ctx| {
        for (future, slot) in futures.iter_mut().zip(&mut done) {
            if slot.is_none()
                && let Poll::Ready(output) = Pin::new(future).poll(ctx)
            {
                *slot = Some(output);
            }
        }
        if done.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}
