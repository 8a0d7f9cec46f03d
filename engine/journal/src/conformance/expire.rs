//! Cases of what is not kept any longer.

use serde_json::json;

use super::{
    Admission, Admitted, Event, EventKind, Expired, Expiry, Parent, Path, RunFilter, Shards,
    Status, Store, admission, admit_all, admit_one, at, events, finished, keyed, listed, path,
    put_sample, run, step, woken,
};

fn before(ended: i64) -> Expiry {
    Expiry { key: None, ended: at(ended), known: at(0), limit: 100 }
}

async fn end(store: &dyn Store, name: &str, ticks: i64) {
    let end = Event { at: at(ticks), ..finished(Status::Succeeded) };
    store.append(vec![step(name, vec![end])]).await.unwrap();
}

async fn all(store: &dyn Store) -> Vec<String> {
    listed(store, RunFilter::default()).await
}

pub(super) async fn oldest_ends_first(store: &dyn Store) {
    admit_all(store, &["a", "b", "c", "d", "open"]).await;
    for (name, ticks) in [("a", 5_400), ("b", 5_100), ("c", 5_300), ("d", 5_200)] {
        end(store, name, ticks).await;
    }
    let none = Expired::default();
    assert_eq!(store.expire(before(5_100)).await.unwrap(), none);
    let nothing = Expiry { limit: 0, ..before(9_000) };
    assert_eq!(store.expire(nothing).await.unwrap(), none);
    let two = Expiry { limit: 2, ..before(5_400) };
    assert_eq!(store.expire(two.clone()).await.unwrap(), Expired { runs: 2, known: 0 });
    assert_eq!(all(store).await, ["open", "c", "a"]);
    assert_eq!(store.expire(two.clone()).await.unwrap(), Expired { runs: 1, known: 0 });
    assert_eq!(store.expire(two).await.unwrap(), none);
    assert_eq!(all(store).await, ["open", "a"]);
    assert_eq!(store.expire(before(9_000)).await.unwrap(), Expired { runs: 1, known: 0 });
    // Positions are not given again: lists go on behind the newest that there was.
    let newest = store.awake_runs(Shards::ALL, 0, 9).await.unwrap()[0].position;
    end(store, "open", 5_500).await;
    assert_eq!(store.expire(before(9_000)).await.unwrap(), Expired { runs: 1, known: 0 });
    admit_one(store, admission("next")).await;
    assert!(newest < store.awake_runs(Shards::ALL, 0, 9).await.unwrap()[0].position);
}

pub(super) async fn leaves_nothing_of_a_run(store: &dyn Store) {
    admit_all(store, &["a", "b"]).await;
    store.append(vec![step("a", vec![woken("A")])]).await.unwrap();
    end(store, "a", 5_000).await;
    store.expire(before(6_000)).await.unwrap();
    assert_eq!(store.load(&run("a")).await.unwrap(), None);
    // Its name is free, and nothing of the old run comes back with it.
    assert_eq!(admit_one(store, admission("a")).await, Admitted::New(run("a")));
    assert_eq!(events(store, "a").await, [super::started()]);
    assert_eq!(events(store, "b").await, [super::started()]);
}

/// What is known of a person goes with everything that was called for it.
pub(super) async fn purges_a_key(store: &dyn Store) {
    put_sample(store).await;
    let of = |name: &str, key: &str| Admission { key: Some(key.to_owned()), ..keyed(name, name) };
    let called = |name: &str, by: &str| {
        let parent = Parent { run: run(by), path: path("Call") };
        Admission { parent: Some(parent), ..keyed(name, name) }
    };
    let runs = vec![
        of("a", "ada"),
        called("b", "a"),
        called("c", "b"),
        of("d", "ada"),
        of("e", "eve"),
        called("f", "e"),
        of("g", "ada"),
        called("h", "g"),
    ];
    store.admit(runs).await.unwrap();
    for name in ["a", "b", "c", "d", "e", "f", "g"] {
        end(store, name, 5_000).await;
    }
    let purge = |key: &str, limit| Expiry { key: Some(key.to_owned()), limit, ..before(9_000) };
    assert_eq!(store.expire(purge("nobody", 9)).await.unwrap(), Expired::default());
    assert_eq!(store.expire(purge("ada", 0)).await.unwrap(), Expired::default());
    assert_eq!(store.expire(purge("ada", 3)).await.unwrap(), Expired { runs: 3, known: 3 });
    assert_eq!(store.expire(purge("ada", 9)).await.unwrap(), Expired { runs: 1, known: 1 });
    // One of what they called is open.
    assert_eq!(store.expire(purge("ada", 9)).await.unwrap(), Expired::default());
    assert_eq!(all(store).await, ["h", "g", "f", "e"]);
    end(store, "h", 5_100).await;
    assert_eq!(store.expire(purge("ada", 9)).await.unwrap(), Expired { runs: 2, known: 2 });
    assert_eq!(all(store).await, ["f", "e"]);
    // Nothing is known of them, so their events would start runs again; what others sent is known.
    assert_eq!(admit_one(store, of("a", "ada")).await, Admitted::New(run("a")));
    assert_eq!(admit_one(store, of("e", "eve")).await, Admitted::Duplicate(run("e")));
}

pub(super) async fn keeps_what_others_need(store: &dyn Store) {
    put_sample(store).await;
    let called = |name: &str, by: &str| {
        let parent = Parent { run: run(by), path: path("Call") };
        Admission { parent: Some(parent), ..admission(name) }
    };
    let runs = vec![
        admission("waits"),
        called("answered", "waits"),
        admission("over"),
        called("late", "over"),
        called("alone", "gone"),
    ];
    store.admit(runs).await.unwrap();
    for name in ["answered", "over", "alone"] {
        end(store, name, 5_000).await;
    }
    assert_eq!(store.expire(before(6_000)).await.unwrap(), Expired { runs: 1, known: 0 });
    assert_eq!(all(store).await, ["late", "over", "answered", "waits"]);
    end(store, "waits", 5_100).await;
    end(store, "late", 5_100).await;
    assert_eq!(store.expire(before(6_000)).await.unwrap(), Expired { runs: 4, known: 0 });
    assert_eq!(all(store).await, Vec::<String>::new());
}

pub(super) async fn forgets_known_events(store: &dyn Store) {
    put_sample(store).await;
    let begun = |name: &str, key: &str, ticks: i64| {
        let plain = keyed(name, key);
        Admission { started: Event { at: at(ticks), ..plain.started }, ..plain }
    };
    store
        .admit(vec![begun("a", "1", 100), begun("b", "2", 200), begun("c", "3", 300)])
        .await
        .unwrap();
    for name in ["a", "b"] {
        end(store, name, 5_000).await;
    }
    let expiry =
        |ended, known| Expiry { key: None, ended: at(ended), known: at(known), limit: 100 };
    assert_eq!(store.expire(expiry(0, 9_000)).await.unwrap(), Expired::default(), "runs are there");
    assert_eq!(store.expire(expiry(9_000, 100)).await.unwrap(), Expired { runs: 2, known: 0 });
    let again = admit_one(store, begun("again", "1", 400)).await;
    assert_eq!(again, Admitted::Duplicate(run("a")), "a key is remembered for longer than its run");
    assert_eq!(store.expire(expiry(9_000, 200)).await.unwrap(), Expired { runs: 0, known: 1 });
    assert_eq!(admit_one(store, begun("a", "1", 400)).await, Admitted::New(run("a")));
    assert_eq!(admit_one(store, begun("d", "2", 400)).await, Admitted::Duplicate(run("b")));
    assert_eq!(store.expire(expiry(9_000, 9_000)).await.unwrap(), Expired { runs: 0, known: 1 });
    assert_eq!(admit_one(store, begun("d", "2", 400)).await, Admitted::New(run("d")));
    assert_eq!(admit_one(store, begun("e", "3", 400)).await, Admitted::Duplicate(run("c")), "open");
}

pub(super) async fn keeps_shared_texts(store: &dyn Store) {
    let long = |letter: &str| Event {
        at: at(2_000),
        path: Path::new([], "A"),
        kind: EventKind::Called { outputs: json!({ "body": letter.repeat(20_000) }) },
    };
    admit_all(store, &["a", "b"]).await;
    store.append(vec![step("a", vec![long("x"), long("y")])]).await.unwrap();
    store.append(vec![step("b", vec![long("x")])]).await.unwrap();
    end(store, "a", 5_000).await;
    store.expire(before(6_000)).await.unwrap();
    assert_eq!(events(store, "b").await[1], long("x"));
    // A text that is gone can come again.
    store.append(vec![step("b", vec![long("y"), long("x")])]).await.unwrap();
    assert_eq!(events(store, "b").await[2..], [long("y"), long("x")]);
}
