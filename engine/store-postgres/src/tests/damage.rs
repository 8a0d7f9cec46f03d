//! What was changed by somebody else is noticed; databases that are not ours are left alone.

use base::{Status, Timestamp};
use journal::{Event, EventKind, Expired, Expiry, Page, Path, RunFilter, Store as _, StoreError};
use serde_json::json;

use super::{admission, bodies, chain, noise, open, put_flow, step};
use crate::{Options, PostgresStore, cluster};

#[tokio::test]
async fn what_was_changed_is_noticed() {
    let Some(cluster) = cluster::shared() else { return };
    let url = cluster.database();
    let store = open(&url).await;
    put_flow(&store).await;
    for n in 0..6 {
        let name = format!("run-{n}");
        store.admit(vec![admission(&name)]).await.unwrap();
        store.append(vec![step(&name, json!(noise(20_000, n)))]).await.unwrap();
    }
    let blob =
        |n: u64| format!("sha = (SELECT blob FROM flowright.event WHERE number = 2 AND run = {n})");
    for change in [
        format!(r"UPDATE flowright.blob SET zstd = '\x00' WHERE {}", blob(1)),
        format!("UPDATE flowright.blob SET length = 9000000000000 WHERE {}", blob(2)),
        format!(
            "UPDATE flowright.blob SET (zstd, length) =
                (SELECT zstd, length FROM flowright.blob WHERE {}) WHERE {}",
            blob(6),
            blob(3)
        ),
        "UPDATE flowright.event SET text = replace(text, 'run', 'Run')
            WHERE run = 4 AND number = 1"
            .to_owned(),
        "DELETE FROM flowright.event WHERE run = 5 AND number = 1".to_owned(),
    ] {
        cluster.ask(&url, &change);
    }
    for n in 0..5 {
        let result = store.load(&base::RunId::new(format!("run-{n}"))).await;
        assert!(matches!(result, Err(StoreError::Corrupt(_))), "{n}: {result:?}");
    }
    assert_eq!(bodies(&store, "run-5").await.len(), 1);
}

/// Connects to a database in which something was done before; gives the messages of the error.
async fn refusal(cluster: &cluster::Cluster, before: &str) -> String {
    let url = cluster.database();
    open(&url).await;
    cluster.ask(&url, before);
    chain(&PostgresStore::connect(&url, Options::default()).await.unwrap_err())
}

#[tokio::test]
async fn what_is_not_ours_is_refused() {
    let Some(cluster) = cluster::shared() else { return };
    let newer = refusal(cluster, "INSERT INTO flowright.migration VALUES (99)").await;
    assert!(newer.contains("newer version"), "{newer}");
    let foreign = "DROP SCHEMA flowright CASCADE; CREATE SCHEMA flowright;
        CREATE TABLE flowright.run (id integer)";
    let foreign = refusal(cluster, foreign).await;
    assert!(foreign.contains("relation \"run\" already exists"), "{foreign}");
}

#[tokio::test]
async fn a_database_that_cannot_hold_every_text_is_refused() {
    let Some(cluster) = cluster::shared() else { return };
    let url = cluster.database();
    let name = url.rsplit('/').next().unwrap();
    let latin = format!("CREATE DATABASE latin_{name} ENCODING 'LATIN1' TEMPLATE template0");
    cluster.ask(&url, &latin);
    let latin = url.replace(name, &format!("latin_{name}"));
    let error = PostgresStore::connect(&latin, Options::default()).await.unwrap_err();
    assert!(chain(&error).contains("its encoding is `LATIN1`"), "{}", chain(&error));
}

#[tokio::test]
async fn others_may_use_the_same_database() {
    let Some(cluster) = cluster::shared() else { return };
    let url = cluster.database();
    cluster.ask(&url, "CREATE TABLE run (id integer)");
    let store = open(&url).await;
    put_flow(&store).await;
    store.admit(vec![admission("a")]).await.unwrap();
    drop(store);
    let store = open(&url).await;
    assert_eq!(store.awake_runs(journal::Shards::ALL, 0, 9).await.unwrap().len(), 1);
    assert_eq!(cluster.ask(&url, "SELECT count(*) FROM public.run"), "0");
}

#[tokio::test]
async fn a_user_needs_nothing_but_the_schema() {
    let Some(cluster) = cluster::shared() else { return };
    let url = cluster.database();
    cluster.ask(&url, "CREATE ROLE limited LOGIN; CREATE SCHEMA flowright AUTHORIZATION limited");
    let limited = url.replace("postgres@", "limited@");
    let store = open(&limited).await;
    put_flow(&store).await;
    store.admit(vec![admission("a")]).await.unwrap();
    assert_eq!(store.awake_runs(journal::Shards::ALL, 0, 9).await.unwrap().len(), 1);
    let refused = cluster.database().replace("postgres@", "limited@");
    let error = PostgresStore::connect(&refused, Options::default()).await.unwrap_err();
    assert!(chain(&error).contains("permission denied"), "{}", chain(&error));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_open_a_new_database_at_a_time() {
    let Some(cluster) = cluster::shared() else { return };
    let url = cluster.database();
    let opening = (0..6).map(|_| {
        tokio::spawn({
            let url = url.clone();
            async move { open(&url).await }
        })
    });
    let mut n_owners = 0;
    let mut stores = Vec::new();
    for store in opening.collect::<Vec<_>>() {
        stores.push(store.await.unwrap());
    }
    for store in &stores {
        match store.append(Vec::new()).await {
            Ok(_) => n_owners += 1,
            Err(error) => assert!(matches!(error, StoreError::Fenced), "{error:?}"),
        }
    }
    assert_eq!(n_owners, 1);
}

#[tokio::test]
async fn a_database_of_the_first_version_is_brought_up_to_date() {
    let Some(cluster) = cluster::shared() else { return };
    let url = cluster.database();
    let store = open(&url).await;
    put_flow(&store).await;
    store.admit(vec![admission("good"), admission("bad")]).await.unwrap();
    let mut end = step("bad", json!(1));
    let error = Some(json!({ "code": "Oops", "message": "no\u{0}" }));
    let kind = EventKind::Finished { status: Status::Failed, error, response: None };
    end.events = vec![Event { at: Timestamp::from_ticks(9), path: Path::run(), kind }];
    store.append(vec![end]).await.unwrap();
    drop(store);
    let later = "SET search_path = flowright; DELETE FROM migration WHERE number > 1;
        DROP INDEX run_created; DROP INDEX run_finished; DROP INDEX run_parent;
        DROP TABLE audit; DROP INDEX flow_version_flow; DROP INDEX run_flow_status;
        DROP INDEX run_trigger; ALTER TABLE flow_version DROP COLUMN stored, DROP COLUMN id;
        ALTER TABLE run DROP COLUMN error_code; ALTER TABLE run DROP COLUMN again_of;
        ALTER TABLE inbox DROP COLUMN since;
        ALTER TABLE run DROP COLUMN asleep, DROP COLUMN turn, DROP COLUMN shard, DROP COLUMN paused;
        ALTER TABLE timer DROP COLUMN shard; CREATE INDEX timer_due ON timer (due);
        DROP TABLE node, shard, mail; DROP FUNCTION own(bigint, bigint, bigint);
        DROP FUNCTION balance(bigint, bigint, bigint, boolean); CREATE TABLE owner (id integer);
        CREATE FUNCTION own(bigint, bigint, bigint, bigint) RETURNS void LANGUAGE sql AS 'SELECT'";
    cluster.ask(&url, later);
    let store = open(&url).await;
    let oops = RunFilter { code: Some("Oops".to_owned()), ..RunFilter::default() };
    let found = store.runs(&oops, Page::Newest, 9).await.unwrap();
    // An error that the database cannot look into is left out; the run is there.
    assert!(found.len() <= 1, "{found:?}");
    let (ended, known) = (Timestamp::from_ticks(9), Timestamp::from_ticks(1));
    let expired = store.expire(Expiry { key: None, ended, known, limit: 9 }).await.unwrap();
    assert_eq!(expired, Expired::default(), "what was known is known as long as its run came then");
    assert_eq!(store.count(&RunFilter::default(), 9).await.unwrap(), 2);
}
