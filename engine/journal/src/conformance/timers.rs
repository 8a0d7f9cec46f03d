//! Cases of timers: when they are due and what ends them.

use super::{
    Append, EventKind, Path, Shards, Status, Store, StoreError, Timer, admit_all, assert_untouched,
    at, event, finished, path, run, step, timer, woken,
};

fn arm(name: &str, timers: Vec<Timer>) -> Append {
    Append { arm: timers, ..step(name, Vec::new()) }
}

async fn due(store: &dyn Store, until: i64) -> Vec<Timer> {
    store.due(Shards::ALL, at(until), 1_000).await.unwrap()
}

pub(super) async fn are_due_in_order(store: &dyn Store) {
    admit_all(store, &["a", "b"]).await;
    assert_eq!(store.next_due(Shards::ALL).await.unwrap(), None);
    let deep = Timer { path: Path::new([("Each", 2)], "A"), ..timer("b", "", true, -4) };
    let batch = vec![
        arm("a", vec![timer("a", "A", false, 30), timer("a", "B", false, 10)]),
        arm("b", vec![timer("b", "A", false, 20), deep.clone()]),
    ];
    store.append(batch).await.unwrap();
    let sorted = [
        deep.clone(),
        timer("a", "B", false, 10),
        timer("b", "A", false, 20),
        timer("a", "A", false, 30),
    ];
    assert_eq!(due(store, 30).await, sorted);
    assert_eq!(due(store, 29).await, sorted[..3]);
    assert_eq!(due(store, -5).await, []);
    assert_eq!(store.due(Shards::ALL, at(i64::MAX), 2).await.unwrap(), sorted[..2]);
    assert_eq!(store.due(Shards::ALL, at(i64::MAX), 0).await.unwrap(), []);
    assert_eq!(store.next_due(Shards::ALL).await.unwrap(), Some(at(-4)));
}

pub(super) async fn are_replaced(store: &dyn Store) {
    admit_all(store, &["a", "b"]).await;
    store.append(vec![arm("a", vec![timer("a", "A", false, 10)])]).await.unwrap();
    store.append(vec![arm("b", vec![timer("b", "A", false, 15)])]).await.unwrap();
    store.append(vec![arm("a", vec![timer("a", "A", false, 20)])]).await.unwrap();
    assert_eq!(store.next_due(Shards::ALL).await.unwrap(), Some(at(15)));
    assert_eq!(due(store, 99).await, [timer("b", "A", false, 15), timer("a", "A", false, 20)]);
    let twice = vec![timer("a", "A", false, 30), timer("a", "A", false, 5)];
    store.append(vec![arm("a", twice)]).await.unwrap();
    assert_eq!(due(store, 99).await, [timer("a", "A", false, 5), timer("b", "A", false, 15)]);
}

pub(super) async fn are_disarmed(store: &dyn Store) {
    admit_all(store, &["a", "b"]).await;
    for name in ["a", "b"] {
        let both = vec![timer(name, "A", false, 10), timer(name, "A", true, 20)];
        store.append(vec![arm(name, both)]).await.unwrap();
    }
    let disarm = vec![(path("A"), false), (path("unknown"), true)];
    store.append(vec![Append { disarm, ..step("a", Vec::new()) }]).await.unwrap();
    let left = [timer("b", "A", false, 10), timer("a", "A", true, 20), timer("b", "A", true, 20)];
    let mut found = due(store, 99).await;
    found.sort_by(|one, other| (one.due, &one.run).cmp(&(other.due, &other.run)));
    assert_eq!(found, left);
}

pub(super) async fn end_with_their_event_only(store: &dyn Store) {
    admit_all(store, &["a", "b"]).await;
    let timers = vec![
        timer("a", "A", false, 1),
        timer("a", "A", true, 2),
        timer("a", "B", false, 3),
        timer("a", "B", true, 4),
    ];
    store.append(vec![arm("a", timers.clone())]).await.unwrap();
    store.append(vec![arm("b", vec![timer("b", "A", false, 5)])]).await.unwrap();
    let mut left = timers;
    left.push(timer("b", "A", false, 5));
    // Asking does not end them, nor do other events of the same action.
    assert_eq!(due(store, 99).await, left);
    let others = vec![
        event("A", EventKind::Intended { attempt: 1 }),
        event("A", EventKind::Unknown { attempt: 1 }),
        event("A", EventKind::Called { outputs: 1.into() }),
        event("A", EventKind::Cancelled { reason: String::new() }),
        woken("C"),
    ];
    store.append(vec![step("a", others)]).await.unwrap();
    assert_eq!(due(store, 99).await, left);
    store.append(vec![step("a", vec![woken("A")])]).await.unwrap();
    left.remove(0);
    assert_eq!(due(store, 99).await, left);
    store.append(vec![step("a", vec![event("B", EventKind::Expired)])]).await.unwrap();
    left.remove(2);
    assert_eq!(due(store, 99).await, left);
    assert_eq!(store.next_due(Shards::ALL).await.unwrap(), Some(at(2)));
}

pub(super) async fn can_be_set_again_at_once(store: &dyn Store) {
    admit_all(store, &["a"]).await;
    store.append(vec![arm("a", vec![timer("a", "A", false, 1)])]).await.unwrap();
    // A step that ends a timer, removes it and sets it leaves it set: none is lost.
    let again =
        Append { disarm: vec![(path("A"), false)], ..arm("a", vec![timer("a", "A", false, 7)]) };
    store.append(vec![Append { events: vec![woken("A")], ..again }]).await.unwrap();
    assert_eq!(due(store, 99).await, [timer("a", "A", false, 7)]);
}

pub(super) async fn end_with_their_run(store: &dyn Store) {
    admit_all(store, &["a", "b", "c"]).await;
    for name in ["a", "b", "c"] {
        let both = vec![timer(name, "A", false, 1), timer(name, "B", true, 2)];
        store.append(vec![arm(name, both)]).await.unwrap();
    }
    let end = Append {
        events: vec![finished(Status::Cancelled)],
        ..arm("b", vec![timer("b", "C", false, 0)])
    };
    store.append(vec![end]).await.unwrap();
    let left = due(store, 99).await;
    assert_eq!(left.len(), 4);
    assert!(left.iter().all(|timer| timer.run != run("b")), "{left:?}");
}

pub(super) async fn of_a_refused_step(store: &dyn Store) {
    admit_all(store, &["a"]).await;
    let result = store
        .append(vec![arm("a", vec![timer("a", "A", false, 1)]), step("nobody", Vec::new())])
        .await;
    assert!(matches!(result, Err(StoreError::UnknownRun(_))), "{result:?}");
    assert_untouched(store, &["a"]).await;
}
