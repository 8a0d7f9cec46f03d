//! How many requests of one connection may be under way at a time.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use connector::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The turns of all connections whose connectors bound them, by name and bound.
#[derive(Default)]
pub(crate) struct Turns(Mutex<BTreeMap<(String, usize), Arc<Semaphore>>>);

impl Turns {
    /// Waits until one more request may be made; `None` if there is no bound.
    pub(crate) async fn turn(&self, connection: &Connection) -> Option<OwnedSemaphorePermit> {
        let most = connection.connector.http.concurrency?.max(1);
        let turns = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let turns = all.entry((connection.name.clone(), most));
            Arc::clone(turns.or_insert_with(|| Arc::new(Semaphore::new(most))))
        };
        // Nobody closes the semaphore.
        turns.acquire_owned().await.ok()
    }
}
