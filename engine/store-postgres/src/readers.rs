//! Connections that only read.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use journal::StoreError;
use tokio::sync::Semaphore;
use tokio_postgres::{
    Row,
    types::{FromSql, ToSql},
};

use crate::{address::Address, error::Failure, link::Link};

/// A few connections, opened when first needed.
#[derive(Debug)]
pub(crate) struct Readers {
    address: Arc<Address>,
    patience: Duration,
    permits: Semaphore,
    idle: Mutex<Vec<Link>>,
}

impl Readers {
    pub(crate) fn new(address: Arc<Address>, n_readers: usize, patience: Duration) -> Self {
        let permits = Semaphore::new(n_readers.max(1));
        Self { address, patience, permits, idle: Mutex::default() }
    }

    /// Carries out a query, which sees every write that has returned.
    pub(crate) async fn query(
        &self,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        let permit = self.permits.acquire().await;
        let _permit = permit.map_err(|error| Failure::new("could not wait for a reader", error))?;
        while let Some(link) = self.take() {
            match self.query_on(link, sql, values).await {
                // It was lost while nobody used it.
                Err(failure) if failure.is_lost() => {}
                other => return Ok(other?),
            }
        }
        let link = self.open().await?;
        Ok(self.query_on(link, sql, values).await?)
    }

    /// A new connection, on which the server gives up when the reader does. Where something is
    /// written there is no such limit: it would end the wait for a replica and call that a commit.
    async fn open(&self) -> Result<Link, Failure> {
        let link = Link::open(&self.address, self.patience).await?;
        let limit = format!("SET statement_timeout = {}", self.patience.as_millis());
        let set = link.client.batch_execute(&limit).await;
        set.map_err(|error| Failure::of("could not connect to the database", &error))?;
        Ok(link)
    }

    fn take(&self) -> Option<Link> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    async fn query_on(
        &self,
        mut link: Link,
        sql: &str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Failure> {
        let asking = async {
            link.prepare(&[sql]).await?;
            link.run(sql, values.to_vec()).await
        };
        let doing = "could not read from the database";
        let rows = match tokio::time::timeout(self.patience, asking).await {
            Ok(rows) => rows.map_err(|error| Failure::of(doing, &error))?,
            // Not as one that was lost: the next one would take as long.
            Err(_) => return Err(Failure::late(doing)),
        };
        // After an error the connection is not used again: the next query opens a fresh one.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(link);
        Ok(rows)
    }
}

/// A column of a row.
pub(crate) fn get<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Result<T, StoreError> {
    let reading = |error| Failure::of("could not read from the database", &error);
    Ok(row.try_get(column).map_err(reading)?)
}
