//! Connections that only read, on threads where they may block.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use journal::StoreError;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::{
    Options,
    error::{Failure, reading},
    open::open_reader,
};

/// A few connections, opened when first needed.
#[derive(Debug)]
pub(crate) struct Readers {
    permits: Arc<Semaphore>,
    pool: Arc<Pool>,
}

#[derive(Debug)]
struct Pool {
    path: PathBuf,
    options: Options,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(crate) fn new(path: &std::path::Path, options: Options) -> Self {
        let permits = Arc::new(Semaphore::new(options.readers.max(1)));
        let idle = Mutex::default();
        Self { permits, pool: Arc::new(Pool { path: path.to_owned(), options, idle }) }
    }

    /// Runs a query that sees every write that has returned.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = Arc::clone(&self.permits).acquire_owned().await;
        let permit = permit.map_err(|error| Failure::new("could not wait for a reader", error))?;
        let pool = Arc::clone(&self.pool);
        let done = tokio::task::spawn_blocking(move || {
            let result = pool.with(query);
            drop(permit);
            result
        });
        done.await.map_err(|error| Failure::new("a query did not end", error))?
    }
}

impl Pool {
    fn with<T>(
        &self,
        query: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open_reader(&self.path, &self.options).map_err(reading)?,
        };
        let value = query(&connection)?;
        // After an error the connection is not used again: the next query opens a fresh one.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(value)
    }
}
