//! The connection breaks at a commit: on the way there, or on the way back.

use std::sync::{
    Arc,
    atomic::{AtomicU8, AtomicUsize, Ordering},
};

use journal::{Admitted, Store as _, StoreError};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use super::{admission, bodies, open, put_flow, step};
use crate::{PostgresStore, cluster};

/// What happens to the next commit.
const NOTHING: u8 = 0;
const LOST: u8 = 1;
const ANSWER_LOST: u8 = 2;

/// Stands between a store and its server, and breaks a connection once when told to.
struct Wire {
    next: AtomicU8,
    n_broken: AtomicUsize,
}

impl Wire {
    /// Gives the address of the database by way of this wire.
    async fn lay(url: &str) -> (Arc<Self>, String) {
        let wire = Arc::new(Self { next: AtomicU8::new(NOTHING), n_broken: AtomicUsize::new(0) });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (host, rest) = url.split_once('@').unwrap();
        let (server, name) = rest.split_once('/').unwrap();
        let through = format!("{host}@{}/{name}", listener.local_addr().unwrap());
        let (server, given) = (server.to_owned(), Arc::clone(&wire));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(Arc::clone(&wire).carry(client, server));
            }
        });
        (given, through)
    }

    fn at_next_commit(&self, what: u8) {
        self.next.store(what, Ordering::SeqCst);
    }

    async fn carry(self: Arc<Self>, mut client: TcpStream, mut server: TcpStream) {
        let (mut from_client, mut from_server) = (vec![0; 1 << 16], vec![0; 1 << 16]);
        loop {
            tokio::select! {
                read = client.read(&mut from_client) => {
                    let Ok(length @ 1..) = read else { return };
                    let bytes = &from_client[..length];
                    let commit = b"COMMIT\0";
                    let found = bytes.windows(commit.len()).any(|part| part == commit);
                    let fate = if found { self.next.swap(NOTHING, Ordering::SeqCst) } else { NOTHING };
                    if fate == LOST {
                        self.n_broken.fetch_add(1, Ordering::SeqCst);
                        return;
                    }
                    server.write_all(bytes).await.unwrap();
                    if fate == ANSWER_LOST {
                        self.n_broken.fetch_add(1, Ordering::SeqCst);
                        drop(client);
                        // The server goes on until it hears of it.
                        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
                        return;
                    }
                }
                read = server.read(&mut from_server) => {
                    let Ok(length @ 1..) = read else { return };
                    if client.write_all(&from_server[..length]).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

async fn wired() -> Option<(Arc<Wire>, PostgresStore)> {
    let cluster = cluster::shared()?;
    let url = cluster.over_network(&cluster.database());
    let (wire, url) = Wire::lay(&url).await;
    let store = open(&url).await;
    put_flow(&store).await;
    store.admit(vec![admission("a")]).await.unwrap();
    Some((wire, store))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_was_lost_counts_once() {
    let Some((wire, store)) = wired().await else { return };
    for n in 0..5 {
        wire.at_next_commit(ANSWER_LOST);
        store.append(vec![step("a", json!(n))]).await.unwrap();
        let name = format!("b-{n}");
        wire.at_next_commit(ANSWER_LOST);
        let admitted = store.admit(vec![admission(&name)]).await.unwrap();
        assert!(matches!(admitted[..], [Admitted::New(_)]), "{admitted:?}");
    }
    assert_eq!(wire.n_broken.load(Ordering::SeqCst), 10);
    assert_eq!(bodies(&store, "a").await, [0, 1, 2, 3, 4].map(|n| json!(n)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_that_did_not_arrive_is_told_and_may_be_repeated() {
    let Some((wire, store)) = wired().await else { return };
    for n in 0..5 {
        wire.at_next_commit(LOST);
        let lost = store.append(vec![step("a", json!(n))]).await;
        assert!(matches!(lost, Err(StoreError::Io(_))), "{lost:?}");
        store.append(vec![step("a", json!(n))]).await.unwrap();
        let name = format!("b-{n}");
        wire.at_next_commit(LOST);
        assert!(store.admit(vec![admission(&name)]).await.is_err());
        assert!(store.load(&base::RunId::new(name.clone())).await.unwrap().is_none());
        let admitted = store.admit(vec![admission(&name)]).await.unwrap();
        assert!(matches!(admitted[..], [Admitted::New(_)]), "{admitted:?}");
    }
    assert_eq!(wire.n_broken.load(Ordering::SeqCst), 10);
    assert_eq!(bodies(&store, "a").await, [0, 1, 2, 3, 4].map(|n| json!(n)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_taken_over_while_it_waited_is_fenced() {
    let Some((wire, store)) = wired().await else { return };
    wire.at_next_commit(LOST);
    let url = cluster::shared().unwrap().over_network(&format!("/{}", name_of(&store)));
    let taken = tokio::spawn(async move { open(&url).await });
    let new = taken.await.unwrap();
    let late = store.append(vec![step("a", json!(1))]).await;
    assert!(matches!(late, Err(StoreError::Fenced)), "{late:?}");
    assert!(bodies(&new, "a").await.is_empty());
    new.append(vec![step("a", json!(2))]).await.unwrap();
    assert_eq!(bodies(&new, "a").await, [json!(2)]);
}

fn name_of(store: &PostgresStore) -> String {
    store.place().rsplit('/').next().unwrap().to_owned()
}
